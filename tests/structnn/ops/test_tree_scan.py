from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from structnn import ENCODERS, Batch, Sentence, Tree, build_encoder
from structnn.encoders.tree.base import TreeEncoder
from structnn.notes import noting
from structnn.ops.cells import Cell, StateLinear, check_arity
from structnn.ops.tree_scan import Inputs, reorder, scan_down, scan_up
from tests.structnn.examples import assert_close, batch_of, chain, random_tree

WIDTH = 3


class Up(Cell):
    """A cell that uses all that there is: weights in products and otherwise, and twice."""

    per_child = ("g",)
    gates = ("h", "g")
    states = ("h", "c")

    def __init__(self, kind=StateLinear):
        super().__init__(WIDTH)
        self.product = kind(WIDTH, WIDTH)
        self.layer = nn.Linear(WIDTH, WIDTH)
        self.scale = nn.Parameter(torch.randn(WIDTH))

    def forward(self, x, children):
        c = x * self.scale
        if children is not None:
            h, below = children.states
            weights = children.softmax(children.x + self.product(h))
            x = x + self.layer(children.sum(weights * h)) + self.product(children.sum(below))
            x = x * self.product.weight.sum()
            c = c + children.sum(children.spread(x) * below)
        return (x + c).tanh(), c.tanh()


class Down(Cell):
    states = ("h", "c")

    def __init__(self, kind=StateLinear):
        super().__init__(WIDTH)
        self.product = kind(WIDTH, 2 * WIDTH)
        self.scale = nn.Parameter(torch.randn(WIDTH))

    def message(self, h, c):
        return self.product(h), c

    def forward(self, x, parent):
        sums, c = parent
        one, other = sums.chunk(2, dim=1)
        c = self.scale * c + one.tanh()
        return (x + other + c).tanh(), c


class Handed(Cell):
    """States are handed down as they are."""

    def __init__(self, kind=StateLinear):
        super().__init__(WIDTH)
        self.product = kind(WIDTH, WIDTH)

    def forward(self, x, parent):
        return ((x + self.product(*parent)).tanh(),)


def plain_linear(in_features, out_features):
    """It has the same weights as a StateLinear, and its gradient is computed level by level."""
    return nn.Linear(in_features, out_features, bias=False)


def forest(dtype=torch.float64):
    generator = random.Random(1)
    batch = batch_of([random_tree(generator, size) for size in (1, 6, 4, 12)])
    x, child_x = torch.randn(23, WIDTH, dtype=dtype), torch.randn(19, WIDTH, dtype=dtype)
    return batch, x.requires_grad_(), child_x.requires_grad_()


def scan(cell, batch, x, child_x):
    if isinstance(cell, Down | Handed):
        return scan_down(cell, x, batch)
    return scan_up(cell, Inputs(x, child_x), batch)


either_way = pytest.mark.parametrize("kind", [Up, Down, Handed])


@pytest.mark.slow
@either_way
def test_gradcheck(kind):
    cell = kind().double()
    batch, x, child_x = forest()
    assert torch.autograd.gradcheck(
        lambda x, child_x, *_: scan(cell, batch, x, child_x), [x, child_x, *cell.parameters()]
    )


@either_way
def test_products_of_all_levels_give_the_gradient_of_each(kind):
    ours, plain = kind().double(), kind(plain_linear).double()
    plain.load_state_dict(ours.state_dict())
    batch, x, child_x = forest()
    gradients = [
        torch.autograd.grad(
            scan(cell, batch, x, child_x).square().sum(),
            [x, child_x, *cell.parameters()],
            allow_unused=True,
        )
        for cell in (ours, plain)
    ]
    for found, expected in zip(*gradients, strict=True):
        assert (found is None) == (expected is None)
        if found is not None:
            assert_close(found, expected)


@either_way
def test_only_what_needs_gradients_gets_them(kind):
    cell = kind().double()
    batch, x, child_x = forest()
    x, child_x = x.detach(), child_x.detach()
    with torch.no_grad():
        plain = scan(cell, batch, x, child_x)
    assert not plain.requires_grad
    found = scan(cell, batch, x, child_x)
    assert torch.equal(found, plain)
    found.sum().backward()
    assert all(parameter.grad is not None for parameter in cell.parameters())
    cell.requires_grad_(False)
    assert not scan(cell, batch, x, child_x).requires_grad
    x.requires_grad_()
    scan(cell, batch, x, child_x).sum().backward()
    assert x.grad.any()


@either_way
def test_backward_twice(kind):
    cell = kind().double()
    batch, x, child_x = forest()
    sources = [x, *cell.parameters()]
    total = scan(cell, batch, x, child_x).sum()
    first = torch.autograd.grad(total, sources, retain_graph=True)
    assert all(map(torch.equal, torch.autograd.grad(total, sources), first))


@pytest.mark.slow
@either_way
def test_a_chain_of_two_thousand(kind):
    batch = batch_of([chain(2000)])
    x, child_x = torch.randn(2000, WIDTH, requires_grad=True), torch.randn(1999, WIDTH)
    scan(kind(), batch, x, child_x).sum().backward()
    assert x.grad.isfinite().all()


def test_downwards_nodes_read_their_parents_and_upwards_their_children():
    batch = batch_of([Tree([-1, 0, 0, 1])])
    x, child_x = torch.randn(4, WIDTH), torch.randn(3, WIDTH)

    def reached(kind):
        """By word: the nodes whose states change with it."""
        cell, changes = kind(), []
        for node in range(4):
            other = x.clone()
            place = int(batch.schedule.rank[node]) if kind is Up else node
            other[place] += 1
            differs = scan(cell, batch, other, child_x) != scan(cell, batch, x, child_x)
            changes.append(differs.any(dim=1).nonzero().flatten().tolist())
        return changes

    assert reached(Up) == [[0], [0, 1], [0, 2], [0, 1, 3]]
    assert reached(Down) == reached(Handed) == [[0, 1, 2, 3], [1, 3], [2], [3]]


def test_reorder():
    order = torch.randperm(6)
    x = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    assert torch.equal(reorder(x, order, order.argsort()), x[order])
    assert torch.autograd.gradgradcheck(lambda x: reorder(x, order, order.argsort()).square(), x)


def test_arity():
    batch = batch_of([Tree([-1]), Tree([-1, 0, 0])])
    check_arity(batch, 2)
    with pytest.raises(ValueError, match=r"sentence 1 of the batch \('w0 w1 w2'\)"):
        check_arity(batch, 1)
    check_arity(batch_of([Tree([-1])]), 1)


NOTING = {
    "child_sum_tree_lstm": ["forget gates"],
    "nary_tree_lstm": ["forget gates"],
    "relational_tree_lstm": ["forget gates"],
    "bidirectional_tree_lstm": ["forget gates"],
    "attentive_tree_lstm": ["forget gates", "attention over children"],
}


@pytest.mark.parametrize("name", NOTING)
def test_what_is_noted_of_every_child(name):
    tree = Tree([1, -1, 1, 2], labels=["det", "root", "obj", "amod"])
    sentences = [
        Sentence(list("abcd"), dependencies=tree),
        Sentence(["e"], dependencies=Tree([-1])),
    ]
    encoder = build_encoder(name, 3, 5)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
        encoder.words.bias[15:20] = 1.0  # the forget gate's bias
        with noting() as notes:
            encoder(torch.randn(5, 3), Batch.from_sentences(sentences))
        with noting() as of_words_alone:
            encoder(torch.randn(1, 3), Batch.from_sentences(sentences[1:]))
    kinds = [made.kind for made in notes if made.kind in NOTING[name]]
    assert kinds == NOTING[name]
    children, roots = torch.tensor([0, 2, 3]), torch.tensor([1, 4])
    gates = notes.of("forget gates")
    assert torch.allclose(gates[children], torch.tensor(1.0).sigmoid().expand(3, 5))
    for kind in NOTING[name]:
        assert not notes.of(kind)[roots].any()  # roots are nobody's children
        assert notes.of(kind).shape == (5, of_words_alone.of(kind).shape[1])
        assert not of_words_alone.of(kind).any()


def test_names_of_weights_are_one_vocabulary():
    """The words' projection is ``words``, the equations' weights are those of ``cell``."""
    for name in ENCODERS:
        encoder = build_encoder(name, 3, 4)
        if isinstance(encoder, TreeEncoder):
            names = [weight for weight, _ in encoder.named_parameters()]
            assert names[:2] == ["words.weight", "words.bias"]
            parts = {weight.partition(".")[0] for weight in names}
            assert parts <= {"words", "cell", "down_words", "down_states", "down_cell"}
