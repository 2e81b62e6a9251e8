"""LSTMs without gradients, in C++: what ``lstm.cpp`` computes, as a function and as a module."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import c_int64, c_void_p
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from structnn.fused.build import load

__all__ = ["InferenceLSTM", "read_layer", "replace_lstms"]

_GATES = 4

# Words whose sums are computed at once, and so how much memory sums need.
_AT_ONCE = 2048


class _Lstm(ctypes.Structure):
    """``struct Lstm`` of the source."""

    _fields_ = (
        *((name, c_int64) for name in "steps batch hidden directions threads".split()),
        *((name, c_void_p) for name in "batch_sizes row sums u h last_h last_c".split()),
    )


class _Layer(NamedTuple):
    """The weights of a layer, in the order in which the operator reads them.

    Attributes:
        w: ``(directions * 4 * hidden, input)``, of the words.
        b: ``(directions * 4 * hidden,)``, the sum of both biases.
        u: ``(directions, numbers)``, of the states, packed.
    """

    w: Tensor
    b: Tensor
    u: Tensor


class InferenceLSTM(nn.Module):
    """A ``torch.nn.LSTM`` whose weights do not change any more, for packed sequences.

    At one sentence at a time PyTorch takes most of an LSTM's time for the calls of each step. Here
    the words of all steps are multiplied at once, the steps are one call, and weights are brought
    into the operator's order once, which takes longer than to read a sentence. States are those of
    PyTorch to rounding.

    It takes the place of the LSTM, which it keeps as ``lstm``: that computes where gradients are wanted,
    in training mode, and where the operator cannot, see :func:`structnn.fused.build.load`.

    Args:
        lstm: The LSTM, on the CPU, without projections (``proj_size``). Later changes to its weights
            are not seen.

    Raises:
        ValueError: The LSTM has projections.
    """

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        if lstm.proj_size:
            raise ValueError(f"{lstm} has projections, which the operator doesn't compute")
        self.lstm = lstm
        self.train(lstm.training)
        self.directions = 2 if lstm.bidirectional else 1
        self.hidden_size = lstm.hidden_size
        dtype = lstm.get_parameter("weight_ih_l0").dtype
        self._layers = [] if load("lstm", dtype) is None else _layers(lstm)

    def forward(
        self, packed: PackedSequence, start: tuple[Tensor, Tensor] | None = None
    ) -> tuple[PackedSequence, tuple[Tensor, Tensor]]:
        """What ``torch.nn.LSTM`` gives for a packed sequence.

        Args:
            packed: Sequences of vectors.
            start: The states and memory cells before the first step, each ``(layers * directions,
                sequences, hidden)``; zeros by default.

        Returns:
            The states of the top layer, packed, and the last states and cells of each layer.
        """
        if not self._computes(packed):
            result: tuple[PackedSequence, tuple[Tensor, Tensor]] = self.lstm(packed, start)
            return result
        x, sizes = packed.data, packed.batch_sizes
        sequences = int(sizes[0]) if len(sizes) else 0
        shape = (len(self._layers) * self.directions, sequences, self.hidden_size)
        if start is None:
            last = (x.new_zeros(shape), x.new_zeros(shape))
        else:
            self.lstm.check_forward_args(x, start, sizes)
            last = (
                start[0].clone(memory_format=torch.contiguous_format),
                start[1].clone(memory_format=torch.contiguous_format),
            )
        for number, layer in enumerate(self._layers):
            own = slice(number * self.directions, (number + 1) * self.directions)
            x = self._read(layer, x, sizes, last[0][own], last[1][own])
        return PackedSequence(x, sizes), last

    def _computes(self, packed: PackedSequence) -> bool:
        """Whether the operator takes these here and now."""
        x = packed.data
        return (
            bool(self._layers)
            and not self.training
            and not torch.is_grad_enabled()
            and packed.sorted_indices is None
            and x.is_cpu
            and x.dtype == self._layers[0].u.dtype
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
            and load("lstm", x.dtype) is not None
        )

    def _read(
        self, layer: _Layer, x: Tensor, sizes: Tensor, last_h: Tensor, last_c: Tensor
    ) -> Tensor:
        """The states of a layer; the last ones take the place of the first."""
        sums = F.linear(x, layer.w, layer.b)  # (rows, directions * 4 * hidden)
        h = x.new_empty(len(x), self.directions * self.hidden_size)
        _advance(sums, layer.u, sizes, None, h, last_h, last_c)
        return h


def read_layer(x: Tensor, w: Tensor, b: Tensor, u: Tensor, sizes: Tensor, rows: Tensor) -> Tensor:
    """The states of one layer in one direction, from states of zeros, without gradients.

    Args:
        x: ``(words, input)``.
        w: ``(4 * hidden, input)``, gates in the order of ``torch.nn.LSTM``.
        b: ``(4 * hidden,)``, the sum of both biases.
        u: ``(4 * hidden, hidden)``.
        sizes: ``(steps,)``, how many sequences have a word at each step.
        rows: ``(words,)``, the row of ``x`` and of the result of each word of the packed sequences.

    Returns:
        ``(words, hidden)``.
    """
    packed = _pack(u)
    h = x.new_empty(len(x), u.shape[1])
    last_h, last_c = x.new_zeros(2, 1, int(sizes[0]), u.shape[1])
    for steps, words in _portions(sizes):
        sums = F.linear(x.index_select(0, rows[words]), w, b)
        _advance(sums, packed, sizes[steps], rows[words], h, last_h, last_c)
    return h


def _portions(sizes: Tensor) -> Iterator[tuple[slice, slice]]:
    """Steps some at a time, and their words."""
    step = word = words = 0
    for end, size in enumerate(sizes.tolist(), start=1):
        words += size
        if words >= _AT_ONCE or end == len(sizes):
            yield slice(step, end), slice(word, word + words)
            step, word, words = end, word + words, 0


def _advance(
    sums: Tensor,
    u: Tensor,
    sizes: Tensor,
    rows: Tensor | None,
    h: Tensor,
    last_h: Tensor,
    last_c: Tensor,
) -> None:
    """Write the states of some steps into ``h``, and the last ones in place of the first."""
    library = load("lstm", sums.dtype)
    assert library is not None
    directions, batch, hidden = last_h.shape
    given = _Lstm(
        steps=len(sizes),
        batch=batch,
        hidden=hidden,
        directions=directions,
        threads=torch.get_num_threads(),
        batch_sizes=sizes.data_ptr(),
        row=None if rows is None else rows.data_ptr(),
        sums=sums.data_ptr(),
        u=u.data_ptr(),
        h=h.data_ptr(),
        last_h=last_h.data_ptr(),
        last_c=last_c.data_ptr(),
    )
    if not library.forward(ctypes.byref(given)):
        raise MemoryError(f"no memory for the LSTM over {len(sums)} words")


def replace_lstms(network: nn.Module) -> None:
    """Put an :class:`InferenceLSTM` in the place of each LSTM of a network that is not trained any more.

    LSTMs on a GPU and those with projections stay as they are.
    """
    for module in [*network.modules()]:
        if isinstance(module, InferenceLSTM):
            continue
        for name, child in [*module.named_children()]:
            if (
                isinstance(child, nn.LSTM)
                and not child.proj_size
                and child.get_parameter("weight_ih_l0").is_cpu
                and load("lstm", child.get_parameter("weight_ih_l0").dtype) is not None
            ):
                setattr(module, name, InferenceLSTM(child))


@torch.no_grad()
def _layers(lstm: nn.LSTM) -> list[_Layer]:
    """The weights of each layer."""
    directions = ["", "_reverse"] if lstm.bidirectional else [""]

    def of_layer(kind: str, number: int) -> list[Tensor]:
        return [lstm.get_parameter(f"{kind}_l{number}{direction}") for direction in directions]

    layers = []
    for number in range(lstm.num_layers):
        w = torch.cat(of_layer("weight_ih", number))
        b = w.new_zeros(len(w))
        if lstm.bias:
            b += torch.cat(of_layer("bias_ih", number)) + torch.cat(of_layer("bias_hh", number))
        u = torch.stack([_pack(rows) for rows in of_layer("weight_hh", number)])
        layers.append(_Layer(w, b, u))
    return layers


def _pack(u: Tensor) -> Tensor:
    """``(4 * hidden, hidden)`` in the order in which the operator reads it."""
    library = load("lstm", u.dtype)
    assert library is not None
    u = u.contiguous()
    hidden = c_int64(u.shape[1])
    library.packed_bytes.restype = c_int64
    packed = u.new_empty(library.packed_bytes(hidden) // u.element_size())
    library.pack(c_void_p(u.data_ptr()), hidden, c_void_p(packed.data_ptr()))
    return packed
