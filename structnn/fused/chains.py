"""LSTMs over sentences in C++: chains, which the operator of the child-sum Tree-LSTM reads."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from structnn.data.schedule import Schedule
from structnn.fused.build import load
from structnn.fused.child_sum import FusedChildSum
from structnn.fused.tree_lstm import apply, can_compute_words
from structnn.notes import notes_wanted

__all__ = ["read_chains"]


def read_chains(network: nn.LSTM, x: Tensor, order: Tensor, sizes: Tensor) -> Tensor | None:
    """The states that an LSTM gives the words of sentences, from states and cells of zeros.

    A child-sum Tree-LSTM over a chain is an LSTM, a word's only child being the one before it, or in
    the other direction the one behind it. PyTorch's LSTM multiplies by the weights at each step of
    packed sentences, and in its backward pass adds to the gradients of all weights at each; the operator
    does most of that for many steps at once. States and gradients are those of PyTorch to rounding.

    Args:
        network: The LSTM.
        x: ``(words, input)``.
        order: ``(words,)``, the row of ``x`` of each row of the packed sentences: the first words of
            all sentences, the longest sentence first, then the second words, and so on.
        sizes: ``(steps,)``, how many sentences have a word at each step.

    Returns:
        ``(words, directions * hidden)``, the states of the top layer, in the order of ``x``; None where
        PyTorch has to compute them: there is no operator, see :func:`structnn.fused.build.load`, tensors
        are of other kinds than the operator's, the LSTM has projections, notes are taken, or
        ``torch.compile`` is at work.
    """
    if (
        torch.compiler.is_compiling()
        or network.proj_size
        or not len(sizes)
        or notes_wanted()
        or not x.is_cpu
        or load("child_sum", x.dtype) is None
    ):
        return None
    suffixes = ["", "_reverse"] if network.bidirectional else [""]
    schedule, ways = _schedule(sizes), _rows(order, sizes)
    for layer in range(network.num_layers):
        if layer:
            x = F.dropout(x, network.dropout, network.training)
        read = []
        for suffix, rows in zip(suffixes, ways, strict=False):
            weights = _weights(network, f"l{layer}{suffix}")
            if not can_compute_words("child_sum", network.hidden_size, x, *weights):
                return None
            read.append(apply(FusedChildSum, x, *weights, schedule, rows))
        x = torch.cat(read, dim=1) if len(read) > 1 else read[0]
    return x


def _weights(network: nn.LSTM, place: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Those of a layer in a direction as the operator reads them: of words, biases, and of states.

    PyTorch's gates are i, f, u and o, which it calls g; the operator's are i, o, u and f.
    """
    w, u = (network.get_parameter(f"weight_{of}_{place}") for of in ("ih", "hh"))
    b = w.new_zeros(len(w))
    if network.bias:
        b = network.get_parameter(f"bias_ih_{place}") + network.get_parameter(f"bias_hh_{place}")

    def sorted_gates(gates: Tensor) -> Tensor:
        i, forget, candidate, o = gates.chunk(4)
        return torch.cat([i, o, candidate, forget])

    hidden = network.hidden_size
    u_iou, u_f = sorted_gates(u).split([3 * hidden, hidden])
    return sorted_gates(w), sorted_gates(b), u_iou, u_f


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
    """``(words,)`` for each direction: the row of ``x`` of each node of the chains."""
    counts, packed = sizes.numpy(), order.numpy()
    begins = counts.cumsum() - counts
    step = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(packed)) - begins[step]
    lengths = np.bincount(place)
    return order, torch.from_numpy(packed[begins[lengths[place] - 1 - step] + place])
