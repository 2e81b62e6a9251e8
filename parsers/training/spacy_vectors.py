"""Write the word vectors of a spaCy package as a word2vec text file, without installing spaCy.

A spaCy package with static vectors has three files in its ``vocab`` folder: ``strings.json`` (all
strings), ``vectors`` (a NumPy array with a row for each distinct vector) and ``key2row`` (a msgpack
map from the 64-bit hash of a string to its row). From them this module writes one line for each
word: the word, and the numbers of its vector; the most frequent words come first.

    python -m parsers.training.spacy_vectors PATH/TO/vocab vectors.txt
"""

from __future__ import annotations

import argparse
import json
import struct
from collections import Counter
from pathlib import Path

import numpy as np

_MASK = 0xFFFFFFFFFFFFFFFF
_MULTIPLIER = 0xC6A4A7935BD1E995


def murmur_hash_64a(data: bytes) -> int:
    """MurmurHash64A (Austin Appleby, public domain) with the seed 1, the hash of spaCy's strings."""
    state = 1 ^ ((len(data) * _MULTIPLIER) & _MASK)
    whole = len(data) - len(data) % 8
    for (block,) in struct.iter_unpack("<Q", data[:whole]):
        block = (block * _MULTIPLIER) & _MASK
        block ^= block >> 47
        block = (block * _MULTIPLIER) & _MASK
        state = ((state ^ block) * _MULTIPLIER) & _MASK
    if whole < len(data):
        state ^= int.from_bytes(data[whole:], "little")
        state = (state * _MULTIPLIER) & _MASK
    state ^= state >> 47
    state = (state * _MULTIPLIER) & _MASK
    return state ^ (state >> 47)


def read_msgpack_int_map(data: bytes) -> dict[int, int]:
    """Read a msgpack map from unsigned integers to unsigned integers, such as ``key2row``.

    Raises:
        ValueError: The bytes are not such a map.
    """
    widths = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}
    position = 0

    def integer() -> int:
        nonlocal position
        kind = data[position]
        position += 1
        if kind < 0x80:
            return kind
        if kind not in widths:
            raise ValueError(f"not a msgpack map of unsigned integers: byte {kind:#x}")
        start, position = position, position + widths[kind]
        return int.from_bytes(data[start:position], "big")

    kind = data[0]
    if kind == 0xDF:
        count, position = int.from_bytes(data[1:5], "big"), 5
    elif kind == 0xDE:
        count, position = int.from_bytes(data[1:3], "big"), 3
    elif kind & 0xF0 == 0x80:
        count, position = kind & 0x0F, 1
    else:
        raise ValueError(f"not a msgpack map: first byte {kind:#x}")
    return {integer(): integer() for _ in range(count)}


def read_spacy_vectors(vocab_folder: Path) -> tuple[list[str], np.ndarray]:
    """The words and vectors of a spaCy ``vocab`` folder.

    Stanza looks words up in lower case, so there is one vector for each word in lower case: that of the
    word itself, or else of one of its other forms. The folder has no frequencies; words with more forms
    (capitalised, in capitals) are more frequent, so words are sorted by the number of their forms.

    Returns:
        The words in lower case, and their vectors, ``(words, dimensions)``.
    """
    rows = read_msgpack_int_map((vocab_folder / "key2row").read_bytes())
    table = np.load(vocab_folder / "vectors", allow_pickle=False)
    strings = json.loads((vocab_folder / "strings.json").read_text(encoding="utf-8"))
    found: dict[str, tuple[bool, int]] = {}
    forms: Counter[str] = Counter()
    for word in strings:
        row = rows.get(murmur_hash_64a(word.encode("utf-8")))
        if row is None or not 0 <= row < len(table) or any(map(str.isspace, word)):
            continue
        lower = word.lower()
        forms[lower] += 1
        if lower not in found or word == lower:
            found[lower] = (word == lower, row)
    words = sorted(found, key=lambda word: (-forms[word], not word.isalpha(), word))
    return words, table[[found[word][1] for word in words]]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("vocab", type=Path, help="the package's vocab folder")
    parser.add_argument("output", type=Path, help="word2vec text file to write")
    parser.add_argument(
        "--words", type=int, default=200_000, help="number of words to keep, the most frequent ones"
    )
    arguments = parser.parse_args()
    words, table = read_spacy_vectors(arguments.vocab)
    words, table = words[: arguments.words], table[: arguments.words]
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with open(arguments.output, "w", encoding="utf-8") as output:
        output.write(f"{len(words)} {table.shape[1]}\n")
        for word, vector in zip(words, table, strict=True):
            output.write(word + " " + " ".join(f"{number:.5g}" for number in vector) + "\n")
    print(f"{len(words)} words of {table.shape[1]} dimensions in {arguments.output}")


if __name__ == "__main__":
    main()
