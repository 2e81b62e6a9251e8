"""From the outputs of a decoder to the probability of each piece."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Output", "Source"]


@dataclass(frozen=True)
class Source:
    """The source words that can be copied.

    Attributes:
        numbers: ``(sentences, longest)``, the number of the word at each state of the memory, as
            :meth:`~structnn.TargetVocabulary.numbers_of` gives it; -1 where there is no word.
        extra: How many numbers there are behind those of the target vocabulary.
    """

    numbers: Tensor
    extra: int

    def select(self, rows: Tensor) -> Source:
        """The source of each row, given the sentence of each."""
        return Source(self.numbers[rows], self.extra)


class Output(nn.Module):
    r"""The probabilities of pieces; with copying those of See et al. (2017).

    .. math:: p(w) = (1 - g m)\, \mathrm{softmax}(W o + b)_w + g \sum_{i: w_i = w} a_i,
        \qquad g = \sigma(v^\top o + c), \quad m = \sum_{i: w_i \ne \varnothing} a_i

    The gate *g* shares the probability between writing and copying; *a* is the alignment. Nodes
    without a word can't be copied: *m* is 1 if there are none.

    Args:
        output_dim: The width of the decoder's outputs.
        size: The number of pieces, the end included.
        copy: Whether source words can be copied.

    Shapes:
        - output: ``(rows, output_dim)``
        - alignment: ``(rows, longest)``
        - result: ``(rows, size)``, or ``(rows, size + source.extra)``: logarithms of probabilities
    """

    def __init__(self, output_dim: int, size: int, *, copy: bool = False) -> None:
        super().__init__()
        self.scores = nn.Linear(output_dim, size)
        self.gate = nn.Linear(output_dim, 1) if copy else None

    def forward(
        self, output: Tensor, alignment: Tensor | None = None, source: Source | None = None
    ) -> Tensor:
        """The logarithm of the probability of each piece."""
        scores: Tensor = self.scores(output)
        if self.gate is None:
            return torch.log_softmax(scores, dim=1)
        copied, numbers, extra = self._copied(output, alignment, source)
        written = (1 - copied.sum(1, keepdim=True)) * scores.softmax(1)
        shares: Tensor = torch.cat([written, written.new_zeros(len(written), extra)], dim=1)
        return _logarithm(shares.scatter_add(1, numbers.clamp(min=0), copied))

    def of_gold(
        self,
        output: Tensor,
        gold: Tensor,
        alignment: Tensor | None = None,
        source: Source | None = None,
    ) -> Tensor:
        """The logarithm of the probability of one piece of each row: what training needs, for less.

        Args:
            output: As above.
            gold: ``(rows,)``, the numbers of the pieces.
            alignment: As above.
            source: As above.

        Returns:
            ``(rows,)``.
        """
        scores = self.scores(output)
        listed = gold < scores.shape[1]
        own = -F.cross_entropy(scores, gold.where(listed, 0), reduction="none")
        if self.gate is None:
            return own
        copied, numbers, _ = self._copied(output, alignment, source)
        written = (1 - copied.sum(1)) * own.exp() * listed
        return _logarithm(written + (copied * (numbers == gold[:, None])).sum(1))

    def _copied(
        self, output: Tensor, alignment: Tensor | None, source: Source | None
    ) -> tuple[Tensor, Tensor, int]:
        """The probability that each state's word is copied, ``(rows, longest)``; its number; extra."""
        if self.gate is None or alignment is None or source is None:
            raise ValueError("copying takes an alignment and the source words")
        gate = self.gate(output).sigmoid()
        return gate * alignment * (source.numbers >= 0), source.numbers, source.extra


def _logarithm(shares: Tensor) -> Tensor:
    """The logarithms of probabilities.

    What can be neither written nor copied has the smallest number in place of 0, whose logarithm has
    no gradient.
    """
    return shares.clamp(min=torch.finfo(shares.dtype).tiny).log()
