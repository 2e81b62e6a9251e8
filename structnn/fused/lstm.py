"""LSTMs without gradients, in C++: what ``lstm.cpp`` computes, as a function and as a module."""

from __future__ import annotations

import ctypes
from ctypes import c_int64, c_void_p
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from structnn.fused.build import load
from structnn.fused.calls import is_seen_through, pointers
from structnn.ops.weights import weight_of

__all__ = ["InferenceLSTM", "read_layer", "replace_lstms"]

_GATES = 4


class _Lstm(ctypes.Structure):
    """``struct Lstm`` of the source."""

    _fields_ = (
        *((name, c_int64) for name in "steps batch input hidden directions threads".split()),
        *((name, c_int64) for name in ("few", "from_zeros")),
        *pointers("batch_sizes row x b w u h last_h last_c"),
    )


class _Layer(NamedTuple):
    """The weights of a layer, in the order in which the operator reads them.

    Attributes:
        input: The features of a word.
        w: ``(directions, numbers)``, of the words, packed.
        b: ``(directions * 4 * hidden,)``, the sum of both biases.
        u: ``(directions, numbers)``, of the states, packed: whether for few sequences, or for many.
    """

    input: int
    w: Tensor
    b: Tensor
    u: dict[bool, Tensor]


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
        dtype = next(lstm.parameters()).dtype
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
        few = _are_few(self.hidden_size, sizes, x)
        for number, layer in enumerate(self._layers):
            own = slice(number * self.directions, (number + 1) * self.directions)
            h, c = (part[own] for part in last)
            x = _read(layer, x, sizes, None, h, c, few=few, from_zeros=start is None)
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
            and x.dtype == self._layers[0].w.dtype
            and not torch.is_autocast_enabled("cpu")
            and not is_seen_through()
            and load("lstm", x.dtype) is not None
        )


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
    few = _are_few(u.shape[1], sizes, x)
    layer = _Layer(x.shape[1], _pack([w]), b, {few: _pack([u], few=few)})
    last_c = x.new_zeros(1, int(sizes[0]), u.shape[1])
    return _read(layer, x, sizes, rows, None, last_c, few=few, from_zeros=True)


def _read(
    layer: _Layer,
    x: Tensor,
    sizes: Tensor,
    rows: Tensor | None,
    last_h: Tensor | None,
    last_c: Tensor,
    *,
    few: bool,
    from_zeros: bool,
) -> Tensor:
    """The states of a layer; the last ones take the place of the first."""
    library = load("lstm", x.dtype)
    assert library is not None
    shape = (int(sizes.sum()), layer.input)
    if x.shape != shape:
        raise ValueError(f"the LSTM expects words of the shape {shape}, but got {tuple(x.shape)}")
    directions, batch, hidden = last_c.shape
    x = x.contiguous()
    h = x.new_empty(len(x), directions * hidden)
    tensors = {
        **{"batch_sizes": sizes, "row": rows, "x": x, "h": h, "last_h": last_h, "last_c": last_c},
        **{"w": layer.w, "b": layer.b, "u": layer.u[few]},
    }
    given = _Lstm(
        steps=len(sizes),
        batch=batch,
        input=layer.input,
        hidden=hidden,
        directions=directions,
        threads=torch.get_num_threads(),
        few=few,
        from_zeros=from_zeros,
        **{name: None if one is None else one.data_ptr() for name, one in tensors.items()},
    )
    if not library.forward(ctypes.byref(given)):
        raise MemoryError(f"no memory for the LSTM over {len(x)} words")
    return h


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
                and (weight := next(child.parameters())).is_cpu
                and load("lstm", weight.dtype) is not None
            ):
                setattr(module, name, InferenceLSTM(child))


@torch.no_grad()
def _layers(lstm: nn.LSTM) -> list[_Layer]:
    """The weights of each layer."""
    directions = ["", "_reverse"] if lstm.bidirectional else [""]

    def of_layer(kind: str, number: int) -> list[Tensor]:
        return [weight_of(lstm, f"{kind}_l{number}{direction}") for direction in directions]

    library = load("lstm", next(lstm.parameters()).dtype)
    assert library is not None
    # One sequence at a time is few wherever any number is.
    ways = {False, bool(library.are_few(c_int64(lstm.hidden_size), c_int64(1)))}
    layers = []
    for number in range(lstm.num_layers):
        w, u = of_layer("weight_ih", number), of_layer("weight_hh", number)
        b = w[0].new_zeros(len(w) * len(w[0]))
        if lstm.bias:
            b += torch.cat(of_layer("bias_ih", number)) + torch.cat(of_layer("bias_hh", number))
        packed = {few: _pack(u, few=few) for few in ways}
        layers.append(_Layer(w[0].shape[1], _pack(w), b, packed))
    return layers


def _are_few(hidden: int, sizes: Tensor, x: Tensor) -> bool:
    """Whether a step has few sequences, for each thread and as a rule."""
    library = load("lstm", x.dtype)
    assert library is not None
    sequences = len(x) // max(len(sizes) * torch.get_num_threads(), 1)
    return bool(library.are_few(c_int64(hidden), c_int64(sequences)))


def _pack(weights: list[Tensor], *, few: bool = False) -> Tensor:
    """``(4 * hidden, depth)`` of each direction, in the order in which the operator reads them."""
    library = load("lstm", weights[0].dtype)
    assert library is not None
    rows, depth = weights[0].shape
    sizes = c_int64(rows // _GATES), c_int64(depth), c_int64(few)
    library.packed_bytes.restype = c_int64
    numbers = library.packed_bytes(*sizes) // weights[0].element_size()
    packed = weights[0].new_empty(len(weights), numbers)
    threads = c_int64(torch.get_num_threads())
    for own, to in zip(weights, packed, strict=True):
        own = own.contiguous()
        library.pack(c_void_p(own.data_ptr()), *sizes, threads, c_void_p(to.data_ptr()))
    return packed
