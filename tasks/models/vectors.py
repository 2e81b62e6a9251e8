"""Pretrained word vectors: from a GloVe, word2vec or fastText text file, or from the package wordllama.

These have far more words than an experiment uses, so only the vectors of its words are kept in memory.
"""

from __future__ import annotations

import gzip
import importlib.util
import os
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from pathlib import Path
from typing import IO, cast

import numpy as np
import torch
from torch import Tensor

from structnn.data.vocabulary import UNKNOWN, Vocabulary
from structnn.fields import shorten_text
from tasks.data.examples import DataError

__all__ = ["WORDLLAMA_WIDTH", "WordVectors", "read_vectors", "vector_width", "wordllama_vectors"]

WORDLLAMA_WIDTH = 256

_HEADER = re.compile(rb"\s*([0-9]{1,12})\s+([0-9]{1,12})\s*")
_NUMBERS = b"0123456789.+-eE \t\r\n"


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Vectors for certain words.

    Args:
        words: The words looked up.
        vectors: ``(words, dim)``, float32; zeros for a word that was not found.
        found: ``(words,)``, bool, whether each was found.
        source: The file or package.
        coverage: Share of the words that were found, from 0 to 1.
        lowercased: Number of words that were found in lower case only.
    """

    words: tuple[str, ...]
    vectors: Tensor
    found: Tensor
    source: str
    coverage: float
    lowercased: int = 0

    def __str__(self) -> str:
        asked = len(self.found)
        text = (
            f"{int(self.found.sum())} of {asked} words ({self.coverage:.1%}) found in {self.source}"
        )
        return text + (f", {self.lowercased} of them in lower case" if self.lowercased else "")

    def __repr__(self) -> str:
        return f"WordVectors({self}; {self.vectors.shape[1]} dimensions)"

    def as_vocabulary(self, counted: Vocabulary) -> tuple[Vocabulary, WordVectors]:
        """A vocabulary of the words found, and vectors in its order.

        Words that were not found are left to the unknown word, whose vector is the mean of all the
        others.

        Args:
            counted: Words with their counts, from which the counts are taken.
        """
        places = self.found.nonzero().flatten()
        words = [self.words[place] for place in places.tolist()]
        counts = dict(zip(counted.words, counted.counts, strict=True))
        known = self.vectors[places]
        ordered = replace(
            self,
            words=(UNKNOWN, *words),
            vectors=torch.cat([known.mean(0, keepdim=True), known]),
            found=torch.tensor([False] + [True] * len(words)),
        )
        return Vocabulary(words, counts), ordered


def read_vectors(path: str | os.PathLike[str], words: Collection[str]) -> WordVectors:
    """Look ``words`` up in a text file of vectors, which is read line by line.

    Each line is a word and its numbers, with spaces between them; a word may itself hold spaces, so the
    last numbers of a line are its vector. A first line with two numbers, as word2vec and fastText
    write it, gives the count of vectors and their width. A word gets the vector of its exact form,
    else that of its lower-case form, else none. Of two lines for one word the first counts.

    Published files have lines that are not a word with as many finite numbers as the others, and first
    lines with a wrong count. The former are passed over; a warning counts them and tells of the latter.

    Args:
        path: The file; ``.gz`` is unpacked.
        words: The words to look up.

    Returns:
        A vector for each word found, and which were found.

    Raises:
        DataError: The file can't be read, has no usable line, or has none of the words.
    """
    path = Path(path)
    forms = {_bytes(form) for word in words for form in (word, word.lower())}
    table: dict[bytes, np.ndarray] = {}
    lines = malformed = 0
    first = ""
    with _readable(path):
        promised, dim = _beginning(path)
        numbered = _lines(path)
        if promised is not None:
            next(numbered)
        for number, line in numbered:
            lines += 1
            # Nearly all lines are of words that nobody asked for: a look at their characters, and
            # not at each number, is what keeps a file of millions of words quick to read.
            word, _, rest = line.partition(b" ")
            try:
                if not word or rest.count(b" ") != dim - 1 or rest.translate(None, _NUMBERS):
                    word, rest = _split(line, dim)
                if word in forms and word not in table:
                    table[word] = _vector(rest, dim)
            except _MalformedError as fault:
                malformed += 1
                first = first or f"{path}:{number}: {fault}"
    problems = []
    if malformed:
        problems.append(f"{malformed} of {lines} lines are malformed, the first: {first}")
    if promised not in (None, lines):
        problems.append(
            f"its first line promises {promised} vectors, but it has {lines}; if it is cut short, "
            "fetch it again"
        )
    if malformed == lines:
        raise DataError(f"{path}: there is no usable vector in it: {'; '.join(problems)}")
    found = _look_up(tuple(words), table, dim, str(path), problems)
    for problem in problems:
        warnings.warn(f"{path}: {problem}; the other lines are used", stacklevel=2)
    return found


def vector_width(path: str | os.PathLike[str]) -> int:
    """The width of the vectors in a file, from its beginning; see :func:`read_vectors`.

    Raises:
        DataError: The file can't be read, or doesn't begin as one of vectors does.
    """
    path = Path(path)
    with _readable(path):
        return _beginning(path)[1]


def wordllama_vectors(words: Sequence[str]) -> WordVectors:
    """Look ``words`` up in the 256-dimensional table inside the package ``wordllama``.

    The vectors **derive from the input embeddings of a large language model** (Llama 2), which their
    authors trained further for similarity of texts: say so where you report results with them. A
    word is the mean of the pieces that their tokenizer makes of it, in its own case; every word has
    pieces, so every word is found. Nothing is downloaded.

    Args:
        words: The words to look up.

    Returns:
        A vector for each word.

    Raises:
        DataError: The package isn't installed, or holds other files than expected.
    """
    words = tuple(words)
    # Its own loader looks for the tokenizer on the network, so the package's files are read directly.
    spec = importlib.util.find_spec("wordllama")
    if spec is None or importlib.util.find_spec("tokenizers") is None:
        raise DataError(
            "the embedding 'wordllama' needs the packages wordllama and tokenizers: "
            "pip install 'structnn[wordllama]'"
        )
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    folder = Path((spec.submodule_search_locations or [""])[0])
    weights = folder / "weights" / "l2_supercat_256.safetensors"
    pieces = folder / "tokenizers" / "l2_supercat_tokenizer_config.json"
    for file in (weights, pieces):
        if not file.is_file():
            raise DataError(
                f"the installed package wordllama has no {file.name}; install a version that ships it: "
                "pip install 'wordllama>=0.3,<0.5'"
            )
    try:
        table = load_file(weights)["embedding.weight"].float()
        tokenizer = Tokenizer.from_file(str(pieces))
    except Exception as fault:  # the tokenizers' errors have no class of their own
        raise DataError(
            f"the files of the installed package wordllama in {folder} can't be read ({fault}); install "
            "it again: pip install --force-reinstall wordllama"
        ) from None
    tokenizer.no_padding()
    encoded = tokenizer.encode_batch(list(words), add_special_tokens=False)
    lengths = torch.tensor([len(encoding.ids) for encoding in encoded], dtype=torch.long)
    ids = torch.tensor([index for encoding in encoded for index in encoding.ids], dtype=torch.long)
    owners = torch.repeat_interleave(lengths)  # (pieces,): the word of each
    sums = torch.zeros(len(words), table.shape[1]).index_add_(0, owners, table[ids])
    found = lengths > 0
    return WordVectors(
        words=words,
        vectors=sums / lengths.clamp(min=1).unsqueeze(1),
        found=found,
        source="wordllama",
        coverage=float(found.float().mean()) if words else 1.0,
    )


class _MalformedError(Exception):
    """A line is not a word with its numbers; the message says why."""


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Tell what hinders reading a file as an error of the data."""
    try:
        yield
    except (OSError, EOFError, zlib.error) as fault:
        raise DataError(
            f"{path}: can't be read: {getattr(fault, 'strerror', None) or fault}"
        ) from None


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines with something on them, with their numbers."""
    with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
        for number, line in enumerate(cast(IO[bytes], file), start=1):
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            line = line.rstrip(b" \t\r\n")
            if line:
                yield number, line


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", errors="surrogatepass")


def _beginning(path: Path) -> tuple[int | None, int]:
    """The count of vectors in the first line, if it has one, and the width of the vectors.

    Without that line, the width is that of most of the first lines: a word may hold spaces and numbers.
    """
    lines = list(islice(_lines(path), 20))
    if not lines:
        raise DataError(f"{path}: the file is empty")
    header = _HEADER.fullmatch(lines[0][1])
    if header is not None:
        return int(header[1]), int(header[2])
    widths: Counter[int] = Counter()
    for _, line in lines:
        numbers = takewhile(_is_number, reversed(line.split()[1:]))
        widths[sum(1 for _ in numbers)] += 1
    del widths[0]
    if not widths:
        raise DataError(f"{path}:{lines[0][0]}: {_shown(lines[0][1])} is not a word with numbers")
    return None, widths.most_common(1)[0][0]


def _split(line: bytes, dim: int) -> tuple[bytes, bytes]:
    """Word and numbers of a line that is not simply a word and ``dim`` numbers."""
    fields = line.rsplit(None, dim)
    if len(fields) == dim + 1:
        numbers = b" ".join(fields[1:])
        _vector(numbers, dim)
        # What stands before the numbers is the word; a number there means that there are too many.
        if not _is_number(fields[0].rsplit(None, 1)[-1]) or b" " not in fields[0]:
            return fields[0], numbers
    raise _MalformedError(
        f"{_shown(line)} is not a word with {dim} numbers, as the other lines or the first line say; "
        "the file must be text (not .bin), and whole"
    )


def _vector(numbers: bytes, dim: int) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):
            vector = np.array(numbers.split(), dtype=np.float32)
    except ValueError as fault:
        raise _MalformedError(f"there is something that is not a number ({fault})") from None
    if len(vector) != dim or not np.isfinite(vector).all():
        raise _MalformedError(f"these are not {dim} finite numbers, as the other lines have")
    return vector


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _shown(line: bytes) -> str:
    return repr(shorten_text(line.decode("utf-8", errors="replace")))


def _look_up(
    words: tuple[str, ...],
    table: dict[bytes, np.ndarray],
    dim: int,
    source: str,
    problems: Sequence[str],
) -> WordVectors:
    if words and not any(_bytes(form) in table for word in words for form in (word, word.lower())):
        problem = "".join(f"; {problem}" for problem in problems)
        raise DataError(
            f"{source}: none of the {len(words)} words is in it, {words[0]!r} for example; see that it "
            f"is a file of word vectors of the language of the data{problem}"
        )
    vectors = np.zeros((len(words), dim), dtype=np.float32)
    found = np.zeros(len(words), dtype=bool)
    lowercased = 0
    for place, word in enumerate(words):
        vector = table.get(_bytes(word))
        if vector is None:
            vector = table.get(_bytes(word.lower()))
            lowercased += vector is not None
        if vector is not None:
            vectors[place], found[place] = vector, True
    return WordVectors(
        words=words,
        vectors=torch.from_numpy(vectors),
        found=torch.from_numpy(found),
        source=source,
        coverage=float(found.mean()) if words else 1.0,
        lowercased=lowercased,
    )
