"""Norms of Jacobians: how much each word moves a sentence vector, or the state of another word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from structnn import Batch, Corpus, Encoder, Encoding

__all__ = ["sentence_gradients", "state_gradients"]

_TOKENS = 16_384  # in a batch, so that long sentences don't need memory by the gigabyte


def sentence_gradients(encoder: Encoder, corpus: Corpus, index: int, x: Tensor) -> Tensor:
    r"""How much each word moves the sentence vector: the norm of the Jacobian at the word's vector.

    .. math:: g_t = \left\| \frac{\partial s}{\partial x_t} \right\|_F
        = \sqrt{\sum_{k} \left\| \frac{\partial s_k}{\partial x_t} \right\|^2}

    It is exact, not sampled: there is a copy of the sentence in the batch for each *k*.

    Args:
        encoder: In evaluation mode.
        corpus: Holds the sentence.
        index: Which of its sentences.
        x: ``(tokens, input_dim)``, the vectors of its words.

    Returns:
        ``(tokens,)``.
    """
    columns = [(0, k) for k in range(encoder.sentence_dim)]

    def vectors(encoding: Encoding, copies: int) -> Tensor:
        return encoding.sentence[:, None]  # (copies, 1, sentence_dim)

    return sum_of_squares(encoder, corpus, index, x, columns, vectors)[0].sqrt()


def state_gradients(
    encoder: Encoder, corpus: Corpus, index: int, x: Tensor, tokens: Sequence[int]
) -> Tensor:
    r"""How much each word moves the states of some: :math:`\lVert \partial h_t / \partial x_s \rVert_F`.

    Args:
        encoder: See :func:`sentence_gradients`.
        corpus: See there.
        index: See there.
        x: See there.
        tokens: Whose states: each *t*.

    Returns:
        ``(len(tokens), tokens of the sentence)``: a row for each *t*, a column for each *s*.
    """
    columns = [(t, k) for t in tokens for k in range(encoder.output_dim)]

    def vectors(encoding: Encoding, copies: int) -> Tensor:
        tokens: Tensor = encoding.tokens.unflatten(0, (copies, -1))  # (copies, tokens, output_dim)
        return tokens

    squares = sum_of_squares(encoder.states, corpus, index, x, columns, vectors)
    return torch.stack([squares[t] for t in tokens]).sqrt()


def sum_of_squares(
    encode: Callable[[Tensor, Batch], Encoding],
    corpus: Corpus,
    index: int,
    x: Tensor,
    columns: Sequence[tuple[int, int]],
    vectors: Callable[[Encoding, int], Tensor],
) -> dict[int, Tensor]:
    """For each row of the outputs, the squared gradients of these columns, summed.

    Args:
        encode: The encoder, or its method :meth:`~structnn.Encoder.states`.
        corpus: Holds the sentence.
        index: Which sentence.
        x: ``(tokens, input_dim)``.
        columns: Row and column of each output.
        vectors: The outputs, ``(copies, rows, columns)``, from what the encoder gives for so many
            copies of the sentence.

    Returns:
        For each row that occurs ``(tokens,)``.
    """
    sums: dict[int, Tensor] = {}
    for chunk in _chunks(columns, max(1, _TOKENS // len(x))):
        copies = torch.arange(len(chunk))
        row, column = torch.tensor(chunk).unbind(1)
        inputs = x.detach().repeat(len(chunk), 1).requires_grad_()  # (copies * tokens, input)
        encoding = encode(inputs, corpus.batch([index] * len(chunk)))
        outputs = vectors(encoding, len(chunk))[copies, row, column]  # (copies,)
        # Copies don't see each other, so that one backward pass gives the gradients of all.
        (gradient,) = torch.autograd.grad(outputs.sum(), inputs)
        squares = gradient.square().sum(1).unflatten(0, (len(chunk), -1))  # (copies, tokens)
        for place in row.unique().tolist():
            part = squares[row == place].sum(0)
            sums[place] = sums[place] + part if place in sums else part
    return sums


def _chunks(columns: Sequence[tuple[int, int]], size: int) -> Iterator[Sequence[tuple[int, int]]]:
    for begin in range(0, len(columns), size):
        yield columns[begin : begin + size]
