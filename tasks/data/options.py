"""Options of data and of the parser."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tasks.data.questions import ANSWERS, READS
from tasks.options import OptionError, Options, Range, cli_option, part

__all__ = ["DataOptions", "ParserOptions", "ParsingOptions", "SplitOptions", "TextOptions"]


@dataclass(frozen=True, kw_only=True)
class ParserOptions(Options):
    """Which parser: arguments of :class:`parsers.StanzaParser`, or a run that was trained to parse.

    They are saved with a model, so that new text is parsed as the training data were.

    Raises:
        OptionError: There is a run, and an option of Stanza's parsers.
    """

    language: Annotated[str, cli_option("Parser", "Language of the text.")] = "en"
    package: Annotated[
        str | None,
        cli_option(
            "Parser", "Stanza's package; by default the English one that ships with structnn."
        ),
    ] = None
    model_dir: Annotated[str | None, cli_option("Parser", "Folder of Stanza models.")] = None
    split_sentences: Annotated[
        bool,
        cli_option(
            "Parser",
            "Split a text into sentences; their trees are joined under one root.",
            "--split-sentences",
        ),
    ] = False
    parser: Annotated[
        str | None,
        cli_option(
            "Parser",
            "Folder of a run that was trained to parse (--reads arcs): trees of its own, for tokens of "
            "the parser that it was trained with.",
        ),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.parser is None:
            return
        for name in ("language", "package", "model_dir", "split_sentences"):
            if getattr(self, name) != getattr(ParserOptions, name):
                raise OptionError(
                    name, "goes with Stanza's parsers; the run of --parser has its own choice"
                )


@dataclass(frozen=True, kw_only=True)
class ParsingOptions(ParserOptions):
    """Which parser, and the file that keeps what it parsed."""

    cache: Annotated[
        Path | None,
        cli_option(
            "Parser",
            "SQLite file of parses, so that no text is parsed twice; by default in ~/.cache/structnn.",
        ),
    ] = None

    @property
    def parser_options(self) -> ParserOptions:
        """Which parser."""
        return part(ParserOptions, self)


@dataclass(frozen=True, kw_only=True)
class TextOptions(Options):
    """How files of texts are read."""

    text_column: Annotated[
        str, cli_option("Data", "Column of the text in a .csv, .tsv or .jsonl file.")
    ] = "text"
    encoding: Annotated[str, cli_option("Data", "Character encoding of files.")] = "utf-8"


@dataclass(frozen=True, kw_only=True)
class SplitOptions(TextOptions):
    """Where texts are, and what of them is held out."""

    dev: Annotated[Path | None, cli_option("Data", "File of dev examples.")] = None
    test: Annotated[Path | None, cli_option("Data", "File of test examples.")] = None
    dev_fraction: Annotated[
        float,
        Range(above=0, below=1),
        cli_option("Data", "Fraction of the examples to hold out as dev set if there is none."),
    ] = 0.1
    split_seed: Annotated[
        int,
        cli_option("Data", "Random seed of what is held out, and of the sentences generated."),
    ] = 0
    data_dir: Annotated[
        Path | None,
        cli_option("Data", "Folder of a named data set: SST's trees, or NLTK's corpora."),
    ] = None
    download: Annotated[
        bool, cli_option("Data", "Download an NLTK corpus that isn't found.", "--download")
    ] = False


@dataclass(frozen=True, kw_only=True)
class DataOptions(SplitOptions):
    """Where the examples of a data set are, and how they are divided.

    Raises:
        OptionError: An option is out of its range, or doesn't go with the others.
    """

    test_fraction: Annotated[
        float,
        Range(above=0, below=1),
        cli_option("Data", "Fraction of the examples to hold out as test set if there is none."),
    ] = 0.1
    label_column: Annotated[
        str,
        cli_option(
            "Data",
            "Column of the label; without a column label that is labels, score, tags, or target beside "
            "source. In a .conllu "
            "file also a column of its words: UPOS, XPOS, FEATS, DEPREL, or a key of FEATS or MISC.",
        ),
    ] = "label"
    reads: Annotated[
        str | None,
        cli_option(
            "Data",
            "What the question is about: a sentence, a pair (columns text and text2), a span (column "
            "target, or start and end), two spans (subject and object), tokens (each has a tag), nodes "
            "(of a tree, each has a label: sst5, sst2, .ptb, .mrg, or the column tree) or arcs "
            "(heads and relations, as in .conllu: a parser is trained). By default the columns say, "
            "but for nodes and arcs.",
        ),
    ] = None
    answer: Annotated[
        str | None,
        cli_option(
            "Data",
            "What answers it: one label, any number of labels, a number (score), or a number on a scale "
            "of whole numbers (scale), or another text (sequence). By default the column says: label, "
            "labels, score or target.",
        ),
    ] = None
    cluster: Annotated[
        str | None,
        cli_option(
            "Data",
            "Column that says which rows belong together: they stay on one side of a split, and count "
            "as one in tests. By default pair, if there is such a column; the text column for none.",
        ),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, known in (("reads", READS), ("answer", ANSWERS)):
            value = getattr(self, name)
            if value is not None and value not in known:
                raise OptionError(name, f"must be one of {', '.join(known)}, but is {value!r}")
