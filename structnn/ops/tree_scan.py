"""Takes a cell through trees, a level of many trees at a time.

The cost grows with the number of nodes alone, forward and backward. The computation of each level is
recorded by itself, so that nothing as large as all nodes is copied for a single level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from structnn.data.batch import Batch
from structnn.data.schedule import Schedule
from structnn.notes import note, notes_wanted
from structnn.ops.cells import Cell, Children, Product, States, recording
from structnn.ops.precision import full_precision
from structnn.ops.transforms import is_transformed

__all__ = [
    "Inputs",
    "reorder",
    "scan_down",
    "scan_up",
    "uncompiled",
    "words_by_rank",
]


@dataclass(frozen=True)
class Inputs:
    """What a cell reads beside states, in the order of the schedule.

    Attributes:
        nodes: ``(nodes, d)``: of each node.
        children: ``(edges, d)``: of each child, as :attr:`structnn.ops.cells.Children.x`.
    """

    nodes: Tensor
    children: Tensor


def scan_up(cell: Cell, inputs: Inputs, batch: Batch) -> Tensor:
    """The states that a cell gives the nodes, children before parents.

    Args:
        cell: It is called as ``cell(x, children)``, see :class:`~structnn.ops.cells.Cell`.
        inputs: What it reads.
        batch: The trees.

    Returns:
        ``(nodes, hidden_dim)``.
    """
    return _scan(_Up(cell, batch), inputs.nodes, inputs.children)


def scan_down(cell: Cell, inputs: Tensor, batch: Batch) -> Tensor:
    """The states that a cell gives the nodes, parents before children.

    Args:
        cell: It is called as ``cell(x, parent)``, see :class:`~structnn.ops.cells.Cell`.
        inputs: ``(nodes, d)``, what it reads at each node, in the order of the nodes.
        batch: The trees.

    Returns:
        ``(nodes, hidden_dim)``.
    """
    schedule = batch.schedule
    inputs = reorder(inputs, schedule.order, schedule.rank)
    return _scan(_Down(cell, batch), inputs, inputs.new_empty(0, 0))


def reorder(x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
    """``x[order]``, a permutation: its gradient is gathered, where that of indexing is scattered.

    Args:
        x: ``(rows, d)``.
        order: ``(rows,)``.
        inverse: ``(rows,)``, the place of each row of ``x`` in the result.
    """
    if is_transformed():
        return x.index_select(0, order)
    reordered: Tensor = _Reorder.apply(x, order, inverse)  # type: ignore[no-untyped-call]
    return reordered


def words_by_rank(x: Tensor, batch: Batch) -> Tensor:
    """The word of each node in the order of the schedule, up to the last node that has one.

    Where words are at the leaves alone, as in constituency trees, these are the rows of the leaves:
    nodes behind them need no product with the words' weights.

    Args:
        x: ``(tokens, input)``.
        batch: Its trees.

    Returns:
        ``(rows, input)``, zeros for a node without a word.
    """
    if batch.nodes_are_tokens:
        return reorder(x, batch.schedule.order, batch.schedule.rank)
    rank, order, rows = batch.ranked_words
    if rows == len(rank):  # no gaps
        return reorder(x, order, rank)
    return x.new_zeros(rows, x.shape[1]).index_copy(0, rank, x)


def uncompiled(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function that walks the levels; ``torch.compile`` leaves it alone."""
    if torch.compiler.is_compiling():  # every batch has levels of its own
        function = torch.compiler.disable(function)
    return function(*arguments)


class _Reorder(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(order, inverse)
        return x.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        order, inverse = ctx.saved_tensors
        return reorder(grad, inverse, order), None, None


@dataclass
class _Step:
    """What a cell computed at a level, and from what; ``results`` know their own small graph."""

    level: int
    x: Tensor
    child_x: Tensor
    sources: States
    results: States = ()
    products: list[Product] = field(default_factory=list)


class _Tape:
    """The steps of a scan, kept for the way back.

    Args:
        x: What the cell reads at nodes.
        child_x: What it reads at children.
        keeps: Whether there will be a way back.
    """

    def __init__(self, x: Tensor, child_x: Tensor, *, keeps: bool) -> None:
        self.steps: list[_Step] = []
        self._keeps = keeps
        self._learns = x.requires_grad, child_x.requires_grad

    @contextmanager
    def step(self, level: int, x: Tensor, child_x: Tensor, sources: States) -> Iterator[_Step]:
        """What is computed within this block, of these tensors, is a step; it sets ``results``."""
        step = _Step(level, x, child_x, sources)
        if not self._keeps:
            yield step
            return
        x.requires_grad_(self._learns[0])
        child_x.requires_grad_(self._learns[1])
        for source in sources:
            source.requires_grad_()
        with recording(step.products):
            yield step
        self.steps.append(step)


class _Gradients:
    """The gradients of what a cell reads and is made of, gathered from its steps.

    Args:
        parameters: Those of the cell that learn.
    """

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self._parameters = parameters
        self._sums: list[Tensor | None] = [None] * len(parameters)
        self._products: dict[int, list[tuple[Tensor, Tensor]]] = {id(one): [] for one in parameters}
        self._inputs: tuple[dict[int, Tensor], dict[int, Tensor]] = {}, {}

    def add(self, step: _Step, reaching: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """The gradients of the states that a step has read, from those of its results."""
        inputs = [one for one in (step.x, step.child_x) if one.requires_grad]
        products = [product.result for product in step.products]
        sought = [*step.sources, *inputs, *products, *self._parameters]
        found = iter(_differentiate(step.results, reaching, sought))
        d_sources = [next(found) for _ in step.sources]
        for one, levels in zip((step.x, step.child_x), self._inputs, strict=True):
            if one.requires_grad:
                d_input = next(found)
                levels[step.level] = torch.zeros_like(one) if d_input is None else d_input
        for product in step.products:
            d_result = next(found)
            if d_result is not None:
                factors = d_result, product.states.detach()
                self._products[id(product.weight)].append(factors)
        for index, part in enumerate(found):  # of what is used otherwise than in such products
            if part is not None:
                total = self._sums[index]
                # A copy at first: what autograd gives may be shared.
                self._sums[index] = part.clone() if total is None else total.add_(part)
        return d_sources

    def of_inputs(self) -> list[Tensor | None]:
        """The gradients of what the cell reads beside states, None for what does not learn."""
        return [
            torch.cat([levels[level] for level in sorted(levels)]) if levels else None
            for levels in self._inputs
        ]

    def of_parameters(self) -> list[Tensor | None]:
        """The gradients of the parameters, None for one that was not used."""
        for index, factors in enumerate(self._products.values()):
            if factors:
                d_results, states = zip(*factors, strict=True)
                product, total = torch.cat(d_results).t() @ torch.cat(states), self._sums[index]
                self._sums[index] = product if total is None else total.add_(product)
        return self._sums


class _Up:
    """From the leaves to the roots: a node reads the states of its children."""

    def __init__(self, cell: Cell, batch: Batch) -> None:
        self.cell, self.batch, self.schedule = cell, batch, batch.schedule
        self._child = self.schedule.child.split(_sizes(self.schedule.edges))

    def run(self, x: Tensor, child_x: Tensor, tape: _Tape) -> Tensor:
        """The states, ``(nodes, hidden)`` in the order of the schedule."""
        schedule = self.schedule
        sizes, edges = _sizes(schedule.levels), _sizes(schedule.edges)
        parents = schedule.parent.index_select(0, schedule.child).split(edges)
        nodes = schedule.order.index_select(0, schedule.child).split(edges)
        places = schedule.sibling.split(edges)
        states = [x.new_empty(len(x), self.cell.hidden_dim) for _ in self.cell.states]
        levels = [state.split(sizes) for state in states]
        notes = _ChildNotes(schedule)
        inputs = zip(x.split(sizes), child_x.split(edges), strict=True)
        for level, (level_x, level_child_x) in enumerate(inputs):
            child, children = self._child[level], None
            sources = tuple([state.index_select(0, child) for state in states] if level else [])
            with tape.step(level, level_x, level_child_x, sources) as step:
                if level:
                    parent = parents[level] - schedule.levels[level][0]
                    where = sizes[level], parent, places[level], nodes[level], self.batch
                    children = Children(sources, level_child_x, *where)
                step.results = self.cell(level_x, children)
            for state, result in zip(levels, step.results, strict=True):
                state[level].copy_(result.detach())
            if children is not None:
                notes.add(child, children.notes)
        if notes_wanted() and not len(schedule.child):
            # No node is a child; what would be noted of one is still noted, as zeros.
            none = schedule.child
            nobody = tuple(state[:0] for state in states)
            children = Children(nobody, child_x, 0, none, none, none, self.batch)
            self.cell(x[:0], children)
            notes.add(none, children.notes)
        notes.hand_over()
        return states[0]

    def plain(self, x: Tensor, child_x: Tensor) -> Tensor:
        """As :meth:`run`, in operations that PyTorch differentiates itself; nothing is noted."""
        schedule = self.schedule
        states: list[States] = []  # of each level
        for (begin, end), (first, last) in zip(schedule.levels, schedule.edges, strict=True):
            children = None
            if states:
                child = schedule.child[first:last]
                where = (
                    schedule.parent.index_select(0, child) - begin,
                    schedule.sibling[first:last],
                    schedule.order.index_select(0, child),
                )
                sources = [
                    torch.cat(own).index_select(0, child) for own in zip(*states, strict=True)
                ]
                children = Children(
                    tuple(sources), child_x[first:last], end - begin, *where, self.batch
                )
            states.append(self.cell(x[begin:end], children))
        return torch.cat([own[0] for own in states])

    def go_back(self, grad: Tensor, steps: Sequence[_Step], gradients: _Gradients) -> None:
        """Compute the gradients of all steps from those of the states."""
        passed = [grad.new_zeros(grad.shape) for _ in self.cell.states]  # by each node's parent
        for step in reversed(steps):
            here = slice(*self.schedule.levels[step.level])
            reaching = [grad[here] + passed[0][here], *(more[here] for more in passed[1:])]
            found = gradients.add(step, reaching)
            for total, part in zip(passed, found, strict=False):
                if part is not None:
                    total.index_copy_(0, self._child[step.level], part)


class _Down:
    """From the roots to the leaves: a node reads the message of its parent.

    A message is computed at the parent, once for all of its children.
    """

    def __init__(self, cell: Cell, batch: Batch) -> None:
        self.cell, self.schedule = cell, batch.schedule

    def run(self, x: Tensor, child_x: Tensor, tape: _Tape) -> Tensor:
        """The states, ``(nodes, hidden)`` in the order of the schedule."""
        schedule, leaves = self.schedule, self.schedule.num_leaves
        h = x.new_empty(len(x), self.cell.hidden_dim)
        parent = schedule.parent - leaves  # (nodes,): the place of each node's parent in messages
        like = self.cell.message(*(h[:0] for _ in self.cell.states))
        # Of each inner node; the last row stays zero, for the roots to read.
        messages = [x.new_zeros(len(x) - leaves + 1, one.shape[1]) for one in like]
        for level in reversed(range(len(schedule.levels))):
            begin, end = schedule.levels[level]
            sources = tuple([one.index_select(0, parent[begin:end]) for one in messages])
            with tape.step(level, x[begin:end], child_x[:0], sources) as step:
                states = self.cell(step.x, sources)
                message = self.cell.message(*states) if begin >= leaves else ()
                step.results = (states[0], *message)
            h[begin:end] = states[0].detach()
            for total, part in zip(messages, message, strict=False):
                total[begin - leaves : end - leaves] = part.detach()
        return h

    def plain(self, x: Tensor, child_x: Tensor) -> Tensor:
        """As :meth:`run`, in operations that PyTorch differentiates itself."""
        schedule, empty = self.schedule, x.new_empty(0, self.cell.hidden_dim)
        like = self.cell.message(*(empty for _ in self.cell.states))
        # Of the nodes behind the level; the last row is zero, for the roots to read.
        messages = [x.new_zeros(1, one.shape[1]) for one in like]
        found: list[Tensor] = []
        for begin, end in reversed(schedule.levels):
            parent = schedule.parent[begin:end] - end
            read = tuple([one.index_select(0, parent) for one in messages])
            states = self.cell(x[begin:end], read)
            found.insert(0, states[0])
            if begin >= schedule.num_leaves:
                made = self.cell.message(*states)
                messages = [torch.cat(both) for both in zip(made, messages, strict=True)]
        return torch.cat(found)

    def go_back(self, grad: Tensor, steps: Sequence[_Step], gradients: _Gradients) -> None:
        """Compute the gradients of all steps from those of the states."""
        schedule = self.schedule
        passed = [grad.new_zeros(len(grad), one.shape[1]) for one in steps[0].sources]  # by nodes
        for step in reversed(steps):
            level, edges = schedule.levels[step.level], schedule.edges[step.level]
            here = slice(*level)
            reaching = [grad[here]]
            if len(step.results) > 1:
                reaching += [sum_children(one, schedule, level, edges) for one in passed]
            found = gradients.add(step, reaching)
            for total, part in zip(passed, found, strict=True):
                if part is not None:
                    total[here] = part


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, walk: _Up | _Down, x: Tensor, child_x: Tensor, *parameters: Tensor
    ) -> Tensor:
        tape = _Tape(x, child_x, keeps=True)
        ctx.walk, ctx.steps, ctx.parameters = walk, tape.steps, parameters
        return walk.run(x, child_x, tape).index_select(0, walk.schedule.rank)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        gradients = _Gradients(ctx.parameters)
        with full_precision(grad):
            ctx.walk.go_back(grad.index_select(0, ctx.walk.schedule.order), ctx.steps, gradients)
            return None, *gradients.of_inputs(), *gradients.of_parameters()


def _scan(walk: _Up | _Down, x: Tensor, child_x: Tensor) -> Tensor:
    learning = [one for one in walk.cell.parameters() if one.requires_grad]
    states: Tensor
    if is_transformed():
        states = walk.plain(x, child_x).index_select(0, walk.schedule.rank)
    elif torch.is_grad_enabled() and (learning or x.requires_grad or child_x.requires_grad):
        states = uncompiled(_Scan.apply, walk, x, child_x, *learning)
    else:
        tape = _Tape(x, child_x, keeps=False)
        with torch.no_grad():
            states = uncompiled(walk.run, x, child_x, tape).index_select(0, walk.schedule.rank)
    return states


def _differentiate(
    results: States, reaching: Sequence[Tensor], sources: Sequence[Tensor]
) -> Sequence[Tensor | None]:
    """Those of the sources from those of the results, of which some may be constant."""
    pairs = [pair for pair in zip(results, reaching, strict=True) if pair[0].requires_grad]
    if not pairs or not sources:
        return [None] * len(sources)
    outputs, gradients = zip(*pairs, strict=True)
    return torch.autograd.grad(outputs, sources, gradients, allow_unused=True, retain_graph=True)


class _ChildNotes:
    """What a cell notes of each node as a child, while the levels go by; see :mod:`structnn.notes`."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._values: dict[str, Tensor] = {}

    def add(self, child: Tensor, notes: Mapping[str, Tensor]) -> None:
        """Keep what was noted of the children at these places of the schedule."""
        if notes_wanted():
            for kind, values in notes.items():
                zeros = values.new_zeros(self._schedule.num_nodes, values.shape[1])
                self._values.setdefault(kind, zeros)[child] = values.detach()

    def hand_over(self) -> None:
        """Note ``(nodes, d)`` of each kind, zeros at the roots."""
        for kind, values in self._values.items():
            note(kind, values.index_select(0, self._schedule.rank))


def sum_children(
    values: Tensor, schedule: Schedule, level: tuple[int, int], edges: tuple[int, int]
) -> Tensor:
    """For each node of a level of inner nodes the sum of its children's rows, ``(level, d)``.

    Args:
        values: ``(nodes, d)``, in the order of the schedule.
        schedule: The order of the nodes.
        level: The level's slice of ranks.
        edges: Its slice of ``schedule.child``.
    """
    leaves = schedule.num_leaves
    offsets = schedule.child_ptr[level[0] - leaves : level[1] - leaves + 1] - edges[0]
    return F.embedding_bag(
        schedule.child[edges[0] : edges[1]], values, offsets, mode="sum", include_last_offset=True
    )


def _sizes(slices: Sequence[tuple[int, int]]) -> list[int]:
    return [end - begin for begin, end in slices]
