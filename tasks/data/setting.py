"""What a run is trained and tested on: its structure, noise, part of train, and fold."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, TypeVar

from parsers import STRUCTURES, parse_noise, path_between, rerooted, with_structure
from parsers.controls import CONTROLS
from structnn import Sentence
from tasks.data.examples import DataError, Dataset
from tasks.data.parsing import SPLITS, ParsedDataset, given_tree
from tasks.data.questions import PLAIN_QUESTION, Question, Span
from tasks.data.splits import folds, subsample
from tasks.folders import folder_name
from tasks.options import OptionError, Options, Range

__all__ = [
    "GIVEN_STRUCTURES",
    "Setting",
    "check_structures",
    "for_spans",
    "is_for_spans",
    "needs_parser",
    "parser_of",
    "view",
]

T = TypeVar("T")

GIVEN_STRUCTURES = ("constituency", "given", "enhanced", "graph")
"""Structures that are part of the data: constituency trees, dependency trees, and graphs."""

_PATH = re.compile(r"path(0|[1-9][0-9]{0,2}|_inf)?", re.ASCII)


@dataclass(frozen=True)
class Setting(Options):
    """What a run is trained and tested on.

    Args:
        data: The data set, where an experiment has several; empty where it has one.
        structure: ``"parse"``, the parser's dependencies; ``"constituency"`` or ``"given"``, trees in
            the data; ``"enhanced"``, the enhanced dependencies of CoNLL-U data, and ``"graph"``, other
            graphs in the data (both for graph encoders alone); ``"rerooted"``, the parse as it hangs
            from the (first) span that is asked about, see :func:`parsers.rerooted`; ``"path"``,
            ``"path1"``, ``"path2"``, ... and ``"path_inf"``, the part of the parse between two spans
            and what hangs from it by so many edges, see :func:`parsers.path_between` (for graph
            encoders alone); or a control structure in place of the parse, see
            :func:`parsers.with_structure`.
        noise: Fraction of tokens that get a random head: see :func:`parsers.parse_noise`.
        fraction: Fraction of the training examples that is used.
        fold: The number of a fold, from 1, and how many there are; None for the split of the data.

    Raises:
        OptionError: The structure is unknown, a number is out of range, or there is noise in a
            structure other than the parse.
    """

    data: str = ""
    structure: str = "parse"
    noise: Annotated[float, Range(least=0, below=1)] = 0.0
    fraction: Annotated[float, Range(above=0, most=1)] = 1.0
    fold: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        known = (*STRUCTURES, *GIVEN_STRUCTURES, "rerooted", "path", "path1", "path2", "path_inf")
        if self.structure not in known and not is_for_spans(self.structure):
            raise OptionError(
                "structure", f"must be one of {', '.join(known)}, but is {self.structure!r}"
            )
        if self.noise and self.structure != "parse":
            raise OptionError(
                "noise", f"goes with the structure 'parse', not with {self.structure!r}"
            )

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of folders, from outer to inner, for all that differs from the default."""
        names = [folder_name(self.data)] if self.data else []
        if self.structure != "parse":
            names.append(f"structure={self.structure}")
        if self.noise:
            names.append(f"noise={self.noise:g}")
        if self.fraction != 1:
            names.append(f"fraction={self.fraction:g}")
        if self.fold is not None:
            names.append("fold={}-of-{}".format(*self.fold))
        return tuple(names)


def check_structures(structures: Collection[str], dataset: Dataset) -> None:
    """Make sure that no model is given the trees that it is asked for.

    Raises:
        DataError: The question is about arcs, and a structure is trees that come with the data.
    """
    if dataset.question.reads == "arcs" and (given := set(structures) & set(GIVEN_STRUCTURES)):
        raise DataError(
            f"{dataset.name}: with --structure {min(given)} an encoder would read the trees that it is "
            "asked for; take a control, such as left_chain or balanced, or the trees of another parser "
            "(--structure parse)"
        )


def needs_parser(structures: Collection[str], question: Question = PLAIN_QUESTION) -> bool:
    """Whether an experiment with these structures needs parses.

    Where trees come with the data, controls are made from their tokens, and the shuffled tree from the
    given one. Where trees are asked about, the tokens are given, and the shuffled tree is that of a
    parser.
    """
    if question.reads == "arcs":
        return not set(structures) <= {*CONTROLS} - {"shuffled"}
    if not set(structures) & set(GIVEN_STRUCTURES):
        return True
    without = {*GIVEN_STRUCTURES, *CONTROLS}
    return not set(structures) <= without - (set() if "given" in structures else {"shuffled"})


def view(parsed: ParsedDataset, setting: Setting, seed: int = 0) -> ParsedDataset:
    """The data that a run in this setting sees.

    Control structures and noise are the same for all seeds. The part of train depends on the seed;
    for one seed a smaller part is contained in a larger one.

    Args:
        parsed: All of the data, with the parser's trees (unless only given trees are wanted).
        setting: Structure, noise, fraction and fold.
        seed: The random seed of the run.

    Raises:
        DataError: The data don't allow it; the message says why.
    """
    if setting.fold is not None:
        parsed = _fold(parsed, *setting.fold)
    if setting.fraction != 1:
        parsed = _part_of_train(parsed, setting.fraction, seed)
    dataset = parsed.dataset
    check_structures([setting.structure], dataset)
    if setting.structure in GIVEN_STRUCTURES:
        of_first = {split: getattr(dataset, split) for split in SPLITS}
        of_second = {
            split: tuple(example.second for example in getattr(dataset, split))
            for split in parsed.second
        }
        sentences, second = (
            {
                split: tuple(given_tree(example, setting.structure) for example in part)
                for split, part in side.items()
            }
            for side in (of_first, of_second)
        )
    elif is_for_spans(setting.structure):
        sentences, second = _between_spans(parsed, setting.structure), {}
    else:
        sentences, second = (
            {split: _restructured(part, setting) for split, part in side.items()}
            for side in (parsed.sentences, parsed.second)
        )
    return replace(
        parsed,
        sentences=sentences,
        second=second,
        structure=setting.structure,
        parser=parser_of(parsed, setting),
    )


def is_for_spans(structure: str) -> bool:
    """Whether a structure is made for the spans that a question is about."""
    return structure == "rerooted" or _PATH.fullmatch(structure) is not None


def for_spans(structure: str, sentence: Sentence, spans: Sequence[Span]) -> Sentence:
    """A sentence with a structure made for its spans.

    Args:
        structure: ``"rerooted"``, ``"path"``, ``"path1"`` and so on: see :class:`Setting`.
        sentence: The sentence, with its parse.
        spans: Its spans: one or two; for a path, two.
    """
    if structure == "rerooted":
        return rerooted(sentence, spans[0])
    match = _PATH.fullmatch(structure)
    assert match is not None
    within = math.inf if match[1] == "_inf" else int(match[1] or 0)
    return path_between(sentence, *spans, within=within)


def _between_spans(parsed: ParsedDataset, structure: str) -> dict[str, tuple[Sentence, ...]]:
    question = parsed.dataset.question
    if structure == "rerooted" and not question.spans:
        raise DataError(
            f"{parsed.dataset.name}: a tree can hang from a span that is asked about, but the question "
            f"is about a {question.reads}; take another --structure"
        )
    if structure != "rerooted" and question.spans != 2:
        raise DataError(
            f"{parsed.dataset.name}: --structure {structure} is the path between two spans, but the "
            f"question is about a {question.reads}; take another --structure"
            + (", such as rerooted" if question.spans else "")
        )
    return {
        split: tuple(
            for_spans(structure, sentence, spans)
            for sentence, spans in zip(sentences, parsed.spans[split], strict=True)
        )
        for split, sentences in parsed.sentences.items()
    }


def _fold(parsed: ParsedDataset, number: int, count: int) -> ParsedDataset:
    dataset = tuple(folds(parsed.dataset, count))[number - 1]
    return _chosen(parsed, replace(dataset, name=parsed.dataset.name))


def _part_of_train(parsed: ParsedDataset, fraction: float, seed: int) -> ParsedDataset:
    dataset = parsed.dataset
    stratify = dataset.question.is_one_label
    places = subsample(dataset.train, fraction, seed, stratify=stratify)
    return _chosen(parsed, replace(dataset, train=tuple(dataset.train[place] for place in places)))


def _chosen(parsed: ParsedDataset, dataset: Dataset) -> ParsedDataset:
    """The parses of a data set whose examples are among those of another."""

    def divided(of_examples: Mapping[str, Sequence[T]]) -> dict[str, tuple[T, ...]]:
        known = {
            id(example): own
            for split, part in of_examples.items()
            for example, own in zip(getattr(parsed.dataset, split), part, strict=True)
        }
        return {
            split: tuple(known[id(example)] for example in getattr(dataset, split))
            for split in of_examples
        }

    return replace(
        parsed,
        dataset=dataset,
        sentences=divided(parsed.sentences),
        second=divided(parsed.second),
        spans=divided(parsed.spans),
    )


def parser_of(parsed: ParsedDataset, setting: Setting) -> str | None:
    """The fingerprint of the parser whose trees a run in this setting may read."""
    return None if setting.structure in GIVEN_STRUCTURES else parsed.parser


def _restructured(sentences: Sequence[Sentence], setting: Setting) -> tuple[Sentence, ...]:
    if setting.noise:
        return tuple(parse_noise(sentences, setting.noise))
    return tuple(with_structure(sentences, setting.structure))
