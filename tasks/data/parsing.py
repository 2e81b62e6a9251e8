"""From examples to sentences: parsed once, kept in the cache, every example accounted for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from parsers import CachedParser, Parser
from parsers.stanza.texts import JOINED_SENTENCES, SPLIT_AT_WHITE_SPACE
from structnn import Sentence
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.options import ParserOptions

__all__ = [
    "SPLITS",
    "ParsedDataset",
    "given_tree",
    "default_cache",
    "make_parser",
    "parse_dataset",
    "parse_examples",
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
        structure: What tree and graph encoders read: ``"parse"`` for the dependencies that the parser
            found, ``"constituency"`` or ``"given"`` for constituency or dependency trees that came
            with the data, or the name of a control.
        parser: The fingerprint of the parser, None where the data brought its structures along.
    """

    dataset: Dataset
    sentences: dict[str, tuple[Sentence, ...]]
    structure: str = "parse"
    parser: str | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a report must say of the data and of how they were parsed."""
        return (*self.dataset.notes, *parser_notes(chain.from_iterable(self.sentences.values())))

    def targets(self, split: str) -> list[int]:
        """The number of each example's label."""
        index = {label: number for number, label in enumerate(self.dataset.labels)}
        return [index[example.label] for example in getattr(self.dataset, split)]


def parse_dataset(
    dataset: Dataset,
    parser: Parser,
    cache: Path,
    *,
    parse: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> ParsedDataset:
    """Parse all examples of a data set, the ones in the cache excepted.

    Args:
        dataset: The examples.
        parser: Any parser.
        cache: The file that keeps parses.
        parse: Whether to parse at all; if not, examples must bring their trees along.
        progress: Called with the number of examples done and of all.
    """
    examples = [example for split in SPLITS for example in getattr(dataset, split)]
    if parse:
        sentences = parse_examples(examples, parser, cache, progress=progress)
    else:
        sentences = [given_tree(example) for example in examples]
    by_split, begin = {}, 0
    for split in SPLITS:
        end = begin + len(getattr(dataset, split))
        by_split[split] = tuple(sentences[begin:end])
        begin = end
    return ParsedDataset(dataset, by_split, "parse", parser.fingerprint if parse else None)


def parse_examples(
    examples: Sequence[Example],
    parser: Parser,
    cache: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Sentence]:
    """A sentence for each example, parsed or from the cache; given constituency trees are kept."""
    texts = [example.text for example in examples]
    parsed = CachedParser(parser, cache, progress=progress).parse(texts)
    return [
        sentence
        if example.sentence is None
        else sentence.replace(constituency=example.sentence.constituency)
        for example, sentence in zip(examples, parsed, strict=True)
    ]


def parser_notes(sentences: Iterable[Sentence]) -> list[str]:
    """How many texts the parser did not simply parse, in words; nothing where it did all."""
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
    """The sentence of an example, with the tree that came with it.

    Args:
        example: The example.
        structure: Which tree must have come with it: ``"constituency"`` or ``"given"``.

    Raises:
        DataError: None came.
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
    """The parser that these options describe."""
    from parsers import StanzaParser

    return StanzaParser(**options.to_json())


def default_cache() -> Path:
    """The file that keeps parses unless the user names another: in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "structnn" / "parses.sqlite"
