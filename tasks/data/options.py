"""Options of data and of the parser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tasks.options import Bounds, Options, cli_option

__all__ = ["DataOptions", "ParserOptions", "ParsingOptions"]


@dataclass(frozen=True, kw_only=True)
class ParserOptions(Options):
    """Which parser; saved with a model, so that new text is parsed as the training data were."""

    language: Annotated[str, cli_option("Parser", "Language of the text.")] = "en"
    package: Annotated[
        str | None,
        cli_option(
            "Parser", "Stanza's package; by default the English one that ships with structnn."
        ),
    ] = None
    model_dir: Annotated[Path | None, cli_option("Parser", "Folder of Stanza models.")] = None
    split_sentences: Annotated[
        bool,
        cli_option(
            "Parser",
            "Split a text into sentences; their trees are joined under one root.",
            "--split-sentences",
        ),
    ] = False

    def to_json(self) -> dict[str, Any]:
        """As ``model.json`` has it."""
        return {**vars(self), "model_dir": None if self.model_dir is None else str(self.model_dir)}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> ParserOptions:
        """From what :meth:`to_json` gave."""
        folder = saved.get("model_dir")
        return cls(**{**saved, "model_dir": None if folder is None else Path(folder)})


@dataclass(frozen=True, kw_only=True)
class ParsingOptions(ParserOptions):
    """Which parser, and where parses are kept."""

    cache: Annotated[
        Path | None, cli_option("Parser", "File that keeps parses.", show_default=False)
    ] = None


@dataclass(frozen=True, kw_only=True)
class DataOptions(Options):
    """Where examples are from, and how they are divided."""

    dev: Annotated[Path | None, cli_option("Data", "File of dev examples.")] = None
    test: Annotated[Path | None, cli_option("Data", "File of test examples.")] = None
    dev_fraction: Annotated[
        float,
        Bounds(above=0, below=1),
        cli_option("Data", "Share of train held out as dev where there is no dev set."),
    ] = 0.1
    test_fraction: Annotated[
        float,
        Bounds(above=0, below=1),
        cli_option("Data", "Share held out as test where there is no test set."),
    ] = 0.1
    text_column: Annotated[str, cli_option("Data", "Column of the text.")] = "text"
    label_column: Annotated[str, cli_option("Data", "Column of the label.")] = "label"
    encoding: Annotated[str, cli_option("Data", "Character encoding of files.")] = "utf-8"
    data_dir: Annotated[
        Path | None, cli_option("Data", "Folder of named data: SST's trees, or NLTK's corpora.")
    ] = None
    download: Annotated[
        bool, cli_option("Data", "Download an NLTK corpus that isn't there.", "--download")
    ] = False
