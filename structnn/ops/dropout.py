"""Dropout whose masks are cheap on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from structnn.fused.calls import is_seen_through
from structnn.fused.dropout import drop

__all__ = ["Dropout"]

LEVELS = 2**16  # a random number of 16 bits decides


class Dropout(nn.Dropout):
    r"""Dropout (Srivastava et al. 2014), as in ``torch.nn.Dropout``.

    .. math:: y = \frac{x \odot z}{1 - p}, \qquad z \sim \mathrm{Bernoulli}(1 - p)

    PyTorch draws the mask on a CPU number by number, which takes longer than many a layer. Here an
    operator draws as it multiplies, and the backward pass draws the same again. Without it, or in half
    precision, each draw of 64 random bits decides over four numbers; *p* is then rounded to 1/65536, the
    scale with it.

    Args:
        p: The dropout rate.

    Raises:
        ValueError: It is not from 0 to 1.
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:  # torch takes nan
            raise ValueError(f"dropout must be from 0 to 1, but is {p}")
        super().__init__(p)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or x.device.type != "cpu" or is_seen_through():
            return super().forward(x)
        dropped = round(self.p * LEVELS)
        if dropped in (0, LEVELS):
            return super().forward(x)
        y = drop(x, self.p)
        if y is not None:
            return y
        bits = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        draws = bits.view(torch.int16)[: x.numel()].view(x.shape)  # from -LEVELS / 2
        kept = (draws >= dropped - LEVELS // 2).to(x.dtype)
        return x * kept.mul_(LEVELS / (LEVELS - dropped))
