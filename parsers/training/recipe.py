"""The recipe: everything that decides the outcome of a training run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Recipe"]


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome of a training run.

    Attributes:
        train: The CoNLL-U file to train on.
        dev: The CoNLL-U file that is scored during training.
        test: The CoNLL-U file that is scored once, at the end.
        lang: The language code of the model directory, as Stanza names it.
        package: The name of the package in the model directory.
        output: The model directory to write.
        work: The folder of intermediate results, which belong to this recipe alone.
        data: A sentence for the model card: the treebank, its version and licence.
        vectors: A word2vec text file; None to train without pretrained vectors.
        vector_words: The number of words of the vector table.
        vector_dimensions: The dimension of its vectors.
        vectors_source: A sentence for the model card: which vectors these are.
        notes: A Markdown file that is appended to the model card, with licence and limits.
        seed: The random seed.
        plain_sentences: The number of generated plain sentences that tagger and parser learn from, too
            (:mod:`parsers.training.plain`); English alone has a grammar of them.
        contextual: The name or folder of a contextual model of Hugging Face. A teacher is trained on it
            (:mod:`parsers.training.teacher`), and tagger and parser learn from its tags and trees of
            ``text``, too.
        text: A CoNLL-U file of further sentences, such as ``structnn parse`` writes, whose words alone
            are read.
        folds: The number of taggers for the parser's training data; each tags the part of train that it
            was not trained on. At least 2.
        tokenizer_steps: Updates of the tokenizer.
        multiword_epochs: Epochs of the expander of multiword tokens.
        fold_steps: Updates of each tagger for the parser's training data.
        teacher_tagger_steps: Updates of the teacher's tagger.
        teacher_parser_steps: Updates of the teacher's parser.
        tagger_steps: Updates of the tagger.
        parser_steps: Updates of the parser.
        tagger_minutes: Ends the tagger's training earlier; None for no limit.
        parser_minutes: Ends the parser's training earlier; None for no limit.

    Raises:
        ValueError: There are fewer than 2 folds, plain sentences are asked for in another language than
            English, there is a text without a contextual model or the other way round, or the
            language or the package is not a valid name.
    """

    train: Path
    dev: Path
    test: Path
    lang: str
    package: str
    output: Path
    work: Path
    data: str = ""
    vectors: Path | None = None
    vector_words: int = 100_000
    vector_dimensions: int = 128
    vectors_source: str = ""
    notes: Path | None = None
    seed: int = 1
    plain_sentences: int = 0
    contextual: str | None = None
    text: Path | None = None
    folds: int = 4
    tokenizer_steps: int = 6000
    multiword_epochs: int = 15
    fold_steps: int = 1800
    teacher_tagger_steps: int = 1000
    teacher_parser_steps: int = 1200
    tagger_steps: int = 4000
    parser_steps: int = 9000
    tagger_minutes: float | None = None
    parser_minutes: float | None = None

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ValueError(f"folds must be at least 2, not {self.folds}")
        if not self.lang.islower() or not self.package or "/" in self.package:
            raise ValueError(
                f"not a language code and package name: {self.lang!r}, {self.package!r}; give a code in "
                "lower case, such as 'en', and a name without a slash"
            )
        if self.plain_sentences < 0:
            raise ValueError(f"plain_sentences must be at least 0, not {self.plain_sentences}")
        if self.plain_sentences and self.lang != "en":
            raise ValueError(
                f"--plain-sentences are English, and --lang is {self.lang!r}: "
                "leave --plain-sentences out"
            )
        if (self.contextual is None) != (self.text is None):
            given, lacking = ("text", "contextual") if self.text else ("contextual", "text")
            raise ValueError(
                f"--{given} needs --{lacking}: a teacher on a contextual model gives a text its trees"
            )

    @property
    def model(self) -> dict[str, Any]:
        """What each tagger and parser of the recipe is trained with: names, and the vectors."""
        return {"lang": self.lang, "package": self.package, "table": self.table}

    @property
    def table(self) -> Path | None:
        """Stanza's file of pretrained vectors; None without vectors."""
        return self.work / "pretrain.pt" if self.vectors is not None else None
