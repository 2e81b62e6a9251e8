"""A small table of pretrained word vectors from a word2vec text file."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from structnn.errors import InputError

logger = logging.getLogger(__name__)


class VectorsError(InputError):
    """A file of vectors can't be read; the message gives the line."""


def read_vectors(path: Path, wanted: set[str], limit: int) -> dict[str, np.ndarray]:
    """Read the vectors of wanted words, and of the first other words of the file.

    Words are in lower case, as Stanza looks them up; the first vector of a word is kept. The file is
    read line by line, so memory grows with the number of words kept.

    Args:
        path: A word2vec text file.
        wanted: Words in lower case to keep if the file has them.
        limit: The number of words in all.

    Raises:
        VectorsError: The file does not exist or has no vectors, or a line has the wrong number of
            numbers.
    """
    if not path.is_file():
        raise VectorsError(f"{path}: no such file")
    inside: dict[str, np.ndarray] = {}
    others: dict[str, np.ndarray] = {}
    dimensions = None
    with open(path, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            word, *numbers = line.rstrip().split(" ")
            if number == 1 and len(numbers) == 1:
                dimensions = int(numbers[0])
                continue
            dimensions = dimensions or len(numbers)
            if len(numbers) != dimensions:
                raise VectorsError(
                    f"{path}, line {number}: {len(numbers)} numbers instead of {dimensions}"
                )
            word = word.lower()
            target = inside if word in wanted else others
            if word in target or (target is others and len(others) >= limit):
                continue
            try:
                target[word] = np.array(numbers, dtype=np.float32)
            except ValueError as error:
                raise VectorsError(f"{path}, line {number}: {error}") from error
    for word in others:
        if len(inside) >= limit:
            break
        inside[word] = others[word]
    if not inside:
        raise VectorsError(f"{path}: there are no vectors in it")
    return inside


def reduce_dimensions(table: np.ndarray, dimensions: int) -> np.ndarray:
    """Project vectors of unit length on their first principal components.

    The result is scaled so that its entries have a standard deviation of 0.5, about that of vectors
    that are trained with so few dimensions.

    Args:
        table: ``(words, d)``, which are scaled to unit length first.
        dimensions: The number of components.

    Returns:
        ``(words, dimensions)``.
    """
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    table = table / np.maximum(lengths, 1e-8)
    table = table - table.mean(axis=0, keepdims=True)
    if dimensions < table.shape[1]:
        _, axes = np.linalg.eigh(table.T @ table)  # ascending eigenvalues
        table = table @ axes[:, ::-1][:, :dimensions]
    return (table * (0.5 / max(float(table.std()), 1e-8))).astype(np.float32)


def load_table(table: Path | None) -> Any:
    """Stanza's pretrained vectors from the file that :func:`build_table` wrote; None without one."""
    from stanza.models.common.pretrain import Pretrain

    return None if table is None else Pretrain(str(table))


def build_table(
    source: Path, training_words: Iterable[str], limit: int, dimensions: int, output: Path
) -> None:
    """Write Stanza's file of pretrained vectors.

    Words with the same vector share a row, so tables with 20,000 rows for hundreds of thousands of words
    stay small.

    Args:
        source: A word2vec text file, most frequent words first.
        training_words: Words to keep whatever their frequency.
        limit: The number of words in all.
        dimensions: The dimension of the reduced vectors.
        output: The ``.pt`` file to write.

    Raises:
        VectorsError: The file does not exist or can't be read.
    """
    from stanza.models.common.pretrain import PretrainedWordVocab
    from stanza.models.common.vocab import VOCAB_PREFIX

    kept = read_vectors(source, {word.lower() for word in training_words}, limit)
    rows: dict[bytes, int] = {}
    units = list(VOCAB_PREFIX)
    unit2id = {unit: index for index, unit in enumerate(units)}
    distinct: list[np.ndarray] = []
    for word, vector in kept.items():
        row = rows.get(vector.tobytes())
        if row is None:
            row = rows[vector.tobytes()] = len(units)
            units.append(word)
            distinct.append(vector)
        unit2id.setdefault(word, row)
    reduced = reduce_dimensions(np.stack(distinct), dimensions)
    table = np.concatenate([np.zeros((len(VOCAB_PREFIX), reduced.shape[1]), np.float32), reduced])

    vocab = PretrainedWordVocab([], lang="", idx=0)
    vocab._id2unit, vocab._unit2id = units, unit2id
    output.parent.mkdir(parents=True, exist_ok=True)
    state = {"vocab": vocab.state_dict(), "emb": torch.from_numpy(table)}
    torch.save(state, output, _use_new_zipfile_serialization=False)
    logger.info(
        "%d words, %d rows of %d dimensions in %s", len(kept), len(distinct), table.shape[1], output
    )
