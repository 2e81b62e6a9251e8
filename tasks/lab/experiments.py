"""The three experiments: what is measured of each word, or of each two words, of every sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from structnn import Batch, Sentence
from structnn.ops.paths import UnknownStepsError
from tasks.lab.curves import Array, largest_is_one
from tasks.lab.gradients import sentence_gradients, state_gradients
from tasks.lab.subjects import Subject

__all__ = [
    "Measured",
    "by_name",
    "gradient_flow",
    "path_length",
    "receptive_field",
    "within_edges",
]

STATES = 4  # of each sentence, whose receptive field is measured

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Measured:
    """A table with a row for each word, or for each two words.

    Attributes:
        name: The subject's.
        seed: The subject's.
        columns: Arrays of one length. ``sentence`` and ``token`` say which word it is; ``share`` is
            its gradient as a share of the largest of its sentence (or of the state's).
    """

    name: str
    seed: int
    columns: dict[str, Array]


def by_name(measured: Iterable[Measured]) -> dict[str, list[Measured]]:
    """The tables of each name, one for each seed, in the order of the names' first tables."""
    groups: dict[str, list[Measured]] = {}
    for table in measured:
        groups.setdefault(table.name, []).append(table)
    return groups


def gradient_flow(subjects: Sequence[Subject], progress: Progress | None = None) -> list[Measured]:
    """The gradient of each sentence vector with respect to each word, and where the word is.

    Columns: ``from_end`` and ``from_root``, in words; ``depth``, in edges of the tree from the root;
    ``path``, the path length (absent where nothing is known of it); ``gradient`` and ``share``.
    """

    def rows(subject: Subject, index: int, batch: Batch) -> dict[str, Array]:
        gradients = sentence_gradients(
            subject.encoder, subject.corpus, index, subject.vectors(index)
        )
        try:
            paths = {"path": subject.encoder.sentence_steps(batch).numpy()}
        except UnknownStepsError:
            paths = {}
        return {**_places(batch), **paths, "gradient": gradients.double().numpy()}

    return _measure(subjects, rows, progress)


def path_length(subjects: Sequence[Subject], progress: Progress | None = None) -> list[Measured]:
    """The steps between each word and the sentence vector, and how many words its own state sees.

    Columns: the places of :func:`gradient_flow`; ``length`` of the sentence; ``path``, infinite where
    the sentence vector does not see the word; ``seen``, the share of the sentence's words that the
    word's state sees.

    Raises:
        UnknownStepsError: An encoder does not say how many steps it takes.
    """

    def rows(subject: Subject, index: int, batch: Batch) -> dict[str, Array]:
        states = subject.encoder.steps(batch)
        places = _places(batch)
        return {
            **places,
            "length": np.full_like(places["token"], batch.num_tokens),
            "path": subject.encoder.sentence_steps(batch).numpy(),
            "seen": torch.isfinite(states).double().mean(1).numpy(),
        }

    return _measure(subjects, rows, progress)


def receptive_field(
    subjects: Sequence[Subject], progress: Progress | None = None
) -> list[Measured]:
    """The gradient of some words' states with respect to all words, and how far apart they are.

    The states are those of four words of each sentence, evenly spaced. Columns: ``token``, whose
    state it is; ``other``; ``apart``, by how many words the other is behind it (negative: before
    it); ``edges``, their distance in the tree; ``gradient`` and ``share``.
    """

    def rows(subject: Subject, index: int, batch: Batch) -> dict[str, Array]:
        size = batch.num_tokens
        count = min(STATES, size)
        tokens = [int((place + 0.5) * size / count) for place in range(count)]
        gradients = state_gradients(
            subject.encoder, subject.corpus, index, subject.vectors(index), tokens
        )
        token, other = np.repeat(tokens, size), np.tile(np.arange(size), count)
        return {
            "token": token,
            "other": other,
            "apart": other - token,
            "edges": batch.tree_distances[0].numpy()[token, other],
            "gradient": gradients.flatten().double().numpy(),
        }

    return _measure(subjects, rows, progress, within="token")


def within_edges(sentences: Sequence[Sentence], most: int = 8) -> dict[str, Array]:
    """The share of words within 1, 2, 3 ... edges: what a graph network of so many layers can see.

    Args:
        sentences: With dependencies.
        most: How many edges.

    Returns:
        From the root and from any word, ``(most,)`` each; the mean over the words of all sentences.
    """
    root, any_word = [], []
    for sentence in sentences:
        batch = Batch.from_sentences([sentence])
        distances = batch.tree_distances[0].numpy()
        layers = np.arange(1, most + 1)[:, None, None]
        seen = distances <= layers  # (most, tokens, tokens)
        root.append(seen[:, int(batch.roots)].mean(1))
        any_word.append(seen.mean((1, 2)))
    words = [len(sentence) for sentence in sentences]
    return {
        "the root": np.average(root, axis=0, weights=words),
        "a word": np.average(any_word, axis=0, weights=words),
    }


def _measure(
    subjects: Sequence[Subject],
    rows: Callable[[Subject, int, Batch], dict[str, Array]],
    progress: Progress | None,
    within: str = "sentence",
) -> list[Measured]:
    """Collect the rows of all sentences of each subject.

    Shares are of the largest gradient in the same sentence, and of the same token where ``within``
    says so.
    """
    total = sum(len(subject.sentences) for subject in subjects)
    done, measured = 0, []
    for subject in subjects:
        tables = []
        for index in range(len(subject.sentences)):
            table = rows(subject, index, subject.corpus.batch([index]))
            table = {"sentence": np.full(len(table["token"]), index), **table}
            if "gradient" in table:
                table["share"] = largest_is_one(table["gradient"], table[within])
            tables.append(table)
            done += 1
            if progress is not None:
                progress(done, total)
        columns = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
        measured.append(Measured(subject.name, subject.seed, columns))
    return measured


def _places(batch: Batch) -> dict[str, Array]:
    """Where each word of a sentence is."""
    token = np.arange(batch.num_tokens)
    return {
        "token": token,
        "from_end": token[::-1].copy(),
        "from_root": np.abs(token - int(batch.roots)),
        "depth": batch.tree_depths[0].numpy(),
    }
