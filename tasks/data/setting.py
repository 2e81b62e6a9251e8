"""What a run is trained and tested on: its structure, noise, part of train, and fold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Annotated

from parsers import parse_noise, path_between, rerooted, with_structure
from structnn import Sentence
from tasks.data.examples import DataError, Dataset
from tasks.data.parsing import SPLITS, ParsedDataset, given_tree
from tasks.data.questions import Span
from tasks.data.sentences import changed, chosen, joined
from tasks.data.splits import folds, subsample
from tasks.data.structures import GIVEN_STRUCTURES, Structure, structure_of
from tasks.folders import folder_name
from tasks.options import OptionError, Options, Range

__all__ = [
    "Setting",
    "check_structures",
    "each_for_spans",
    "for_spans",
    "parser_of",
    "view",
]


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
        structure_of(self.structure)  # refuses unknown names
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
    """Make sure that a question can be asked of models that read these structures.

    Raises:
        DataError: The question is about arcs, and a structure is trees that come with the data: they are
            what is asked for. Or it is about nodes of given trees, and a structure is another one.
    """
    other = set(structures) - {dataset.question.usual_structure}
    if dataset.question.reads == "nodes" and other:
        raise DataError(
            f"{dataset.name}: the question is about the nodes of given trees, which --structure "
            f"{min(other)} hasn't: leave out --structure"
        )
    if dataset.question.reads == "arcs" and (given := set(structures) & set(GIVEN_STRUCTURES)):
        raise DataError(
            f"{dataset.name}: with --structure {min(given)} an encoder would read the trees that it is "
            "asked for; take a control, such as left_chain or balanced, or the trees of another parser "
            "(--structure parse)"
        )


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
    structure = structure_of(setting.structure)
    sentences: Mapping[str, Sequence[Sentence]]
    second: Mapping[str, Sequence[Sentence]]
    if structure.is_given:
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
    elif structure.spans:
        sentences, second = _between_spans(parsed, structure), {}
    else:
        every = {split: _restructured(parsed.texts(split), setting) for split in parsed.sentences}
        sizes = {split: len(part) for split, part in parsed.sentences.items()}
        sentences = {split: part[: sizes[split]] for split, part in every.items()}
        second = {split: every[split][sizes[split] :] for split in parsed.second}
    return replace(
        parsed,
        sentences=sentences,
        second=second,
        structure=setting.structure,
        parser=parser_of(parsed, setting),
    )


def for_spans(structure: Structure, sentence: Sentence, spans: Sequence[Span]) -> Sentence:
    """A sentence with a structure made for its spans.

    Args:
        structure: One that is made for spans: see :class:`Setting`.
        sentence: The sentence, with its parse.
        spans: Its spans, at least as many as the structure is made for.
    """
    if structure.is_graph:
        return path_between(sentence, *spans, within=structure.within)
    return rerooted(sentence, spans[0])


def each_for_spans(
    structure: Structure, sentences: Iterable[Sentence], spans: Iterable[Sequence[Span]]
) -> list[Sentence]:
    """Each of some sentences with a structure made for its spans: see :func:`for_spans`."""
    return [for_spans(structure, *both) for both in zip(sentences, spans, strict=True)]


def _between_spans(parsed: ParsedDataset, structure: Structure) -> dict[str, Sequence[Sentence]]:
    question = parsed.dataset.question
    if structure.spans == 1 and not question.spans:
        raise DataError(
            f"{parsed.dataset.name}: a tree can hang from a span that is asked about, but the question "
            f"is about a {question.reads}; take another --structure"
        )
    if structure.spans == 2 and question.spans != 2:
        raise DataError(
            f"{parsed.dataset.name}: --structure {structure.name} is the path between two spans, but "
            f"the question is about a {question.reads}; take another --structure"
            + (", such as rerooted" if question.spans else "")
        )
    return {
        split: each_for_spans(structure, sentences, parsed.spans[split])
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
    everything = [example for split in SPLITS for example in getattr(parsed.dataset, split)]
    place_of = {id(example): place for place, example in enumerate(everything)}
    places = {
        split: [place_of[id(example)] for example in getattr(dataset, split)] for split in SPLITS
    }

    def divided(side: Mapping[str, Sequence[Sentence]]) -> dict[str, Sequence[Sentence]]:
        every = reduce(joined, (side[split] for split in SPLITS)) if side else ()
        return {split: chosen(every, places[split]) for split in SPLITS if side}

    spans = [own for split in SPLITS for own in parsed.spans.get(split, ())]
    return replace(
        parsed,
        dataset=dataset,
        sentences=divided(parsed.sentences),
        second=divided(parsed.second),
        spans={split: tuple(spans[place] for place in places[split]) for split in parsed.spans},
    )


def parser_of(parsed: ParsedDataset, setting: Setting) -> str | None:
    """The fingerprint of the parser whose trees a run in this setting may read."""
    return None if structure_of(setting.structure).is_given else parsed.parser


def _restructured(sentences: Sequence[Sentence], setting: Setting) -> Sequence[Sentence]:
    if setting.noise:
        return changed(sentences, lambda part: parse_noise(part, setting.noise))
    if setting.structure == "parse":
        return sentences
    return changed(sentences, lambda part: with_structure(part, setting.structure))
