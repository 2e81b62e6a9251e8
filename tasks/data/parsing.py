"""Sentences for examples: parsed once and kept in a file, or as they are in the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain, pairwise
from typing import ClassVar

from parsers import Parser, enhanced_graph, parse_each
from parsers.stanza.texts import JOINED_SENTENCES, SPLIT_AT_WHITE_SPACE
from structnn import Sentence, StructureError
from tasks.data.examples import DataError, Dataset, Example, counted
from tasks.data.questions import Span, offsets_of, token_span
from tasks.data.sentences import joined, kept
from tasks.data.structures import structure_of

__all__ = [
    "SPLITS",
    "ParsedDataset",
    "given_tree",
    "in_tokens",
    "parse_dataset",
    "parser_notes",
    "with_given",
    "with_sentences",
]

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class ParsedDataset:
    """A data set with a sentence for each example, in order; none is left out.

    Attributes:
        dataset: The examples and labels.
        sentences: For each split the sentences of its examples.
        structure: What tree and graph encoders read: ``"parse"``, the parser's dependencies;
            ``"constituency"`` or ``"given"``, trees in the data; or the name of a control.
        parser: The fingerprint of the parser; None if nothing was parsed.
        second: For each split the sentences of second texts; empty unless the question is about pairs.
        spans: For each split the tokens of the spans of each example, where each begins and the token
            after its last; empty unless the question is about spans.
        remarks: What a report must say of the parses.
    """

    dataset: Dataset
    sentences: Mapping[str, Sequence[Sentence]]
    structure: str = "parse"
    parser: str | None = None
    second: Mapping[str, Sequence[Sentence]] = field(default_factory=dict)
    spans: Mapping[str, Sequence[tuple[Span, ...]]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"ParsedDataset({self.dataset!r}, structure={self.structure!r})"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a report must say of the data and of their parses."""
        return (*self.dataset.notes, *self.remarks)

    def without_test(self) -> ParsedDataset:
        """The same data without test examples: all that training and selection may see."""
        return replace(
            self,
            dataset=self.dataset.without_test(),
            sentences={**self.sentences, "test": ()},
            second={**self.second, "test": ()} if self.second else {},
            spans={**self.spans, "test": ()} if self.spans else {},
        )

    def texts(self, split: str) -> Sequence[Sentence]:
        """All sentences of a split: those of first texts, and behind them those of second ones."""
        return joined(self.sentences[split], self.second.get(split, ()))


def parse_dataset(
    dataset: Dataset,
    parser: Parser | None,
) -> ParsedDataset:
    """A sentence for each example: parsed, or as it is in the data.

    What is parsed is kept in files: see :func:`tasks.data.sentences.kept`.

    Args:
        dataset: The examples.
        parser: Parses them; constituency trees in the data are kept beside its dependencies. None if
            nothing is to be parsed, since the data have trees.

    Raises:
        DataError: There is no parser, and an example has no tree.
    """
    examples = [example for split in SPLITS for example in getattr(dataset, split)]
    if parser is None and dataset.question.reads == "arcs":
        # A tree in the data may be the answer: nothing but the tokens is taken.
        first: Iterator[Sentence] = (Sentence(example.text) for example in examples)
    else:
        first = _sentences(examples, parser)
    second = _sentences([one.second for one in examples if one.text2 is not None], parser)
    return with_sentences(
        dataset, first, second, parser=None if parser is None else parser.fingerprint
    )


def with_sentences(
    dataset: Dataset,
    first: Iterable[Sentence],
    second: Iterable[Sentence] = (),
    *,
    parser: str | None,
) -> ParsedDataset:
    """A data set with sentences, and the tokens of its spans.

    Args:
        dataset: The examples.
        first: The sentence of each, those of train first, then those of dev, then those of test; they
            are gone through once.
        second: The sentence of each second text, where the question is about pairs; as well.
        parser: The fingerprint of the parser; None if nothing was parsed.

    Raises:
        DataError: A sentence has other tokens than those that have an answer each.
    """
    examples = [example for split in SPLITS for example in getattr(dataset, split)]
    told, found = _ToldOfParses(), _SpansFound(dataset.question.spans > 0)

    def checked() -> Iterator[Sentence]:
        for example, sentence in zip(examples, first, strict=True):
            if dataset.question.has_parts and len(sentence) != len(example.text):
                raise DataError(
                    f"{example.source}: the parser made {counted(len(sentence), 'token')} of the "
                    f"{len(example.text)} that have a tag; take another parser, or given trees "
                    "(--structure given)"
                )
            found.add(example, sentence)
            yield sentence

    # All in one, so that first and second texts of a split are of the same columns.
    sentences = kept(told.each(chain(checked(), second)), examples)
    ends = [0, *accumulate(len(getattr(dataset, split)) for split in SPLITS)]
    of_first = dict(zip(SPLITS, pairwise(ends), strict=True))
    behind = {
        split: slice(ends[-1] + begin, ends[-1] + end) for split, (begin, end) in of_first.items()
    }
    return ParsedDataset(
        dataset,
        {split: sentences[slice(*own)] for split, own in of_first.items()},
        parser=parser,
        second={split: sentences[own] for split, own in behind.items()}
        if len(sentences) > len(examples)
        else {},
        spans={split: tuple(found.spans[slice(*own)]) for split, own in of_first.items()}
        if found.wanted
        else {},
        remarks=(*told.notes, *found.notes),
    )


def in_tokens(
    text: str | Sequence[str], spans: Sequence[Span], sentence: Sentence
) -> list[tuple[Span, bool]]:
    """The tokens of each span of a text, and whether it begins and ends where they do.

    Args:
        text: The text, or its tokens.
        spans: The spans, in characters of the text, or in tokens.
        sentence: The sentence that the text was parsed to.
    """
    if not isinstance(text, str):
        return [(span, True) for span in spans]
    offsets = offsets_of(text, sentence.tokens) if spans else []
    return [token_span(span, offsets) for span in spans]


def _sentences(examples: Sequence[Example], parser: Parser | None) -> Iterator[Sentence]:
    """The sentences of examples' texts; constituents in the data are kept beside parses."""
    if parser is None:
        yield from map(given_tree, examples)
        return
    parsed = parse_each(parser, (example.text for example in examples))
    for example, sentence in zip(examples, parsed, strict=True):
        own = example.sentence
        yield sentence if own is None else sentence.replace(constituency=own.constituency)


class _ToldOfParses:
    """How many texts a parser had to split, counted as sentences go by."""

    _SAYS: ClassVar = {
        JOINED_SENTENCES: "were split into sentences, whose trees were joined under one root",
        SPLIT_AT_WHITE_SPACE: "were split at white space, since the tokenizer lost characters of them",
    }

    def __init__(self) -> None:
        self._of_all = 0
        self._counts: Counter[str] = Counter()

    def each(self, sentences: Iterable[Sentence]) -> Iterator[Sentence]:
        """The same sentences."""
        for sentence in sentences:
            self._of_all += 1
            self._counts.update(key for key in self._SAYS if key in sentence.metadata)
            yield sentence

    @property
    def notes(self) -> list[str]:
        """Sentences that say it."""
        return [
            f"{count} of {self._of_all} texts {says}"
            for key, says in self._SAYS.items()
            if (count := self._counts[key])
        ]


class _SpansFound:
    """The spans of examples in tokens, found as sentences go by; none unless they are wanted."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self.spans: list[tuple[Span, ...]] = []
        self._all = self._inexact = 0

    def add(self, example: Example, sentence: Sentence) -> None:
        """Find those of the next example."""
        if self.wanted:
            own = in_tokens(example.text, example.spans, sentence)
            self.spans.append(tuple(span for span, _ in own))
            self._all += len(own)
            self._inexact += sum(not exact for _, exact in own)

    @property
    def notes(self) -> list[str]:
        """How many don't begin and end where tokens do."""
        return [
            f"{self._inexact} of {self._all} spans begin or end within a token of the parser: they are "
            "taken as the whole of the tokens that they lie in"
        ][: bool(self._inexact)]


def parser_notes(sentences: Iterable[Sentence]) -> list[str]:
    """Sentences that say how many texts the parser had to split; none if it had to split none."""
    told = _ToldOfParses()
    for _ in told.each(sentences):
        pass
    return told.notes


def given_tree(example: Example, structure: str | None = None) -> Sentence:
    """The sentence of an example whose data have a tree: see :func:`with_given`."""
    return with_given(example.sentence, example.source, structure)


def with_given(sentence: Sentence | None, source: str, structure: str | None = None) -> Sentence:
    """A sentence whose data have a tree.

    Args:
        sentence: The sentence as the data give it; None where they give no structure.
        source: Where it is from, for messages.
        structure: Which structure: ``"constituency"``, ``"given"`` (dependencies), ``"enhanced"`` (a
            graph, of the column DEPS), ``"graph"``, or None for any.

    Raises:
        DataError: It has no such structure.
    """
    if sentence is not None and structure == "enhanced":
        try:
            return sentence.replace(graph=enhanced_graph(sentence))
        except StructureError as fault:
            raise DataError(f"{source}: {fault}") from None
    if sentence is None or not (
        any((sentence.constituency, sentence.dependencies, sentence.graph, sentence.columns))
        if structure is None
        else getattr(sentence, structure_of(structure).field)
    ):
        wanted = "tree and no graph" if structure is None else structure_of(structure).noun
        raise DataError(
            f"{source}: this example has no {wanted}. --structure constituency is for data "
            "such as sst5, --structure given for JSON Lines with tokens, heads and relations (of a "
            "second text heads2 and relations2), --structure graph for JSON Lines with tokens and a "
            "graph, --structure enhanced for CoNLL-U with the column DEPS; --structure parse parses the "
            "text"
        )
    return sentence
