"""AdamW for a table of word vectors, of which a batch uses a few rows."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from structnn.fused.adamw import FusedRows

__all__ = ["DeferredAdamW"]


class DeferredAdamW(torch.optim.Optimizer):
    r"""AdamW (Loshchilov and Hutter 2019), where a row waits for its updates until it is used.

    AdamW moves every row at every step: a row without a gradient still decays, and still moves by
    what its moments remember. That is a pass over a whole table of words for the few hundred of a
    batch. But nothing new happens to a row that waits: step *s*, which is its *j*-th without a
    gradient, is

    .. math::
        w \leftarrow (1 - \eta \lambda) w
            - \eta \frac{\sqrt{1 - \beta_2^s}}{1 - \beta_1^s}
              \left(\frac{\beta_1}{\sqrt{\beta_2}}\right)^{j} \frac{m}{\sqrt{v} + \epsilon}

    with the moments *m*, *v* of its last gradient. So all that it owes is one number times the last
    quotient, and :meth:`catch_up` pays it at once. The weights are those of AdamW to rounding, if
    :math:`\epsilon` is small beside :math:`\sqrt{v}`. (Leaving such updates out, as "lazy" Adam does,
    would be a little faster, but moves a rare word a tenth as far for the same gradient.)

    Call :meth:`catch_up` with the rows that a batch reads before it reads them, and :meth:`settle`
    before anybody else reads the table or takes :meth:`state_dict`, which is then AdamW's.

    Args:
        table: ``(words, d)``; its gradients are sparse, as ``nn.Embedding(sparse=True)`` gives them.
        lr: The learning rate.
        betas: How much of the moments is left after a step.
        eps: Keeps the quotient finite.
        weight_decay: As in AdamW.
    """

    def __init__(
        self,
        table: nn.Parameter,
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(
            [table], {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        )
        self.state[table] = {
            "step": torch.zeros(()),
            "exp_avg": torch.zeros_like(table),
            "exp_avg_sq": torch.zeros_like(table),
        }
        self._start()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave."""
        super().load_state_dict(state_dict)
        self._start()

    def _start(self) -> None:
        """No row owes anything, and all moments are up to date."""
        (self.table,) = self.param_groups[0]["params"]
        state = self.state[self.table]
        self._now = int(state["step"])
        self._first, self._second = state["exp_avg"], state["exp_avg_sq"]
        words = len(self.table)
        self._paid = torch.full((words,), self._now)  # the step that each row is at
        self._seen = torch.full((words,), self._now)  # the step that its moments are at
        self._faded = self._first.new_ones(words)  # (beta_1 / sqrt(beta_2)) ** (now - seen)
        self._owed = self._first.new_zeros(words)  # times the quotient of its moments
        self._fused = FusedRows.of(
            *(self.table, self._first, self._second),
            *(self._paid, self._seen, self._faded, self._owed),
        )

    @torch.no_grad()
    def catch_up(self, rows: Tensor) -> None:
        """Bring these rows to where AdamW would have them now.

        Args:
            rows: ``(n,)``, in any order, any of them repeated.
        """
        group = self.param_groups[0]
        kept = 1 - group["lr"] * group["weight_decay"]
        if self._fused is not None:
            self._fused.catch_up(rows, now=self._now, kept=kept, eps=group["eps"])
            return
        rows = rows[self._paid[rows] < self._now].unique()
        if len(rows) == 0:
            return
        quotient = self._first.index_select(0, rows)  # (rows, d)
        quotient.div_(self._second.index_select(0, rows).sqrt_().add_(group["eps"]))
        waited = (self._now - self._paid[rows]).to(quotient.dtype)
        weights = self.table.index_select(0, rows).mul_((kept**waited)[:, None])
        self.table.index_copy_(
            0, rows, weights.addcmul_(quotient, self._owed[rows, None], value=-1)
        )
        self._paid[rows] = self._now
        self._owed[rows] = 0

    @torch.no_grad()
    def settle(self) -> None:
        """Bring all rows, and their moments, to where AdamW would have them now."""
        self.catch_up(torch.arange(len(self.table)))
        beta_1, beta_2 = self.param_groups[0]["betas"]
        waited = (self._now - self._seen).to(self._first.dtype)[:, None]  # (words, 1)
        self._first.mul_(beta_1**waited)
        self._second.mul_(beta_2**waited)
        self.state[self.table]["step"].fill_(self._now)
        self._start()

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update the rows that have a gradient."""
        if self.table.grad is None:
            return
        grad = self.table.grad.coalesce()
        rows, values = grad.indices()[0], grad.values()
        self.catch_up(rows)
        self._now += 1
        group = self.param_groups[0]
        beta_1, beta_2 = group["betas"]
        unbiased = math.sqrt(1 - beta_2**self._now)
        rate = group["lr"] * unbiased / (1 - beta_1**self._now)
        kept = 1 - group["lr"] * group["weight_decay"]
        self._faded.mul_(beta_1 / math.sqrt(beta_2))
        self._owed.mul_(kept).add_(self._faded, alpha=rate)
        if self._fused is not None:
            self._fused.step(
                rows,
                values,
                now=self._now,
                betas=(beta_1, beta_2),
                rate=rate,
                kept=kept,
                eps=group["eps"] * unbiased,
            )
            return

        waited = (self._now - self._seen[rows]).to(values.dtype)[:, None]  # (rows, 1)
        first = self._first.index_select(0, rows).mul_(beta_1**waited)
        first.add_(values, alpha=1 - beta_1)
        second = self._second.index_select(0, rows).mul_(beta_2**waited)
        second.addcmul_(values, values, value=1 - beta_2)
        self._first.index_copy_(0, rows, first)
        self._second.index_copy_(0, rows, second)
        weights = self.table.index_select(0, rows).mul_(kept)
        weights.addcdiv_(first, second.sqrt_().add_(group["eps"] * unbiased), value=-rate)
        self.table.index_copy_(0, rows, weights)
        self._paid[rows] = self._seen[rows] = self._now
        self._faded[rows] = 1
        self._owed[rows] = 0
