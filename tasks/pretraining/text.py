"""Sentences of plain or parsed text, one by one, so that the text may be larger than the memory."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeVar

from parsers import CachedParser, iter_brackets, iter_conllu, with_structure
from parsers.controls import CONTROLS
from parsers.formats.files import Faults
from structnn import Sentence
from tasks.data.columns import text_column
from tasks.data.datasets import DATASETS, load_dataset
from tasks.data.examples import DataError, is_visible
from tasks.data.files import text_in
from tasks.data.given import given_constituents, given_structure
from tasks.data.options import DataOptions, SplitOptions
from tasks.data.parsing import parse_dataset, with_given
from tasks.data.rows import has_rows, rows_of, suffix_of
from tasks.data.setting import Setting, view
from tasks.data.structures import needs_parser, structure_of
from tasks.data.texts import read_texts
from tasks.models.parser import cached_parser
from tasks.options import OptionError, part
from tasks.pretraining.options import PretrainOptions

__all__ = ["SentenceSource", "in_parts", "sources_of", "structure_named"]

T = TypeVar("T")

AT_ONCE = 1000  # texts that are parsed together

SentenceSource = Callable[[], Iterable[Sentence]]
"""Reads the sentences of a text, from its beginning."""

ParseTexts = Callable[[list[str | tuple[str, ...]]], list[Sentence]]

_TREEBANKS: Mapping[str, tuple[Callable[[Path], Iterable[Sentence]], str]] = {
    ".conllu": (iter_conllu, "given"),
    ".ptb": (iter_brackets, "constituency"),
    ".mrg": (iter_brackets, "constituency"),
}
"""The formats of treebanks, which are read sentence by sentence, and the structure that each has."""


def structure_named(data: str, options: PretrainOptions) -> str:
    """The name of the structure that encoders of trees and graphs read.

    Args:
        data: See :func:`sources_of`.
        options: May name it.
    """
    if options.structure is not None:
        return options.structure
    _, own = _TREEBANKS.get(suffix_of(Path(data)), (None, "parse"))
    return own


def sources_of(
    data: str, options: PretrainOptions, *, reads_structure: bool
) -> tuple[dict[str, SentenceSource], dict[str, str]]:
    """The sentences of ``train`` and, where there are such, ``dev`` and ``test``; and their checksums.

    Args:
        data: A data set by its name; a ``.conllu``, ``.ptb`` or ``.mrg`` file; a ``.csv``, ``.tsv``,
            ``.jsonl``, ``.parquet`` or ``.arrow`` file, of which texts and given structures are taken;
            or any other file, with a text on each line.
        options: How they are read, and the files of dev and test.
        reads_structure: Whether the encoder reads trees or graphs.

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

    def of_file(file: Path) -> Iterator[Sentence]:
        structure = structure_named(str(file), options)
        if structure_of(structure).is_given and not has_rows(file):
            raise OptionError(
                "structure", f"can't be {structure}: {file} has no trees; parse does them"
            )
        if not reads_structure:
            return _tokens(file, options, parse)
        if structure_of(structure).is_given:
            return _with_given(file, options, structure)
        return _restructured(file, options, parse, structure)

    def filled(file: Path) -> Iterator[Sentence]:
        empty = True
        for sentence in of_file(file):
            empty = False
            yield sentence
        if empty:
            raise DataError(f"{file}: there is no sentence in it; give a file with text")

    return {split: lambda file=file: filled(file) for split, file in files.items()}, checksums  # type: ignore[misc]


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


def _with_given(file: Path, options: PretrainOptions, structure: str) -> Iterator[Sentence]:
    """The sentences of a file with a structure that it gives them."""
    if found := _TREEBANKS.get(suffix_of(file)):
        for number, sentence in enumerate(found[0](file), start=1):
            yield with_given(sentence, f"{file}, sentence {number}", structure)
        return
    constituents = structure_of(structure).field == "constituency"
    read = given_constituents if constituents else given_structure
    for line, row in rows_of(file, options.encoding, Faults("raise")):
        where = f"{file}:{line}"
        text = text_in(row.get(text_column(row, options.text_column)), where)
        given = read(row, text, where)
        if given is not None or is_visible("".join(text)):
            yield with_given(given, where, structure)


def _restructured(
    file: Path, options: PretrainOptions, parse: ParseTexts, structure: str
) -> Iterator[Sentence]:
    """The sentences of a file with a parser's trees, or with controls in their place."""
    control = structure if structure in CONTROLS else None
    _, own = _TREEBANKS.get(suffix_of(file), (None, None))
    if control is None or (control == "shuffled" and own != "given"):
        sentences = _parsed(_unparsed(file, options), parse)
    else:
        sentences = _tokens(file, options, parse)
    if control is None:
        yield from sentences
        return
    for few in in_parts(sentences, AT_ONCE):
        yield from with_structure(few, control)


def _tokens(file: Path, options: PretrainOptions, parse: ParseTexts) -> Iterator[Sentence]:
    """The sentences of a file, parsed only where its tokens aren't known."""
    if found := _TREEBANKS.get(suffix_of(file)):
        return iter(found[0](file))
    texts = _unparsed(file, options)
    return map(Sentence, texts) if options.pretokenized else _parsed(texts, parse)


def _parsed(texts: Iterable[str | tuple[str, ...]], parse: ParseTexts) -> Iterator[Sentence]:
    return (sentence for few in in_parts(texts, AT_ONCE) for sentence in parse(few))


def _unparsed(file: Path, options: PretrainOptions) -> Iterator[str | tuple[str, ...]]:
    """The texts of a file, or their tokens where these are known."""
    if found := _TREEBANKS.get(suffix_of(file)):
        return (tuple(sentence.tokens) for sentence in found[0](file))
    texts = _texts(file, options)
    if not options.pretokenized:
        return texts
    return (tuple(text.split()) if isinstance(text, str) else text for text in texts)


def _texts(file: Path, options: PretrainOptions) -> Iterator[str | tuple[str, ...]]:
    """The texts of a file that are not empty; tokens where it has these."""
    if has_rows(file):
        yield from (text.text for text in read_texts(str(file), options) if text.text)
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
