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

from structnn import UNIVERSAL_RELATIONS, Sentence, Tree, Vocabulary
from structnn.language_models import END, MASK, Objective, language_vocabulary
from tasks.data.examples import DataError
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
    "heads": np.int32,
    "relations": np.int16,
}


@dataclass(frozen=True)
class StoredText:
    """A text as flat arrays in a folder, mapped into memory.

    The words of a causal model's text have the end before each sentence, as it reads them.

    Args:
        folder: The folder.
        objective: What is predicted.
    """

    folder: Path
    objective: Objective

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
    def _heads(self) -> NDArray[np.int32]:
        return self._array("heads")

    @cached_property
    def _relations(self) -> NDArray[np.int16]:
        return self._array("relations")

    @property
    def has_trees(self) -> bool:
        """Whether each sentence has a dependency tree."""
        return len(self._heads) > 0

    def __len__(self) -> int:
        return len(self.lengths)

    def numbers(self, sentence: int) -> NDArray[np.int32]:
        """The words of a sentence."""
        return self.words[self.ptr[sentence] : self.ptr[sentence + 1]]

    def sentence(self, number: int) -> Sentence:
        """A sentence with its tree if it has one; words stand for themselves by their numbers alone."""
        length = int(self.lengths[number])
        if not self.has_trees:
            return Sentence(["-"] * length)
        own = slice(self.ptr[number], self.ptr[number + 1])
        relations = [UNIVERSAL_RELATIONS.words[label] for label in self._relations[own]]
        tree = Tree(self._heads[own].tolist(), labels=relations)
        return Sentence(["-"] * length, dependencies=tree)


def stored(
    folder: Path,
    sources: Mapping[str, SentenceSource],
    objective: Objective,
    *,
    key: Mapping[str, object],
    min_count: int,
    lowercase: bool,
    trees: bool,
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
        trees: Whether trees are kept.
        dev_fraction: That probability.
        seed: The random seed of what is held out.

    Raises:
        DataError: Train or dev is empty, or a sentence has no tree.
    """
    seal = folder / "text.json"
    key = {
        **key,
        "objective": objective,
        "min_count": min_count,
        "lowercase": lowercase,
        "trees": trees,
        "dev_fraction": dev_fraction,
        "seed": seed,
    }
    splits = list(dict.fromkeys([*sources, "dev"]))
    if seal.exists():
        content, _ = read_sealed(seal, MAKE_AGAIN)
        if content["key"] == key:
            vocabulary = Vocabulary.from_json(content["vocabulary"])
            return vocabulary, {split: StoredText(folder / split, objective) for split in splits}
        seal.unlink()
    numbers = _Numbers(lowercase)
    draw = random.Random(seed).random
    with ExitStack() as stack:
        writers = {split: stack.enter_context(_Writer(folder / split)) for split in splits}
        for split, source in sources.items():
            held_out = split == "train" and "dev" not in sources
            for few in in_parts(source(), AT_ONCE):
                parts: dict[str, list[Sentence]] = {}
                for sentence in few:
                    own = "dev" if held_out and draw() < dev_fraction else split
                    parts.setdefault(own, []).append(sentence)
                for own, part in parts.items():
                    writers[own].write(part, numbers, own == "train", objective, trees)
    for split in ("train", "dev"):
        if not len(StoredText(folder / split, objective)):
            raise DataError(
                f"there is no sentence in {split}; give more text"
                + (", or a larger --dev-fraction" if split == "dev" else "")
            )
    vocabulary, places = numbers.vocabulary(objective, min_count)
    for split in splits:
        _renumber(folder / split / "words", places)
    write_sealed(seal, {"key": key, "vocabulary": vocabulary.to_json()})
    return vocabulary, {split: StoredText(folder / split, objective) for split in splits}


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

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> _Writer:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._stack = ExitStack()
        self._files = {
            name: self._stack.enter_context((self.folder / name).open("wb")) for name in _TYPES
        }
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def write(
        self,
        sentences: Sequence[Sentence],
        numbers: _Numbers,
        counted: bool,
        objective: Objective,
        trees: bool,
    ) -> None:
        rows: dict[str, list[int]] = {name: [] for name in _TYPES}
        for sentence in sentences:
            own = numbers.of(sentence.tokens, counted)
            if objective == "causal":
                own = [0, *own]
            rows["words"] += own
            rows["lengths"].append(len(own))
            rows["characters"].append(sum(map(len, sentence.tokens)) + len(sentence.tokens))
            if trees:
                tree = sentence.dependencies
                if tree is None:
                    raise DataError(
                        f"the sentence {' '.join(sentence.tokens)!r} has no dependency tree, which the "
                        "encoder reads; --structure parse parses it"
                    )
                rows["heads"] += tree.parents
                labels = tree.labels or [""] * len(tree)
                rows["relations"] += [UNIVERSAL_RELATIONS[label] for label in labels]
        for name, values in rows.items():
            np.array(values, _TYPES[name]).tofile(self._files[name])


def _renumber(file: Path, places: NDArray[np.int32]) -> None:
    if file.stat().st_size == 0:
        return
    words = np.memmap(file, np.int32, "r+")
    for begin in range(0, len(words), REMAPPED):
        words[begin : begin + REMAPPED] = places[words[begin : begin + REMAPPED]]
    words.flush()
