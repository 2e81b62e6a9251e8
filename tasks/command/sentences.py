"""Sentences of files of CoNLL-U, for the command."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

from rich.text import Text

from structnn.sentence import Sentence
from tasks.console import results
from tasks.data.examples import DataError

if TYPE_CHECKING:
    from parsers import Hit

__all__ = ["is_conllu", "nth_sentence", "show_hit"]


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


def show_hit(hit: Hit) -> None:
    """Print the number of a sentence and its words; in a terminal those that match are bold."""
    matched = {place for match in hit.matches for place in match}
    line = Text(f"{hit.place + 1}: ")
    for place, word in enumerate(hit.sentence.tokens):
        line.append(" " * (place > 0))
        line.append(word, style="bold" if place in matched else "")
    results.print(line)
