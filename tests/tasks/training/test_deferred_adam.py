from __future__ import annotations

import pytest
import torch
from torch import nn

from structnn.fused.build import SWITCH, load
from tasks.training.deferred_adam import DeferredAdamW

WORDS, DIM = 40, 3
SETTINGS = {"lr": 0.01, "weight_decay": 0.1}


@pytest.fixture(autouse=True, params=["operator", "PyTorch"])
def computed_by(request, monkeypatch):
    """Each test twice: with the operator in C++, where there is a compiler, and without."""
    if request.param == "PyTorch":
        monkeypatch.setenv(SWITCH, "0")
    elif load("adamw") is None:
        pytest.skip("needs a C++ compiler and AVX2")
    return request.param


def tables(dtype=torch.float64):
    """The same table twice, with dense and with sparse gradients."""
    torch.manual_seed(0)
    dense = nn.Embedding(WORDS, DIM, dtype=dtype)
    sparse = nn.Embedding(WORDS, DIM, dtype=dtype, sparse=True)
    sparse.load_state_dict(dense.state_dict())
    return dense, sparse


def use(table, ids, target, optimizer):
    optimizer.zero_grad()
    (table(ids).tanh() * target).sum().backward()
    optimizer.step()


def draw(steps):
    """Frequent and rare words; the last ones are never used."""
    chance = 1 / torch.arange(1.0, WORDS - 4) ** 2
    return [
        (torch.multinomial(chance, 6, replacement=True), torch.randn(6, DIM, dtype=torch.float64))
        for _ in range(steps)
    ]


def test_what_a_batch_reads_and_the_settled_table_are_those_of_adamw():
    dense, sparse = tables()
    reference = torch.optim.AdamW(dense.parameters(), eps=1e-16, **SETTINGS)
    deferred = DeferredAdamW(sparse.weight, eps=1e-16, **SETTINGS)
    for ids, target in draw(200):
        deferred.catch_up(ids)
        torch.testing.assert_close(sparse(ids), dense(ids), rtol=0, atol=1e-12)
        use(dense, ids, target, reference)
        use(sparse, ids, target, deferred)
    assert not torch.allclose(sparse.weight, dense.weight, atol=1e-5)  # some rows wait
    deferred.settle()
    torch.testing.assert_close(sparse.weight, dense.weight, rtol=0, atol=1e-12)
    expected = reference.state[dense.weight]
    for name, value in deferred.state_dict()["state"][0].items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-12, check_dtype=False)


def test_rows_that_no_batch_announced_are_right_after_their_step():
    dense, sparse = tables()
    reference = torch.optim.AdamW(dense.parameters(), eps=1e-16, **SETTINGS)
    deferred = DeferredAdamW(sparse.weight, eps=1e-16, **SETTINGS)
    for ids, target in draw(30):  # gradients that don't depend on the weights
        for table, optimizer in ((dense, reference), (sparse, deferred)):
            optimizer.zero_grad()
            (table(ids) * target).sum().backward()
            optimizer.step()
        torch.testing.assert_close(sparse(ids), dense(ids), rtol=0, atol=1e-12)


def test_goes_on_from_its_state_to_the_same_bits():
    batches = draw(40)
    found = []
    for broken_off in (False, True):
        _, table = tables()
        optimizer = DeferredAdamW(table.weight, **SETTINGS)
        for number, (ids, target) in enumerate(batches):
            if number == 20:
                optimizer.settle()
                if broken_off:
                    state = optimizer.state_dict()
                    optimizer = DeferredAdamW(table.weight, **SETTINGS)
                    optimizer.load_state_dict(state)
            optimizer.catch_up(ids)
            use(table, ids, target, optimizer)
        optimizer.settle()
        found.append(table.weight.detach())
    assert torch.equal(*found)


def test_settling_twice_changes_nothing():
    _, table = tables()
    optimizer = DeferredAdamW(table.weight, **SETTINGS)
    for ids, target in draw(5):
        use(table, ids, target, optimizer)
    optimizer.settle()
    settled = table.weight.detach().clone()
    optimizer.settle()
    assert torch.equal(table.weight, settled)


def test_operator_and_pytorch_agree_in_single_precision(computed_by, monkeypatch):
    if computed_by == "PyTorch":
        pytest.skip("one comparison is enough")
    batches, found = draw(200), []
    for _ in range(2):
        _, table = tables(torch.float32)
        optimizer = DeferredAdamW(table.weight, **SETTINGS)
        for ids, target in batches:
            optimizer.catch_up(ids)
            use(table, ids, target.float(), optimizer)
        optimizer.settle()
        found.append(table.weight.detach())
        monkeypatch.setenv(SWITCH, "0")
    torch.testing.assert_close(*found, rtol=0, atol=1e-5)


def test_a_row_that_is_not_in_the_table_is_an_error():
    _, table = tables()
    optimizer = DeferredAdamW(table.weight, **SETTINGS)
    use(table, torch.tensor([1]), torch.ones(1, DIM), optimizer)
    before = table.weight.detach().clone()
    for beyond in (WORDS, -WORDS - 1):
        with pytest.raises(IndexError, match=r"not in the table|out of (bounds|range)"):
            optimizer.catch_up(torch.tensor([3, beyond]))
    assert torch.equal(table.weight, before)
