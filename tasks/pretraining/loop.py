"""Training and evaluation of language models on stored text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from structnn import Batch, LanguageModel, Sentence
from structnn.encoders.base import Carried
from structnn.heads.answers import NO_ANSWER
from structnn.language_models import prefixes_of
from structnn.language_models.model import SPECIAL
from tasks.models.building import make_corpus
from tasks.pretraining.store import StoredText
from tasks.training.batching import batches_of_epoch, prepared_on
from tasks.training.epoch import Epoch
from tasks.training.inputs import Indices
from tasks.training.loop import TrainedEpoch, TrainingResult, fault_in, train_by_epochs
from tasks.training.options import TrainingOptions
from tasks.training.step import TrainingStep

__all__ = [
    "Asked",
    "Carrier",
    "Measured",
    "Reading",
    "measure",
    "perplexity_of",
    "train_language_model",
]

EVALUATED = 64  # sentences at a time: the scores of all words take much memory
_MASKS_OF_EVALUATION = 0  # their seed, so that all models of one text are asked for the same words


class Asked(NamedTuple):
    """What a model is asked at a time.

    Attributes:
        batch: What it reads.
        gold: ``(tokens,)``, the words that it is to predict.
        goes_on: Whether the texts of the batch go on from those before: then they are the first ones of
            these, in the same order.
    """

    batch: Batch
    gold: Tensor
    goes_on: bool = False


@dataclass(frozen=True)
class Reading:
    """How text is read.

    Args:
        mask_rate: The share of words that are hidden, where the model predicts hidden words.
        bptt: How many words of a running text are read at a time; 0 to read sentences.
    """

    mask_rate: float = 0.15
    bptt: int = 0

    def batches_of_pass(
        self, text: StoredText, model: LanguageModel, batch_size: int, seed: int, number: int
    ) -> Sequence[Callable[[], Asked]]:
        """The batches of a pass over a text, each of which is made when it is called.

        Args:
            text: The text.
            model: Who reads it.
            batch_size: Sentences of a batch; or in how many parts a running text is read at once.
            seed: Random seed of their order and of what is hidden.
            number: The number of the pass, from 1.
        """
        if self.bptt:
            return _windows(text, batch_size, self.bptt)
        return [
            lambda place=place, indices=indices: self.of_sentences(  # type: ignore[misc]
                text, model, indices, (seed, number, place)
            )
            for place, indices in enumerate(
                batches_of_epoch(text.lengths, batch_size, seed, number)
            )
        ]

    def of_sentences(
        self, text: StoredText, model: LanguageModel, indices: Indices, seed: tuple[int, ...]
    ) -> Asked:
        """Some sentences of a text.

        Args:
            text: The text.
            model: Who reads them.
            indices: Their places.
            seed: Decides what is hidden.
        """
        sentences = [text.sentence(index) for index in indices.tolist()]
        rows = [text.numbers(index) for index in indices.tolist()]
        if model.objective == "prefixes":
            sentences = [prefix for sentence in sentences for prefix in prefixes_of(sentence)]
            rows = [
                np.append(np.int32(SPECIAL), row[:length])
                for row in rows
                for length in range(len(row) + 1)
            ]
        corpus = make_corpus(
            sentences,
            None,
            text.relations,
            text.structure or "parse",
            model.encoder.arity if text.structure else None,
        )
        words = np.concatenate(rows)
        batch = corpus.batch().with_token_ids(torch.from_numpy(words.astype(np.int64)))
        if model.objective != "masked":
            return Asked(batch, model.next_words(batch))
        drawn = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> np.uint64(1))
        return Asked(*model.hide(batch, self.mask_rate, torch.Generator().manual_seed(drawn)))


def _windows(text: StoredText, rows: int, steps: int) -> list[Callable[[], Asked]]:
    """A running text as rows of equal length, the last perhaps shorter, read a few words at a time."""
    words = text.words
    length = -(-len(words) // rows)  # of a row
    starts = range(0, len(words), length)
    shapes: dict[tuple[int, ...], Batch] = {}

    def window(at: int) -> Asked:
        spans = [
            (start + at, min(start + at + steps, start + length, len(words)))
            for start in starts
            if start + at < min(start + length, len(words))
        ]
        sizes = tuple(end - begin for begin, end in spans)
        if sizes not in shapes:
            shapes[sizes] = Batch.from_sentences([Sentence(["-"] * size) for size in sizes])
        ids, following = (
            np.concatenate([words[begin + shift : end + shift] for begin, end in spans])
            for shift in (0, 1)
        )
        if len(following) < len(ids):  # behind the last word is the end
            following = np.append(following, SPECIAL)
        batch = shapes[sizes].with_token_ids(torch.from_numpy(ids.astype(np.int64)))
        return Asked(batch, torch.from_numpy(following.astype(np.int64)), at > 0)

    return [lambda at=at: window(at) for at in range(0, length, steps)]  # type: ignore[misc]


class Carrier:
    """Hands the states of an encoder on, from each part of a running text to the next.

    Gradients are not handed on: that is where backpropagation is truncated.

    Args:
        model: Its encoder reads the text.
    """

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self._before: Carried | None = None

    def loss(self, asked: Asked) -> Tensor:
        """The mean loss."""
        return self.model.head.loss(self.states(asked), asked.gold)

    def states(self, asked: Asked) -> Tensor:
        """``(tokens, states)``, as the head of the model takes them."""
        if not self.model.encoder.carries:
            states: Tensor = self.model(asked.batch)
            return states
        before = self._before if asked.goes_on else None
        if before is not None:
            before = tuple(part[: len(asked.batch)] for part in before)
        states, after = self.model.carry(asked.batch, before)
        self._before = tuple(part.detach() for part in after)
        return states


@dataclass(frozen=True)
class Measured:
    """How well a language model predicts a text.

    Args:
        loss: The mean loss in nats over the words asked for, and over ends where there are any.
        words: How many these are.
        characters: The number of characters of the text, a space or line end behind each word counted.
        unknown_share: The share of words that are the unknown word.
    """

    loss: float
    words: int
    characters: int
    unknown_share: float

    @property
    def perplexity(self) -> float:
        """The exponential of the loss."""
        return perplexity_of(self.loss)

    @property
    def bits_per_character(self) -> float:
        """The bits of the whole text by its characters, where all of its words are asked for."""
        return self.loss * self.words / math.log(2) / self.characters


def perplexity_of(loss: float) -> float:
    """The exponential of a loss in nats; of one that is too large for it, that of 700."""
    return math.exp(min(loss, 700.0))


@torch.inference_mode()
def measure(
    model: LanguageModel, text: StoredText, reading: Reading, batch_size: int = EVALUATED
) -> Measured:
    """How well a model in evaluation mode predicts a text.

    Args:
        model: The model.
        text: The text.
        reading: How it is read.
        batch_size: In how many parts a running text is read at once; sentences are read in others.
    """
    model.eval()
    device = model.head.bias.device
    carrier = Carrier(model)
    losses: list[Tensor] = []
    counts: list[int] = []
    if reading.bptt:
        every: Iterator[Asked] = (make() for make in _windows(text, batch_size, reading.bptt))
    else:
        by_length = np.argsort(text.lengths, kind="stable")
        size = EVALUATED // 8 if model.objective == "prefixes" else EVALUATED
        every = (
            reading.of_sentences(text, model, by_length[at : at + size], (_MASKS_OF_EVALUATION, at))
            for at in range(0, len(by_length), size)
        )
    for asked in every:
        # Answers stay behind: see WordsHead.loss.
        batch = prepared_on(device, model.encoder, asked.batch)
        losses.append(carrier.loss(asked._replace(batch=batch)))
        counts.append(int((asked.gold != NO_ANSWER).sum()))
    total, words = 0.0, sum(counts)
    for loss, count in zip(torch.stack(losses).tolist(), counts, strict=True):
        total += loss * count
    return Measured(total / words, words, text.characters, text.unknown_share)


def train_language_model(
    model: LanguageModel,
    texts: dict[str, StoredText],
    reading: Reading,
    options: TrainingOptions,
    *,
    seed: int,
    checkpoint: Path,
    epoch_batches: int = 0,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> TrainingResult:
    """Train on ``train``, and keep the weights that are best on ``dev``.

    It is resumed from a checkpoint with the same result as without interruption: see
    :func:`tasks.training.loop.train`. At the beginning of an epoch nothing is carried from before.

    Args:
        model: The model, changed in place.
        texts: The texts.
        reading: How they are read.
        options: How to train.
        seed: Random seed of the order and of what is hidden; seed torch with it before making the
            model.
        checkpoint: The file of the state.
        epoch_batches: After how many batches an epoch ends; 0 for those of the whole text.
        on_epoch: Called after each epoch.

    Raises:
        FloatingPointError: As :func:`tasks.training.loop.train`.
        StorageError: As :func:`tasks.training.loop.train`.
    """
    step = TrainingStep(model, options, None)
    passes: dict[int, Sequence[Callable[[], Asked]]] = {}

    def made(number: int) -> Sequence[Callable[[], Asked]]:
        """The batches of a pass, from 0."""
        if number not in passes:
            passes.clear()
            passes[number] = reading.batches_of_pass(
                texts["train"], model, options.batch_size, seed, number + 1
            )
        return passes[number]

    def train_epoch(epochs: Sequence[Epoch]) -> TrainedEpoch:
        step.begin_epoch()
        carrier = Carrier(model)
        size = len(made(next(iter(passes), 0)))
        wanted = epoch_batches or size
        losses: list[Tensor] = []
        total, words, sentences = torch.zeros((), device=step.accelerator.device), 0, 0
        for place in (len(epochs) * wanted + number for number in range(wanted)):
            asked = made(place // size)[place % size]()
            batch = prepared_on(step.accelerator.device, model.encoder, asked.batch)
            gold = asked.gold
            goes_on = asked.goes_on and len(losses) > 0
            given = Asked(batch, gold, goes_on)
            losses.append(step.update(batch.token_ids, lambda given=given: carrier.loss(given)))  # type: ignore[misc]
            own = int((gold != NO_ANSWER).sum())
            total, words = total + losses[-1] * own, words + own
            sentences += len(batch)
        step.end_epoch()
        first = len(epochs) * wanted

        def named(number: int) -> str:
            return f"batch {(first + number) % size + 1} of {size}"

        return TrainedEpoch(
            total.item() / words, sentences, named(wanted - 1), fault_in(losses, named)
        )

    def on_dev() -> tuple[float, float]:
        loss = measure(model, texts["dev"], reading, options.batch_size).loss
        return loss, -loss

    return train_by_epochs(step, train_epoch, on_dev, checkpoint=checkpoint, on_epoch=on_epoch)
