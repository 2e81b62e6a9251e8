"""AdamW on some rows of a table in C++: what ``adamw.cpp`` computes."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import c_double, c_int64, c_void_p

import torch
from torch import Tensor

from structnn.fused.build import load

__all__ = ["FusedRows"]

_STATE = "weights first second paid seen faded owed"


class _Table(ctypes.Structure):
    """``struct Table`` of the source."""

    _fields_ = (
        *((name, c_int64) for name in "words width rows now".split()),
        *((name, c_void_p) for name in (*_STATE.split(), "row", "grad")),
        *((name, c_double) for name in "beta_1 beta_2 rate kept eps".split()),
    )


class FusedRows:
    """The rows of a table, which AdamW updates when they are used.

    PyTorch reads and writes the rows of a batch some twenty times for a step; here it is once before
    the step, and once in it.

    Args:
        library: The operator ``adamw``.
        state: ``(words, d)`` each: the table, the mean of its gradients, and that of their squares; and
            of each row, ``(words,)``: the step that it is at, the step that its moments are at, what is
            left of the quotient of its moments, and how often that is owed.
    """

    def __init__(self, library: ctypes.CDLL, state: Sequence[Tensor]) -> None:
        self._library = library
        self._state = state

    @classmethod
    def of(cls, *state: Tensor) -> FusedRows | None:
        """The rows of a table; None where the operator can't update them: see :func:`load`."""
        if not all(tensor.is_cpu and tensor.is_contiguous() for tensor in state):
            return None
        library = load("adamw", state[0].dtype)
        return None if library is None else cls(library, state)

    def catch_up(self, rows: Tensor, *, now: int, kept: float, eps: float) -> None:
        """Pay what rows owe.

        Args:
            rows: ``(n,)``, in any order, any of them repeated.
            now: The step that they are brought to.
            kept: What is left of a weight after the decay of a step.
            eps: Keeps the quotient finite.

        Raises:
            IndexError: One of them is not in the table.
        """
        rows = rows.contiguous()
        given = self._given(rows, now, kept=kept, eps=eps)
        if not self._library.catch_up(ctypes.byref(given)):
            raise IndexError(f"a row is not in the table, which has {len(self._state[0])}")

    def step(
        self,
        rows: Tensor,
        grad: Tensor,
        *,
        now: int,
        betas: tuple[float, float],
        rate: float,
        kept: float,
        eps: float,
    ) -> None:
        """Update rows that have a gradient, after :meth:`catch_up`.

        Args:
            rows: ``(n,)``, none of them repeated.
            grad: ``(n, d)``.
            now: The number of this step.
            betas: How much of the moments is left after a step.
            rate: The learning rate, corrected for the bias of the moments.
            kept: What is left of a weight after its decay.
            eps: Keeps the quotient finite; corrected likewise.
        """
        rows, grad = rows.contiguous(), grad.contiguous()
        given = self._given(
            rows,
            now,
            grad=grad.data_ptr(),
            beta_1=betas[0],
            beta_2=betas[1],
            rate=rate,
            kept=kept,
            eps=eps,
        )
        self._library.step(ctypes.byref(given))

    def _given(self, rows: Tensor, now: int, **others: float) -> _Table:
        assert rows.dtype == torch.int64
        words, width = self._state[0].shape
        state = {
            name: tensor.data_ptr()
            for name, tensor in zip(_STATE.split(), self._state, strict=True)
        }
        own = {"words": words, "width": width, "rows": len(rows), "now": now}
        return _Table(**own, row=rows.data_ptr(), **state, **others)
