"""What commands that read texts have in common: what goes along with a text, how files are read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from structnn import Sentence
from tasks.data.columns import SECOND_TEXT
from tasks.data.examples import DataError
from tasks.data.options import ParsingOptions, TextOptions
from tasks.data.questions import Question
from tasks.data.rows import has_rows
from tasks.data.texts import Text, read_texts
from tasks.models.devices import DeviceOptions
from tasks.models.searching import SearchOptions
from tasks.options import Options, cli_option, part
from tasks.results.table import Column, Entry, Table

if TYPE_CHECKING:
    from structnn import Search
    from tasks.models.prediction import Prediction, Predictor

__all__ = [
    "KeepOptions",
    "ParseOptions",
    "PredictOptions",
    "check_comments",
    "check_kept",
    "likeliest_labels",
    "prediction_rows",
    "read_asked",
    "reading_of",
    "save_reading",
    "tagged_tokens",
    "with_origin",
    "written_texts",
]

READING = "reading.json"  # of a run that is in no experiment, whose options experiment.json has


@dataclass(frozen=True, kw_only=True)
class KeepOptions(Options):
    """What goes along with each text."""

    keep: Annotated[
        list[str] | None,
        cli_option(
            "Data",
            "Column to write with each text, beside its line and the column id, if there is one; may be "
            "repeated.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ParseOptions(KeepOptions, TextOptions, ParsingOptions):
    """How texts are read and parsed."""


@dataclass(frozen=True, kw_only=True)
class PredictOptions(KeepOptions, SearchOptions, DeviceOptions):
    """How texts for a saved run are read, sequences searched for, and where it computes."""

    text_column: Annotated[
        str | None,
        cli_option(
            "Data",
            "Column of the text in a .csv, .tsv or .jsonl file; by default that of the run's data.",
        ),
    ] = None
    encoding: Annotated[
        str | None,
        cli_option(
            "Data",
            "Character encoding of the file; by default that of the run's data.",
        ),
    ] = None


def save_reading(run: Path, options: TextOptions) -> None:
    """Write into the folder of a run how its data were read."""
    from tasks.storage import write_json

    write_json(run / READING, asdict(part(TextOptions, options)))


def reading_of(run: Path, options: PredictOptions) -> TextOptions:
    """How a file of texts for a run is read: as the options say, else as the run's data were.

    Args:
        run: The folder of the run.
        options: Those of the command.

    Raises:
        StorageError: What the run or its experiment says of that can't be read.
    """
    from tasks.results.folder import experiment_of
    from tasks.results.records import read_experiment
    from tasks.storage import read_json

    known: Mapping[str, object] = {}
    if (run / READING).is_file():
        content = read_json(run / READING)
        known = content if isinstance(content, dict) else {}
    elif file := experiment_of(run):
        known = read_experiment(file).options
    return TextOptions(
        text_column=options.text_column or str(known.get("text_column", "text")),
        encoding=options.encoding or str(known.get("encoding", "utf-8")),
    )


def check_kept(texts: Sequence[Text], reserved: Collection[str], output: str) -> None:
    """Make sure that the columns that go along have names of their own.

    Args:
        texts: The texts.
        reserved: The names that the output uses itself.
        output: What is written, for the message.

    Raises:
        DataError: One is the name of something else.
    """
    for name in dict.fromkeys(name for text in texts for name in text.columns):
        if name in reserved:
            raise DataError(
                f"the column {name!r} can't go along: {output} have a {name!r} of their own; give the "
                "column another name"
            )


def check_comments(texts: Sequence[Text]) -> None:
    """Make sure that the columns that go along can be the names of CoNLL-U comments.

    Raises:
        DataError: One has a name that can't.
    """
    from parsers.formats.conllu import is_comment_name

    for name in dict.fromkeys(name for text in texts for name in text.columns):
        if not is_comment_name(name):
            raise DataError(
                f"the column {name!r} can't go along: the name of a CoNLL-U comment has no `=`, no line "
                "feed and no space at its ends; give the column another name"
            )


def with_origin(sentence: Sentence, text: Text) -> Sentence:
    """A sentence with the line of its text and the columns that go along, in its metadata."""
    origin: Mapping[str, str] = {"line": str(text.line), **text.columns}
    return sentence.replace(metadata={**origin, **sentence.metadata})


def read_asked(
    file: str, reading: TextOptions, predictor: Predictor, keep: Sequence[str]
) -> list[Text]:
    """Read texts from a file, with what the question of a run needs beside them.

    Args:
        file: The file.
        reading: How it is read.
        predictor: The run.
        keep: Columns that go along; of a pair the second text does too.

    Returns:
        The records.

    Raises:
        DataError: The file lacks a column, a row a span, or a text that must be a tree is none.
    """
    from tasks.models.prediction import bracketed

    question = predictor.question
    if question.reads == "pair" and has_rows(Path(file)):
        keep = [*keep, SECOND_TEXT]
    records = read_texts(file, reading, keep, question, brackets=predictor.reads_brackets)
    if predictor.reads_brackets:
        for record in records:
            if not record.is_empty:
                bracketed(record.text, f"{file}:{record.line}")
    return records


def prediction_rows(
    predictor: Predictor,
    texts: Sequence[str],
    records: Sequence[Text],
    second: Sequence[str] = (),
    search: Search | None = None,
) -> list[dict[str, Any]]:
    """The labels of texts, and of the records of a file: a row for each, in order.

    Args:
        predictor: The saved run.
        texts: Texts that are in no file.
        records: The records of a file.
        second: The second texts of ``texts``, where the question is about pairs.
        search: How sequences are searched for; by default as the run was trained to.

    Returns:
        The fields of :class:`tasks.models.prediction.Prediction`, after the line and the columns of a
        record; ``tokens`` only where each of them has an answer, ``written`` only with a search. A
        record without a text has no label and no probabilities.
    """
    full = [record for record in records if not record.is_empty]
    others = [record.second for record in full if record.second is not None]
    # Marks can't say in which order two spans are, nor where they overlap: so spans go beside the texts.
    of_spans = {"spans": [record.spans for record in full]} if predictor.question.spans else {}
    given = predictor.predict(texts, second, search=search) if texts or second else []
    found = iter(
        predictor.predict([record.text for record in full], others, search=search, **of_spans)
        if full
        else []
    )
    rows = []
    for record in records:
        nothing: dict[str, Any] = {"text": record.plain, "label": None, "probabilities": {}}
        answer = nothing if record.is_empty else _filled(next(found))
        rows.append({"line": record.line, **record.columns, **answer})
    return [*map(_filled, given), *rows]


def _filled(prediction: Prediction) -> dict[str, Any]:
    """The fields of a prediction that have a value."""
    return {name: value for name, value in asdict(prediction).items() if value is not None}


def likeliest_labels(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A line for each text with its label, for people.

    Args:
        rows: What :func:`prediction_rows` gives.
    """
    kept = _kept(rows, "text", "label", "probabilities")
    columns = [
        *(Column(name, "left", rank=2) for name in kept),
        Column("text", "left", rank=0, prose=True),
        Column("label", "left", rank=0),
    ]
    if any(row["probabilities"] for row in rows):  # numbers, several labels and sequences have none
        columns.append(Column("likeliest", "left"))
    lines = []
    for row in rows:
        # There may be fifty labels: the likeliest three fit into a line, and --json has all.
        shares = sorted(row["probabilities"].items(), key=lambda item: -item[1])[:3]
        likeliest = ", ".join(f"{label} {share:.3f}" for label, share in shares)
        values = (*(row.get(name, "") for name in kept), row["text"], row["label"] or "", likeliest)
        lines.append(_line(*values[: len(columns)]))
    return Table("", tuple(columns), tuple(lines))


def written_texts(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A line for each sequence that a search found for each text, for people.

    Args:
        rows: What :func:`prediction_rows` gives, with a search.
    """
    kept = _kept(rows, "text", "label", "probabilities", "written")
    columns = (
        *(Column(name, "left", rank=2) for name in kept),
        Column("text", "left", rank=1, prose=True),
        Column("written", "left", rank=0, prose=True),
        Column("log p", rank=0),
    )
    lines = []
    for row in rows:
        about = (*(row.get(name, "") for name in kept), row["text"])
        found = row.get("written") or [None]
        for place, one in enumerate(found):
            # What is said of a text stands beside the best.
            values = about if place == 0 else ("",) * len(about)
            said = ("", "") if one is None else (one["text"], f"{one['log_probability']:.2f}")
            lines.append(_line(*values, *said))
    return Table("", columns, tuple(lines))


def tagged_tokens(rows: Sequence[Mapping[str, Any]], question: Question) -> Table:
    """A line for each token of each text, or each node, with its tag, for people.

    Args:
        rows: What :func:`prediction_rows` gives.
        question: What the run answers.
    """
    kept = _kept(rows, "text", "label", "probabilities", "tokens")
    columns = (
        Column("text", "left", rank=1),
        *(Column(name, "left", rank=2) for name in kept),
        Column(question.part, "left", rank=0),
        Column({"arcs": "arc", "nodes": "label"}.get(question.reads, "tag"), "left", rank=0),
    )
    lines = []
    for number, row in enumerate(rows, start=1):
        tags = question.parts_of(row["label"]) if row["label"] else ("",)
        for place, (token, tag) in enumerate(zip(row.get("tokens", ("",)), tags, strict=True)):
            # What is said of a text stands beside its first token.
            about = (number, *(row.get(name, "") for name in kept))
            values = about if place == 0 else ("",) * len(about)
            lines.append(_line(*values, token, tag))
    return Table("", columns, tuple(lines))


def _kept(rows: Sequence[Mapping[str, Any]], *own: str) -> list[str]:
    """The names of the columns that go along with predictions, beside those of their own."""
    return [name for name in dict.fromkeys(name for row in rows for name in row) if name not in own]


def _line(*values: object) -> tuple[Entry, ...]:
    """Values as they stand in a line, whatever white space is in them."""
    return tuple(Entry(" ".join(str(value).split())) for value in values)
