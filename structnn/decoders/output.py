"""From the outputs of a decoder to the probability of each piece."""

from __future__ import annotations

from dataclasses import dataclass

import torch
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
        if alignment is None or source is None:
            raise ValueError("copying takes an alignment and the source words")
        is_word = source.numbers >= 0
        copied = self.gate(output).sigmoid() * alignment * is_word  # (rows, longest)
        written = (1 - copied.sum(1, keepdim=True)) * scores.softmax(1)
        shares: Tensor = torch.cat([written, written.new_zeros(len(written), source.extra)], dim=1)
        shares = shares.scatter_add(1, source.numbers.clamp(min=0), copied)
        # What can be neither written nor copied has the smallest number in place of 0, whose logarithm
        # has no gradient.
        return shares.clamp(min=torch.finfo(shares.dtype).tiny).log()
