"""What a model says of examples, and how good it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from structnn import ArcsHead, Batch, Corpus, Head, Search, SequenceHead, StructuredModel
from structnn.decoders import Hypothesis, Reading
from structnn.heads import ArcScores
from structnn.heads.answers import NO_ANSWER
from structnn.ops.devices import sent
from tasks.data.questions import ROW_SEPARATOR
from tasks.training.batching import in_parts, prepared_on
from tasks.training.gold import Gold
from tasks.training.inputs import Indices, Inputs, rows_of

if TYPE_CHECKING:  # accelerate is slow to import, and prediction does without
    from tasks.training.processes import Processes

__all__ = [
    "Evaluation",
    "evaluate",
    "node_accuracy",
    "predict_scores",
    "sentence_vectors",
    "write_sequences",
]

EVALUATION_BATCH = 256  # sentences; evaluation keeps no activations, so batches can be large
EVALUATION_WORDS = 32_768  # 128 a sentence: of long texts fewer fit into memory


@dataclass(frozen=True)
class Evaluation:
    """What a model says of examples.

    Attributes:
        answers: The answer to each example, as :class:`tasks.data.questions.Question` has it.
        probabilities: For each example the probability of each label; empty where answers are numbers or
            texts, or an example has several answers.
        loss: The mean loss of all that is asked about; NaN if the right answers weren't given.
    """

    answers: list[str]
    probabilities: list[dict[str, float]]
    loss: float


@torch.inference_mode()
def evaluate(
    model: StructuredModel,
    inputs: Inputs,
    gold: Gold | None = None,
    *,
    calibrate: bool = False,
    processes: Processes | None = None,
) -> Evaluation:
    """What a model in evaluation mode says of examples.

    Args:
        model: The model.
        inputs: What it reads.
        gold: The right answers, for the loss.
        calibrate: First fit the thresholds of answers, if they have any, to the right answers.
        processes: Those that share out the batches; each is then given all that is found. By default
            this process is on its own.
    """
    head = model.head
    if isinstance(head, ArcsHead):
        decode = head.answer.decode

        def trees(scores: ArcScores, batch: Batch) -> Iterator[str]:
            arcs = iter(decode(scores))
            return (ROW_SEPARATOR.join(islice(arcs, length)) for length in batch.lengths.tolist())

        return _by_batch(model, head, inputs, gold, trees, processes)
    if isinstance(head, SequenceHead):
        generate = head.generate

        def texts(reading: Reading, _: Batch) -> Iterator[str]:
            return (one[0].text for one in generate(reading))

        return _by_batch(model, head, inputs, gold, texts, processes)
    assert isinstance(head, Head)
    answer = head.answer
    scores = predict_scores(model, inputs, processes)
    loss = math.nan
    if gold is not None:
        device = next(model.parameters()).device
        right, scores = gold.rows.to(device), scores.to(device)
        if calibrate:
            answer.calibrate(scores, right)
        loss = answer.loss(scores, right).item()
    found = answer.decode(scores)
    if head.reader.rows != "example":
        ptr = inputs.row_ptr(head.reader.rows).tolist()
        joined = [ROW_SEPARATOR.join(found[begin:end]) for begin, end in pairwise(ptr)]
        return Evaluation(joined, [{} for _ in joined], loss)
    probabilities = answer.probabilities(scores)
    shares = [[]] * len(found) if probabilities is None else probabilities.tolist()
    return Evaluation(found, [dict(zip(answer.labels, row, strict=True)) for row in shares], loss)


@torch.inference_mode()
def predict_scores(
    model: StructuredModel, inputs: Inputs, processes: Processes | None = None
) -> Tensor:
    """The scores of a model in evaluation mode.

    Args:
        model: The model.
        inputs: What it reads.
        processes: As for :func:`evaluate`.

    Returns:
        ``(rows, width)``, on the CPU: of each thing that is asked about, in the order of the examples.
    """
    assert isinstance(model.head, Head)  # others have no scores of single rows
    ptr = inputs.row_ptr(model.head.reader.rows)
    scores = torch.zeros(int(ptr[-1]), model.head.answer.width, dtype=torch.float32)
    rows: list[Tensor] = []
    found: list[Tensor] = []
    for indices, batch, spans in _batches(model, inputs, processes):
        rows.append(rows_of(ptr, indices))
        found.append(model(batch, spans).float())
    if rows:  # read back at once: for each batch a GPU would be waited for
        scores[torch.cat(rows)] = torch.cat(found).cpu()
    return scores if processes is None else processes.sum(scores)


@torch.inference_mode()
def sentence_vectors(model: StructuredModel, inputs: Inputs) -> NDArray[np.float32]:
    """What the head of a model reads of each example, ``(examples, width)``."""
    reader = model.head.reader
    vectors = np.zeros((len(inputs), reader.output_dim), dtype=np.float32)
    for indices, batch, spans in _batches(model, inputs, None):
        vectors[indices] = reader(model.encode(batch), batch, spans).float().cpu().numpy()
    return vectors


@torch.inference_mode()
def write_sequences(
    model: StructuredModel, inputs: Inputs, search: Search
) -> list[list[Hypothesis]]:
    """The sequences that a search finds for each example, best first.

    Args:
        model: The model, whose head writes sequences.
        inputs: What it reads.
        search: How to search.
    """
    assert isinstance(model.head, SequenceHead)
    found: dict[int, list[Hypothesis]] = {}
    for indices, batch, _ in _batches(model, inputs, None):
        found |= zip(indices.tolist(), model.head.generate(model(batch), search), strict=True)
    return [found[place] for place in range(len(inputs))]


def _by_batch(
    model: StructuredModel,
    head: ArcsHead | SequenceHead,
    inputs: Inputs,
    gold: Gold | None,
    answers_of: Callable[[Any, Batch], Iterable[str]],
    processes: Processes | None,
) -> Evaluation:
    """Answers and their loss, batch by batch, where what a head gives is too much to be kept.

    Args:
        model: The model.
        head: Its head.
        inputs: What it reads.
        gold: The right answers, for the loss.
        answers_of: The answers to the examples of a batch, from what the head gives for it.
        processes: As for :func:`evaluate`.
    """
    answers: dict[int, str] = {}
    total = torch.zeros(2, dtype=torch.float64)  # the loss, and the number of rows
    for indices, batch, _ in _batches(model, inputs, processes):
        given = model(batch)
        answers |= zip(indices.tolist(), answers_of(given, batch), strict=True)
        if gold is not None:
            own = gold.of_examples(indices)
            total += total.new_tensor([head.loss(given, own).item() * len(own), len(own)])
    if processes is not None:
        answers, total = processes.gathered(answers), processes.sum(total)
    loss, rows = total.tolist()
    in_order = [answers[place] for place in range(len(inputs))]
    return Evaluation(in_order, [{} for _ in in_order], loss / rows if rows else math.nan)


def _batches(
    model: StructuredModel, inputs: Inputs, processes: Processes | None
) -> Iterator[tuple[Indices, Batch, Tensor | None]]:
    """Batches of similar lengths on the device of a model in evaluation mode, with their spans."""
    model.eval()
    device = next(model.parameters()).device
    lengths = inputs.lengths
    by_length = np.argsort(lengths, kind="stable")
    parts = in_parts(by_length, lengths, EVALUATION_BATCH, EVALUATION_WORDS)
    for place in range(len(parts)) if processes is None else processes.share(range(len(parts))):
        indices = parts[place]
        batch, spans = inputs.batch(indices)
        batch = prepared_on(device, model.encoder, batch)
        yield indices, batch, None if spans is None else sent(spans, device)


@torch.inference_mode()
def node_accuracy(model: StructuredModel, corpus: Corpus, node_classes: Tensor) -> float:
    """The accuracy over all labelled nodes of all trees, from 0 to 1.

    Args:
        model: The classifier.
        corpus: Sentences with trees.
        node_classes: ``(tree labels,)``, the class of each tree label, or ``NO_ANSWER``.
    """
    model.eval()
    device = next(model.parameters()).device
    found: list[Tensor] = []
    wanted: list[Tensor] = []
    lengths, every = corpus.lengths, np.arange(len(corpus))
    for indices in in_parts(every, lengths, EVALUATION_BATCH, EVALUATION_WORDS):
        batch = corpus.batch(indices)
        wanted.append(node_classes[batch.node_labels])
        batch = prepared_on(device, model.encoder, batch)
        found.append(model(batch, nodes=True).argmax(1))
    classes = torch.cat(wanted)
    right = torch.cat(found).cpu() == classes  # read back at once, as in predict_scores
    return int(right.sum()) / int((classes != NO_ANSWER).sum())
