"""Recurrent networks, read from left to right, or both ways."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from structnn.batch import Batch
from structnn.encoders.base import Encoder

__all__ = ["LSTM"]


class LSTM(Encoder):
    r"""Long short-term memory (Hochreiter and Schmidhuber 1997), as in ``torch.nn.LSTM``.

    .. math::
        i, f, o &= \sigma(W x_t + U h_{t-1} + b), \quad u = \tanh(W x_t + U h_{t-1} + b) \\
        c_t &= i \odot u + f \odot c_{t-1}, \quad h_t = o \odot \tanh(c_t)

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states of each direction.
        bidirectional: Also read from right to left; states are then ``2 * hidden_dim`` wide.
        layers: How many, each on the states of the one below.
        dropout: Dropout rate between layers.
        readout: By default the last state of each direction.
    """

    reads = frozenset({"sequence"})

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        bidirectional: bool = False,
        layers: int = 1,
        dropout: float = 0.0,
        readout: str = "last",
    ) -> None:
        super().__init__(
            input_dim,
            hidden_dim * (2 if bidirectional else 1),
            readout=readout,
            backward_dim=hidden_dim if bidirectional else 0,
        )
        self.network = nn.LSTM(
            input_dim,
            hidden_dim,
            num_layers=layers,
            dropout=dropout if layers > 1 else 0.0,
            bidirectional=bidirectional,
        )

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states of the top layer."""
        order, inverse, sizes = batch.packing
        states, _ = self.network(PackedSequence(x.index_select(0, order), sizes))
        unpacked: Tensor = states.data.index_select(0, inverse)
        return unpacked
