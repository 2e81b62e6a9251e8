"""Convolutions over word windows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from structnn.batch import Batch
from structnn.encoders.base import Encoder

__all__ = ["CNN"]


class CNN(Encoder):
    r"""Convolutions of several widths, then the maximum over time (Kim 2014).

    .. math:: c_t = \mathrm{ReLU}(W [x_{t-l}; \dots; x_{t+r}] + b)

    Each window is centred on its word, with zeros beyond the ends of the sentence, so that every
    word has a state and short sentences need no padding to the widest window.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The number of feature maps of each width; states are ``len(widths)`` times that.
        widths: The widths of the windows, in words.
        readout: By default the maximum over time.
    """

    reads = frozenset({"sequence"})

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        widths: Sequence[int] = (3, 4, 5),
        readout: str = "max",
    ) -> None:
        super().__init__(input_dim, hidden_dim * len(widths), readout=readout)
        self.widths = tuple(widths)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(input_dim, hidden_dim, width) for width in widths
        )

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The feature maps at each word."""
        padded = batch.pad(x).transpose(1, 2)  # (sentences, input, longest)
        maps = [
            convolution(F.pad(padded, ((width - 1) // 2, width // 2))).relu()
            for width, convolution in zip(self.widths, self.convolutions, strict=True)
        ]
        return batch.unpad(torch.cat(maps, dim=1).transpose(1, 2))
