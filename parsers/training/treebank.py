"""UD treebanks for training: checked, without lemmas, in folds, and as raw text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from structnn.errors import InputError

Block = list[str]
"""A sentence of a CoNLL-U file: its lines with comments, without the empty line at the end."""


class TreebankError(InputError):
    """A treebank can't be used for training; the message gives file and line."""


@dataclass(frozen=True)
class Treebank:
    """The sentences of one CoNLL-U file.

    Attributes:
        path: The file.
        blocks: The lines of each sentence.
    """

    path: Path
    blocks: list[Block]

    def __len__(self) -> int:
        return len(self.blocks)

    @property
    def words(self) -> int:
        """The number of syntactic words."""
        return len(word_forms(self.blocks))

    def has_multiword_tokens(self) -> bool:
        """Whether any token consists of several syntactic words (*don't*, *du*)."""
        return any(
            "-" in line.split("\t", 1)[0]
            for block in self.blocks
            for line in block
            if not line.startswith("#")
        )


def read_treebank(path: Path) -> Treebank:
    """Read a CoNLL-U file with gold words, tags and trees.

    Lemmas are replaced by ``_``, as the pipeline has no lemmatizer. Enhanced dependencies and empty
    nodes are left out.

    Raises:
        TreebankError: The file does not exist or has no sentence, a line does not have ten columns, or a
            word has no tag, head or relation.
    """
    if not path.is_file():
        raise TreebankError(f"{path}: no such file")
    blocks: list[Block] = []
    block: Block = []
    with open(path, encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            line = line.rstrip("\r\n")
            if not line.strip():
                if any(not kept.startswith("#") for kept in block):
                    blocks.append(block)
                block = []
            elif line.startswith("#"):
                block.append(line)
            else:
                columns = line.split("\t")
                if len(columns) != 10:
                    raise TreebankError(
                        f"{path}, line {number}: {len(columns)} columns instead of 10"
                    )
                if "." in columns[0]:
                    continue
                if columns[0].isdigit():
                    for column, name in ((3, "UPOS"), (6, "head"), (7, "relation")):
                        if columns[column] == "_":
                            raise TreebankError(f"{path}, line {number}: no {name}")
                columns[2] = columns[8] = "_"
                block.append("\t".join(columns))
    if any(not kept.startswith("#") for kept in block):
        blocks.append(block)
    if not blocks:
        raise TreebankError(f"{path}: there is no sentence in it")
    return Treebank(path, blocks)


def write_blocks(blocks: Sequence[Block], path: Path) -> Path:
    """Write sentences as CoNLL-U; returns ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\n".join(block) + "\n\n" for block in blocks), encoding="utf-8")
    return path


def with_columns(
    block: Block, values: Iterator[Sequence[object]], columns: tuple[int, ...]
) -> Block:
    """A sentence with other values in some columns.

    Args:
        block: The sentence.
        values: What each word gets, which is taken from it.
        columns: The columns, counted from 0.
    """
    lines = []
    for line in block:
        cells = line.split("\t")
        if cells[0].isdigit():
            for column, value in zip(columns, next(values), strict=True):
                cells[column] = str(value)
            line = "\t".join(cells)
        lines.append(line)
    return lines


def word_rows(block: Block) -> list[list[str]]:
    """The columns of each syntactic word."""
    rows = (line.split("\t") for line in block)
    return [row for row in rows if row[0].isdigit()]


def word_forms(blocks: Sequence[Block]) -> list[str]:
    """The forms of all syntactic words, in order."""
    return [row[1] for block in blocks for row in word_rows(block)]


def folds(blocks: Sequence[Block], count: int) -> list[tuple[list[Block], list[Block]]]:
    """Divide sentences into folds of neighbouring sentences.

    Neighbours stay together because the sentences of one document share words: a tagger that was
    trained on half of a document is better on the other half than on new text.

    Args:
        blocks: The sentences.
        count: The number of folds.

    Returns:
        For each fold the other sentences, and its own.
    """
    bounds = [len(blocks) * index // count for index in range(count + 1)]
    return [
        ([*blocks[:start], *blocks[end:]], list(blocks[start:end]))
        for start, end in pairwise(bounds)
    ]


def raw_text(blocks: Sequence[Block]) -> str:
    """The raw text of a treebank, made from its tokens and ``SpaceAfter=No``.

    Documents and paragraphs (``# newdoc``, ``# newpar``) are separated by an empty line, the
    sentences of a paragraph by spaces, so that the tokenizer has to find their ends.
    """
    paragraphs: list[str] = []
    current = ""
    for block in blocks:
        if any(line.startswith(("# newdoc", "# newpar")) for line in block) and current:
            paragraphs.append(current.strip())
            current = ""
        covered = 0
        for line in block:
            if line.startswith("#"):
                continue
            columns = line.split("\t")
            if "-" in columns[0]:
                covered = int(columns[0].split("-")[1])
            elif int(columns[0]) <= covered:
                continue
            current += columns[1] + ("" if "SpaceAfter=No" in columns[9].split("|") else " ")
    paragraphs.append(current.strip())
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
