"""Files with bits flipped and bytes cut, doubled or inserted: read right, or refused by the one class.

``DAMAGED_FILES=3000 pytest -s tests/test_damaged_files.py`` tries more of them, and prints what became
of them: docs/reliability.md has these counts.
"""

from __future__ import annotations

import gzip
import os
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from parsers.formats.brackets import BracketsError, from_nltk, read_brackets, to_brackets, to_nltk
from parsers.formats.conllu import ConlluError, format_conllu, read_conllu
from tasks.data.examples import DataError
from tasks.data.files import read_examples
from tasks.models.vectors import read_vectors

COUNT = int(os.environ.get("DAMAGED_FILES", "150"))
GALLERY = Path(__file__).parents[1] / "docs" / "gallery"
HOSTILE = (
    *(b"\t", b"\n", b"\r", b"#", b"=", b"(", b")", b"\\", b"|", b"_", b"-", b".", b'"', b",", b"{"),
    *(
        b"[",
        b" ",
        b"\xff",
        b"\0",
        b"\xe2\x80\xa8",
        b"\xc2\x85",
        b"\x0c",
        b"9" * 5000,
        b"nan",
        b"1e999",
    ),
)


def conllu(path: Path) -> bool:
    sentences = read_conllu(path)
    text = "".join(format_conllu(sentence) + "\n" for sentence in sentences)
    return read_conllu(text.split("\n")) == sentences


def brackets(path: Path) -> bool:
    sentences = read_brackets(path)
    through_nltk = [from_nltk(to_nltk(sentence)) for sentence in sentences]
    return read_brackets(map(to_brackets, sentences)) == sentences == through_nltk


def examples(path: Path) -> bool:
    return all(example.text and example.label for example in read_examples(path))


def vectors(path: Path) -> bool:
    found = read_vectors(path, ["dog", "the"])
    return bool(torch.isfinite(found.vectors).all() and found.found.any())


TABLE = b"id,text,label\n" + b"".join(
    b'%d,"Dogs, they ""bark""",%d\n' % (i, i % 2) for i in range(8)
)
LINES = (
    b'{"text": ["dogs", "bark"], "heads": [2, 0], "relations": ["nsubj", "root"], "label": "a"}\n'
)
VECTORS = b"".join(
    b"%s %s\n" % (word, b" ".join(b"%.2f" % (place - 4) for place in range(8)))
    for word in (b"the", b"dog", b".", b",", b"New York", b"1984", b"caf\xc3\xa9")
)
FILES = {
    ".conllu": ((GALLERY / "sentences.conllu").read_bytes(), conllu, ConlluError),
    ".conllu.gz": ((GALLERY / "sentences.conllu").read_bytes(), conllu, ConlluError),
    ".mrg": ((GALLERY / "phrases.txt").read_bytes(), brackets, BracketsError),
    ".csv": (TABLE, examples, DataError),
    ".tsv": (TABLE.replace(b", ", b" ").replace(b",", b"\t"), examples, DataError),
    ".jsonl": (LINES * 6, examples, DataError),
    ".vec": (b"7 8\n" + VECTORS, vectors, DataError),
    ".txt.gz": (VECTORS, vectors, DataError),
}


def damaged(content: bytes, generator: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(generator.choice([1, 1, 2, 5])):
        place = generator.randrange(len(changed) + 1)
        kind = generator.choice(["flip", "insert", "cut", "double"])
        if kind == "flip" and place < len(changed):
            changed[place] ^= 1 << generator.randrange(8)
        elif kind == "insert":
            changed[place:place] = generator.choice(HOSTILE)
        elif kind == "cut":
            del changed[place : place + generator.choice([1, 1, 5, 50])]
        elif kind == "double":
            start = generator.randrange(len(changed) + 1)
            changed[place:place] = changed[start : start + generator.choice([1, 10, 80])]
    return bytes(changed)


@pytest.mark.filterwarnings(
    "ignore:.*malformed:UserWarning",
    "ignore:.*promises:UserWarning",
    "ignore:.*a quote that doesn't enclose:UserWarning",
)
@pytest.mark.parametrize("ending", FILES)
def test_a_damaged_file_is_read_right_or_refused(ending: str, tmp_path: Path) -> None:
    whole: bytes
    read: Callable[[Path], bool]
    whole, read, error = FILES[ending]
    path = tmp_path / f"damaged{ending}"
    became: Counter[str] = Counter()
    for seed in range(COUNT):
        generator = random.Random(seed)
        content = damaged(whole, generator)
        if ending.endswith(".gz"):
            content = gzip.compress(content, mtime=0)
            if seed % 2:
                content = damaged(content, generator)
        path.write_bytes(content)
        try:
            right, said = read(path), ""
        except error as fault:
            right, said = False, str(fault)
        assert right or str(path) in said, f"seed {seed}"
        became["held" if right else "detected"] += 1
    print(ending, dict(became))
    assert became["held"]
    assert became["detected"]
