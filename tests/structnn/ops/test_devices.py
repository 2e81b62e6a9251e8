"""How tensors are copied between devices, on a machine that may have no other one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from structnn import Batch
from structnn.ops.devices import sent
from tests.structnn.examples import random_sentences


class Noted(Tensor):
    """Notes how it would be copied, and stays as it is."""

    copies: list[tuple[str, bool]]

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func not in (Tensor.to, Tensor.pin_memory):
            return super().__torch_function__(func, types, args, kwargs)
        args[0].copies.append((func.__name__, (kwargs or {}).get("non_blocking", False)))
        return args[0]


def noted() -> Noted:
    tensor = torch.zeros(3).as_subclass(Noted)
    tensor.copies = []
    return tensor


def test_a_gpu_is_sent_page_locked_memory_without_waiting():
    tensor = noted()
    sent(tensor, torch.device("cuda"))
    assert tensor.copies == [("pin_memory", False), ("to", True)]


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_other_copies_are_waited_for(device):
    """A tensor that comes back from a GPU could be read before it is there."""
    tensor = noted()
    sent(tensor, torch.device(device))
    assert tensor.copies == [("to", False)]


def test_what_is_there_is_not_copied():
    tensor = torch.zeros(3)
    assert sent(tensor, torch.device("cpu")) is tensor


def test_a_batch_comes_back_whole():
    """Each of its tensors is waited for."""
    batch = Batch.from_sentences(random_sentences(0, (3, 2))).to("meta")
    tensor = noted()
    batch.token_ids = tensor
    # The others have no values to come back with.
    batch.__dict__ |= {name: None for name, v in vars(batch).items() if type(v) is Tensor}
    batch.to("cpu")
    assert tensor.copies == [("to", False)]
