"""What clipping the gradient and truncating backpropagation do to a recurrent language model.

The text is a test of memory: a symbol among blanks, and a mark behind which the symbol is to be written
again. It is the one word that the model is asked for, so that memory is all that it learns::

    _ _ d _ _ _ ? d

From the symbol to the mark, where it is asked for, a gradient goes back as many steps as the symbol lies
behind. Training reads the text in parts (:class:`tasks.pretraining.loop.Reading`), as ``structnn
pretrain --bptt`` does, and no gradient leaves its part.
"""

from __future__ import annotations

import itertools
import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch

from structnn import LanguageModel, Sentence, Vocabulary
from structnn.heads.answers import NO_ANSWER
from tasks.data.suites.transduction import SYMBOLS
from tasks.lab.curves import Array
from tasks.lab.experiments import Measured
from tasks.lab.words import share
from tasks.models.building import Task, build_model
from tasks.models.options import ModelOptions
from tasks.pretraining.loop import Asked, Carrier, Reading
from tasks.pretraining.store import StoredText, stored
from tasks.training.gold import answered
from tasks.training.options import TrainingOptions
from tasks.training.step import TrainingStep

__all__ = [
    "ROWS",
    "UNCLIPPED",
    "BackpropagationSummary",
    "backpropagation_in_words",
    "backpropagation_row",
    "memory_texts",
    "train_in_parts",
]

BLANK, MARK = "_", "?"

ROWS = 128
"""In how many rows the text is read at once."""

UNCLIPPED = sys.float_info.max
"""The largest norm of a gradient that is not clipped: an option has to be finite."""

SPIKE, PAST = 5, 20
"""A gradient explodes if it is so many times as long as the median of so many before it, or longer."""

LAST = 50
"""The updates at the end over which the loss is averaged."""


@dataclass(frozen=True)
class BackpropagationSummary:
    """What of one run is drawn and said.

    Attributes:
        name: The encoder.
        seed: Its seed.
        window: How many words were read at a time: the steps that a gradient goes back are fewer.
        clip: The largest norm of the gradient that updates were made with; None without clipping.
        norms: The norm of the gradient of each update, before clipping.
        losses: The loss of each, in nats.
        distances: How many steps symbols lie behind their marks, ascending.
        recalled: At each distance the share of symbols of other texts that are written.
        within: The share where a gradient can go back so far; NaN if none can.
        beyond: The share where none can; NaN if there is no such distance.
    """

    name: str
    seed: int
    window: int
    clip: float | None
    norms: Array
    losses: Array
    distances: Array
    recalled: Array
    within: float
    beyond: float

    @property
    def label(self) -> str:
        """What it is called beside others."""
        clipped = "not clipped" if self.clip is None else f"clipped at {self.clip:g}"
        return f"{self.name}, {self.window} words, {clipped}"

    @property
    def median(self) -> float:
        """The median norm of the gradient."""
        return float(np.median(self.norms))

    @property
    def largest(self) -> float:
        """The largest norm of the gradient."""
        return float(self.norms.max())

    @property
    def spikes(self) -> int:
        """How many gradients exploded: see :data:`SPIKE`."""
        past = [self.norms[max(0, place - PAST) : place] for place in range(1, len(self.norms))]
        return sum(
            norm >= SPIKE * np.median(own) for norm, own in zip(self.norms[1:], past, strict=True)
        )

    @property
    def loss(self) -> float:
        """The mean loss of the last updates, in nats."""
        return float(self.losses[-LAST:].mean())


def memory_texts(
    folder: Path, farthest: int, *, train: int = 48 * ROWS, test: int = 1000
) -> tuple[Vocabulary, dict[str, StoredText]]:
    """Texts in which symbols are to be remembered, as numbers in files.

    All sentences are of one length, so that rows that divide them evenly begin with whole ones: the
    symbol of a mark is always read before it.

    Args:
        folder: Where the files go.
        farthest: From one step to so many lie between a symbol and its mark, each as often.
        train: The number of symbols of ``train``.
        test: That of ``dev``, on which memory is tested.

    Returns:
        The vocabulary; and the two texts, with a sentence for each symbol.
    """

    def sentences(split: str, count: int) -> Iterator[Sentence]:
        drawn = random.Random(f"memory {split}")
        for _ in range(count):
            symbol, blanks = drawn.choice(SYMBOLS), drawn.randrange(farthest)
            before = [BLANK] * (farthest - 1 - blanks)
            yield Sentence([*before, symbol, *[BLANK] * blanks, MARK, symbol])

    sizes = {"train": train, "dev": test}
    return stored(
        folder,
        {split: lambda split=split: sentences(split, sizes[split]) for split in sizes},  # type: ignore[misc]
        "causal",
        key={"farthest": farthest, **sizes},
        min_count=1,
        lowercase=False,
        structure=None,
        dev_fraction=0.0,
        seed=0,
    )


def train_in_parts(
    options: ModelOptions,
    vocabulary: Vocabulary,
    texts: dict[str, StoredText],
    training: TrainingOptions,
    *,
    window: int,
    updates: int,
    seed: int,
    on_update: Callable[[], None] | None = None,
) -> tuple[Measured, BackpropagationSummary]:
    """Train on a text in parts, keep the norm of each gradient, and test what is remembered.

    Args:
        options: What the model is made of: its encoder is causal and carries states.
        vocabulary: See :func:`memory_texts`.
        texts: See there.
        training: In how many rows the text is read at once (``batch_size``), and how it is trained.
        window: How many words are read at a time.
        updates: How many updates there are, of parts in which a symbol is asked for; the text is read
            again where it ends.
        seed: Decides the weights.
        on_update: Called after each update.

    Returns:
        A table with a row for each symbol of the test (``sentence``, ``distance``, ``right``); and what
        is drawn and said.

    Raises:
        ValueError: The encoder is not causal, or begins each part anew.
    """
    torch.manual_seed(seed)
    model = cast(
        LanguageModel, build_model(options, Task(objective="causal", tied=False), vocabulary)
    )
    if not model.encoder.carries:
        raise ValueError(
            f"{options.encoder} carries no state from part to part, so that nothing can be remembered: "
            "take rnn, lstm, gru or min_gru"
        )
    step, carrier = TrainingStep(model, training, None), Carrier(model)
    parts = Reading(bptt=window).batches_of_pass(
        texts["train"], model, training.batch_size, seed, 1
    )
    norms: list[float] = []
    losses: list[float] = []
    step.begin_epoch()
    for part in itertools.cycle(parts):
        asked = _of_symbols(part(), vocabulary)
        if not answered(asked.gold):
            with torch.no_grad():
                carrier.states(asked)  # it is read all the same
            continue
        loss = step.update(asked.batch.token_ids, lambda asked=asked: carrier.loss(asked))  # type: ignore[misc]
        losses.append(float(loss))
        norms.append(float(step.gradient_norm))
        if on_update is not None:
            on_update()
        if len(norms) == updates:
            break
    step.end_epoch()
    distance, right = _recalled(model, texts["dev"])
    kinds = np.unique(distance)
    near = distance < window
    summary = BackpropagationSummary(
        name=options.encoder,
        seed=seed,
        window=window,
        clip=None if training.gradient_clip == UNCLIPPED else training.gradient_clip,
        norms=np.array(norms),
        losses=np.array(losses),
        distances=kinds,
        recalled=np.array([right[distance == kind].mean() for kind in kinds]),
        within=float(right[near].mean()) if near.any() else math.nan,
        beyond=float(right[~near].mean()) if not near.all() else math.nan,
    )
    columns = {"sentence": np.arange(len(right)), "distance": distance, "right": right}
    return Measured(summary.label, seed, columns), summary


def _of_symbols(asked: Asked, vocabulary: Vocabulary) -> Asked:
    """The same where the words behind marks alone are asked for."""
    assert asked.batch.token_ids is not None
    elsewhere = asked.batch.token_ids != vocabulary[MARK]
    return asked._replace(gold=asked.gold.masked_fill(elsewhere, NO_ANSWER))


@torch.inference_mode()
def _recalled(model: LanguageModel, text: StoredText) -> tuple[Array, Array]:
    """How many steps each symbol lies behind its mark, and whether it is written; read in one part."""
    model.eval()
    (whole,) = Reading(bptt=len(text.words)).batches_of_pass(text, model, 1, 0, 1)
    asked = _of_symbols(whole(), model.vocabulary)
    scores = model.head.scores(Carrier(model).states(asked))
    at = (asked.gold != NO_ANSWER).nonzero()[:, 0]
    right = scores[at].argmax(1) == asked.gold[at]
    words = text.words.reshape(len(text), -1)  # one sentence a row, the end before each
    symbols = (words[:, 1:] != model.vocabulary[BLANK]).argmax(1)
    return words.shape[1] - 3 - symbols, right.numpy().astype(np.float64)


def backpropagation_row(summary: BackpropagationSummary) -> list[str]:
    """The run, its gradients, its loss at the end, and what it remembers within its parts and beyond."""
    return [
        summary.name,
        str(summary.window),
        "-" if summary.clip is None else f"{summary.clip:g}",
        str(summary.seed),
        f"{summary.median:.2g}",
        f"{summary.largest:.2g}",
        str(summary.spikes),
        f"{summary.loss:.2f}",
        *("" if math.isnan(part) else share(part) for part in (summary.within, summary.beyond)),
    ]


def backpropagation_in_words(summaries: Sequence[BackpropagationSummary]) -> list[str]:
    """How long gradients were, and how far back symbols are remembered.

    Args:
        summaries: The runs.
    """
    lines = []
    for one in summaries:
        line = (
            f"{one.label}, seed {one.seed}: the norm of the gradient is {one.median:.2g} in the median "
            f"and {one.largest:.2g} at most; {one.spikes} of {len(one.norms)} gradients are {SPIKE} "
            f"times as long as the {PAST} before them, or longer"
        )
        if not math.isnan(one.within):
            line += f"; {share(one.within)} are remembered over fewer than {one.window} steps"
        if not math.isnan(one.beyond):
            line += f"; {share(one.beyond)} over {one.window} steps or more, which no gradient goes back"
        lines.append(line)
    lines.append(f"by chance {share(1 / len(SYMBOLS))} would be")
    return lines
