"""What a page shows of a text that was written: where the decoder looked, and how it searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.explain.figures import TreeFigure, drawn
from tasks.explain.writing import Candidate, Writing

if TYPE_CHECKING:
    from tasks.explain.explanation import ExplainedText

__all__ = ["ShownWriting", "shown_writing"]


@dataclass(frozen=True)
class ShownWriting:
    """How a text was written, ready for the template.

    Attributes:
        pieces: What was written, and its end.
        tokens: What was read.
        weights: ``(pieces, tokens)``, where it looked, with three decimals; empty without attention.
        chosen: The piece that is explained.
        tree: The tree of what was read, whose words the page shades; None for a single word.
        steps: The candidates of each step of the search.
        is_beam: Whether the search kept several hypotheses.
        is_cut: Whether the text was cut at the largest length.
    """

    pieces: Sequence[str]
    tokens: Sequence[str]
    weights: Sequence[Sequence[float]]
    chosen: int
    tree: TreeFigure | None
    steps: Sequence[Sequence[Candidate]]
    is_beam: bool
    is_cut: bool

    @property
    def longest(self) -> int:
        """The largest number of candidates of a step."""
        return max(map(len, self.steps), default=0)


def shown_writing(writing: Writing, text: ExplainedText, chosen: int) -> ShownWriting:
    """How a text was written, ready for the template.

    Args:
        writing: How it was written.
        text: What was read.
        chosen: The piece that is explained.
    """
    weights = []
    if writing.alignment is not None:
        weights = [[round(share, 3) for share in row] for row in writing.alignment.tolist()]
    tree = None
    if weights and len(text.sentence) > 1:
        tree = drawn(text.sentence.replace(tags=None), "Where it looked, in the tree", [], None, {})
    return ShownWriting(
        pieces=writing.pieces,
        tokens=text.sentence.tokens,
        weights=weights,
        chosen=chosen,
        tree=tree,
        steps=writing.steps,
        is_cut=writing.is_cut,
        is_beam=any(sum(one.fate == "kept" for one in step) > 1 for step in writing.steps),
    )
