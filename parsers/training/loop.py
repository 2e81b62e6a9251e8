"""A training loop for Stanza's trainers: linear decay to a budget, averaged weights, checkpoints.

Stanza's own loops stop when the dev score no longer rises. With a fixed budget it is better to decay the
learning rate linearly to zero, and to keep an exponential moving average of the weights: it is as
good as the last weights of a much longer run, and no dev scores are needed to choose a step. Each
update is the trainer's ``update``.
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

from parsers.formats.atomic import replacing
from structnn.fused.chains import read_chains
from structnn.ops.dropout import Dropout

logger = logging.getLogger(__name__)

PRETRAINED_RATE = 1e-4
"""The learning rate of weights that are tuned."""

_EVALUATE_EVERY = 600.0  # seconds
_SAVE_EVERY = 120.0


@dataclass(frozen=True)
class Budget:
    """When training ends: after a number of steps or of minutes, whichever comes first.

    Training limited by steps alone can be repeated exactly.

    Attributes:
        steps: The number of updates.
        minutes: The time in minutes; None for no limit.
    """

    steps: int
    minutes: float | None = None

    def progress(self, step: int, seconds: float) -> float:
        """The share of the budget that is used, from 0 to 1."""
        used = step / max(self.steps, 1)
        if self.minutes is not None:
            used = max(used, seconds / max(self.minutes * 60, 1e-9))
        return min(used, 1.0)


def _word_vectors(
    self: Any,
    chars: Tensor,
    chars_mask: Tensor,
    word_orig_idx: list[int],
    sentlens: list[int],
    wordlens: list[int],
) -> PackedSequence:
    """``CharacterModel.forward`` with the weighted sum over characters computed on packed states.

    Stanza pads the states of all words to the length of the longest; if that is a web address, the
    padding takes longer than the LSTM.
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


def _states(
    self: Any,
    packed: PackedSequence,
    lengths: list[int],
    hx: tuple[Tensor, Tensor] | None = None,
) -> tuple[PackedSequence, tuple[Tensor, Tensor] | None]:
    """``PackedLSTM.forward`` by structnn's operator where states begin at zeros.

    Stanza's models do not look at the last states, which are not computed.
    """
    if hx is None or not (hx[0].any() or hx[1].any()):
        order = torch.arange(len(packed.data))
        states = read_chains(self.lstm, packed.data, order, packed.batch_sizes)
        if states is not None:
            return PackedSequence(states, packed.batch_sizes), hx
    computed: tuple[PackedSequence, tuple[Tensor, Tensor]] = self.lstm(packed, hx)
    return computed


def make_cheaper(module: nn.Module) -> None:
    """Replace submodules that are slow on a CPU by equivalent ones.

    The first states of LSTMs, which Stanza trains, stay zeros where they are.
    """
    from stanza.models.common.char_model import CharacterModel
    from stanza.models.common.packed_lstm import PackedLSTM

    for name, weight in module.named_parameters(recurse=False):
        if name.endswith(("lstm_h_init", "lstm_c_init")) and not weight.any():
            weight.requires_grad = False
    for name, child in module.named_children():
        if type(child) is PackedLSTM and isinstance(child.lstm, nn.LSTM) and not child.pad:
            child.forward = MethodType(_states, child)
            continue
        if isinstance(child, nn.Dropout):
            setattr(module, name, Dropout(child.p).train(child.training))
            continue
        if type(child) is CharacterModel and child.attn and not child.pad:
            child.forward = MethodType(_word_vectors, child)
        make_cheaper(child)


class WeightAverage:
    """The exponential moving average of the trainable weights of a module.

    The decay at update *t* is ``min(decay, (1 + t) / (10 + t))``, so that the initial weights count
    little.

    Args:
        module: The module.
        decay: The largest decay, from 0 to 1.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.parameters = [p for p in module.parameters() if p.requires_grad]
        self.averages = [p.detach().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Add the current weights to the average."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self.averages, [p.detach() for p in self.parameters], 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the weights and their averages; a second call undoes the first."""
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
    evaluate: Callable[[], float] | None = None,
) -> dict[str, float]:
    """Train until the budget is used, and save the model with the averaged weights.

    A checkpoint (weights, averages, optimizer, step, seconds) is written next to the model's file;
    training continues from it if it is there. A contextual model in front is tuned: its learning rate is
    :data:`PRETRAINED_RATE`, with weight decay.

    Args:
        trainer: A Stanza trainer with ``model``, ``update(batch)`` and an optimizer.
        batches: An infinite iterator of training batches.
        budget: When to stop.
        learning_rate: The learning rate after warm-up, from which it decays linearly to zero.
        output: The model file to write, as Stanza does; the checkpoint's name ends in ``.checkpoint``.
        evaluate: Computes the dev score of the averaged weights. It is logged, and nothing is selected
            by it.

    Returns:
        ``steps`` and ``seconds`` used, and ``dev``, the last dev score (NaN without ``evaluate``).
    """
    torch.set_flush_denormal(True)
    name, checkpoint = output.stem, output.with_suffix(".checkpoint")
    model = trainer.model
    make_cheaper(model)
    tuned = list(model.bert_model.parameters()) if model.bert_model is not None else []
    # A contextual model starts slowly, and learns in so few steps that a long average would lag behind.
    warmup, average = (max(1, budget.steps // 10), 0.995) if tuned else (50, 0.999)
    rates = [learning_rate, PRETRAINED_RATE] if tuned else [learning_rate]
    optimizer = _optimizer(model, tuned)
    # Trainers differ in the names of the dictionaries that `update` uses. Their own schedules are of
    # the optimizers that are replaced here.
    plural = "s" if hasattr(trainer, "optimizers") else ""
    setattr(trainer, "optimizer" + plural, {"": optimizer})
    setattr(trainer, "scheduler" + plural, {})
    ema = WeightAverage(model, average)

    step, seconds = 0, 0.0
    if checkpoint.is_file():
        step, seconds = _restore(checkpoint, model, optimizer, ema)
        logger.info("%s: continuing from step %d", name, step)

    def score() -> float:
        if evaluate is None:
            return float("nan")
        ema.swap()
        try:
            return evaluate()
        finally:
            ema.swap()

    start = time.monotonic() - seconds
    last_save, last_score, losses = seconds, seconds, 0.0
    dev = float("nan")
    while (progress := budget.progress(step, seconds)) < 1.0:
        scale = min(1.0, (step + 1) / warmup) * max(1.0 - progress, 0.01)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * scale
        result = trainer.update(next(batches))
        losses += result[0] if isinstance(result, tuple) else float(result)
        ema.update()
        step += 1
        seconds = time.monotonic() - start
        if step % 100 == 0:
            told = (name, step, seconds, losses / 100, learning_rate * scale)
            logger.info("%s: step %d, %.0f s, loss %.3f, rate %.5f", *told)
            losses = 0.0
        if seconds - last_save > _SAVE_EVERY:
            _save(checkpoint, step, seconds, model, optimizer, ema)
            last_save = seconds
        if evaluate is not None and seconds - last_score > _EVALUATE_EVERY:
            dev = score()
            last_score = seconds = time.monotonic() - start
            logger.info("%s: step %d, dev %.2f", name, step, 100 * dev)
    _save(checkpoint, step, seconds, model, optimizer, ema)
    dev = score()
    ema.swap()
    trainer.save(str(output))
    logger.info("%s: %d steps in %.0f s, dev %.2f", name, step, seconds, 100 * dev)
    return {"steps": step, "seconds": seconds, "dev": dev}


def _optimizer(model: nn.Module, tuned: list[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer: the tuned weights, if there are any, are a second group, with weight decay."""
    known = set(map(id, tuned))
    weights = [p for p in model.parameters() if p.requires_grad and id(p) not in known]
    groups: list[dict[str, Any]] = [{"params": weights, "weight_decay": 0.0}]
    if tuned:
        groups.append({"params": tuned, "weight_decay": 0.01})
    betas = (0.9, 0.98) if tuned else (0.9, 0.95)
    return torch.optim.AdamW(groups, betas=betas, eps=1e-6, fused=True)


def _save(
    checkpoint: Path,
    step: int,
    seconds: float,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    ema: WeightAverage,
) -> None:
    """Write a checkpoint; the pretrained vectors are left out, since they don't change."""
    state = {
        "step": step,
        "seconds": seconds,
        "model": {k: v for k, v in model.state_dict().items() if "pretrained_emb" not in k},
        "optimizer": optimizer.state_dict(),
        "updates": ema.updates,
        "averages": ema.averages,
    }
    with replacing(checkpoint) as new:
        torch.save(state, new)


def _restore(
    checkpoint: Path, model: nn.Module, optimizer: torch.optim.Optimizer, ema: WeightAverage
) -> tuple[int, float]:
    """Restore what :func:`_save` wrote; returns the steps and the seconds that are used."""
    state = torch.load(checkpoint, weights_only=True)
    model.load_state_dict(state["model"], strict=False)
    optimizer.load_state_dict(state["optimizer"])
    ema.updates = state["updates"]
    for average, saved in zip(ema.averages, state["averages"], strict=True):
        average.copy_(saved)
    return state["step"], state["seconds"]
