"""A training loop for Stanza's trainers: linear decay to a budget, averaged weights, checkpoints.

Stanza's own loops stop on a plateau of the dev score.  With a fixed budget it is better to let the
learning rate fall in a line to zero at the end of it, and to keep an exponential moving average of
the weights, which is as good as a much longer run's last weights and needs no dev scores to pick
a step.  The updates themselves are the trainers' ``update``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Budget:
    """When a run ends: after so many steps or so many minutes, whichever comes first.

    A run bounded by steps alone can be repeated exactly; minutes are for a machine of unknown speed.
    """

    steps: int
    minutes: float | None = None

    def progress(self, step: int, seconds: float) -> float:
        """How much of the budget is used, 0 to 1."""
        used = step / max(self.steps, 1)
        if self.minutes is not None:
            used = max(used, seconds / max(self.minutes * 60, 1e-9))
        return min(used, 1.0)


class CheapDropout(nn.Module):
    """Dropout whose mask takes one random byte an element.

    PyTorch's takes a whole random number, which is a sixth of a training step on a CPU.  The rate
    is rounded to 1/256.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.threshold = round(rate * 256)

    def forward(self, x: Tensor) -> Tensor:
        """Zero a part of the entries and scale the rest so that the mean stays."""
        if not self.training or self.threshold == 0:
            return x
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64)
        words.random_(torch.iinfo(torch.int64).min, None)  # all 64 bits: eight masks a number
        keep = words.view(torch.uint8)[: x.numel()].view(x.shape) >= self.threshold
        return x * keep.to(x.device, x.dtype).mul_(256 / (256 - self.threshold))


def _word_vectors(
    self: Any,
    chars: Tensor,
    chars_mask: Tensor,
    word_orig_idx: list[int],
    sentlens: list[int],
    wordlens: list[int],
) -> PackedSequence:
    """``CharacterModel.forward`` with the weighted sum over characters taken on the packed rows.

    Stanza pads the states of all words to the longest one; where that is a web address, the
    padding costs more than the LSTM.
    """
    packed = pack_padded_sequence(self.dropout(self.char_emb(chars)), wordlens, batch_first=True)
    layers, words = self.num_dir * self.args["char_num_layers"], chars.size(0)
    start = (
        self.charlstm_h_init.expand(layers, words, -1).contiguous(),
        self.charlstm_c_init.expand(layers, words, -1).contiguous(),
    )
    states = self.charlstm(packed, wordlens, hx=start)[0]  # rows: first characters, second, ...
    weights = torch.sigmoid(self.char_attn(self.dropout(states.data)))
    owner = torch.cat([torch.arange(count) for count in states.batch_sizes.tolist()])
    sums = states.data.new_zeros(words, states.data.size(1))
    sums = sums.index_add(0, owner.to(chars.device), states.data * weights)
    original = torch.empty_like(sums)
    original[torch.as_tensor(word_orig_idx, device=chars.device)] = sums
    return pack_sequence(original.split(sentlens))


def make_cheaper(module: nn.Module) -> None:
    """Replace the modules below ``module`` that are slow on a CPU by equivalent ones."""
    from stanza.models.common.char_model import CharacterModel

    for name, child in module.named_children():
        if isinstance(child, nn.Dropout):
            setattr(module, name, CheapDropout(child.p).train(child.training))
            continue
        if type(child) is CharacterModel and child.attn and not child.pad:
            child.forward = MethodType(_word_vectors, child)
        make_cheaper(child)


class WeightAverage:
    """Exponential moving average of the trainable weights of a module.

    The decay grows with the number of updates, ``min(decay, (1 + t) / (10 + t))``, so that the
    random start is forgotten.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.averages = [p.detach().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Take the present weights into the average."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self.averages, [p.detach() for p in self.parameters], 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange weights and averages; a second call undoes the first."""
        for parameter, average in zip(self.parameters, self.averages, strict=True):
            kept = parameter.detach().clone()
            parameter.copy_(average)
            average.copy_(kept)


def fit(
    trainer: Any,
    batches: Iterator[Any],
    *,
    budget: Budget,
    learning_rate: float,
    output: Path,
    average: float = 0.999,
    warmup: int = 50,
    evaluate: Callable[[], float] | None = None,
    evaluate_every: float = 600.0,
    save_every: float = 120.0,
) -> dict[str, float]:
    """Train until the budget is used, and save the model with the averaged weights.

    A checkpoint (weights, averages, optimizer, step, seconds) is written every ``save_every``
    seconds beside the model's file; a run that finds one continues from it.

    Args:
        trainer: a Stanza trainer with ``model``, ``update(batch)`` and its optimizer.
        batches: endless iterator of training batches.
        budget: when to stop.
        learning_rate: the rate after ``warmup`` steps; falls to zero in a line.
        output: file of the model, written as Stanza does it; the checkpoint's ends in ``.checkpoint``.
        average: decay of the weight average; 0 keeps the last weights.
        warmup: steps in which the rate rises from zero.
        evaluate: called with the averaged weights in place now and then; its score is logged only,
            nothing is selected by it.
        evaluate_every: seconds between dev scores.
        save_every: seconds between checkpoints.

    Returns:
        ``steps`` and ``seconds`` used, and ``dev``, the last dev score (NaN without ``evaluate``).
    """
    torch.set_flush_denormal(True)
    name, checkpoint = output.stem, output.with_suffix(".checkpoint")
    model = trainer.model
    make_cheaper(model)
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(weights, lr=learning_rate, betas=(0.9, 0.95), eps=1e-6, fused=True)
    # the trainers differ in the name of the dictionary that `update` steps through
    setattr(
        trainer, "optimizers" if hasattr(trainer, "optimizers") else "optimizer", {"": optimizer}
    )
    ema = WeightAverage(model, average) if average else None

    step, seconds = 0, 0.0
    if checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        step, seconds = state["step"], state["seconds"]
        model.load_state_dict(state["model"], strict=False)
        optimizer.load_state_dict(state["optimizer"])
        if ema is not None:
            ema.updates = state["updates"]
            for average_weight, saved in zip(ema.averages, state["averages"], strict=True):
                average_weight.copy_(saved)
        logger.info("%s: continuing from step %d", name, step)

    def save() -> None:
        state = {
            "step": step,
            "seconds": seconds,
            "model": {k: v for k, v in model.state_dict().items() if "pretrained_emb" not in k},
            "optimizer": optimizer.state_dict(),
            "updates": ema.updates if ema else 0,
            "averages": ema.averages if ema else [],
        }
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(checkpoint)

    def score() -> float:
        if evaluate is None:
            return float("nan")
        if ema is not None:
            ema.swap()
        try:
            return evaluate()
        finally:
            if ema is not None:
                ema.swap()

    start = time.monotonic() - seconds
    last_save, last_score, losses = seconds, seconds, 0.0
    dev = float("nan")
    while (progress := budget.progress(step, seconds)) < 1.0:
        rate = learning_rate * min(1.0, (step + 1) / warmup) * max(1.0 - progress, 0.01)
        for group in optimizer.param_groups:
            group["lr"] = rate
        result = trainer.update(next(batches))
        losses += result[0] if isinstance(result, tuple) else float(result)
        if ema is not None:
            ema.update()
        step += 1
        seconds = time.monotonic() - start
        if step % 100 == 0:
            logger.info(
                "%s: step %d, %.0f s, loss %.3f, rate %.5f", name, step, seconds, losses / 100, rate
            )
            losses = 0.0
        if seconds - last_save > save_every:
            save()
            last_save = seconds
        if evaluate is not None and seconds - last_score > evaluate_every:
            dev = score()
            last_score = seconds = time.monotonic() - start
            logger.info("%s: step %d, dev %.2f", name, step, 100 * dev)
    save()
    dev = score()
    if ema is not None:
        ema.swap()
    trainer.save(str(output))
    logger.info("%s: %d steps in %.0f s, dev %.2f", name, step, seconds, 100 * dev)
    return {"steps": step, "seconds": seconds, "dev": dev}
