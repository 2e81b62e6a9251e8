"""Sentences of plain or parsed text, one by one, so that the text may be larger than the memory."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

from parsers import CachedParser, iter_conllu, with_structure
from parsers.controls import CONTROLS
from structnn import Sentence
from tasks.data.datasets import DATASETS, load_dataset
from tasks.data.examples import DataError, is_visible
from tasks.data.options import DataOptions, SplitOptions
from tasks.data.parsing import parse_dataset
from tasks.data.rows import READERS, suffix_of
from tasks.data.setting import Setting, view
from tasks.data.structures import needs_parser
from tasks.data.texts import read_texts
from tasks.models.parser import cached_parser
from tasks.options import OptionError, part
from tasks.pretraining.options import PretrainOptions

__all__ = ["SentenceSource", "in_parts", "sources_of"]

T = TypeVar("T")

AT_ONCE = 1000  # texts that are parsed together

SentenceSource = Callable[[], Iterable[Sentence]]
"""Reads the sentences of a text, from its beginning."""


def sources_of(
    data: str, options: PretrainOptions, *, reads_trees: bool
) -> tuple[dict[str, SentenceSource], dict[str, str]]:
    """The sentences of ``train`` and, where there are such, ``dev`` and ``test``; and their checksums.

    Args:
        data: A data set by its name; a ``.conllu`` file; a ``.csv``, ``.tsv`` or ``.jsonl`` file, of
            which the texts alone are taken; or any other file, with a text on each line.
        options: How they are read, and the files of dev and test.
        reads_trees: Whether the encoder reads trees or graphs.

    Raises:
        DataError: A file can't be read.
        OptionError: The structure isn't one that the text can have.
    """
    if data in DATASETS:
        return _of_dataset(data, options)
    files = {"train": Path(data)}
    files |= {split: file for split, file in (("dev", options.dev), ("test", options.test)) if file}
    checksums = {split: _checksum(file) for split, file in files.items()}
    parser: list[CachedParser] = []

    def parse(texts: list[str | tuple[str, ...]]) -> list[Sentence]:
        if not parser:
            parser.append(cached_parser(options))
        return parser[0].parse(texts)

    return (
        {
            split: lambda file=file: _sentences(file, options, parse, reads_trees)  # type: ignore[misc]
            for split, file in files.items()
        },
        checksums,
    )


def _of_dataset(
    name: str, options: PretrainOptions
) -> tuple[dict[str, SentenceSource], dict[str, str]]:
    structure = options.structure or "parse"
    dataset = load_dataset(name, DataOptions(**vars(part(SplitOptions, options))))
    parser = cached_parser(options) if needs_parser([structure], dataset.question) else None
    seen = view(parse_dataset(dataset, parser), Setting(structure=structure))
    found: dict[str, SentenceSource] = {
        split: lambda split=split: seen.texts(split)  # type: ignore[misc]
        for split in ("train", "dev", "test")
        if seen.texts(split)
    }
    return found, dict.fromkeys(found, dataset.fingerprint)


def _sentences(
    file: Path,
    options: PretrainOptions,
    parse: Callable[[list[str | tuple[str, ...]]], list[Sentence]],
    reads_trees: bool,
) -> Iterator[Sentence]:
    parsed = suffix_of(file) == ".conllu"
    structure = options.structure or ("given" if parsed else "parse")
    control = structure if structure in CONTROLS else "parse"
    if structure == "given" and not parsed:
        raise OptionError("structure", f"can't be given: {file} has no trees; parse does them")
    wants_parse = structure == "parse" and reads_trees
    if parsed:
        sentences: Iterator[Sentence] = iter(iter_conllu(file))
        if wants_parse:
            tokens = (tuple(sentence.tokens) for sentence in sentences)
            sentences = (s for few in in_parts(tokens, AT_ONCE) for s in parse(list(few)))
    else:
        lines = _texts(file, options)
        if options.pretokenized:
            words = (tuple(line.split()) for line in lines)
            if wants_parse or control == "shuffled":
                sentences = (s for few in in_parts(words, AT_ONCE) for s in parse(list(few)))
            else:
                sentences = map(Sentence, words)
        else:
            sentences = (s for few in in_parts(lines, AT_ONCE) for s in parse(list(few)))
    if control == "parse" or not reads_trees:
        yield from sentences
        return
    for few in in_parts(sentences, AT_ONCE):
        yield from with_structure(few, control)


def _texts(file: Path, options: PretrainOptions) -> Iterator[str]:
    """The texts of a file that are not empty."""
    if suffix_of(file) in READERS:
        yield from (text.plain for text in read_texts(str(file), options) if text.text)
        return
    opened = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding=options.encoding) as lines:
            for line in lines:
                if is_visible(line):
                    yield line.strip().removeprefix("\ufeff")
    except (OSError, EOFError) as fault:
        raise DataError(f"{file}: can't be read: {fault}") from None
    except (UnicodeError, LookupError) as fault:
        raise DataError(
            f"{file}: is not text in {options.encoding} ({fault}); give another --encoding"
        ) from None


def _checksum(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as fault:
        known = ", ".join(DATASETS)
        raise DataError(
            f"{file}: can't be read: {fault.strerror}. Give a file of text, or one of {known}"
        ) from None


def in_parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """So many items at a time."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
