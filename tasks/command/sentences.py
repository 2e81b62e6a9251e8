"""Single sentences of files of CoNLL-U, for the command."""

from __future__ import annotations

import os
from itertools import islice

from structnn.sentence import Sentence
from tasks.data.examples import DataError

__all__ = ["is_conllu", "nth_sentence"]


def is_conllu(text: str) -> bool:
    """Whether an argument is the name of a CoNLL-U file, rather than a sentence."""
    return text.endswith((".conllu", ".conllu.gz")) and (
        os.path.isfile(text) or len(text.split()) == 1
    )


def nth_sentence(path: str, number: int) -> Sentence:
    """One sentence of a CoNLL-U file, read no further than that.

    Args:
        path: The file.
        number: Which sentence, from 1.

    Raises:
        DataError: The file has fewer sentences.
        ConlluError: A sentence before it, or it itself, is not CoNLL-U.
    """
    from parsers import iter_conllu

    sentences = iter_conllu(path)
    for sentence in islice(sentences, number - 1, number):
        return sentence
    raise DataError(f"{path}: there are {sentences.read} sentences in it, and no sentence {number}")
