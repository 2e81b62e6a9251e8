"""Sequences of symbols that are to be written again, in some order: what attention was made for.

**Texts.** ``c a d`` has the target ``c a d`` in the suite *copy*, and ``d a c`` in *reversal*. Symbols
are drawn evenly from ten, lengths evenly from 2 to 20; no sequence comes twice. In the split ``longer``
sequences have 21 to 30 symbols.

**Trees.** Each symbol hangs on the one before it (``dep``), the first is the root. As constituents each
symbol has all that follow it for a sister. So the tree says the order, and nothing else.

**What can be reached.** Everything: the answer is a function of the text. A decoder without attention
has to get the whole sequence from one vector (Sutskever et al. 2014; Cho et al. 2014); one with
attention has to look at one place after the other. Encoders that see neither order nor tree can't know
the answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tasks.data.examples import Dataset
from tasks.data.questions import Question
from tasks.data.suites.phrases import Part, Phrase
from tasks.data.suites.sampling import Bounds, Drawn, assemble_by_bounds

__all__ = ["SPLITS", "generate_transduction"]

SYMBOLS = "abcdefghij"
SPLITS = (Bounds("same lengths", (2, 20), (0, 0)), Bounds("longer", (21, 30), (0, 0)))


def generate_transduction(
    name: str,
    write: Callable[[Sequence[str]], Sequence[str]],
    sizes: dict[str, int],
    seed: int,
) -> Dataset:
    """Make a suite of sequences of symbols.

    Args:
        name: Its name.
        write: From the symbols of a text to those of its target.
        sizes: The number of examples of ``train``, ``dev`` and ``test``.
        seed: One seed gives one set.

    Returns:
        The data, with the columns ``split`` and ``length``.

    Raises:
        DataError: Too few examples, or more than there are.
    """

    def draw(rng: random.Random, bounds: Bounds) -> Sequence[Drawn]:
        symbols = rng.choices(SYMBOLS, k=rng.randint(*bounds.lengths))
        columns = {"length": str(len(symbols))}
        return (Drawn(_chain(symbols), " ".join(write(symbols)), columns),)

    question = Question(answer="sequence")
    return assemble_by_bounds(name, draw, SPLITS, (), sizes, seed=seed, question=question)


def _chain(symbols: Sequence[str]) -> Phrase:
    """Each symbol with all that follow it."""
    rest: Part = symbols[-1]
    for symbol in reversed(symbols[:-1]):
        rest = Phrase((symbol, rest), 0, ("", "dep"))
    assert isinstance(rest, Phrase)
    return rest
