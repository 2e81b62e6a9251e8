"""What a page shows of a text that was written: where the decoder looked, and how it searched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.explain.figures import TreeFigure, drawn
from tasks.explain.quantities import percent
from tasks.explain.writing import Candidate, Writing

if TYPE_CHECKING:
    from tasks.explain.explanation import ExplainedText

__all__ = ["ShownCandidate", "ShownWriting", "shown_writing"]


@dataclass(frozen=True)
class ShownCandidate:
    """A continuation that a step of the search looked at.

    Attributes:
        piece: The piece.
        share: Its probability.
        score: The logarithm of the probability of the whole so far.
        parent: Which candidate of the step before it continues, from 1; empty in the first step.
        whole: All pieces so far.
        fate: What became of it: ``"kept"``, ``"ended"`` or ``"dropped"``.
        is_written: Whether what was written begins with it.
    """

    piece: str
    share: str
    score: str
    parent: str
    whole: str
    fate: str
    is_written: bool


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
    steps: Sequence[Sequence[ShownCandidate]]
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
        steps=[[_candidate(one) for one in step] for step in writing.steps],
        is_cut=writing.is_cut,
        is_beam=any(sum(one.fate == "kept" for one in step) > 1 for step in writing.steps),
    )


def _candidate(one: Candidate) -> ShownCandidate:
    return ShownCandidate(
        piece=one.piece,
        share=percent(one.share),
        score=f"{one.log_probability:.2f}",
        parent="" if one.parent is None else str(one.parent + 1),
        whole=" ".join((*one.before, one.piece)),
        fate=one.fate,
        is_written=one.is_written,
    )
