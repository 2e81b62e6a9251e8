"""Sentences of examples that are given in Python: parsed once, unless they come with a tree."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache, partial
from itertools import chain
from multiprocessing.util import Finalize
from pathlib import Path

from parsers import CachedParser, Parser, parse_each
from parsers.cache import Progress
from structnn import Sentence
from tasks.data.examples import Example
from tasks.data.options import ParserOptions
from tasks.data.parsing import given_tree, in_tokens
from tasks.data.questions import Span
from tasks.data.setting import each_for_spans
from tasks.data.structures import structure_of
from tasks.models.model import SavedModel
from tasks.models.parser import make_parser

__all__ = ["caching_parser", "read", "states_beside", "structured", "texts_to_parse"]

FILE = "parses.sqlite"


def structured(
    model: SavedModel,
    examples: Sequence[Example],
    first: Sequence[Sentence],
    second: Sequence[Sentence],
) -> tuple[list[Sentence], list[Sentence], list[tuple[Span, ...]]]:
    """Sentences and second sentences as a model reads them, and the spans in tokens.

    Args:
        model: Says which structure stands in the place of trees.
        examples: The examples.
        first: The sentence of each.
        second: The second sentence of each, where the question is about pairs.
    """
    spans = [
        tuple(span for span, _ in in_tokens(example.text, example.spans, sentence))
        for example, sentence in zip(examples, first, strict=True)
    ]
    ready = model.structured(first)
    structure = structure_of(model.structure)
    if structure.spans:
        ready = each_for_spans(structure, ready, spans)
    return ready, model.structured(second), spans


def read(
    examples: Sequence[Example], structures: Sequence[str], parser: Parser, *, needs_tree: bool
) -> tuple[Iterator[Sentence], Iterator[Sentence]]:
    """The sentences of examples, made as they are asked for, and those of second texts.

    Args:
        examples: Those with a sentence of their own keep its tree.
        structures: What encoders read: see :class:`tasks.data.setting.Setting`.
        parser: Parses the others.
        needs_tree: Whether the encoder reads a tree at all; if not, tokens are not parsed.

    Raises:
        DataError: No parser here makes the structure, such as constituency, and an example has none.
    """
    second = [example.second for example in examples if example.text2 is not None]
    first, of_second = (
        _sentences(texts, structures, parser, needs_tree) for texts in (examples, second)
    )
    return first, of_second


def texts_to_parse(
    examples: Sequence[Example], structures: Sequence[str], *, needs_tree: bool
) -> int:
    """How many texts, first and second ones, :func:`read` parses."""
    if not _of_new_text(structures):
        return 0
    second = (example.second for example in examples if example.text2 is not None)
    return sum(_is_parsed(text, needs_tree=needs_tree) for text in chain(examples, second))


def _sentences(
    examples: Sequence[Example], structures: Sequence[str], parser: Parser, needs_tree: bool
) -> Iterator[Sentence]:
    """The sentence of each first text."""
    if not _of_new_text(structures):
        for example in examples:
            *_, sentence = (
                given_tree(example, name) for name in structures
            )  # each has to be there
            yield sentence
        return
    is_parsed = partial(_is_parsed, needs_tree=needs_tree)
    parsed = parse_each(parser, (example.text for example in examples if is_parsed(example)))
    for example in examples:
        if is_parsed(example):
            yield next(parsed)
        else:
            yield Sentence(example.text) if example.sentence is None else example.sentence


def _of_new_text(structures: Sequence[str]) -> bool:
    """Whether one of the structures is made by a parser, or of the words alone."""
    return any(structure_of(name).of_new_text for name in structures)


def _is_parsed(example: Example, *, needs_tree: bool) -> bool:
    """Whether a text is parsed, and not taken as it was given: as a sentence, or as tokens."""
    if example.sentence is None:
        return needs_tree or isinstance(example.text, str)
    return needs_tree and example.sentence.dependencies is None


def caching_parser(
    options: ParserOptions,
    cache_file: Path | None,
    progress: Progress | None = None,
    *,
    trees: bool = True,
) -> CachedParser:
    """The parser with these options, loaded once in a process, and what it parsed.

    Args:
        options: Which parser.
        cache_file: The file that keeps its parses; None for one that is deleted when the process ends.
        progress: Called with the number of texts done and of all.
        trees: Whether its trees are read: see :func:`tasks.models.parser.make_parser`.
    """
    return CachedParser(
        _parser(options, trees=trees), cache_file or _scratch() / FILE, progress=progress
    )


def states_beside(cache_file: Path | None) -> Path:
    """The folder that keeps what frozen contextual models compute: beside the file of parses."""
    return (_scratch() if cache_file is None else cache_file.parent) / "states"


@cache
def _parser(options: ParserOptions, *, trees: bool) -> Parser:
    return make_parser(options, trees=trees)


@cache
def _scratch() -> Path:
    folder = tempfile.mkdtemp(prefix="structnn-")
    # At the end of a worker process too, where atexit calls nothing.
    Finalize(None, shutil.rmtree, args=(folder, True), exitpriority=0)
    return Path(folder)
