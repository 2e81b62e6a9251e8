"""Where a decoder looks while it writes, beside where it should: copying, reversing, ordering words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from structnn import Batch, SequenceHead, TargetVocabulary
from tasks.data import suites
from tasks.data.examples import DataError, Example
from tasks.data.files import read_table
from tasks.lab.curves import Array
from tasks.lab.experiments import Measured
from tasks.lab.words import share
from tasks.models.model import SavedModel
from tasks.options import OptionError

__all__ = [
    "AlignedExample",
    "AlignmentSummary",
    "aligned_examples",
    "alignment_in_words",
    "measure_alignment",
    "true_alignment",
    "true_places",
]

SUITES = ("copy", "reversal")

AT_ONCE = 64
SHOWN = 12  # symbols, of the example in the figure


@dataclass(frozen=True)
class AlignedExample:
    """What a decoder wrote, and where it looked.

    Attributes:
        source: The words read.
        written: The words written.
        weights: ``(written words, source words)``.
        true: ``(written words, source words)``, True in the true places of each word written.
    """

    source: tuple[str, ...]
    written: tuple[str, ...]
    weights: Array
    true: NDArray[np.bool_]


@dataclass(frozen=True)
class AlignmentSummary:
    """What of one run is drawn and said.

    Attributes:
        name: The run.
        seed: Its seed.
        lengths: The lengths of sources, ascending.
        right: At each length the share of sequences that are right throughout.
        on_true: At each length the mean attention on the true place; empty without attention.
        example: One sequence; None without attention.
    """

    name: str
    seed: int
    lengths: Array
    right: Array
    on_true: Array
    example: AlignedExample | None


def aligned_examples(data: str, seed: int) -> tuple[tuple[Example, ...], int]:
    """The examples of a suite's test set, or of a file, and the largest length that runs are trained on.

    Args:
        data: ``"copy"`` or ``"reversal"``; or a file that ``structnn shuffle`` wrote.
        seed: Random seed of a suite.

    Raises:
        OptionError: There is no such suite or file.
        DataError: The file doesn't say which sequence is to be written, or lacks trees.
    """
    if data in SUITES:
        examples = suites.generate(data, seed).test
        known = [example for example in examples if example.columns["split"] == "same lengths"]
        return examples, max(len(example.text) for example in known)
    if not Path(data).is_file():
        raise OptionError(
            "data",
            f"must be {', '.join(SUITES)} or a file that structnn shuffle wrote, but is {data!r}",
        )
    table = read_table(data)
    if not table.question.is_sequence or any(one.sentence is None for one in table.examples):
        raise DataError(
            f"{data}: needs the columns source and target, and the trees in heads and relations, as "
            "structnn shuffle writes them"
        )
    return tuple(table.examples), max(len(example.text) for example in table.examples)


def true_places(data: str, length: int) -> Array:
    """The place that each word of the target is from.

    Args:
        data: ``"copy"`` or ``"reversal"``.
        length: The number of words.
    """
    places = np.arange(length)
    return places if data == "copy" else places[::-1].copy()


def true_alignment(data: str, source: Sequence[str], written: Sequence[str]) -> NDArray[np.bool_]:
    """Where each word that was written is from, ``(written words, source words)``.

    Args:
        data: ``"copy"`` or ``"reversal"``, whose words have one place each; or anything else, where a
            word is from every place at which the source has it, and from none if it doesn't.
        source: The words read.
        written: The words written.
    """
    if data not in SUITES:
        found = [[word == other for other in source] for word in written]
        return np.array(found, dtype=bool).reshape(len(written), len(source))
    places = true_places(data, len(source))[: len(written)]
    true = np.zeros((len(written), len(source)), dtype=bool)
    true[np.arange(len(places)), places] = True
    return true


@torch.inference_mode()
def measure_alignment(
    name: str, seed: int, model: SavedModel, examples: Sequence[Example], data: str
) -> tuple[Measured, AlignmentSummary]:
    """Write the target of each example, and compare where the decoder looked with where it should.

    Args:
        name: The name of the run.
        seed: Its seed.
        model: The model.
        examples: Examples with given trees.
        data: What they are, see :func:`true_alignment`.

    Returns:
        A table with a row for each example (``sentence``, ``length``, ``right``; with attention
        ``on_true``, the mean of the attention on the true places, over words that have any), and what
        is made of it. The attention of a word is the mean of that of its pieces.

    Raises:
        ValueError: The run is not answered by a sequence.
    """
    head = model.classifier.head
    if not isinstance(head, SequenceHead):
        raise ValueError(
            f"the run of {model.options.encoder} does not write sequences: give runs that structnn "
            f"compare --data {data} made"
        )
    given = [example.sentence for example in examples if example.sentence is not None]
    sentences = model.structured(given)
    inputs = model.inputs(sentences)
    right, on_true = np.zeros(len(examples)), np.full(len(examples), np.nan)
    shown: AlignedExample | None = None
    for begin in range(0, len(examples), AT_ONCE):
        places = np.arange(begin, min(begin + AT_ONCE, len(examples)))
        batch, _ = inputs.batch(places)
        for row, (best, *_) in enumerate(head.generate(model.classifier(batch))):
            place = begin + row
            source = tuple(sentences[place].tokens)
            right[place] = best.text == examples[place].label
            if best.alignment is None or not best.text.split():
                continue
            states = _states_of_words(batch, row, best.alignment.shape[1])
            written, shares = _words_of_pieces(head.target, best.pieces)
            weights = shares @ best.alignment[: len(best.pieces), states].double().numpy()
            true = true_alignment(data, source, written)
            known = true.any(1)
            if known.any():
                on_true[place] = (weights * true).sum(1)[known].mean()
            found = AlignedExample(source, written, weights, true)
            if shown is None or abs(len(source) - SHOWN) < abs(len(shown.source) - SHOWN):
                shown = found
    lengths = np.array([len(sentence) for sentence in sentences])
    columns = {"sentence": np.arange(len(examples)), "length": lengths, "right": right}
    kinds = np.unique(lengths)
    if head.decoder.has_alignment:
        columns["on_true"] = on_true
    summary = AlignmentSummary(
        name,
        seed,
        kinds,
        np.array([right[lengths == length].mean() for length in kinds]),
        np.array([_mean(on_true[lengths == length]) for length in kinds])
        if head.decoder.has_alignment
        else np.array([]),
        shown,
    )
    return Measured(name, seed, columns), summary


def _words_of_pieces(
    target: TargetVocabulary, pieces: Sequence[str]
) -> tuple[tuple[str, ...], Array]:
    """The words that pieces make, and how much each piece counts for the attention of each.

    Returns:
        The words; and ``(words, pieces)``, whose rows make means. White space is of no word.
    """
    if target.unit == "words":
        return tuple(pieces), np.eye(len(pieces))
    numbers = target.encode_pieces(pieces)
    written = target.decode(numbers).split()
    shares = np.zeros((len(written), len(pieces)))
    before: list[str] = []
    for place in range(len(pieces)):
        begun = target.decode(numbers[: place + 1]).split()  # the last word is that of the piece
        if begun != before:
            shares[min(len(begun), len(written)) - 1, place] = 1
        before = begun
    return tuple(written), shares / np.maximum(shares.sum(1, keepdims=True), 1)


def _states_of_words(batch: Batch, row: int, states: int) -> Tensor:
    """Which of the states that a decoder looked at are those of the words of a sentence, in order."""
    begin, end = batch.token_ptr[row : row + 2].tolist()
    if states == end - begin:
        return torch.arange(states)
    return batch.token_nodes[begin:end] - batch.node_ptr[row]  # other nodes have no word


def alignment_in_words(summaries: Sequence[AlignmentSummary], longest: int) -> list[str]:
    """How much is right, within the lengths of train and beyond; and how much attention is in place.

    Args:
        summaries: The runs.
        longest: The largest length in train.
    """
    lines = []
    for summary in summaries:
        within = summary.lengths <= longest
        right = summary.right
        line = f"{summary.name}, seed {summary.seed}: {share(_mean(right[within]))} are right"
        if not within.all():
            line += f" up to length {longest}, {share(_mean(right[~within]))} beyond"
        if len(summary.on_true):
            looked = share(_mean(summary.on_true[within]))
            line += f"; {looked} of the attention is in the true place"
            if not within.all():
                line += f", beyond {share(_mean(summary.on_true[~within]))}"
        else:
            line += "; there is no attention"
        lines.append(line)
    return lines


def _mean(values: Array) -> float:
    """The mean of what is known; NaN if nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
