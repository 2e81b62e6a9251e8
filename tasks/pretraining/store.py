"""Text as numbers in files, which are read where they are and not as a whole."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from structnn import UNIVERSAL_RELATIONS, Sentence, SentenceGraph, Tree, Vocabulary
from structnn.language_models import END, MASK, Objective, language_vocabulary
from structnn.sentence import quoted
from tasks.data.examples import DataError
from tasks.data.structures import structure_of
from tasks.models.preparation import label_vocabulary
from tasks.pretraining.structures import COUNTS, PARTS, Labels, numbers_of, structure_from
from tasks.pretraining.text import SentenceSource, in_parts
from tasks.sealing import read_sealed, write_sealed
from tasks.storage import MAKE_AGAIN

__all__ = ["StoredText", "stored"]

AT_ONCE = 1000  # sentences that are written together
REMAPPED = 1_000_000  # words whose numbers are changed together

_TYPES: Mapping[str, Any] = {
    "words": np.int32,
    "lengths": np.int32,
    "characters": np.int64,
    **{name: np.int32 for parts in PARTS.values() for name in parts},
}

_NOUNS = {"dependencies": "dependency tree", "constituency": "constituency tree", "graph": "graph"}


@dataclass(frozen=True)
class StoredText:
    """A text as flat arrays in a folder, mapped into memory.

    The words of a causal model's text have the end before each sentence, as it reads them.

    Args:
        folder: The folder.
        objective: What is predicted.
        structure: The name of the structure of its sentences; None if none is kept.
        labels: The labels of the structures, each in the place that is its number.
        relations: Those of train as encoders count them.
    """

    folder: Path
    objective: Objective
    structure: str | None = None
    labels: Sequence[str] = ()
    relations: Vocabulary = UNIVERSAL_RELATIONS

    def _array(self, name: str) -> NDArray[Any]:
        file = self.folder / name
        if file.stat().st_size == 0:
            return np.zeros(0, _TYPES[name])
        return np.memmap(file, _TYPES[name], "r")

    @cached_property
    def words(self) -> NDArray[np.int32]:
        """``(words,)``, the number of each word in the vocabulary."""
        return self._array("words")

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """``(sentences,)``, the number of words of each."""
        return self._array("lengths").astype(np.int64)

    @cached_property
    def ptr(self) -> NDArray[np.int64]:
        """``(sentences + 1,)``, where the words of each begin."""
        return np.concatenate([[0], self.lengths.cumsum()])

    @cached_property
    def characters(self) -> int:
        """The number of characters, a space or a line end behind each word counted."""
        return int(self._array("characters").sum())

    @cached_property
    def unknown_share(self) -> float:
        """The share of words that the vocabulary lacks."""
        unknown = special = 0
        for begin in range(0, len(self.words), REMAPPED):
            part = self.words[begin : begin + REMAPPED]
            unknown += int((part == 0).sum())
            special += int((part == 1).sum())
        return unknown / max(1, len(self.words) - special)

    @cached_property
    def _parts(self) -> Mapping[str, tuple[NDArray[Any], NDArray[np.int64]]]:
        """Each array of the structures, and where in it the entries of each sentence begin."""
        if self.structure is None:
            return {}
        parts = PARTS[structure_of(self.structure).field]
        counted = {name: self._array(name) for name in parts if name in COUNTS}
        begins = {
            "words": self.ptr,
            **{name: np.concatenate([[0], own.cumsum()]) for name, own in counted.items()},
        }
        return {
            name: (self._array(name), begins[of]) for name, of in parts.items() if of is not None
        }

    def __len__(self) -> int:
        return len(self.lengths)

    def numbers(self, sentence: int) -> NDArray[np.int32]:
        """The words of a sentence."""
        return self.words[self.ptr[sentence] : self.ptr[sentence + 1]]

    def sentence(self, number: int) -> Sentence:
        """A sentence with its structure if one is kept; its words are known by their numbers alone."""
        plain = Sentence(["-"] * int(self.lengths[number]))
        if self.structure is None:
            return plain

        def read(name: str) -> list[int]:
            entries, begins = self._parts[name]
            own: list[int] = entries[begins[number] : begins[number + 1]].tolist()
            return own

        field = structure_of(self.structure).field
        return plain.replace(**{field: structure_from(read, field, self.labels)})


def stored(
    folder: Path,
    sources: Mapping[str, SentenceSource],
    objective: Objective,
    *,
    key: Mapping[str, object],
    min_count: int,
    lowercase: bool,
    structure: str | None,
    dev_fraction: float,
    seed: int,
) -> tuple[Vocabulary, dict[str, StoredText]]:
    """The vocabulary of train, and each split as numbers; written once, and then read.

    The text is gone through once, sentence by sentence.

    Args:
        folder: Where the files go.
        sources: The sentences of each split. Without ``dev`` each sentence of train is held out for it
            with a probability.
        objective: What is predicted.
        key: What else decides what is written; if it isn't what is there, all is written anew.
        min_count: Words that are rarer in train are the unknown word.
        lowercase: Words are those of the text in lower case.
        structure: The name of the structure that is kept of each sentence; None for none.
        dev_fraction: That probability.
        seed: The random seed of what is held out.

    Raises:
        DataError: Train or dev is empty, or a sentence has no such structure.
    """
    seal = folder / "text.json"
    key = {
        **key,
        "objective": objective,
        "min_count": min_count,
        "lowercase": lowercase,
        "structure": structure,
        "dev_fraction": dev_fraction,
        "seed": seed,
    }
    splits = list(dict.fromkeys([*sources, "dev"]))
    if seal.exists():
        content, _ = read_sealed(seal, MAKE_AGAIN)
        if content["key"] == key:
            return _read(folder, content, splits)
        seal.unlink()
    numbers, labels = _Numbers(lowercase), Labels()
    draw = random.Random(seed).random
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(_Writer(folder / split, objective, structure))
            for split in splits
        }
        for split, source in sources.items():
            held_out = split == "train" and "dev" not in sources
            for few in in_parts(source(), AT_ONCE):
                parts: dict[str, list[Sentence]] = {}
                for sentence in few:
                    own = "dev" if held_out and draw() < dev_fraction else split
                    parts.setdefault(own, []).append(sentence)
                for own, part in parts.items():
                    writers[own].write(part, numbers, labels, own == "train")
    for split in ("train", "dev"):
        if not len(StoredText(folder / split, objective)):
            raise DataError(
                f"there is no sentence in {split}; give more text"
                + (", or a larger --dev-fraction" if split == "dev" else "")
            )
    vocabulary, places = numbers.vocabulary(objective, min_count)
    for split in splits:
        _renumber(folder / split / "words", places)
    content = {
        "key": key,
        "vocabulary": vocabulary.to_json(),
        "labels": labels.names,
        "trained_labels": sorted(labels.trained),
    }
    write_sealed(seal, content)
    return _read(folder, content, splits)


def _read(
    folder: Path, content: Mapping[str, Any], splits: Sequence[str]
) -> tuple[Vocabulary, dict[str, StoredText]]:
    """What :func:`stored` gives, from what ``text.json`` says of the files beside it."""
    structure = content["key"]["structure"]
    relations = UNIVERSAL_RELATIONS
    if structure is not None:
        relations = label_vocabulary(structure, content["trained_labels"])
    return Vocabulary.from_json(content["vocabulary"]), {
        split: StoredText(
            folder / split, content["key"]["objective"], structure, content["labels"], relations
        )
        for split in splits
    }


class _Numbers:
    """Numbers of words in the order in which they occur, and how often each does in train.

    Number 0 is that of the end, which no word has.
    """

    def __init__(self, lowercase: bool) -> None:
        self.lowercase = lowercase
        self._numbers: dict[str, int] = {}
        self._counts: list[int] = [0]

    def of(self, words: Sequence[str], counted: bool) -> list[int]:
        found = []
        for word in words:
            if self.lowercase:
                word = word.lower()
            number = self._numbers.setdefault(word, len(self._counts))
            if number == len(self._counts):
                self._counts.append(0)
            self._counts[number] += counted
            found.append(number)
        return found

    def vocabulary(self, objective: Objective, least: int) -> tuple[Vocabulary, NDArray[np.int32]]:
        """The vocabulary, most frequent words first; and for each number so far that in it."""
        counts = {word: self._counts[number] for word, number in self._numbers.items()}
        frequent = sorted(counts, key=lambda word: -counts[word])  # ties in order of appearance
        kept = [word for word in frequent if counts[word] >= least and word not in (END, MASK)]
        vocabulary = language_vocabulary(kept, objective, counts, lowercase=self.lowercase)
        places = np.zeros(len(self._counts), np.int32)
        places[0] = 1
        for word in kept:
            places[self._numbers[word]] = vocabulary[word]
        return vocabulary, places


class _Writer:
    """Appends sentences to the files of a folder, which it empties first."""

    def __init__(self, folder: Path, objective: Objective, structure: str | None) -> None:
        self.folder, self.objective = folder, objective
        self.structure = None if structure is None else structure_of(structure)
        self.names = ["words", "lengths", "characters"]
        if self.structure is not None:
            self.names += PARTS[self.structure.field]

    def __enter__(self) -> _Writer:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._stack = ExitStack()
        self._files = {
            name: self._stack.enter_context((self.folder / name).open("wb")) for name in self.names
        }
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def write(
        self, sentences: Sequence[Sentence], numbers: _Numbers, labels: Labels, counted: bool
    ) -> None:
        rows: dict[str, list[int]] = {name: [] for name in self.names}
        for sentence in sentences:
            own = numbers.of(sentence.tokens, counted)
            if self.objective == "causal":
                own = [0, *own]
            rows["words"] += own
            rows["lengths"].append(len(own))
            rows["characters"].append(sum(map(len, sentence.tokens)) + len(sentence.tokens))
            if self.structure is None:
                continue
            held: Tree | SentenceGraph | None = getattr(sentence, self.structure.field)
            if held is None:
                raise DataError(
                    f"the sentence {quoted(sentence)} has no {_NOUNS[self.structure.field]}, "
                    "which the encoder reads; --structure parse parses it"
                )
            for name, values in numbers_of(held, self.structure.field, labels, counted).items():
                rows[name] += values
        for name, values in rows.items():
            np.array(values, _TYPES[name]).tofile(self._files[name])


def _renumber(file: Path, places: NDArray[np.int32]) -> None:
    if file.stat().st_size == 0:
        return
    words = np.memmap(file, np.int32, "r+")
    for begin in range(0, len(words), REMAPPED):
        words[begin : begin + REMAPPED] = places[words[begin : begin + REMAPPED]]
    words.flush()
