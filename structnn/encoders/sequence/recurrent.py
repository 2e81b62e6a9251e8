"""Recurrent networks, read from left to right, or both ways."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from structnn.data.batch import Batch
from structnn.encoders.base import Carried, Encoder
from structnn.fused.chains import read_chains
from structnn.ops.paths import behind, steps_where
from structnn.ops.precision import full_precision
from structnn.ops.transforms import is_transformed, outside_transforms
from structnn.options import Count, Depth, Probability, Size

__all__ = ["GRU", "LSTM", "RNN", "SelfAttentive"]


class Recurrent(Encoder):
    """What the recurrent networks share.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states of each direction.
        bidirectional: Also read from right to left; states are then ``2 * hidden_dim`` wide.
        layers: Number of layers, each on the states of the one below.
        dropout: Dropout rate between layers; nothing with one layer.
        readout: By default the last state of each direction.
    """

    reads = frozenset({"sequence"})
    network_class: ClassVar[type[nn.RNN | nn.LSTM | nn.GRU]]

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
        super().__init__(
            input_dim,
            hidden_dim * (2 if bidirectional else 1),
            readout=readout,
            backward_dim=hidden_dim if bidirectional else 0,
        )
        self.causal = self.carries = not bidirectional
        self.network = self.network_class(
            input_dim,
            hidden_dim,
            num_layers=layers,
            dropout=dropout if layers > 1 else 0.0,
            bidirectional=bidirectional,
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As the Tree-LSTMs here begin: Glorot for inputs, orthogonal for states, no biases."""
        for name, parameter in self.network.named_parameters():
            if name.startswith("bias"):
                nn.init.zeros_(parameter)
                continue
            start = nn.init.xavier_uniform_ if name.startswith("weight_ih") else nn.init.orthogonal_
            for gate in parameter.data.split(self.network.hidden_size):
                start(gate)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states of the top layer."""
        states = None
        if isinstance(self.network, nn.RNNBase):  # and not a quantised one in its place
            order, _, sizes = batch.packing
            x = x.to(next(self.network.parameters()).dtype)
            with full_precision(x):
                states = read_chains(self.network, x, order, sizes)
        return self._run(x, batch, None)[0] if states is None else states

    def carry(self, x: Tensor, batch: Batch, before: Carried | None) -> tuple[Tensor, Carried]:
        """The states of the top layer, and the last of each layer (of an LSTM its memory cell too)."""
        self.check_carried(x, batch, before)
        longest_first = batch.token_batch[batch.packing[0][: len(batch)]]
        start = None
        if before is not None:  # (sentences, layers, hidden)
            start = tuple(part[longest_first].transpose(0, 1).contiguous() for part in before)
        states, last = self._run(x, batch, start)
        place = longest_first.argsort()
        return states, tuple(part.transpose(0, 1)[place] for part in last)

    def _run(
        self, x: Tensor, batch: Batch, start: tuple[Tensor, ...] | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The states, from and to those of ``(layers, sentences, hidden)``, longest sentence first."""
        if is_transformed():
            return self._run_one_by_one(x, batch, start)
        order, inverse, sizes = batch.packing
        is_pair = issubclass(self.network_class, nn.LSTM)
        given = start if start is None or is_pair else start[0]
        packed = PackedSequence(x.index_select(0, order), sizes)
        states, last = self.network(packed, given)
        return states.data.index_select(0, inverse), last if is_pair else (last,)

    def _run_one_by_one(
        self, x: Tensor, batch: Batch, start: tuple[Tensor, ...] | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """As :meth:`_run`, sentence by sentence: :mod:`torch.func` can't read packed sequences."""
        with outside_transforms():
            longest_first = batch.token_batch[batch.packing[0][: len(batch)]].tolist()
            ptr = batch.token_ptr.tolist()
        is_pair = issubclass(self.network_class, nn.LSTM)
        states: dict[int, Tensor] = {}
        ends: list[tuple[Tensor, ...]] = []
        for place, sentence in enumerate(longest_first):
            given = None
            if start is not None:
                first = tuple(part[:, place : place + 1] for part in start)
                given = first if is_pair else first[0]
            own, last = self.network(x[ptr[sentence] : ptr[sentence + 1], None], given)
            states[sentence] = own[:, 0]
            ends.append(last if is_pair else (last,))
        made = tuple(torch.cat(parts, 1) for parts in zip(*ends, strict=True))
        return torch.cat([states[sentence] for sentence in range(len(batch))]), made

    def steps(self, batch: Batch) -> Tensor:
        r"""*L* layers: :math:`j - i + L` from word *i* to state *j*; both ways :math:`|j - i| + L`."""
        after = behind(batch)
        reached = (after >= 0) | self.network.bidirectional
        return steps_where(reached, after.abs() + self.network.num_layers)


class RNN(Recurrent):
    r"""The simple recurrent network (Elman 1990), as in ``torch.nn.RNN``.

    .. math:: h_t = \tanh(W x_t + U h_{t-1} + b)

    Its arguments are those of :class:`Recurrent`.
    """

    network_class = nn.RNN


class LSTM(Recurrent):
    r"""Long short-term memory (Hochreiter and Schmidhuber 1997), as in ``torch.nn.LSTM``.

    .. math::
        i, f, o &= \sigma(W x_t + U h_{t-1} + b), \quad u = \tanh(W x_t + U h_{t-1} + b) \\
        c_t &= i \odot u + f \odot c_{t-1}, \quad h_t = o \odot \tanh(c_t)

    Forget gates begin with a bias of 1 (Jozefowicz et al. 2015), as those of the Tree-LSTMs do: where an
    LSTM and a Tree-LSTM differ, it is not by how they begin.

    Its arguments are those of :class:`Recurrent`.
    """

    network_class = nn.LSTM

    def reset_parameters(self) -> None:
        """As :class:`Recurrent`, with forget gates that begin by remembering."""
        super().reset_parameters()
        hidden = self.network.hidden_size
        for name, parameter in self.network.named_parameters():
            # torch adds a second bias, bias_hh, which begins with zeros; its gates are i, f, u and o
            if name.startswith("bias_ih"):
                nn.init.ones_(parameter.data[hidden : 2 * hidden])


class GRU(Recurrent):
    r"""The gated recurrent unit (Cho et al. 2014), as in ``torch.nn.GRU``.

    .. math::
        r, z &= \sigma(W x_t + U h_{t-1} + b) \\
        n &= \tanh(W x_t + b + r \odot (U h_{t-1} + b_h)), \quad
        h_t = (1 - z) \odot n + z \odot h_{t-1}

    Its arguments are those of :class:`Recurrent`.
    """

    network_class = nn.GRU


class SelfAttentive(LSTM):
    r"""Structured self-attention over a bidirectional LSTM (Lin et al. 2017).

    .. math:: A = \mathrm{softmax}\bigl(W_{s2} \tanh(W_{s1} H^\top)\bigr), \qquad m = \mathrm{vec}(A H)

    over the states *H* of the LSTM: :class:`LSTM` with the readout ``"self_attentive"``.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states of each direction, *u* in the paper.
        layers: Number of layers of the LSTM.
        dropout: Dropout rate between them; nothing with one layer.
        hops: How many rows of attention, *r*; the sentence vector is ``hops * 2 * hidden_dim`` wide.
        attention_dim: The width of the attention's hidden layer, :math:`d_a`; ``2 * hidden_dim`` if 0.
    """

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        layers: Depth = 1,
        dropout: Probability = 0.0,
        hops: Size = 4,
        attention_dim: Count = 0,
    ) -> None:
        super().__init__(
            input_dim,
            hidden_dim,
            bidirectional=True,
            layers=layers,
            dropout=dropout,
            readout=f"self_attentive(hops={hops}, attention_dim={attention_dim})",
        )
