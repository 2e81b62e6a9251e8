"""Recurrent networks whose step is their own: fast weights, and a network that makes weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders.base import Encoder
from structnn.ops.paths import behind, steps_where
from structnn.options import Depth, Probability, Size

__all__ = ["FastWeights", "HyperLSTM"]


class FastWeights(Encoder):
    r"""A recurrent network with fast weights (Ba et al. 2016): memory between weights and activity.

    .. math::
        A_t &= \lambda A_{t-1} + \eta h_t h_t^\top \\
        h_{t+1}^{0} &= f(W h_t + C x_{t+1} + b), \quad
        h_{t+1}^{s+1} = f\bigl(\mathrm{LN}(W h_t + C x_{t+1} + b + A_t h_{t+1}^{s})\bigr)

    with *f* the rectifier, and the state :math:`h_{t+1} = h_{t+1}^{S}`. At the first word,
    where nothing is remembered yet, it is :math:`h_1 = f(C x_1 + b)`. The matrix *A* is never made:
    :math:`A_t h = \eta \sum_\tau \lambda^{t - \tau} h_\tau (h_\tau^\top h)`, attention to the past
    that fades.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states.
        decay: How much of the fast weights stays at each word, lambda.
        rate: How strongly a state is written, eta.
        steps: How often the fast weights are applied to each state, S.
        readout: By default the last state.
    """

    reads = frozenset({"sequence"})
    causal = True

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        decay: Probability = 0.95,
        rate: float = 0.5,
        steps: Depth = 1,
        readout: str = "last",
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.decay, self.rate, self.inner_steps = decay, rate, steps
        self.input = nn.Linear(input_dim, hidden_dim)  # C
        self.slow = nn.Linear(hidden_dim, hidden_dim, bias=False)  # W
        self.norm = nn.LayerNorm(hidden_dim)
        # The paper begins as Le et al. (2015) do: a rectifier that hands its state on.
        nn.init.eye_(self.slow.weight)
        self.slow.weight.data *= 0.5

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The state at each word."""
        inputs, past, states = self.input(x), None, []
        for word, size in _steps(inputs, batch):
            if past is None:  # nothing is remembered yet
                h = word.relu()
                past = h.new_zeros(size, 0, self.output_dim)
            else:
                past = past[:size]
                ages = torch.arange(past.shape[1] - 1, -1, -1, device=x.device, dtype=word.dtype)
                fading = self.rate * self.decay**ages  # (past,)
                slow = word + self.slow(past[:, -1])
                h = slow.relu()
                for _ in range(self.inner_steps):
                    weights = torch.matmul(past, h[:, :, None]).squeeze(2) * fading
                    recalled = torch.matmul(weights[:, None], past).squeeze(1)
                    h = self.norm(slow + recalled).relu()
            states.append(h)
            past = torch.cat([past, h[:, None].to(past.dtype)], dim=1)  # (sentences, past, hidden)
        return _in_order(states, batch)

    def steps(self, batch: Batch) -> Tensor:
        """One to its own state, two to any later one, which can recall it."""
        after = behind(batch)
        return steps_where(after >= 0, after.clamp(max=1) + 1)


class HyperLSTM(Encoder):
    r"""A small LSTM sets, at each word, how strong each weight of a large one is (Ha et al. 2016).

    The small one reads the word and the large one's state,
    :math:`\hat h_t = \mathrm{LSTM}([h_{t-1}; x_t], \hat h_{t-1})`. For each gate *y* of the large one
    it gives three embeddings, :math:`z_h^y, z_x^y, z_b^y`, linear in :math:`\hat h_t`, and

    .. math::
        y_t &= \mathrm{LN}\bigl(D_h^y z_h^y \odot W_h^y h_{t-1} + D_x^y z_x^y \odot W_x^y x_t
            + D_b^y z_b^y + b^y\bigr), \quad y \in \{i, f, o, u\} \\
        c_t &= \sigma(f_t) \odot c_{t-1} + \sigma(i_t) \odot \tanh(u_t), \quad
        h_t = \sigma(o_t) \odot \tanh(\mathrm{LN}(c_t))

    As in the authors' program, the embeddings are of the small network's new state.

    Args:
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states.
        hyper_dim: The width of the small LSTM's states.
        embedding_dim: The width of each *z*.
        readout: By default the last state.
    """

    reads = frozenset({"sequence"})
    causal = True

    def __init__(
        self,
        input_dim: int,
        hidden_dim: int,
        *,
        hyper_dim: Size = 32,
        embedding_dim: Size = 8,
        readout: str = "last",
    ) -> None:
        super().__init__(input_dim, hidden_dim, readout=readout)
        self.hidden_dim, self.embedding_dim = hidden_dim, embedding_dim
        self.hyper = nn.LSTMCell(hidden_dim + input_dim, hyper_dim)
        self.embed_h = nn.Linear(hyper_dim, 4 * embedding_dim)
        self.embed_x = nn.Linear(hyper_dim, 4 * embedding_dim)
        self.embed_b = nn.Linear(hyper_dim, 4 * embedding_dim, bias=False)
        self.scale_h = nn.Parameter(torch.empty(4, embedding_dim, hidden_dim))
        self.scale_x = nn.Parameter(torch.empty(4, embedding_dim, hidden_dim))
        self.shift = nn.Parameter(torch.empty(4, embedding_dim, hidden_dim))
        self.bias = nn.Parameter(torch.zeros(4, hidden_dim))
        self.input = nn.Linear(input_dim, 4 * hidden_dim, bias=False)
        self.state = nn.Linear(hidden_dim, 4 * hidden_dim, bias=False)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden_dim) for _ in range(4))
        self.norm_c = nn.LayerNorm(hidden_dim)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """As in the paper: at first scales are 0.1, whatever the small network says."""
        for embed in (self.embed_h, self.embed_x):
            nn.init.zeros_(embed.weight)
            nn.init.ones_(embed.bias)
        nn.init.normal_(self.shift, std=0.01)
        nn.init.constant_(self.scale_h, 0.1 / self.embedding_dim)
        nn.init.constant_(self.scale_x, 0.1 / self.embedding_dim)
        for gate in self.state.weight.data.split(self.hidden_dim):
            nn.init.orthogonal_(gate)
        forget = cast(nn.LayerNorm, self.norms[1])
        nn.init.ones_(forget.bias)  # begin by remembering

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The state at each word."""
        inputs = torch.cat([self.input(x), x], dim=-1)
        memory, states = self.start(x, len(batch)), []
        for rows, size in _steps(inputs, batch):
            memory = self.step(rows, tuple(part[:size] for part in memory))
            states.append(memory[0])
        return _in_order(states, batch)

    def start(self, x: Tensor, sentences: int) -> tuple[Tensor, ...]:
        """The state and memory cell of the large LSTM and of the small one, at the first word."""
        widths = (self.hidden_dim, self.hidden_dim) + (self.hyper.hidden_size,) * 2
        return tuple(x.new_zeros(sentences, width) for width in widths)

    def step(self, rows: Tensor, memory: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The same after a word, whose rows are its products and its vector side by side."""
        h, c, *before = memory
        from_word, word = rows.split([4 * self.hidden_dim, self.input_dim], dim=1)
        small = self.hyper(torch.cat([h, word], dim=1), (before[0], before[1]))
        gates = (
            self._per_gate(self.embed_h(small[0]), self.scale_h) * self._gates(self.state(h))
            + self._per_gate(self.embed_x(small[0]), self.scale_x) * self._gates(from_word)
            + self._per_gate(self.embed_b(small[0]), self.shift)
            + self.bias
        )  # (sentences, 4, hidden)
        i, f, o, u = (norm(gate) for norm, gate in zip(self.norms, gates.unbind(1), strict=True))
        c = f.sigmoid() * c + i.sigmoid() * u.tanh()
        return o.sigmoid() * self.norm_c(c).tanh(), c, *small

    def steps(self, batch: Batch) -> Tensor:
        """As those of an LSTM of one layer."""
        after = behind(batch)
        return steps_where(after >= 0, after + 1)

    def _gates(self, x: Tensor) -> Tensor:
        gates: Tensor = x.unflatten(1, (4, self.hidden_dim))
        return gates

    def _per_gate(self, embeddings: Tensor, weight: Tensor) -> Tensor:
        """``(sentences, 4 * embedding)`` by ``(4, embedding, hidden)``: ``(sentences, 4, hidden)``."""
        z = embeddings.unflatten(1, (4, self.embedding_dim)).transpose(0, 1)
        return torch.matmul(z, weight).transpose(0, 1)


def _steps(inputs: Tensor, batch: Batch) -> Iterator[tuple[Tensor, int]]:
    """At each step the rows of the sentences that are long enough, longest first, and their number."""
    order, _, sizes = batch.packing
    counts = sizes.tolist()
    for rows in inputs.index_select(0, order).split(counts):
        yield rows, len(rows)


def _in_order(states: list[Tensor], batch: Batch) -> Tensor:
    """The states of all steps, ``(tokens, hidden)``."""
    _, inverse, _ = batch.packing
    return torch.cat(states).index_select(0, inverse)
