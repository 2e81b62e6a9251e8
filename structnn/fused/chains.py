"""LSTMs and GRUs over sentences in C++."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from structnn.data.schedule import Schedule
from structnn.fused.build import load
from structnn.fused.calls import apply, is_seen_through
from structnn.fused.child_sum import FusedChildSum, exchange_gates
from structnn.fused.gru import FusedGRU
from structnn.fused.lstm import read_layer
from structnn.notes import notes_wanted
from structnn.ops.weights import has_hooks, weight_of

__all__ = ["read_chains"]

Read = Callable[[Tensor, str, Tensor], Tensor]
"""One layer in one direction: of x, the ending of its weights' names, the row of each packed word."""


def read_chains(network: nn.RNNBase, x: Tensor, order: Tensor, sizes: Tensor) -> Tensor | None:
    """The states that a recurrent network gives the words of sentences, from states of zeros.

    PyTorch's networks multiply by the weights at each step of packed sentences, and in the backward pass
    add to the gradients of all weights at each; the operators do most of that for many steps at once. A
    child-sum Tree-LSTM over a chain is an LSTM, a word's only child being the one before it, or in the
    other direction the one behind it; a GRU has an operator of its own, and so has an LSTM without
    gradients. States and gradients are those of PyTorch to rounding.

    Args:
        network: An LSTM or a GRU.
        x: ``(words, input)``.
        order: ``(words,)``, the row of ``x`` of each row of the packed sentences: the first words of
            all sentences, the longest sentence first, then the second words, and so on.
        sizes: ``(steps,)``, how many sentences have a word at each step.

    Returns:
        ``(words, directions * hidden)``, the states of the top layer, in the order of ``x``; None where
        PyTorch has to compute them: it is another network, or an LSTM with projections; there is no
        operator, see :func:`structnn.fused.build.load`; tensors are of other kinds than the operator's;
        notes are taken; hooks want the network to be called; or ``torch.compile``, ``torch.func`` or
        forward-mode differentiation is at work.
    """
    if (
        is_seen_through()
        or not len(sizes)
        or notes_wanted()
        or has_hooks(network)
        or not _are_plain([x, *network.parameters()])
    ):
        return None
    read = _reader(network, x.dtype, sizes)
    if read is None:
        return None
    endings = ["", "_reverse"] if network.bidirectional else [""]
    ways = [*zip(endings, _rows(order, sizes), strict=False)]
    for layer in range(network.num_layers):
        if layer:
            x = F.dropout(x, network.dropout, network.training)
        states = [read(x, f"l{layer}{ending}", rows) for ending, rows in ways]
        x = torch.cat(states, dim=1) if len(states) > 1 else states[0]
    return x


def _are_plain(tensors: list[Tensor]) -> bool:
    """Whether an operator can read them."""
    dtype = tensors[0].dtype
    return all(t.is_cpu and t.dtype == dtype and t.is_contiguous() for t in tensors)


def _reader(network: nn.RNNBase, dtype: torch.dtype, sizes: Tensor) -> Read | None:
    """What reads a layer of the network; None where there is no operator for it."""
    if isinstance(network, nn.LSTM) and not network.proj_size:
        if load("child_sum", dtype) is None:
            return None
        if not torch.is_grad_enabled() and load("lstm", dtype) is not None:
            return lambda x, place, rows: _read_lstm(network, place, x, sizes, rows)
        schedule = _schedule(sizes)
        return lambda x, place, rows: apply(
            FusedChildSum, x, *_lstm_weights(network, place), schedule, rows
        )
    if isinstance(network, nn.GRU):
        if load("gru", dtype) is None:
            return None
        begin = F.pad(sizes.cumsum(0), (1, 0))
        return lambda x, place, rows: apply(FusedGRU, x, *_gru_weights(network, place), begin, rows)
    return None


def _read_lstm(network: nn.LSTM, place: str, x: Tensor, sizes: Tensor, rows: Tensor) -> Tensor:
    """Without gradients nothing is kept, and each step's sums are used while they are in cache."""
    w, u, b, b_u = _weights(network, place)
    return read_layer(x, w, b + b_u, u, sizes, rows)


def _weights(network: nn.RNNBase, place: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A layer's in a direction: of words, of states, and the biases of both."""
    w, u = (weight_of(network, f"weight_{of}_{place}") for of in ("ih", "hh"))
    if not network.bias:
        return w, u, w.new_zeros(len(w)), w.new_zeros(len(w))
    b, b_u = (weight_of(network, f"bias_{of}_{place}") for of in ("ih", "hh"))
    return w, u, b, b_u


def _lstm_weights(network: nn.LSTM, place: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As the Tree-LSTM's: gates i, f, g and o in the order i, o, g, f."""
    w, u, b, b_u = _weights(network, place)
    u_iog, u_f = exchange_gates(u).split([3 * network.hidden_size, network.hidden_size])
    return exchange_gates(w), exchange_gates(b + b_u), u_iog, u_f


def _gru_weights(network: nn.GRU, place: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """As the operator's: gates of words, r, z and n, in the order n, r, z."""
    w, u, b, b_u = _weights(network, place)
    (w_rz, w_n), (b_rz, b_n), (u_rz, u_n) = (
        gates.split([2 * network.hidden_size, network.hidden_size]) for gates in (w, b, b_u)
    )
    return torch.cat([w_n, w_rz]), torch.cat([b_n, b_rz + u_rz]), u, u_n


def _schedule(sizes: Tensor) -> Schedule:
    """Chains of as many words as the sentences: their heights are the steps, in either direction."""
    counts = sizes.numpy()
    nodes, leaves = int(counts.sum()), int(counts[0])
    ends = counts.cumsum()
    rank = np.arange(nodes)
    step = np.repeat(np.arange(len(counts)), counts)
    above = np.append(counts[1:], 0)[step]  # how many chains go on
    place = rank - (ends - counts)[step]
    slices = [*zip((ends - counts).tolist(), ends.tolist(), strict=True)]
    own = torch.from_numpy(rank)
    return Schedule(
        order=own,
        rank=own,
        levels=tuple(slices),
        parent=torch.from_numpy(np.where(place < above, ends[step] + place, nodes)),
        child=torch.from_numpy((rank - np.append(0, counts)[step])[leaves:]),
        child_ptr=torch.arange(nodes - leaves + 1),
        edges=((0, 0), *((begin - leaves, end - leaves) for begin, end in slices[1:])),
        sibling=torch.zeros(nodes - leaves, dtype=torch.int64),
        widest=int(nodes > leaves),
    )


def _rows(order: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """``(words,)`` for each direction: the row of ``x`` of each word, in the order of the steps."""
    counts, packed = sizes.numpy(), order.numpy()
    begins = counts.cumsum() - counts
    step = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(packed)) - begins[step]
    lengths = np.bincount(place)
    return order, torch.from_numpy(packed[begins[lengths[place] - 1 - step] + place])
