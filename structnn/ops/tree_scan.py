"""Recursive networks over trees, a level of many trees at a time, from one small cell.

A cell says how the states of one level follow from the states below it; the scan takes it through all
levels. Its cost grows with the number of nodes alone, forward and backward: each
level's computation is recorded by itself, and backward each node gathers what reaches it, so nothing
as large as all nodes is ever copied for a single level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from structnn.data.batch import Batch
from structnn.data.schedule import Schedule
from structnn.notes import note, notes_wanted
from structnn.ops.segments import segment_softmax, segment_sum
from structnn.sentence import StructureError

__all__ = [
    "Cell",
    "Children",
    "apply_function",
    "check_arity",
    "reorder",
    "scan_up",
    "sum_children",
]


class Cell(nn.Module):
    """One step of a recursive network, for all nodes of a level.

    It is called with the level's inputs ``(level, input)`` and a :class:`Children`, or None at the
    leaves, and gives ``(level, state_dim)``. Gradients reach what it is called with and its parameters:
    it must not use other tensors that learn.

    Args:
        state_dim: The width of all that a node hands on.
    """

    def __init__(self, state_dim: int) -> None:
        super().__init__()
        self.state_dim = state_dim


class Notes:
    """What cells note of each node as a child, while the levels go by; see :mod:`structnn.notes`.

    Args:
        schedule: The order of the nodes.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.values: dict[str, Tensor] = {}

    def add(self, name: str, rank: Tensor, values: Tensor) -> None:
        """Note ``(children, d)`` of the children at these places in the schedule."""
        if name not in self.values:
            self.values[name] = values.new_zeros(self.schedule.num_nodes, values.shape[1])
        self.values[name][rank] = values.detach()

    def hand_over(self) -> None:
        """Give what was noted to whoever collects, ``(nodes, d)`` each, zeros at the roots."""
        for name, values in self.values.items():
            note(name, values.index_select(0, self.schedule.rank))


@dataclass(frozen=True)
class Children:
    """The children of a level's nodes, grouped by parent, siblings in order.

    Attributes:
        states: ``(children, state_dim)``.
        ptr: ``(level + 1,)``: where the children of each node begin; each has at least one.
        parent: ``(children,)``: the row of each child's parent within the level.
        place: ``(children,)``: each child's place among its siblings, from 0.
        rank: ``(children,)``: each child's place in the schedule.
        notes: Where cells note what they did; None where nobody collects.
    """

    states: Tensor
    ptr: Tensor
    parent: Tensor
    place: Tensor
    rank: Tensor
    notes: Notes | None = None

    def note(self, name: str, values: Tensor) -> None:
        """Hand over something of each child, ``(children, d)``, if anybody collects."""
        if self.notes is not None:
            self.notes.add(name, self.rank, values)

    def sum(self, values: Tensor) -> Tensor:
        """``(children, d)`` to ``(level, d)``: the sum over the children of each node."""
        if len(values) == len(self.ptr) - 1:  # an only child each, as along a chain
            return values
        return segment_sum(values, self.ptr, self.parent)

    def softmax(self, scores: Tensor) -> Tensor:
        """``(children, d)``: softmax over the children of each node."""
        return segment_softmax(scores, self.ptr, self.parent)

    def slots(self, arity: int) -> Tensor:
        """``(level, arity, state_dim)``: children in their places, zeros where there are fewer."""
        level, width = len(self.ptr) - 1, self.states.shape[1]
        if len(self.states) == level * arity:
            return self.states.view(level, arity, width)
        empty = self.states.new_zeros(level * arity, width)
        filled = empty.index_copy(0, self.parent * arity + self.place, self.states)
        return filled.view(level, arity, width)


def scan_up(batch: Batch, inputs: Tensor, cell: Cell) -> Tensor:
    """The states of all nodes, children before parents.

    Args:
        batch: Its trees.
        inputs: ``(nodes, input)``, what the cell reads at each node.
        cell: See :class:`Cell`.

    Returns:
        ``(nodes, state_dim)``.
    """
    schedule = batch.schedule
    inputs = reorder(inputs, schedule.order, schedule.rank)
    parameters = [parameter for parameter in cell.parameters() if parameter.requires_grad]
    if torch.is_grad_enabled() and (inputs.requires_grad or parameters):
        states = apply_function(_Scan, schedule, cell, inputs, *parameters)
    else:
        states = _run(schedule, cell, inputs, None)
    return reorder(states, schedule.rank, schedule.order)


def check_arity(batch: Batch, arity: int | None) -> None:
    """Make sure that no node has more than ``arity`` children; None is for any number.

    Raises:
        StructureError: A node has; the message says how trees are binarised.
    """
    schedule = batch.schedule
    if arity is None or int(schedule.sibling.amax() if len(schedule.sibling) else 0) < arity:
        return
    child = schedule.child[schedule.sibling == arity][0]
    node = schedule.order[schedule.parent[child]]
    sentence = int(batch.node_batch[node])
    text = " ".join(batch.sentences[sentence].tokens[:10])
    raise StructureError(
        f"sentence {sentence} of the batch ({text!r}) has a node with more than {arity} children, "
        f"which an encoder with arity={arity} has no weights for: binarise constituents "
        "(parsers.read_brackets(..., binarise='right')), narrow dependencies (parsers.narrowed), or "
        "give a larger `arity`"
    )


def sum_children(
    values: Tensor, schedule: Schedule, level: tuple[int, int], edges: tuple[int, int]
) -> Tensor:
    """For each node of a level of inner nodes the sum of its children's rows, ``(level, d)``.

    Args:
        values: ``(nodes, d)``, in the schedule's order.
        schedule: The order of the nodes.
        level: The level's slice of ranks.
        edges: Its slice of ``schedule.child``.
    """
    leaves = schedule.num_leaves
    offsets = schedule.child_ptr[level[0] - leaves : level[1] - leaves + 1] - edges[0]
    return F.embedding_bag(
        schedule.child[edges[0] : edges[1]], values, offsets, mode="sum", include_last_offset=True
    )


def apply_function(function: type[torch.autograd.Function], *arguments: Any) -> Tensor:
    """Call a function that walks the levels; ``torch.compile`` leaves it alone."""
    apply = function.apply
    if torch.compiler.is_compiling():  # every batch has levels of its own
        apply = torch.compiler.disable(apply)
    states: Tensor = apply(*arguments)  # type: ignore[no-untyped-call]
    return states


def reorder(x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
    """``x[order]``, a permutation: its gradient is gathered, where that of indexing is scattered.

    Args:
        x: ``(rows, d)``.
        order: ``(rows,)``.
        inverse: ``(rows,)``, the place of each row of ``x`` in the result.
    """
    reordered: Tensor = _Reorder.apply(x, order, inverse)  # type: ignore[no-untyped-call]
    return reordered


class _Reorder(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(order, inverse)
        return x.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        order, inverse = ctx.saved_tensors
        return reorder(grad, inverse, order), None, None


@dataclass(frozen=True)
class _Level:
    """What was computed at a level, and from what; ``out`` knows its own small graph."""

    inputs: Tensor
    sources: Tensor | None
    out: Tensor


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, schedule: Schedule, cell: Cell, inputs: Tensor, *parameters: Tensor
    ) -> Tensor:
        record: list[_Level] = []
        states = _run(schedule, cell, inputs, record)
        ctx.schedule, ctx.record, ctx.parameters = schedule, record, parameters
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        schedule: Schedule = ctx.schedule
        needs_input = ctx.needs_input_grad[2]
        d_inputs: list[Tensor] = []
        d_parameters: list[Tensor | None] = [None] * len(ctx.parameters)
        passed = grad.new_zeros(grad.shape)  # what reaches each node from its parent
        levels = list(zip(schedule.levels, schedule.edges, strict=True))
        for (level, edges), step in zip(reversed(levels), reversed(ctx.record), strict=True):
            begin, end = level
            reaching = grad[begin:end] + passed[begin:end]
            sources = [step.inputs] if needs_input else []
            sources += [step.sources] if step.sources is not None else []
            gradients: Sequence[Tensor | None] = [None] * (len(sources) + len(ctx.parameters))
            if step.out.requires_grad:
                gradients = torch.autograd.grad(
                    step.out,
                    [*sources, *ctx.parameters],
                    reaching.to(step.out.dtype),
                    allow_unused=True,
                    retain_graph=True,
                )
            own, shared = gradients[: len(sources)], gradients[len(sources) :]
            if needs_input:
                first = own[0]
                d_inputs.append(torch.zeros_like(step.inputs) if first is None else first)
            if step.sources is not None and own[-1] is not None:
                passed.index_copy_(0, schedule.child[edges[0] : edges[1]], own[-1])
            _accumulate(d_parameters, shared)
        d_all = None
        if needs_input:
            d_all = torch.cat(d_inputs[::-1])
        return None, None, d_all, *d_parameters


def _run(schedule: Schedule, cell: Cell, inputs: Tensor, record: list[_Level] | None) -> Tensor:
    states = inputs.new_zeros(schedule.num_nodes, cell.state_dim)
    notes = Notes(schedule) if notes_wanted() else None
    parent_of_child = schedule.parent.index_select(0, schedule.child)  # (edges,)
    for (begin, end), (first, last) in zip(schedule.levels, schedule.edges, strict=True):
        level = inputs[begin:end]
        children: Children | None = None
        sources = None
        if begin > 0:
            sources = states.index_select(0, schedule.child[first:last])
        if record is not None:
            # Views of nothing: each level's graph ends here.
            level = level.detach().requires_grad_(inputs.requires_grad)
            sources = None if sources is None else sources.detach().requires_grad_()
        if sources is not None:
            offset = begin - schedule.num_leaves
            ptr = schedule.child_ptr[offset : offset + end - begin + 1] - first
            parent = parent_of_child[first:last] - begin
            place, rank = schedule.sibling[first:last], schedule.child[first:last]
            children = Children(sources, ptr, parent, place, rank, notes)
        with torch.set_grad_enabled(record is not None):
            out = cell(level, children)
        if record is not None:
            record.append(_Level(level, sources, out))
        states[begin:end] = out.detach()
    if notes is not None:
        notes.hand_over()
    return states


def _accumulate(totals: list[Tensor | None], parts: Sequence[Tensor | None]) -> None:
    for index, part in enumerate(parts):
        total = totals[index]
        if part is not None:
            # A copy: what autograd gives may be shared.
            totals[index] = part.clone() if total is None else total.add_(part)
