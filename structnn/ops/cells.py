"""Cells: one step of a recursive network over trees, for all nodes of a level at once.

A cell is a network's equations and nothing else: :func:`structnn.ops.tree_scan.scan_up` takes it from
the leaves to the roots, :func:`structnn.ops.tree_scan.scan_down` from the roots to the leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.ops.segments import segment_softmax, segment_sum
from structnn.sentence import StructureError, quoted

__all__ = [
    "Cell",
    "Children",
    "Product",
    "StateLinear",
    "States",
    "check_arity",
    "memory_cell",
    "recording",
]

States = tuple[Tensor, ...]
"""What a node hands on, such as ``(h, c)``; the first is the node's state."""


class Cell(nn.Module):
    """One step of a recursive network over trees.

    A subclass says which gates it has and which states, makes its layers, and defines ``forward``:
    upwards as ``forward(x, children)``, downwards as ``forward(x, parent)``. It gives the states of
    the level's nodes, ``(level, hidden_dim)`` each. Gradients reach the words, the states and the
    parameters of the cell: it must not use other tensors that learn.

    Args:
        hidden_dim: The width of each state and of each gate.

    Attributes:
        gates: The gates that words take part in, in the order of the rows of the words' weights.
        per_child: The last of them, if a node has one of these for each of its children.
        states: The names of the states; the first is the one that an encoder gives.
        arity: The largest number of children that a node may have; None for any.

    Shapes:
        - x: ``(level, gates * hidden_dim)``, :math:`W x_j + b` of the gates that are not per child
        - children: :class:`Children`; None at the leaves
        - parent: what :meth:`message` gives for the parents, a row for each node; zeros at a root
    """

    gates: ClassVar[tuple[str, ...]] = ("h",)
    per_child: ClassVar[tuple[str, ...]] = ()
    states: ClassVar[tuple[str, ...]] = ("h",)
    arity: int | None = None

    def __init__(self, hidden_dim: int) -> None:
        super().__init__()
        self.hidden_dim = hidden_dim

    def check(self, batch: Batch) -> None:
        """Make sure that these trees are such as the cell can read.

        Raises:
            StructureError: They are not.
        """
        if self.arity is not None:
            check_arity(batch, self.arity)

    def message(self, *states: Tensor) -> States:
        """What nodes hand down to their children: their states, or something made of them."""
        return states

    def draw_orthogonal(self, *layers: nn.Linear) -> None:
        """Draw initial weights: an orthogonal matrix for each gate and each place of a child."""
        for layer in layers:
            for gate in layer.weight.data.split(self.hidden_dim):
                for place in gate.split(self.hidden_dim, dim=1):
                    nn.init.orthogonal_(place)


def memory_cell(gates: Tensor, carried: Tensor | float) -> States:
    r"""The states of an LSTM, :math:`c = i \odot u` and what is carried, :math:`h = o \odot \tanh(c)`.

    Args:
        gates: ``(level, 3 * hidden_dim)``: *i*, *o* and *u*, before their activations.
        carried: ``(level, hidden_dim)``, what the cells of others add.
    """
    i, o, u = gates.chunk(3, dim=1)
    c = i.sigmoid() * u.tanh() + carried
    return o.sigmoid() * c.tanh(), c


def check_arity(batch: Batch, arity: int) -> None:
    """Make sure that no node has more than ``arity`` children.

    Raises:
        StructureError: A node has; the message says how to mend it.
    """
    schedule = batch.schedule
    if schedule.widest <= arity:
        return
    child = schedule.child[schedule.sibling == arity][0]
    node = schedule.order[schedule.parent[child]]
    sentence = int(batch.node_batch[node])
    raise StructureError(
        f"sentence {sentence} of the batch ({quoted(batch.sentences[sentence])}) has a node with more "
        f"than {arity} children, which an encoder with arity={arity} has no weights for: "
        "group constituents (parsers.grouped), narrow dependencies (parsers.narrowed), or give a "
        "larger `arity`"
    )


@dataclass
class Children:
    """The children of a level's nodes, grouped by parent, siblings in order.

    Attributes:
        states: Their states, ``(children, hidden_dim)`` each.
        x: ``(children, per-child gates * hidden_dim)``: :math:`W x_j + b` of the gates that are per
            child, *j* being the child's parent.
        num_parents: The number of the level's nodes; each has at least one child.
        parent: ``(children,)``: the row of each child's parent within the level.
        place: ``(children,)``: each child's place among its siblings, from 0.
        nodes: ``(children,)``: the children's numbers in the batch.
        batch: The trees.
        notes: What was noted of each child, by kind.
    """

    states: States
    x: Tensor
    num_parents: int
    parent: Tensor
    place: Tensor
    nodes: Tensor
    batch: Batch
    notes: dict[str, Tensor] = field(default_factory=dict)

    @property
    def labels(self) -> Tensor:
        """``(children,)``: the number of each child's label, its relation to its parent."""
        return self.batch.node_labels.index_select(0, self.nodes)

    def note(self, kind: str, values: Tensor) -> None:
        """Note something of each child, ``(children, d)``; see :mod:`structnn.notes`."""
        self.notes[kind] = values

    def sum(self, values: Tensor) -> Tensor:
        """``(children, d)`` to ``(level, d)``: the sum over the children of each node."""
        if len(values) == self.num_parents:  # an only child each, as along a chain
            return values
        if values.is_cpu:
            # Less overhead; on a GPU the order of the sum would be left to chance.
            sums = values.new_zeros(self.num_parents, values.shape[1])
            return sums.index_add(0, self.parent, values)
        return segment_sum(values, self._ptr, self.parent)

    def spread(self, values: Tensor) -> Tensor:
        """``(level, d)`` to ``(children, d)``: to each child what its parent has."""
        return values.index_select(0, self.parent)

    def softmax(self, scores: Tensor) -> Tensor:
        """``(children, d)``: softmax over the children of each node."""
        return segment_softmax(scores, self._ptr, self.parent)

    def side_by_side(self, values: Tensor, arity: int) -> Tensor:
        """``(children, d)`` to ``(level, arity * d)``: in their places, zeros for missing children."""
        if len(values) < self.num_parents * arity:
            empty = values.new_zeros(self.num_parents * arity, values.shape[1])
            values = empty.index_copy(0, self.parent * arity + self.place, values)
        return values.view(self.num_parents, arity * values.shape[1])

    def one_by_one(self, values: Tensor, arity: int) -> Tensor:
        """``(level, arity * d)`` to ``(children, d)``: the inverse of :meth:`side_by_side`."""
        places = values.reshape(self.num_parents * arity, values.shape[1] // arity)
        if len(self.parent) < len(places):
            places = places.index_select(0, self.parent * arity + self.place)
        return places

    @property
    def _ptr(self) -> Tensor:
        """``(level + 1,)``: where the children of each node begin."""
        parents = torch.arange(self.num_parents + 1, device=self.parent.device)
        return torch.searchsorted(self.parent, parents)


@dataclass(frozen=True)
class Product:
    """A product of states with weights, as a :class:`StateLinear` computed it."""

    weight: Tensor
    states: Tensor
    result: Tensor


class StateLinear(nn.Linear):
    """The product of states with weights, *U h*, without a bias.

    As :class:`torch.nn.Linear`, which a cell may use as well; but a scan computes the gradient of
    these weights as one product for all levels together, where many small ones would take longer.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        products = _products.get()
        weight = self.weight
        # A weight that is made of others, as by pruning, hands its gradient on to them.
        if products is None or not weight.requires_grad or not weight.is_leaf:
            return F.linear(states, weight)
        # The weights get their gradient from the recorded product, and none from here.
        result = F.linear(states, weight.detach()).requires_grad_()
        products.append(Product(weight, states, result))
        return result


_products: ContextVar[list[Product] | None] = ContextVar("products", default=None)


@contextmanager
def recording(products: list[Product]) -> Iterator[None]:
    """Within this block gradients are recorded, and every :class:`StateLinear` lists its product."""
    token = _products.set(products)
    try:
        with torch.enable_grad():
            yield
    finally:
        _products.reset(token)
