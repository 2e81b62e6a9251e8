"""Sentences for examples: parsed once and kept in a file, or as they are in the data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from parsers import CachedParser, Parser
from parsers.stanza.texts import JOINED_SENTENCES, SPLIT_AT_WHITE_SPACE
from structnn import Sentence
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.options import ParserOptions, ParsingOptions

__all__ = [
    "SPLITS",
    "ParsedDataset",
    "cached_parser",
    "given_tree",
    "make_parser",
    "parse_dataset",
    "parser_notes",
    "tree_field",
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
    """

    dataset: Dataset
    sentences: dict[str, tuple[Sentence, ...]]
    structure: str = "parse"
    parser: str | None = None

    def __repr__(self) -> str:
        return f"ParsedDataset({self.dataset!r}, structure={self.structure!r})"

    @property
    def notes(self) -> tuple[str, ...]:
        """What a report must say of the data and of their parses."""
        return (*self.dataset.notes, *parser_notes(chain.from_iterable(self.sentences.values())))

    def without_test(self) -> ParsedDataset:
        """The same data without test examples: all that training and selection may see."""
        sentences = {**self.sentences, "test": ()}
        return replace(self, dataset=self.dataset.without_test(), sentences=sentences)

    def targets(self, split: str) -> list[int]:
        """For each example the index of its label."""
        index = {label: number for number, label in enumerate(self.dataset.labels)}
        return [index[example.label] for example in getattr(self.dataset, split)]


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
    if parser is None:
        sentences = [given_tree(example) for example in examples]
    else:
        sentences = [
            sentence
            if example.sentence is None
            else sentence.replace(constituency=example.sentence.constituency)
            for example, sentence in zip(
                examples, parser.parse([example.text for example in examples]), strict=True
            )
        ]
    rest = iter(sentences)
    by_split = {split: tuple(islice(rest, len(getattr(dataset, split)))) for split in SPLITS}
    return ParsedDataset(dataset, by_split, parser=None if parser is None else parser.fingerprint)


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
    """The sentence of an example whose data have a tree.

    Args:
        example: The example.
        structure: Which tree: ``"constituency"``, ``"given"`` (dependencies), or None for any.

    Raises:
        DataError: The example has no such tree.
    """
    sentence = example.sentence
    fields = [tree_field(structure)] if structure else ["constituency", "dependencies"]
    if sentence is None or all(getattr(sentence, name) is None for name in fields):
        wanted = "given dependency tree" if structure == "given" else "constituency tree"
        raise DataError(
            f"{example.source}: this example has no {wanted}. --structure constituency is for data "
            "such as sst5, --structure given for JSON Lines with tokens, heads and relations; "
            "--structure parse parses the text"
        )
    return sentence


def tree_field(structure: str) -> str:
    """The field of a sentence that holds the tree of this structure."""
    return "constituency" if structure == "constituency" else "dependencies"


def make_parser(options: ParserOptions) -> Parser:
    """The parser with these options."""
    from parsers import StanzaParser

    return StanzaParser(
        options.language,
        package=options.package,
        model_dir=options.model_dir,
        split_sentences=options.split_sentences,
    )


def cached_parser(
    options: ParsingOptions, progress: Callable[[int, int], None] | None = None
) -> CachedParser:
    """The same, and the file that keeps its parses: by default one in the user's cache folder.

    Args:
        options: Which parser, and which file.
        progress: Called with the number of texts done and of all.
    """
    if options.cache is not None:
        file = options.cache
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        file = Path(base) / "structnn" / "parses.sqlite"
    return CachedParser(make_parser(options), file, progress=progress)
