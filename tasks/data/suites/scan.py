"""Commands that are to be written as actions, after SCAN (Lake and Baroni 2018).

**Texts.** ``walk left twice and jump`` has the target ``I_TURN_LEFT I_WALK I_TURN_LEFT I_WALK I_JUMP``.
The grammar is that of the paper: two commands are joined by *and*, or by *after*, which does the second
first; a command is done *twice* or *thrice*; an action (*walk*, *look*, *run*, *jump*, *turn*) goes
*left* or *right*, *opposite* to it or *around* it.

In the split ``longer`` targets have 24 to 48 actions; those of train have at most 22. In the split
``jump`` somebody jumps *left* or *right*, *opposite* or *around*; in train all other verbs have
directions, and *jump* is there without: whoever has understood the others can do it. (In the paper each
of the two splits has a training set of its own, and *jump* stands alone in train.)

**Trees.** Constituents are those of the grammar. As dependencies the verb heads its direction
(``advmod``, and that *opposite* and *around*), and how often (``advmod``); of two joined commands the
first heads the second (``conj``), and this the word between them (``cc``).

**What can be reached.** Everything: the answer is a function of the text.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise

from tasks.data.examples import Dataset
from tasks.data.questions import Question
from tasks.data.suites.phrases import Part, Phrase
from tasks.data.suites.sampling import Draw, Drawn, assemble

__all__ = ["generate", "meaning"]

VERBS = ("walk", "look", "run", "jump")
TIMES = {"twice": 2, "thrice": 3}
DIRECTIONS = ("left", "right", "opposite", "around")
LONGEST, LONGER = 22, 24


def generate(train: int = 4000, dev: int = 200, test: int = 1200, seed: int = 0) -> Dataset:
    """Make the suite.

    Args:
        train: Examples to train on.
        dev: Examples like those of train.
        test: Examples of the three splits, in equal parts.
        seed: One seed gives one set.

    Returns:
        The data, with the columns ``split``, ``length`` (words) and ``actions``.

    Raises:
        DataError: Too few examples, or more than there are.
    """

    def kept(fits: Callable[[Sequence[str], int], bool]) -> Draw:
        def draw(rng: random.Random) -> Sequence[Drawn]:
            phrase = _command(rng)
            actions = meaning(phrase.tokens)
            columns = {"length": str(len(phrase.tokens)), "actions": str(len(actions))}
            found = Drawn(phrase, " ".join(actions), columns)
            return (found,) if fits(phrase.tokens, len(actions)) else ()

        return draw

    same = kept(lambda words, count: not _jumps_somewhere(words) and count <= LONGEST)
    longer = kept(lambda words, count: not _jumps_somewhere(words) and count >= LONGER)
    jump = kept(lambda words, count: _jumps_somewhere(words) and count <= LONGEST)
    parts = {
        "train": (train, [("same lengths", same)]),
        "dev": (dev, [("same lengths", same)]),
        "test": (test, [("same lengths", same), ("longer", longer), ("jump", jump)]),
    }
    notes = [f"generated with seed {seed}"]
    question = Question(answer="sequence")
    return assemble("scan", parts, (), seed=seed, notes=notes, question=question)


def meaning(words: Sequence[str]) -> list[str]:
    """The actions of a command, as the paper defines them.

    Example:
        >>> meaning("run after jump opposite left twice".split())
        ['I_TURN_LEFT', 'I_TURN_LEFT', 'I_JUMP', 'I_TURN_LEFT', 'I_TURN_LEFT', 'I_JUMP', 'I_RUN']
    """
    words = list(words)
    for word in ("and", "after"):
        if word in words:
            place = words.index(word)
            first, second = meaning(words[:place]), meaning(words[place + 1 :])
            return first + second if word == "and" else second + first
    if words[-1] in TIMES:
        return meaning(words[:-1]) * TIMES[words[-1]]
    verb, *rest = words
    act = [] if verb == "turn" else [f"I_{verb.upper()}"]
    if not rest:
        return act
    turn = [f"I_TURN_{rest[-1].upper()}"]
    if rest[0] == "around":
        return (turn + act) * 4
    return turn * len(rest) + act  # opposite: twice


def _jumps_somewhere(words: Sequence[str]) -> bool:
    return any(word == "jump" and following in DIRECTIONS for word, following in pairwise(words))


def _command(rng: random.Random) -> Phrase:
    """A command of at least two words."""
    joined = rng.choice(("", "and", "after"))
    first = _repeated(rng)
    if joined:
        second = Phrase((joined, _repeated(rng)), 1, ("cc", ""))
        return Phrase((first, second), 0, ("", "conj"))
    return first if isinstance(first, Phrase) else _command(rng)


def _repeated(rng: random.Random) -> Part:
    part = _directed(rng)
    times = rng.choice(("", *TIMES))
    return Phrase((part, times), 0, ("", "advmod")) if times else part


def _directed(rng: random.Random) -> Part:
    verb = rng.choice((*VERBS, "turn"))
    how = rng.choice(("", "opposite", "around", "alone"))
    if how == "alone" and verb != "turn":
        return verb
    direction: Part = rng.choice(("left", "right"))
    if how in ("opposite", "around"):
        direction = Phrase((how, direction), 1, ("advmod", ""))
    return Phrase((verb, direction), 0, ("", "advmod"))
