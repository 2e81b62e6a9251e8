"""From the outputs of a decoder to the probability of each piece."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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
        used: ``(rows, longest)``, for each state how often its word was written, divided by how often
            the source has it; None where that isn't asked.
    """

    numbers: Tensor
    extra: int
    used: Tensor | None = None

    @cached_property
    def times(self) -> Tensor:
        """How often the source has the word of each state; computed once, and not at each step."""
        return self.at(self.numbers).sum(2)

    def foreign(self, size: int) -> Tensor:
        """Which of so many numbers are those of words that only other sources have.

        Args:
            size: How many numbers there are, those that can be copied included.

        Returns:
            ``(sentences, size)``.
        """
        last = self.numbers.amax(1).clamp(min=size - self.extra - 1)
        return torch.arange(size, device=last.device) > last[:, None]

    def at(self, pieces: Tensor) -> Tensor:
        """Which states have the word that a piece is: ``(sentences, pieces, longest)``."""
        return pieces[:, :, None] == self.numbers[:, None]

    def select(self, rows: Tensor, counts: Tensor | None = None) -> Source:
        """The source of each row.

        Args:
            rows: The sentence of each.
            counts: ``(rows, longest)``, how often the word of each state was written.
        """
        if counts is None:
            return Source(self.numbers[rows], self.extra)
        return Source(self.numbers[rows], self.extra, counts / self.times[rows])


class Output(nn.Module):
    r"""The probabilities of pieces; with copying those of See et al. (2017).

    .. math:: p(w) = (1 - g m)\, \mathrm{softmax}(W o + b)_w + g \sum_{i: w_i = w} a_i,
        \qquad g = \sigma(v^\top o + c), \quad m = \sum_{i: w_i \ne \varnothing} a_i

    The gate *g* shares the probability between writing and copying; *a* is the alignment. Nodes
    without a word can't be copied: *m* is 1 if there are none.

    With ``copy_once`` a word that was copied becomes less likely to be copied again: each share
    :math:`g a_i` is multiplied by :math:`e^{-\lambda u_i}`, and all shares together are divided by their
    sum. :math:`u_i` is how often the word was written before, divided by how often the source has it,
    and :math:`\lambda = r^\top o + d`; *d* begins at 2.

    Args:
        output_dim: The width of the decoder's outputs.
        size: The number of pieces, the end included.
        copy: Whether source words can be copied.
        copy_once: Whether what was written counts.

    Shapes:
        - output: ``(rows, output_dim)``
        - alignment: ``(rows, longest)``
        - result: ``(rows, size)``, or ``(rows, size + source.extra)``: logarithms of probabilities
    """

    def __init__(
        self, output_dim: int, size: int, *, copy: bool = False, copy_once: bool = False
    ) -> None:
        super().__init__()
        self.scores = nn.Linear(output_dim, size)
        self.gate = nn.Linear(output_dim, 1) if copy else None
        self.again = nn.Linear(output_dim, 1) if copy and copy_once else None
        if self.again is not None:
            nn.init.constant_(self.again.bias, 2.0)

    def forward(
        self, output: Tensor, alignment: Tensor | None = None, source: Source | None = None
    ) -> Tensor:
        """The logarithm of the probability of each piece."""
        scores: Tensor = self.scores(output)
        if self.gate is None:
            return torch.log_softmax(scores, dim=1)
        copied, written, source = self._divided(output, alignment, source)
        listed: Tensor = written[:, None] * scores.softmax(1)
        shares = torch.cat([listed, listed.new_zeros(len(listed), source.extra)], dim=1)
        return _logarithm(shares.scatter_add(1, source.numbers.clamp(min=0), copied))

    def of_gold(
        self,
        output: Tensor,
        gold: Tensor,
        alignment: Tensor | None = None,
        source: Source | None = None,
    ) -> Tensor:
        """The logarithm of the probability of one piece of each row: all that training asks, for less.

        ``gold`` has the numbers of the pieces, ``(rows,)``, as the result has; the other arguments are
        those of :meth:`forward`.
        """
        scores = self.scores(output)
        is_listed = gold < scores.shape[1]
        listed = -F.cross_entropy(scores, gold.where(is_listed, 0), reduction="none")
        if self.gate is None:
            return listed
        copied, written, source = self._divided(output, alignment, source)
        is_there = source.numbers == gold[:, None]
        return _logarithm(written * listed.exp() * is_listed + (copied * is_there).sum(1))

    def _divided(
        self, output: Tensor, alignment: Tensor | None, source: Source | None
    ) -> tuple[Tensor, Tensor, Source]:
        """The shares of copying each state's word, ``(rows, longest)``, and of writing, ``(rows,)``."""
        if self.gate is None or alignment is None or source is None:
            raise ValueError("copying takes an alignment and the source words")
        copied = self.gate(output).sigmoid() * alignment * (source.numbers >= 0)
        written = 1 - copied.sum(1)
        if self.again is not None and source.used is not None:
            copied = copied * (-self.again(output) * source.used).exp()
            total = written + copied.sum(1)
            copied, written = copied / total[:, None], written / total
        return copied, written, source


def _logarithm(shares: Tensor) -> Tensor:
    """The logarithms of probabilities.

    What can be neither written nor copied has the smallest number in place of 0, whose logarithm has
    no gradient.
    """
    return shares.clamp(min=torch.finfo(shares.dtype).tiny).log()
