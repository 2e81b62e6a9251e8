"""What the commands of several benchmarks take alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.tree_data import treebank
from structnn import Sentence

__all__ = ["TreebankFile", "numbers", "read_treebank"]

TreebankFile = Annotated[
    Path | None,
    typer.Option(
        help="Trees to measure on; by default UD English EWT's dev set, if it is there.",
        exists=True,
        dir_okay=False,
    ),
]
"""The option of a CoNLL-U file."""


def read_treebank(conllu: Path | None) -> list[Sentence] | None:
    """The sentences to measure on: see :func:`benchmarks.tree_data.treebank`.

    Raises:
        typer.BadParameter: The file is not CoNLL-U, or has no sentence of more than one word.
    """
    try:
        return treebank(conllu)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def numbers(option: str, text: str) -> list[int]:
    """Numbers with commas between them.

    Raises:
        typer.BadParameter: Something else.
    """
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{option} takes numbers such as 150,300, not {text!r}") from None
