"""Data sets by name: NLTK's TREC, MR and SUBJ, and the Stanford Sentiment Treebank.

They are distributed as tokens with spaces between them, and are given as tokens. MR and SUBJ keep a
contraction in one piece (``film's``, ``doesn't``); it is split here as the others and every English
treebank have it (``film 's``, ``does n't``), for a parser has seen it in no other way.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from parsers.formats.brackets import BracketsError, iter_brackets
from tasks.data.examples import DataError, Example
from tasks.data.nodes import answer_of

__all__ = [
    "SENTIMENTS",
    "read_movie_reviews",
    "read_questions",
    "read_subjectivity",
    "read_treebank",
]

SENTIMENTS = ("very negative", "negative", "neutral", "positive", "very positive")
"""The labels 0 to 4 of the Stanford Sentiment Treebank."""

Splits = dict[str, tuple[Example, ...]]

_CLITIC = re.compile(r"(?<=\w)('s|'re|'ve|'ll|'d|'m|n't)(?=\s|$)")
# A code page of Windows was once read as Latin-1: its quotes and dashes are control characters.
_CONTROLS = {
    code: character
    for code in range(0x80, 0xA0)
    if (character := bytes([code]).decode("cp1252", errors="ignore"))
}


def read_questions(*, fine: bool, data_dir: str | None, download: bool) -> Splits:
    """TREC question classification (Li and Roth 2002): 5,452 and 500 questions.

    Args:
        fine: Give the 50 fine labels, such as ``HUM:ind``, rather than the 6 coarse, such as ``HUM``.
        data_dir: A folder to search before those of NLTK.
        download: Fetch the corpus where it isn't found.

    Returns:
        ``train`` and ``test``; there is no official dev set.
    """
    splits = {}
    for split in ("train", "test"):
        examples = []
        for source, line in _lines("qc", f"{split}.txt", data_dir, download):
            label, *tokens = line.split()
            examples.append(Example(tuple(tokens), label if fine else label.split(":")[0], source))
        splits[split] = tuple(examples)
    return splits


def read_movie_reviews(*, data_dir: str | None, download: bool) -> Splits:
    """MR (Pang and Lee 2005): 10,662 sentences of reviews, half of each label, no official split."""
    files = {"negative": "rt-polarity.neg", "positive": "rt-polarity.pos"}
    return _two_files("sentence_polarity", files, data_dir, download)


def read_subjectivity(*, data_dir: str | None, download: bool) -> Splits:
    """SUBJ (Pang and Lee 2004): 10,000 sentences, half of each label, no official split."""
    files = {"objective": "plot.tok.gt9.5000", "subjective": "quote.tok.gt9.5000"}
    return _two_files("subjectivity", files, data_dir, download)


def read_treebank(*, fine: bool, data_dir: str | None, nodes: bool = False) -> Splits:
    """The Stanford Sentiment Treebank (Socher et al. 2013), with its trees.

    Args:
        fine: Give the five labels of ``SENTIMENTS``; else *negative* and *positive* alone, without
            the neutral sentences, as in SST-2.
        data_dir: The folder that holds ``train.txt``, ``dev.txt`` and ``test.txt``, or the one above.
        nodes: The answer of a sentence is the label of each node of its tree, in preorder, rather than
            that of the root. The sentences are the same.

    Returns:
        ``train``, ``dev`` and ``test``. Each sentence has its ``constituency``, with a label from
        0 to 4 at each node.

    Raises:
        DataError: A file is missing, can't be read, or doesn't hold such trees.
    """
    folder = Path(data_dir) if data_dir is not None else None
    if folder is not None and not (folder / "train.txt").is_file():
        folder = folder / "trees"
    if folder is None or not (folder / "train.txt").is_file():
        raise DataError(
            "the Stanford Sentiment Treebank is read from a folder with train.txt, dev.txt and test.txt"
            + (f", which {data_dir} isn't" if data_dir is not None else "")
            + "; unpack https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip and name the "
            "folder with data_dir (--data-dir)"
        )
    splits = {}
    known = node_labels(fine=fine, nodes=nodes)
    for split in ("train", "dev", "test"):
        path = folder / f"{split}.txt"
        examples = []
        try:
            for number, sentence in enumerate(iter_brackets(path), start=1):
                assert sentence.constituency is not None
                labels = sentence.constituency.labels
                root = labels[sentence.constituency.root] if labels else ""
                if root not in set("01234"):
                    raise DataError(
                        f"{path}: tree {number} has the label {root!r} at its root, which isn't a "
                        "sentiment from 0 to 4"
                    )
                label = known.get(root)
                if label is not None:
                    if nodes:
                        label = answer_of(sentence.constituency, known)
                    tokens = tuple(sentence.tokens)
                    examples.append(Example(tokens, label, f"{path}:{number}", sentence))
        except OSError as fault:
            raise DataError(f"{path}: can't be read: {fault.strerror}") from None
        except BracketsError as fault:
            raise DataError(str(fault)) from None
        splits[split] = tuple(examples)
    return splits


def node_labels(*, fine: bool, nodes: bool = False) -> dict[str, str]:
    """The class of each of the treebank's labels, 0 to 4.

    Args:
        fine: All five classes; else *negative* and *positive* alone.
        nodes: As they stand among those of other nodes, without white space: ``"very-negative"``.
    """
    labels = {
        str(number): label.replace(" ", "-") if nodes else label
        for number, label in enumerate(SENTIMENTS)
    }
    if fine:
        return labels
    # Their first word is the degree, where they have two.
    shorter = {number: re.split("[ -]", label)[-1] for number, label in labels.items()}
    return {number: label for number, label in shorter.items() if label != "neutral"}


def _two_files(corpus: str, files: dict[str, str], data_dir: str | None, download: bool) -> Splits:
    examples = [
        Example(tuple(_CLITIC.sub(r" \1", line).split()), label, source)
        for label, file in files.items()
        for source, line in _lines(corpus, file, data_dir, download)
    ]
    return {"train": tuple(examples)}


def _lines(corpus: str, file: str, data_dir: str | None, download: bool) -> list[tuple[str, str]]:
    """The lines of a file of an NLTK corpus that have something on them, each with its source."""
    data = _find(corpus, file, data_dir, download)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    lines = text.translate(_CONTROLS).split("\n")
    return [(f"{corpus}/{file}:{i}", line) for i, line in enumerate(lines, start=1) if line.strip()]


def _find(corpus: str, file: str, data_dir: str | None, download: bool) -> bytes:
    import nltk

    if data_dir is not None and data_dir not in nltk.data.path:
        nltk.data.path.insert(0, data_dir)  # NLTK opens nothing outside its path
    place = f" -d {data_dir}" if data_dir is not None else ""
    command = f"python -m nltk.downloader{place} {corpus}"
    try:
        try:
            return _open(corpus, file)
        except LookupError:
            if not download:
                raise DataError(
                    f"NLTK's corpus {corpus!r} isn't in any of {os.pathsep.join(nltk.data.path)}. "
                    f"Fetch it by running the same command with --download, or by\n    {command}\n"
                    "or set NLTK_DATA to a folder that has it"
                ) from None
            nltk.download(corpus, download_dir=data_dir, quiet=True, raise_on_error=True)
            return _open(corpus, file)
    except DataError:
        raise
    except Exception as fault:  # a damaged archive raises what NLTK and a dozen lines of zipfile do
        raise DataError(
            f"NLTK's corpus {corpus!r} can't be {'downloaded' if download else 'read'} ({fault}). "
            f"On a machine with a network run\n    {command}\n"
            "then copy the folder it wrote here, and set NLTK_DATA to it"
        ) from None


def _open(corpus: str, file: str) -> bytes:
    import nltk

    with nltk.data.find(f"corpora/{corpus}/{file}").open() as content:
        data: bytes = content.read()
    return data
