"""Sentences of examples that are given in Python: parsed once, unless they come with a tree."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.util import Finalize
from pathlib import Path

from parsers import CachedParser, Parser
from parsers.cache import Progress
from structnn import Sentence
from tasks.data.examples import Example
from tasks.data.options import ParserOptions
from tasks.data.parsing import given_tree, in_tokens
from tasks.data.questions import Span
from tasks.data.setting import for_spans
from tasks.data.structures import structure_of
from tasks.models.model import SavedModel
from tasks.models.parser import make_parser

__all__ = ["ReadTexts", "caching_parser", "read", "states_beside"]

FILE = "parses.sqlite"


@dataclass(frozen=True)
class ReadTexts:
    """The sentences of examples.

    Attributes:
        first: The sentence of each.
        second: The second sentence of each, where the question is about pairs.
    """

    first: list[Sentence]
    second: list[Sentence]

    def structured(
        self, model: SavedModel, examples: Sequence[Example]
    ) -> tuple[list[Sentence], list[Sentence], list[tuple[Span, ...]]]:
        """The sentences and second sentences as a model reads them, and the spans in tokens.

        Args:
            model: Says which structure stands in the place of trees.
            examples: The examples.
        """
        spans = [
            tuple(span for span, _ in in_tokens(example.text, example.spans, sentence))
            for example, sentence in zip(examples, self.first, strict=True)
        ]
        first = model.structured(self.first)
        structure = structure_of(model.structure)
        if structure.spans:
            first = [
                for_spans(structure, sentence, own)
                for sentence, own in zip(first, spans, strict=True)
            ]
        return first, model.structured(self.second), spans


def read(
    examples: Sequence[Example], structures: Sequence[str], parser: Parser, *, needs_tree: bool
) -> ReadTexts:
    """The sentences of examples.

    Args:
        examples: Those with a sentence of their own keep its tree.
        structures: What encoders read: see :class:`tasks.data.setting.Setting`.
        parser: Parses the others.
        needs_tree: Whether the encoder reads a tree at all; if not, tokens are not parsed.

    Raises:
        DataError: No parser here makes the structure, such as constituency, and an example has none.
    """
    second = [example.second for example in examples if example.text2 is not None]
    return ReadTexts(
        *(_sentences(texts, structures, parser, needs_tree) for texts in (examples, second))
    )


def _sentences(
    examples: Sequence[Example], structures: Sequence[str], parser: Parser, needs_tree: bool
) -> list[Sentence]:
    """The sentence of each first text."""
    if not any(structure_of(name).of_new_text for name in structures):
        for name in structures:  # each has to be there
            sentences = [given_tree(example, name) for example in examples]
        return sentences
    ready: dict[int, Sentence] = {}
    for place, example in enumerate(examples):
        own = example.sentence
        if own is not None and (own.dependencies is not None or not needs_tree):
            ready[place] = own
        elif not isinstance(example.text, str) and not needs_tree:
            ready[place] = Sentence(example.text)
    rest = [example for place, example in enumerate(examples) if place not in ready]
    parsed = iter(parser.parse([example.text for example in rest]) if rest else ())
    return [ready[place] if place in ready else next(parsed) for place in range(len(examples))]


def caching_parser(
    options: ParserOptions, cache_file: Path | None, progress: Progress | None = None
) -> CachedParser:
    """The parser with these options, loaded once in a process, and what it parsed.

    Args:
        options: Which parser.
        cache_file: The file that keeps its parses; None for one that is deleted when the process ends.
        progress: Called with the number of texts done and of all.
    """
    return CachedParser(_parser(options), cache_file or _scratch() / FILE, progress=progress)


def states_beside(cache_file: Path | None) -> Path:
    """The folder that keeps what frozen contextual models compute: beside the file of parses."""
    return (_scratch() if cache_file is None else cache_file.parent) / "states"


@cache
def _parser(options: ParserOptions) -> Parser:
    return make_parser(options)


@cache
def _scratch() -> Path:
    folder = tempfile.mkdtemp(prefix="structnn-")
    # At the end of a worker process too, where atexit calls nothing.
    Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=0)
    return Path(folder)
