"""Convolutions over word windows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders.base import Encoder
from structnn.fused.windows import read_windows
from structnn.ops.paths import through
from structnn.ops.segments import Padding
from structnn.options import Count, Depth, Size, Sizes

__all__ = ["CNN"]


class CNN(Encoder):
    r"""Convolutions of several widths, then the maximum over time (Kim 2014).

    .. math:: c_t = \mathrm{ReLU}(W [x_{t-l}; \dots; x_{t+r}] + b)

    Each window is centred on its word, with zeros beyond the ends of the sentence, so that every
    word has a state and short sentences need no padding to the widest window.

    With ``k_max``, the maps are pooled as in the dynamic convolutional network (Kalchbrenner et al.
    2014): after layer *l* of *L*, each map keeps its

    .. math:: k_l = \max\bigl(k, \lceil \tfrac{L - l}{L} \, s \rceil\bigr)

    largest values in a sentence of *s* words; after the last layer that is *k*. Values that are kept
    stay at their words and the others become zero, so that words keep their states; the readout
    ``"k_max(k=...)"`` then takes the survivors alone, in their order.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The number of feature maps of each width; states are ``len(widths)`` times that.
        widths: The widths of the windows, in words.
        layers: Number of layers, each on the feature maps of the one below.
        dilation: Spacing between the words of a window; nothing for a window of one word.
        stride: A window every ``stride`` words, from the first word of the sentence on; the words up
            to the next window share its state.
        k_max: The *k* of dynamic k-max pooling; 0 for none.
        readout: By default the maximum over time.
    """

    reads = frozenset({"sequence"})

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        widths: Sizes = (3, 4, 5),
        layers: Depth = 1,
        dilation: Size = 1,
        stride: Size = 1,
        k_max: Count = 0,
        readout: str = "max",
    ) -> None:
        super().__init__(input_dim, hidden_dim * len(widths), readout=readout)
        self.k_max = k_max
        self.widths, self.dilation, self.stride = tuple(widths), dilation, stride
        # What the widest window sees beyond its word, rounded up: enough zeros between sentences.
        self.gap = dilation * (max(widths) - 1) // 2 + 1
        self.layers = nn.ModuleList(
            Windows(self.output_dim if layer else input_dim, hidden_dim, widths, dilation, stride)
            for layer in range(layers)
        )

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The feature maps at each word."""
        rows, size = rows_apart(batch, self.gap, self.stride)
        padding = batch.padding if self.k_max else None
        for depth, layer in enumerate(self.layers, start=1):
            x = layer(x, rows, size)
            if padding is not None:
                x = keep_largest(x, padding, self._kept(batch.lengths, depth))
        return x

    def steps(self, batch: Batch) -> Tensor:
        """As many as layers, where the windows reach so far, whatever pooling makes zero."""
        place = torch.arange(batch.num_tokens)
        centre = place // self.stride * self.stride
        seen = torch.zeros(len(place), len(place), dtype=torch.bool)
        for width in self.widths:  # those of all layers
            reach = self.dilation * (width - 1)
            tap = place - (centre[:, None] - reach // 2)  # from the window's first word on
            seen |= (tap >= 0) & (tap <= reach) & (tap % self.dilation == 0)
        return through(seen, len(self.layers))

    def _kept(self, lengths: Tensor, depth: int) -> Tensor:
        """``(sentences,)``: how many values each map keeps behind so many layers."""
        layers = len(self.layers)
        return -((depth - layers) * lengths // layers).clamp_max(-self.k_max)  # rounded up


class Windows(nn.Module):
    """One layer of convolutions, all widths side by side.

    Shapes:
        - x: ``(words, input)``
        - rows: ``(words,)``, where words lie when there are zeros between sentences; the number of these
          rows is the size
        - output: ``(words, len(widths) * maps)``
    """

    def __init__(
        self, input_dim: int, maps: int, widths: Sequence[int], dilation: int, stride: int
    ) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(input_dim, maps, width, stride=stride, dilation=dilation) for width in widths
        )
        self.reaches = [dilation * (width - 1) for width in widths]
        self.stride = stride

    def forward(self, x: Tensor, rows: Tensor, size: int) -> Tensor:
        states = read_windows(self.convolutions, x, rows, size)
        if states is not None:
            return states
        apart = x.new_zeros(size, x.shape[1]).index_copy(0, rows, x)
        return self.maps(apart.t()[None])[0].t().index_select(0, rows // self.stride)

    def maps(self, lines: Tensor) -> Tensor:
        """All maps over lines, ``(lines, input, rows)``, with zeros beyond their ends."""
        found = [
            convolution(F.pad(lines, (reach // 2, reach - reach // 2)))
            for reach, convolution in zip(self.reaches, self.convolutions, strict=True)
        ]
        return torch.cat(found, dim=1).relu()


def rows_apart(batch: Batch, gap: int, stride: int) -> tuple[Tensor, int]:
    """Rows for each word such that no window reaches into another sentence.

    A gap between sentences takes less room than filling all up to the longest would.

    Args:
        batch: The sentences.
        gap: How many rows are left free behind each sentence, at least.
        stride: Sentences begin at multiples of this.

    Returns:
        ``(tokens,)``, the row of each, and a number of rows that is enough.
    """
    ptr = batch.token_ptr
    room = (ptr.diff() + gap + stride - 1) // stride * stride
    begin = room.cumsum(0) - room
    words = torch.arange(batch.num_tokens, device=ptr.device)
    rows = words + (begin - ptr[:-1])[batch.token_batch]
    return rows, batch.num_tokens + len(batch) * (gap + stride - 1)


def keep_largest(maps: Tensor, padding: Padding, kept: Tensor) -> Tensor:
    """The largest values of each map in their places, zeros elsewhere.

    Args:
        maps: ``(tokens, maps)``.
        padding: Of the sentences.
        kept: ``(sentences,)``, how many values to keep; of equals the first.
    """
    padded = padding.pad(maps).masked_fill(~padding.mask[:, :, None], -torch.inf)
    order = padded.argsort(dim=1, descending=True, stable=True)  # (sentences, longest, maps)
    place = torch.arange(order.shape[1], device=maps.device)[:, None].expand_as(order)
    rank = torch.empty_like(order).scatter_(1, order, place)
    return maps * padding.unpad(rank < kept[:, None, None])
