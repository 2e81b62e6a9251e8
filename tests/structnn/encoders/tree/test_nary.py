"""What is particular to the N-ary Tree-LSTM; its equations are in test_every_tree_encoder.py."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from structnn import Tree, build_encoder
from structnn.fused.build import SWITCH
from structnn.notes import noting
from tests.structnn.examples import assert_close, batch_of, chain

INPUT, HIDDEN = 3, 4


def encoder_of(arity):
    encoder = build_encoder("nary_tree_lstm", INPUT, HIDDEN, arity=arity).double()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.5)  # no bias that happens to be zero
    return encoder


@pytest.mark.parametrize("switch", ["0", "1"])
def test_a_child_in_the_second_place_alone(monkeypatch, switch):
    """It meets the weights of that place, as an only child does those of an encoder of arity one."""
    monkeypatch.setenv(SWITCH, switch)
    two, one = encoder_of(2), encoder_of(1)
    weight = two.cell.child_gates.weight.data
    one.words.load_state_dict(two.words.state_dict())
    one.cell.child_gates.weight.data = torch.cat(
        [weight[: 3 * HIDDEN, HIDDEN:], weight[4 * HIDDEN :, HIDDEN:]]
    )
    first, second = batch_of([chain(5), chain(2)]), batch_of([chain(5), chain(2)])
    schedule = second.schedule
    vars(second)["schedule"] = replace(schedule, sibling=torch.ones_like(schedule.sibling))
    x = torch.randn(7, INPUT, dtype=torch.float64, requires_grad=True)
    found, expected = two.encode(x, second), one.encode(x, first)
    assert_close(found, expected)
    direction = torch.randn(found.shape, dtype=found.dtype)
    gradients, wanted = (
        torch.autograd.grad((h * direction).sum(), [x, *encoder.parameters()])
        for h, encoder in ((found, two), (expected, one))
    )
    for gradient, other in zip(gradients[:-1], wanted[:-1], strict=True):
        assert_close(gradient, other)
    of_second = gradients[-1][:, HIDDEN:]
    assert_close(torch.cat([of_second[: 3 * HIDDEN], of_second[4 * HIDDEN :]]), wanted[-1])


@pytest.mark.parametrize("switch", ["0", "1"])
def test_forget_gates_are_noted(monkeypatch, switch):
    monkeypatch.setenv(SWITCH, switch)
    encoder, batch = encoder_of(2), batch_of([Tree([2, 2, -1]), Tree([-1])])
    x = torch.randn(4, INPUT, dtype=torch.float64)
    with noting() as notes:
        h = encoder(x, batch).nodes
    w_f, b_f = encoder.words.weight.chunk(4)[3], encoder.words.bias.chunk(4)[3]
    u_f = encoder.cell.child_gates.weight[3 * HIDDEN :]
    sums = u_f @ h[:2].flatten() + (w_f @ x[2] + b_f).repeat(2)
    expected = torch.cat([sums.sigmoid().view(2, HIDDEN), x.new_zeros(2, HIDDEN)])
    assert_close(notes.of("forget gates"), expected)
