"""Columns of the words of a CoNLL-U file, as tags of tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from parsers.formats.conllu import items_of
from structnn import Sentence
from tasks.data.examples import DataError, quote

__all__ = ["NO_VALUE", "SentenceRow", "tags_of_words"]

NO_VALUE = "_"
"""Stands in a column of CoNLL-U for no value; as a tag it is one like any other."""

_COLUMNS = ("UPOS", "XPOS", "FEATS", "DEPREL")
_NO_TAGS = {
    "ID": "the number of a word",
    "FORM": "the word itself",
    "LEMMA": "a word, of which there is no fixed number of classes",
    "HEAD": "the number of another word",
    "DEPS": "a list of other words",
    "MISC": "a list of keys and values; name one of its keys",
}


class SentenceRow(dict[str, object]):
    """A row of a file that is a sentence of a treebank, whose words have columns too.

    Args:
        columns: The columns of the row.
        sentence: The sentence.
    """

    def __init__(self, columns: Mapping[str, object], sentence: Sentence) -> None:
        super().__init__(columns)
        self.sentence = sentence


def tags_of_words(
    sentences: Sequence[Sentence], column: str, path: object
) -> list[tuple[str, ...]]:
    """A tag for each word of each sentence.

    Args:
        sentences: The sentences of a file.
        column: ``UPOS``, ``XPOS``, ``FEATS`` or ``DEPREL``, or a key of FEATS or MISC, such as
            ``Number``; a word without the key has the tag ``_``.
        path: The file, for messages.

    Raises:
        DataError: Words have no such column or key, or no word has anything in it.
    """
    if column in _NO_TAGS:
        raise DataError(
            f"{path}: {column} is no tag but {_NO_TAGS[column]}; choose {', '.join(_COLUMNS)}, or a key "
            "of FEATS or MISC with label_column (--label-column)"
        )
    found = [tuple(_tags(sentence, column)) for sentence in sentences]
    if any(tag != NO_VALUE for tags in found for tag in tags):
        return found
    if column in _COLUMNS:
        raise DataError(
            f"{path}: the column {column} is empty ({NO_VALUE}) for every word; choose another one with "
            "label_column (--label-column)"
        )
    keys = Counter(
        key
        for sentence in sentences
        for name in ("feats", "misc")
        for value in sentence.columns.get(name, ())
        for key in items_of(value)
    )
    known = quote(key for key, _ in keys.most_common())
    raise DataError(
        f"{path}: there is no comment {column!r}, and no word has such a column or such a key in FEATS "
        f"or MISC; the columns are {', '.join(_COLUMNS)}" + (f", the keys {known}" if keys else "")
    )


def _tags(sentence: Sentence, column: str) -> Iterable[str]:
    tree = sentence.dependencies
    whole = {
        "UPOS": sentence.tags,
        "XPOS": sentence.columns.get("xpos"),
        "FEATS": sentence.columns.get("feats"),
        "DEPREL": None if tree is None else tree.labels,
    }
    nothing = (NO_VALUE,) * len(sentence)
    if column in whole:
        return whole[column] or nothing
    feats, misc = (sentence.columns.get(name, nothing) for name in ("feats", "misc"))
    return (
        items_of(one).get(column) or items_of(other).get(column) or NO_VALUE
        for one, other in zip(feats, misc, strict=True)
    )
