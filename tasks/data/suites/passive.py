"""Active sentences that are to be written in the passive, with words of the structure test.

**Texts.** *these boys had warned this old king quietly .* has the target *this old king had been warned
by these boys quietly .* Subject and object are plain, *old* or *young*, or have another noun *near* them
or a clause with *that* behind them; the verb is past or perfect, with *not* or without; *quietly* may
stand behind it, and *the judge knew that* in front of all. Determiners say the number of each noun, and
so whether it is *was* or *were*; each other word of the target is *been*, *by*, or a word of the source.

Train has subjects with *near* and objects with *that*, and *the judge knew that* in front of short
sentences alone. Test has three splits:

- ``same``: templates and words of train;
- ``new words``: templates of train, with nouns and verbs that train lacks. Whoever has no copy mechanism
  can't write them;
- ``new templates``: subjects with *that*, objects with *near*, or *the judge knew that* in front of a
  longer sentence; words are those of train.

Dev has the templates of train and nouns and verbs of its own.

**Trees.** Those of the active sentence. In dependencies subject and object hang on the verb, as do
auxiliaries; constituents are binary.

**What can be reached.** Everything, with copying; without it nothing of ``new words``. A tree that shows
neither order nor relations doesn't say which of two nouns is the subject.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import product

from tasks.data.examples import Dataset
from tasks.data.questions import Question
from tasks.data.structure_test.words import OPEN, Words
from tasks.data.suites.phrases import Phrase, phrase_of
from tasks.data.suites.sampling import Draw, Drawn, assemble, divide_words

__all__ = ["generate"]

# Digits tell slots apart: 1 and 2 are subject and object, 3 and 4 stand behind them.
_NOUN_PHRASES = {
    "plain": "{det}/det {noun}*",
    "modified": "{det}/det MODIFIER{n}/amod {noun}*",
    "near": "{det}/det {noun}* (nmod PREPOSITION{n}/case the/det NOUN{behind}*)",
    "that": "{det}/det {noun}* (acl that/nsubj VERB{behind}ed* (obj the/det NOUN{behind}*))",
}
_VERBS = {
    "": "{be}",
    "had/aux ": "had been",
    "had/aux not/advmod ": "had not been",
}
"""What stands before the verb in the active and in the passive."""

_AROUND = {
    "alone": "{}",
    "adverb": "{} ADVERB/advmod",
    "thought": "(nsubj the/det NOUN5*) THOUGHT* (ccomp that/mark {})",
}


def generate(train: int = 4000, dev: int = 200, test: int = 1200, seed: int = 0) -> Dataset:
    """Make the suite.

    Args:
        train: Examples to train on.
        dev: Examples with the templates of train and words of their own.
        test: Examples of the three splits, in equal parts.
        seed: One seed gives one set.

    Returns:
        The data, with the columns ``split``, ``template`` and ``length``.

    Raises:
        DataError: Too few examples, or more than there are.
    """
    open_words = {name: OPEN[name] for name in ("NOUN", "VERB")}
    lexicons = divide_words(open_words, random.Random(f"words {seed}"))

    def draws(split: str, words: str, *, new: bool = False) -> tuple[str, Draw]:
        return split, partial(_draw, new, lexicons[words])

    parts = {
        "train": (train, [draws("same", "train")]),
        "dev": (dev, [draws("new words", "dev")]),
        "test": (
            test,
            [
                draws("same", "train"),
                draws("new words", "test"),
                draws("new templates", "train", new=True),
            ],
        ),
    }
    notes = [f"generated with seed {seed}; nouns and verbs of new words don't occur in train"]
    return assemble(
        "passive", parts, (), seed=seed, notes=notes, question=Question(answer="sequence")
    )


@dataclass(frozen=True)
class _Template:
    """The slots of the active sentence, and those of the passive one."""

    active: Phrase
    passive: tuple[str, ...]


@cache
def _templates(new: bool) -> tuple[_Template, ...]:
    """The templates of train, or those that it lacks."""
    return tuple(
        _template(subject, obj, numbers, verb, around)
        for subject, obj, around in product(_NOUN_PHRASES, _NOUN_PHRASES, _AROUND)
        if new == _is_new(subject, obj, around)
        for numbers in product((False, True), repeat=2)
        for verb in _VERBS
    )


def _is_new(subject: str, obj: str, around: str) -> bool:
    is_long = not {subject, obj} <= {"plain", "modified"}
    return subject == "that" or obj == "near" or (around == "thought" and is_long)


def _template(subject: str, obj: str, plural: Sequence[bool], verb: str, around: str) -> _Template:
    doer, other = (
        _NOUN_PHRASES[kind].format(
            det=f"{'PLURAL' if is_plural else 'SINGULAR'}{n}",
            noun=f"NOUN{n}{'s' * is_plural}",
            n=n,
            behind=n + 2,
        )
        for n, (kind, is_plural) in enumerate(zip((subject, obj), plural, strict=True), start=1)
    )
    clause = f"(nsubj {doer}) {verb}VERB0ed* (obj {other})"
    active = phrase_of(_AROUND[around].format(clause) + " ./punct")
    auxiliaries = _VERBS[verb].format(be="were" if plural[1] else "was").split()
    inside = phrase_of(clause).tokens
    passive = (*_slots(other), *auxiliaries, "VERB0ed", "by", *_slots(doer))
    place = active.tokens.index(inside[0])
    behind = active.tokens[place + len(inside) :]
    return _Template(active, (*active.tokens[:place], *passive, *behind))


def _slots(noun_phrase: str) -> tuple[str, ...]:
    return phrase_of(noun_phrase).tokens


def _draw(new: bool, lexicon: Mapping[str, Sequence[str]], rng: random.Random) -> Sequence[Drawn]:
    """A sentence with a template of train, or one that it lacks, and words of this lexicon."""
    template = rng.choice(_templates(new))
    slots, words = template.active.tokens, Words(lexicon, rng)
    tokens, target = words.fill(slots), words.fill(template.passive)
    columns = {"template": " ".join(slots), "length": str(len(tokens))}
    return (Drawn(template.active.with_tokens(tokens), " ".join(target), columns),)
