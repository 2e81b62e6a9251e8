"""Sentences for examples: parsed once and kept in a file, or as they are in the data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

from parsers import Parser, enhanced_graph
from parsers.stanza.texts import JOINED_SENTENCES, SPLIT_AT_WHITE_SPACE
from structnn import Sentence, StructureError
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.questions import Span, offsets_of, token_span
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

T = TypeVar("T")


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
    """

    dataset: Dataset
    sentences: dict[str, tuple[Sentence, ...]]
    structure: str = "parse"
    parser: str | None = None
    second: dict[str, tuple[Sentence, ...]] = field(default_factory=dict)
    spans: dict[str, tuple[tuple[Span, ...], ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"ParsedDataset({self.dataset!r}, structure={self.structure!r})"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a report must say of the data and of their parses."""
        sides = (self.sentences, self.second)
        every = (sentence for side in sides for part in side.values() for sentence in part)
        return (*self.dataset.notes, *parser_notes(every), *self._span_notes())

    def without_test(self) -> ParsedDataset:
        """The same data without test examples: all that training and selection may see."""
        return replace(
            self,
            dataset=self.dataset.without_test(),
            sentences={**self.sentences, "test": ()},
            second={**self.second, "test": ()} if self.second else {},
            spans={**self.spans, "test": ()} if self.spans else {},
        )

    def texts(self, split: str) -> tuple[Sentence, ...]:
        """All sentences of a split: those of first texts, and behind them those of second ones."""
        return (*self.sentences[split], *self.second.get(split, ()))

    def _span_notes(self) -> Iterator[str]:
        """How many spans don't begin and end where tokens do."""
        if not self.dataset.question.spans:
            return
        fits = [
            exact
            for split, sentences in self.sentences.items()
            for example, sentence in zip(getattr(self.dataset, split), sentences, strict=True)
            for _, exact in in_tokens(example.text, example.spans, sentence)
        ]
        if count := len(fits) - sum(fits):
            yield (
                f"{count} of {len(fits)} spans begin or end within a token of the parser: they are "
                "taken as the whole of the tokens that they lie in"
            )


def parse_dataset(
    dataset: Dataset,
    parser: Parser | None,
) -> ParsedDataset:
    """A sentence for each example: parsed, or as it is in the data.

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
        first = [Sentence(example.text) for example in examples]
    else:
        first = _sentences(examples, parser)
    second = _sentences([one.second for one in examples if one.text2 is not None], parser)
    return with_sentences(
        dataset, first, second, parser=None if parser is None else parser.fingerprint
    )


def with_sentences(
    dataset: Dataset,
    first: Sequence[Sentence],
    second: Sequence[Sentence] = (),
    *,
    parser: str | None,
) -> ParsedDataset:
    """A data set with sentences, and the tokens of its spans.

    Args:
        dataset: The examples.
        first: The sentence of each, those of train first, then those of dev, then those of test.
        second: The sentence of each second text, where the question is about pairs.
        parser: The fingerprint of the parser; None if nothing was parsed.

    Raises:
        DataError: A sentence has other tokens than those that have an answer each.
    """
    examples = [example for split in SPLITS for example in getattr(dataset, split)]
    for example, sentence in zip(examples, first, strict=True):
        if dataset.question.has_parts and len(sentence) != len(example.text):
            raise DataError(
                f"{example.source}: the parser made {len(sentence)} tokens of the {len(example.text)} "
                "that have a tag; take another parser, or given trees (--structure given)"
            )
    spans = [
        tuple(span for span, _ in in_tokens(example.text, example.spans, sentence))
        for example, sentence in zip(examples, first, strict=True)
    ]
    return ParsedDataset(
        dataset,
        _by_split(dataset, first),
        parser=parser,
        second=_by_split(dataset, second),
        spans=_by_split(dataset, spans if dataset.question.spans else []),
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


def _by_split(dataset: Dataset, of_examples: Sequence[T]) -> dict[str, tuple[T, ...]]:
    """What belongs to all examples, divided as these are; empty if there is none."""
    rest = iter(of_examples)
    if not of_examples:
        return {}
    return {split: tuple(islice(rest, len(getattr(dataset, split)))) for split in SPLITS}


def _sentences(examples: Sequence[Example], parser: Parser | None) -> list[Sentence]:
    """The sentences of examples' texts; constituents in the data are kept beside parses."""
    if parser is None:
        return [given_tree(example) for example in examples]
    parsed = parser.parse([example.text for example in examples]) if examples else []
    return [
        sentence
        if example.sentence is None
        else sentence.replace(constituency=example.sentence.constituency)
        for example, sentence in zip(examples, parsed, strict=True)
    ]


def parser_notes(sentences: Iterable[Sentence]) -> list[str]:
    """Sentences that say how many texts the parser had to split; none if it had to split none."""
    sentences = list(sentences)
    told = {
        JOINED_SENTENCES: "were split into sentences, whose trees were joined under one root",
        SPLIT_AT_WHITE_SPACE: "were split at white space, since the tokenizer lost characters of them",
    }
    counts = {key: sum(key in sentence.metadata for sentence in sentences) for key in told}
    return [
        f"{count} of {len(sentences)} texts {told[key]}" for key, count in counts.items() if count
    ]


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
        wanted = structure_of(structure or "constituency").noun
        raise DataError(
            f"{source}: this example has no {wanted}. --structure constituency is for data "
            "such as sst5, --structure given for JSON Lines with tokens, heads and relations (of a "
            "second text heads2 and relations2), --structure graph for JSON Lines with tokens and a "
            "graph, --structure enhanced for CoNLL-U with the column DEPS; --structure parse parses the "
            "text"
        )
    return sentence
