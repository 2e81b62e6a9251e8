"""The processes that train one model together; as a rule there is one alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from typing import TypeVar

import numpy as np
import torch
import torch.distributed
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["Processes"]

T = TypeVar("T")
Items = TypeVar("Items", NDArray[np.int64], range)

_SPARSE = 1  # of what sum_gradients tells the other processes of a gradient
_PATIENCE = timedelta(days=7)  # while the main process parses, the others wait


class Processes:
    """The processes that a launcher started, such as ``accelerate launch``; without one, this alone.

    All of them have all of the data. They share out each batch, so that the model, the same in all, is
    that of one process to rounding. Where there is one alone, each method gives back what it is given.

    Args:
        cpu: Whether they train on the CPU, even where there is a GPU.

    Attributes:
        cpu: Whether they do, of choice or since there is nothing else.
        count: How many there are.
        index: Which this is, from 0.
        is_main: Whether this is the one that prints and writes.
    """

    def __init__(self, *, cpu: bool) -> None:
        # Without being told, accelerate takes several processes on the CPU for one each.
        self.cpu = cpu or not torch.accelerator.is_available()
        self._state = PartialState(cpu=self.cpu, timeout=_PATIENCE)
        self.count: int = self._state.num_processes
        self.index: int = self._state.process_index
        self.is_main: bool = self._state.is_main_process

    def share(self, items: Items) -> Items:
        """What of a batch, or of a list of batches, is for this process; there may be nothing."""
        return items[self.index :: self.count]

    def sum(self, value: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.count == 1:
            return value
        total = value.to(self._state.device, copy=True)
        torch.distributed.all_reduce(total)
        return total.to(value.device)

    def sum_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Give each parameter the sum of its gradients, or none if it has none in any process.

        DistributedDataParallel would take the mean, whatever the number of answers in a process, and
        would wait for ever where a process has no sentence, or reads no parameter that another does.
        """
        if self.count == 1:
            return
        given = torch.tensor([self._kind(parameter.grad) for parameter in parameters])
        dense = []
        for parameter, kinds in zip(parameters, self.sum(given).tolist(), strict=True):
            if not any(kinds):
                continue
            if kinds[_SPARSE]:
                self._sum_rows(parameter)
                continue
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            dense.append(parameter.grad)
        if dense:
            total = self.sum(torch.cat([grad.flatten() for grad in dense]))
            parts = total.split([grad.numel() for grad in dense])
            torch._foreach_copy_(
                dense, [part.view_as(grad) for part, grad in zip(parts, dense, strict=True)]
            )

    def _kind(self, grad: Tensor | None) -> tuple[int, int]:
        """Whether there is a dense gradient, and whether a sparse one."""
        if grad is None:
            return 0, 0
        return int(not grad.is_sparse), int(grad.is_sparse)

    def _sum_rows(self, parameter: Tensor) -> None:
        """Give a parameter the sum of its sparse gradients: as a dense tensor of the rows in use."""
        rows = parameter.new_zeros(0, dtype=torch.long)
        if parameter.grad is not None:
            own = parameter.grad.coalesce()
            rows = own.indices()[0]
        used = torch.zeros(len(parameter), dtype=torch.long, device=parameter.device)
        used[rows] = 1
        every = self.sum(used).nonzero()[:, 0]
        values = parameter.new_zeros(len(every), *parameter.shape[1:])
        if parameter.grad is not None:
            values[torch.searchsorted(every, rows)] = own.values()
        parameter.grad = torch.sparse_coo_tensor(
            every[None],
            self.sum(values),
            parameter.shape,
            is_coalesced=True,
            check_invariants=False,
        )

    def of_main(self, value: T) -> T:
        """What the main process has, where clocks or devices differ."""
        if self.count == 1:
            return value
        found: list[T] = broadcast_object_list([value])
        return found[0]

    def gathered(self, values: dict[int, T]) -> dict[int, T]:
        """The entries of all processes together."""
        if self.count == 1:
            return values
        return dict(chain.from_iterable(part.items() for part in gather_object([values])))

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The main process does something first, and the others then find what it has kept."""
        with self._state.main_process_first():
            yield

    def wait(self) -> None:
        """Wait until all processes are here."""
        self._state.wait_for_everyone()

    def draw_apart(self, seed: int, epoch: int) -> None:
        """Let random numbers of torch, such as those of dropout, differ from process to process.

        Those of the main process go on as they are, and are in the checkpoint; the others begin anew
        with each epoch, so that an epoch is the same whether training was interrupted or not.
        """
        if not self.is_main:
            (own,) = np.random.SeedSequence([seed, epoch, self.index]).generate_state(1)
            torch.manual_seed(int(own))
