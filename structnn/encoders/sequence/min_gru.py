"""A recurrence that needs no loop over words."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from structnn.data.batch import Batch
from structnn.encoders.base import Carried, Encoder
from structnn.ops.dropout import Dropout
from structnn.ops.paths import behind, steps_where
from structnn.ops.transforms import is_transformed
from structnn.options import Depth, Probability

__all__ = ["MinGRU", "scan"]


class MinGRU(Encoder):
    r"""The minimal gated recurrent unit (Feng et al. 2024), which trains in parallel.

    .. math::
        z_t &= \sigma(W^{(z)} x_t + b^{(z)}), \quad \tilde h_t = g(W^{(h)} x_t + b^{(h)}) \\
        h_t &= (1 - z_t) \odot h_{t-1} + z_t \odot \tilde h_t

    where :math:`g(a) = a + 0.5` for :math:`a \ge 0` and :math:`\sigma(a)` below, and :math:`h_0 = 0`.
    Gates do not look at the state before, so all states are one scan, taken in :math:`\log_2` of the
    longest sentence's length steps. The paper takes the scan in logarithms; the result is the same,
    and without them nothing is lost to rounding in long sentences.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states of each direction.
        bidirectional: Also read from right to left; states are then ``2 * hidden_dim`` wide.
        layers: Number of layers, each on the states of the one below.
        dropout: Dropout rate between layers; nothing with one layer.
        readout: By default the last state of each direction.
    """

    reads = frozenset({"sequence"})

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        bidirectional: bool = False,
        layers: Depth = 1,
        dropout: Probability = 0.0,
        readout: str = "last",
    ) -> None:
        directions = 2 if bidirectional else 1
        super().__init__(
            input_dim,
            hidden_dim * directions,
            readout=readout,
            backward_dim=hidden_dim if bidirectional else 0,
        )
        self.directions = directions
        self.causal = self.carries = not bidirectional
        self.dropout = Dropout(dropout)
        # For each direction z and the candidate.
        self.layers = nn.ModuleList(
            nn.Linear(self.output_dim if layer else input_dim, 2 * directions * hidden_dim)
            for layer in range(layers)
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Units begin as memories of some 2 to 32 words, evenly (Tallec and Ollivier 2018).

        Gates that are half open wherever they look would forget all but the last few words.
        """
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)
            for gates in layer.bias.data.chunk(self.directions):
                z, _ = gates.chunk(2)
                nn.init.uniform_(z, 1, 31).log_().neg_()

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states of the top layer."""
        first = batch.token_ptr[:-1]
        # Read from right to left, everything is mirrored and sentences begin at their last word.
        mirrored = len(x) - batch.token_ptr[1:]
        for index, layer in enumerate(self.layers):
            gates = self.gates(layer, x, index).chunk(self.directions, dim=1)
            states = [self._recur(gates[0], first, batch)]
            if self.directions == 2:
                states.append(self._recur(gates[1].flip(0), mirrored, batch).flip(0))
            x = torch.cat(states, dim=1)
        return x

    def carry(self, x: Tensor, batch: Batch, before: Carried | None) -> tuple[Tensor, Carried]:
        """The states of the top layer, and the last of each layer, ``(sentences, layers, hidden)``."""
        self.check_carried(x, batch, before)
        first, last = batch.token_ptr[:-1], batch.token_ptr[1:] - 1
        ends = []
        for index, layer in enumerate(self.layers):
            start = None if before is None else before[0][:, index]
            x = self._recur(self.gates(layer, x, index), first, batch, start)
            ends.append(x[last])
        return x, (torch.stack(ends, dim=1),)

    def steps(self, batch: Batch) -> Tensor:
        """As those of an LSTM: the scan computes the recurrence word by word, if in another order."""
        after = behind(batch)
        reached = (after >= 0) | (self.directions == 2)
        return steps_where(reached, after.abs() + len(self.layers))

    def gates(self, layer: nn.Module, x: Tensor, index: int) -> Tensor:
        """Gates and candidates of a layer, direction by direction: ``(..., 2 * output_dim)``."""
        gates: Tensor = layer(self.dropout(x) if index else x)
        return gates

    @staticmethod
    def recurrence(gates: Tensor) -> tuple[Tensor, Tensor]:
        """What a direction keeps of the state before, and what it adds: ``(..., hidden)`` each."""
        z, candidate = gates.chunk(2, dim=-1)
        candidate = torch.where(candidate >= 0, candidate + 0.5, candidate.sigmoid())
        return torch.sigmoid(-z), z.sigmoid() * candidate

    def _recur(
        self, gates: Tensor, first: Tensor, batch: Batch, start: Tensor | None = None
    ) -> Tensor:
        keep, new = self.recurrence(gates)
        if start is not None:
            new = new.index_add(0, first, (keep[first] * start).to(new.dtype))
        return scan(keep, new, first, batch.max_length)


def scan(keep: Tensor, new: Tensor, first: Tensor, steps: int) -> Tensor:
    r"""The recurrence :math:`h_t = k_t \odot h_{t-1} + n_t` over each of many sequences in a row.

    Args:
        keep: ``(rows, d)``, *k*.
        new: ``(rows, d)``, *n*.
        first: The row at which each sequence begins; nothing is kept there.
        steps: The length of the longest sequence.

    Returns:
        ``(rows, d)``.
    """
    # Where nothing is kept, nothing passes from one sequence to the next.
    keep = keep.index_fill(0, first, 0.0)
    if is_transformed():
        return _double(keep, new.to(keep.dtype), steps)
    states: Tensor = _Scan.apply(keep, new.to(keep.dtype), steps)  # type: ignore[no-untyped-call]
    return states


class _Scan(torch.autograd.Function):
    """The gradient of the scan is the same scan from the other end."""

    @staticmethod
    def forward(ctx: Any, keep: Tensor, new: Tensor, steps: int) -> Tensor:
        states = _double(keep, new, steps)
        ctx.save_for_backward(keep, states)
        ctx.steps = steps
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        keep, states = ctx.saved_tensors
        later = F.pad(keep[1:], (0, 0, 0, 1))
        d_new = _double(later.flip(0), grad.flip(0), ctx.steps).flip(0)
        before = F.pad(states[:-1], (0, 0, 1, 0))
        return d_new * before, d_new, None


def _double(keep: Tensor, new: Tensor, steps: int) -> Tensor:
    """After each round every row knows of twice as many rows before it (Hillis and Steele 1986)."""
    shift = 1
    while shift < min(steps, len(keep)):
        new = torch.cat([new[:shift], torch.addcmul(new[shift:], keep[shift:], new[:-shift])])
        keep = torch.cat([keep[:shift], keep[shift:] * keep[:-shift]])
        shift *= 2
    return new
