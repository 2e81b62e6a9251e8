"""What the columns of a file say: which question they ask, and what each row answers."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from structnn.fields import shorten_text
from tasks.data.examples import DataError, counted, quote
from tasks.data.options import DataOptions
from tasks.data.questions import (
    ROW_SEPARATOR,
    SEPARATOR,
    Answers,
    Question,
    Reads,
    Span,
    without_marks,
)
from tasks.data.rows import Row, in_words, shown

__all__ = [
    "ANSWER_COLUMNS",
    "HEADS",
    "RELATIONS",
    "SECOND_TEXT",
    "TREE",
    "Columns",
    "check_tags",
    "columns_asked",
    "columns_of",
]

Text = str | tuple[str, ...]

SECOND_TEXT = "text2"
_SPANS: dict[Reads, tuple[str, ...]] = {"span": ("target",), "spans": ("subject", "object")}
_ENDS = ("start", "end")

TAGS = "tags"
ANSWER_COLUMNS: dict[str, Answers] = {
    "label": "label",
    "labels": "labels",
    "score": "score",
    TAGS: "label",
}
"""The columns that are answers where no other is chosen, the first that is there, and of which kind."""

HEADS, RELATIONS = "heads", "relations"
"""The columns of a tree: for each token the number of its head, from 1, and its relation."""

TREE = "tree"
"""The column of a constituency tree: in brackets, or the fields of a :class:`structnn.Tree`."""

_TOKENS = "tokens"
_SOURCE, _TARGET = "source", "target"
_UNSPACED = re.compile(
    "[\u0e00-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff]"
)
"""A letter of a script without spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, kana, Han."""

_PLACES = re.compile(r"\s*\[?\s*(\d+)\s*[:,]\s*(\d+)\s*\]?\s*")


@dataclass(frozen=True)
class Columns:
    """Which column is what.

    Attributes:
        text: The text.
        answer: The answer.
        question: What is asked.
        marked: Whether the spans are marked in most texts, as ``The [[food]] was good``, and so must be
            in all.
    """

    text: str
    answer: str
    question: Question
    marked: bool = False

    @property
    def own(self) -> frozenset[str]:
        """The columns that the question reads."""
        return frozenset({self.text, self.answer}) | (
            {"pair": {SECOND_TEXT}, "arcs": {RELATIONS}}.get(self.question.reads, set())
        )

    def answer_in(self, row: Row, where: str) -> object:
        """The answer of a row as it stands in the file.

        Raises:
            DataError: The answer is no single value, and should be one.
        """
        value = row[self.answer]
        if self.question.has_parts:
            return ROW_SEPARATOR.join(_tags(value, where))
        if self.question.is_sequence:
            words = value if isinstance(value, list) else [value]
            if not all(isinstance(word, str | int) for word in words):
                raise DataError(
                    f"{where}: the {self.answer} must be a text or a list of words, but is "
                    f"{shown(value)}"
                )
            return " ".join(" ".join(map(str, words)).split())
        if self.question.answer == "labels":
            labels = value if isinstance(value, list) else _one(value, where).split(SEPARATOR)
            if not all(isinstance(label, str) for label in labels):
                raise DataError(f"{where}: labels must be strings, but are {shown(labels)}")
            found = sorted({label.strip() for label in labels if label.strip()})
            if broken := next((label for label in found if SEPARATOR in label), None):
                raise DataError(
                    f"{where}: the label {broken!r} has a {SEPARATOR!r}, which stands between labels"
                )
            return SEPARATOR.join(found) or SEPARATOR
        if self.question.is_number and isinstance(value, Decimal):
            return str(value)  # tables have such numbers, JSON has none
        return value

    def spans_in(self, row: Row, text: Text, where: str) -> tuple[Text, tuple[Span, ...]]:
        """The text of a row without marks, and the spans that the question is about.

        Raises:
            DataError: A span is missing, or can't be found in the text.
        """
        question = self.question
        if not question.spans:
            return text, ()
        if self.marked:
            plain, spans = without_marks(text) if isinstance(text, str) else (text, ())
            if len(spans) != question.spans:
                raise DataError(
                    f"{where}: spans between [[ and ]] in this text: {len(spans)}, in most others: "
                    f"{question.spans}; mark as many here, or say with reads='sentence' (--reads "
                    "sentence) that the brackets are part of the texts"
                )
            return plain, spans
        if question.reads == "span" and "target" not in row:
            return text, (_span([row[name] for name in _ENDS], text, "start and end", where),)
        names = _SPANS[question.reads]
        return text, tuple(_span(row[name], text, name, where) for name in names)


def columns_of(rows: Sequence[Row], options: DataOptions, path: object) -> Columns:
    """Which column is what, by the names of columns and the options.

    Args:
        rows: The rows of a file.
        options: The columns of text and label, and what is asked, if given.
        path: The file, for messages.

    Raises:
        DataError: The columns that the question needs are not there.
    """
    there = list(rows[0]) if rows else []
    if options.reads in ("arcs", "nodes"):
        return _of_trees(rows, options, path)
    answer_column, answer = _answer(rows[0] if rows else {}, options)
    answers = [row.get(answer_column) for row in rows]
    tagged = options.reads == "tokens" or _are_lists(answers)
    text = text_column(rows[0] if rows else {}, options.text_column, tagged=tagged)
    texts = [row.get(text) for row in rows]
    marks = _marks(texts, of_most=_reads(there) == "sentence")
    reads = cast("Reads | None", options.reads)
    if reads is None:
        reads = "sentence" if answer == "sequence" else _reads(there)
        if answer == "label" and (answer_column == TAGS or (tagged and _are_lists(texts))):
            reads = "tokens"
        elif reads == "sentence" and marks and answer != "sequence":
            reads = "span" if marks == 1 else "spans"
    question = Question(reads, answer)
    marked = bool(marks) and marks == question.spans
    columns = Columns(text, answer_column, question, marked)
    if rows:
        _check_needed(columns, there, path)
    return columns


def _check_needed(columns: Columns, there: Collection[str], path: object) -> None:
    """Check that the columns of a file are those that a question needs.

    Raises:
        DataError: One is not there.
    """
    needed, question = _needed(columns, there), columns.question
    marks = {1: "one span", 2: "two spans"}.get(question.spans)
    if any(name not in there for name in needed):
        raise DataError(
            f"{path}: the question is about a {question.reads}, which takes the column "
            f"{' and '.join(map(repr, needed))}"
            + (f" or {marks} between [[ and ]] in each text" if marks else "")
            + f"; the columns are {quote(there)}"
        )


def columns_asked(rows: Sequence[Row], text: str, question: Question, path: object) -> Columns:
    """Where rows without answers have what a question is about.

    Args:
        rows: The rows of a file.
        text: The column of the text.
        question: What is asked.
        path: The file, for messages.

    Raises:
        DataError: The columns that the question needs are not there.
    """
    there = list(rows[0]) if rows else []
    texts = [value for row in rows if (value := row.get(text))]  # an empty text has no marks
    marks = _marks(texts, of_most=_reads(there) == "sentence")
    columns = Columns(text, "", question, marked=bool(marks) and marks == question.spans)
    if rows:
        _check_needed(columns, there, path)
    return columns


def _of_trees(rows: Sequence[Row], options: DataOptions, path: object) -> Columns:
    """The columns where trees or their nodes are asked about, which have columns of their own."""
    reads = cast(Reads, options.reads)
    if options.label_column != "label":
        are = (
            "of arcs are heads and relations (HEAD and DEPREL of CoNLL-U)"
            if reads == "arcs"
            else f"of nodes are the labels of trees (the column {TREE!r})"
        )
        raise DataError(
            f"{path}: the answers {are}, not the column {options.label_column!r}: leave out "
            "label_column (--label-column)"
        )
    text = text_column(rows[0] if rows else {}, options.text_column, tagged=True)
    answer = HEADS if reads == "arcs" else TREE
    return Columns(text, answer, Question(reads, cast(Answers, options.answer or "label")))


def text_column(row: Row, chosen: str, *, tagged: bool = False) -> str:
    """The column of the text: the one that is chosen, or without a column ``text`` tokens or source.

    Args:
        row: A row of the file.
        chosen: The column that the options choose, by default ``text``.
        tagged: Whether tokens have tags, so that a list of them goes before a text.
    """
    if chosen != "text":
        return chosen
    if tagged and isinstance(row.get(_TOKENS), list):
        return _TOKENS
    without_text = (_TOKENS, _SOURCE) if chosen not in row else ()
    return next((name for name in without_text if isinstance(row.get(name), list | str)), chosen)


def _is_translated(row: Row) -> bool:
    """Whether a row is a source and a target, and nothing that is usually a text."""
    return _SOURCE in row and _TARGET in row and "text" not in row and _TOKENS not in row


def check_tags(tags: str, tokens: Sequence[str], where: str) -> None:
    """Check that there are as many tags as tokens.

    Args:
        tags: The tags, as :meth:`Columns.answer_in` gives them.
        tokens: The tokens.
        where: The file and the line, for the message.

    Raises:
        DataError: There are not.
    """
    count = len(tags.split(ROW_SEPARATOR)) if tags else 0
    if count != len(tokens):
        raise DataError(
            f"{where}: {counted(len(tokens), 'token')} and {counted(count, 'tag')}; give one tag "
            "for each token"
        )


def _tags(value: object, where: str) -> list[str]:
    """The tags of a row: those of a list, or what white space divides.

    Raises:
        DataError: A tag is empty, has white space in it, or is no string.
    """
    tags = value if isinstance(value, list) else _one(value, where).split()
    for place, tag in enumerate(tags, start=1):
        if isinstance(tag, bool | float | list | dict) or tag is None:
            raise DataError(
                f"{where}: the tag of token {place} must be a string, but is {shown(tag)}"
            )
        if str(tag).split() != [str(tag)]:
            wrong = "is empty" if not str(tag).strip() else f"is {tag!r}, with white space in it"
            raise DataError(
                f"{where}: the tag of token {place} {wrong}; give each token one tag without white "
                "space, such as O or _ where there is nothing to say of it"
            )
    return list(map(str, tags))


def _one(value: object, where: str) -> str:
    """A value in the place of a list as a string; empty where there is none.

    Raises:
        DataError: It is a number that is none, or no single value.
    """
    if isinstance(value, list | dict):
        raise DataError(f"{where}: the answer must be a list or one string, but is {shown(value)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise DataError(
            f"{where}: the answer is {in_words(value)}, which is no number; give one, or remove the "
            "example"
        )
    return "" if value is None else str(value)


def _are_lists(values: Sequence[object]) -> bool:
    """Whether all are lists; of no values none are."""
    return bool(values) and all(isinstance(value, list) for value in values)


def _answer(row: Row, options: DataOptions) -> tuple[str, Answers]:
    """The column of the answer, and what kind of answer it is."""
    column, kind = options.label_column, options.answer
    if column == "label" and column not in row and _is_translated(row):
        return _TARGET, cast(Answers, kind or "sequence")
    if column == "label" and column not in row:
        column = next((name for name in ANSWER_COLUMNS if name in row), column)
    if kind is None:
        kind = ANSWER_COLUMNS.get(column, "label") if column in row else "label"
    return column, cast(Answers, kind)


def _reads(columns: Collection[str]) -> Reads:
    if SECOND_TEXT in columns:
        return "pair"
    if all(name in columns for name in _SPANS["spans"]):
        return "spans"
    if "target" in columns or all(name in columns for name in _ENDS):
        return "span"
    return "sentence"


def _marks(texts: Sequence[object], *, of_most: bool) -> int:
    """How many spans are marked in each text, if it is one or two and the same in all; else 0.

    Args:
        texts: The texts.
        of_most: Let more than half of them decide: the others are faulty.
    """
    counts = Counter(len(without_marks(text)[1]) if isinstance(text, str) else 0 for text in texts)
    enough = len(texts) // 2 + 1 if of_most else len(texts)
    return next((marks for marks in (1, 2) if texts and counts[marks] >= enough), 0)


def _needed(columns: Columns, there: Collection[str]) -> tuple[str, ...]:
    """The columns that a question needs beside text and answer."""
    reads = columns.question.reads
    if reads == "pair":
        return (SECOND_TEXT,)
    if columns.marked or not columns.question.spans:
        return ()
    if reads == "span" and "target" not in there and any(name in there for name in _ENDS):
        return _ENDS
    return _SPANS[reads]


def _is_whole(span: Span, text: str) -> bool:
    """Whether no letter goes on from a span at either end, of a script with spaces between words."""
    begin, end = span
    ends = ((text[:begin][-1:], text[begin]), (text[end : end + 1], text[end - 1]))
    return all(
        not _is_in_word(outside) or bool(_UNSPACED.search(outside + inside))
        for outside, inside in ends
    )


def _is_in_word(character: str) -> bool:
    """Whether a character is a letter or a digit, or an accent or vowel sign that belongs to one."""
    if re.match(
        "[\ufe00-\ufe0f]", character
    ):  # which choose the look of a symbol, such as an emoji's
        return False
    return bool(re.match(r"\w", character)) or unicodedata.category(character or " ")[0] == "M"


def _place(value: object) -> int:
    """A place in a text, also where a table has it as 4.0, for want of some other row's.

    Raises:
        ValueError: It is none.
    """
    return int(str(value).removesuffix(".0"))


def _span(value: object, text: Text, name: str, where: str) -> Span:
    """A span from what a file has: two places, or the words themselves where they occur once."""
    places = value if isinstance(value, list) else None
    whole = []
    if isinstance(value, str) and isinstance(text, str) and value.strip():
        found_in = (found.span() for found in re.finditer(re.escape(value.strip()), text))
        whole = [span for span in found_in if _is_whole(span, text)]
    # Words that look like places, such as the time 7:30, are words where the text has them.
    if isinstance(value, str) and not whole and (found := _PLACES.fullmatch(value)):
        places = [found[1], found[2]]
    if places is not None and len(places) == 2:
        try:
            return _place(places[0]), _place(places[1])
        except ValueError:
            pass
    if not isinstance(value, str) or not value.strip():
        raise DataError(
            f"{where}: the {name} must be where it begins and ends, as [4, 8], or words of the text, "
            f"but is {shown(value)}"
        )
    if not isinstance(text, str):
        raise DataError(
            f"{where}: the text is tokens, so the {name} must be where it begins and ends among "
            f"them, as [1, 3], but is {shorten_text(value)!r}"
        )
    if len(whole) != 1:
        how = "doesn't occur" if not whole else f"occurs {len(whole)} times"
        raise DataError(
            f"{where}: the {name} {shorten_text(value.strip())!r} {how} in the text; say "
            "where it begins and ends (characters from 0, the end behind the last one), or mark it "
            "with [[ and ]]"
        )
    return whole[0]
