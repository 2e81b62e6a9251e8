"""What a run sees of a data set: which structure, how noisy, how much of train, which fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from parsers import STRUCTURES, parse_noise, with_structure
from structnn import Sentence
from tasks.data.parsing import SPLITS, ParsedDataset, given_tree
from tasks.data.splits import folds, subsample

__all__ = ["GIVEN_STRUCTURES", "Setting", "parser_of", "view"]

GIVEN_STRUCTURES = ("constituency", "given")
"""Structures that are given with the data: constituency trees, and dependency trees."""


@dataclass(frozen=True)
class Setting:
    """What a run is trained and tested on.

    Args:
        data: Which data set, where an experiment has several; empty where it has one.
        structure: ``"parse"``; ``"constituency"`` or ``"given"``, trees that came with the data; or a
            control structure to put in the parse's place: see :func:`parsers.with_structure`.
        noise: Share of tokens that get another head, at random: see :func:`parsers.parse_noise`.
        fraction: Share of the training examples that is used.
        fold: The number of a fold, from 1, and how many there are; None for the split of the data.
    """

    data: str = ""
    structure: str = "parse"
    noise: float = 0.0
    fraction: float = 1.0
    fold: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        known = (*STRUCTURES, *GIVEN_STRUCTURES)
        if self.structure not in known:
            raise ValueError(
                f"unknown structure {self.structure!r}: choose from {', '.join(known)}"
            )
        if not 0 <= self.noise < 1:
            raise ValueError(f"parse noise must be at least 0 and below 1, but is {self.noise}")
        if self.noise and self.structure != "parse":
            raise ValueError(
                f"parse noise goes with structure 'parse', not with {self.structure!r}"
            )
        if not 0 < self.fraction <= 1:
            raise ValueError(
                f"a fraction of train must be above 0 and at most 1, but is {self.fraction}"
            )

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of folders, from outer to inner, for all that differs from the default."""
        names = [self.data.replace("/", "_")] if self.data else []
        if self.structure != "parse":
            names.append(f"structure={self.structure}")
        if self.noise:
            names.append(f"noise={self.noise:g}")
        if self.fraction != 1:
            names.append(f"fraction={self.fraction:g}")
        if self.fold is not None:
            names.append("fold={}-of-{}".format(*self.fold))
        return tuple(names)


def view(parsed: ParsedDataset, setting: Setting, seed: int = 0) -> ParsedDataset:
    """The data that a run in this setting sees.

    Structures are the same for all seeds; which part of train is used depends on the seed, a smaller
    part being contained in a larger one.

    Args:
        parsed: All of the data, with the parser's trees (or, where only trees that came with the data
            are wanted, without).
        setting: What to make of it.
        seed: The run's.

    Raises:
        DataError: The data don't allow it; the message says why.
    """
    dataset, sentences = parsed.dataset, parsed.sentences
    if setting.fold is not None:
        number, count = setting.fold
        whole = _by_example(parsed)
        dataset = replace(tuple(folds(dataset, count))[number - 1], name=dataset.name)
        sentences = {
            split: tuple(whole[id(example)] for example in getattr(dataset, split))
            for split in SPLITS
        }
    if setting.fraction != 1:
        places = subsample(dataset.train, setting.fraction, seed)
        dataset = replace(dataset, train=tuple(dataset.train[place] for place in places))
        kept = tuple(sentences["train"][place] for place in places)
        sentences = {**sentences, "train": kept}
    if setting.structure in GIVEN_STRUCTURES:
        sentences = {
            split: tuple(
                given_tree(example, setting.structure) for example in getattr(dataset, split)
            )
            for split in SPLITS
        }
    else:
        sentences = {split: _restructured(part, setting) for split, part in sentences.items()}
    return ParsedDataset(dataset, sentences, setting.structure, parser_of(parsed, setting))


def parser_of(parsed: ParsedDataset, setting: Setting) -> str | None:
    """The fingerprint of the parser whose trees a run in this setting may read."""
    return None if setting.structure in GIVEN_STRUCTURES else parsed.parser


def _by_example(parsed: ParsedDataset) -> dict[int, Sentence]:
    return {
        id(example): sentence
        for split in SPLITS
        for example, sentence in zip(
            getattr(parsed.dataset, split), parsed.sentences[split], strict=True
        )
    }


def _restructured(sentences: Sequence[Sentence], setting: Setting) -> tuple[Sentence, ...]:
    if setting.noise:
        return tuple(parse_noise(sentences, setting.noise))
    return tuple(with_structure(sentences, setting.structure))
