from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from structnn import Batch, Sentence, Tree, build_encoder
from structnn.notes import noting
from structnn.ops.tree_scan import Cell, check_arity, reorder, scan_up
from tests.structnn.examples import batch_of, chain, random_tree


class Up(Cell):
    def __init__(self):
        super().__init__(3)
        self.layer = nn.Linear(3, 3, bias=False)

    def forward(self, x, children):
        if children is None:
            return x.tanh()
        weights = children.softmax(children.states)
        return (x + self.layer(children.sum(weights * children.states))).tanh()


def test_gradcheck():
    cell = Up().double()
    generator = random.Random(1)
    batch = batch_of([random_tree(generator, size) for size in (1, 6, 4)])
    x = torch.randn(11, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, *_: scan_up(batch, x, cell), [x, *cell.parameters()], fast_mode=False
    )


def test_only_what_needs_gradients_gets_them():
    cell = Up()
    batch = batch_of([chain(4), Tree([-1, 0, 0])])
    x = torch.randn(7, 3)
    with torch.no_grad():
        plain = scan_up(batch, x, cell)
    assert not plain.requires_grad
    found = scan_up(batch, x, cell)
    assert torch.equal(found, plain)
    found.sum().backward()
    assert all(parameter.grad is not None for parameter in cell.parameters())
    cell.requires_grad_(False)
    assert not scan_up(batch, x, cell).requires_grad
    x.requires_grad_()
    scan_up(batch, x, cell).sum().backward()
    assert x.grad.any()


def test_backward_twice():
    batch = batch_of([chain(4)])
    x = torch.randn(4, 3, requires_grad=True)
    total = scan_up(batch, x, Up()).sum()
    (first,) = torch.autograd.grad(total, x, retain_graph=True)
    (second,) = torch.autograd.grad(total, x)
    assert torch.equal(first, second)


def test_a_chain_of_two_thousand():
    batch = batch_of([chain(2000)])
    x = torch.randn(2000, 3, requires_grad=True)
    scan_up(batch, x, Up()).sum().backward()
    assert x.grad.isfinite().all()


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


@pytest.mark.parametrize("name", ["nary_tree_lstm", "relational_tree_lstm", "attentive_tree_lstm"])
def test_forget_gates_are_noted_for_every_child(name):
    tree = Tree([1, -1, 1, 2], labels=["det", "root", "obj", "amod"])
    sentences = [
        Sentence(list("abcd"), dependencies=tree),
        Sentence(["e"], dependencies=Tree([-1])),
    ]
    batch = Batch.from_sentences(sentences)
    encoder = build_encoder(name, 3, 5)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.zero_()
        encoder.words.linear.bias[15:20] = 1.0  # the forget gate's bias
        with noting() as notes:
            encoder(torch.randn(5, 3), batch)
    gates = notes.of("forget gates")
    assert gates.shape == (5, 5)
    children = torch.tensor([0, 2, 3])
    assert torch.allclose(gates[children], torch.tensor(1.0).sigmoid().expand(3, 5))
    assert not gates[[1, 4]].any()  # roots are nobody's children
