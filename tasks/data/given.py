"""The trees and graphs that rows of files have beside their texts."""

from __future__ import annotations

from parsers.formats.brackets import BracketsError, read_brackets
from parsers.formats.conllu import EMPTY_NODES
from structnn import Sentence, SentenceGraph, StructureError, Tree
from structnn.fields import shorten_text
from tasks.data.columns import HEADS, RELATIONS, TREE
from tasks.data.examples import DataError
from tasks.data.nodes import in_preorder
from tasks.data.rows import UNUSABLE, Row, in_words, shown
from tasks.data.treebank import SentenceRow

__all__ = ["GRAPH", "SECOND", "columns_of_structure", "given_constituents", "given_structure"]

Text = str | tuple[str, ...]

GRAPH = "graph"
"""The column of a graph."""

SECOND = "2"
"""Ends the names of the columns of a second text's structure: ``heads2``."""


def given_structure(row: Row, text: Text, where: str, ending: str = "") -> Sentence | None:
    """The tokens of a text with the tree and the graph that its row gives; None if it gives neither.

    Args:
        row: The row.
        text: The text. A string has no structure, whatever columns of these names hold.
        where: Its file and line, for messages.
        ending: Ends the names of the columns: :data:`SECOND` for those of a second text.

    Raises:
        DataError: A tree or graph is not well formed, or the heads are those of a text in one string.
    """
    heads, relations = row.get(HEADS + ending), row.get(RELATIONS + ending)
    if isinstance(text, str):
        if isinstance(heads, list):
            raise DataError(
                f"{where}: `{HEADS}{ending}` belong to tokens, but the text is one string; give it as "
                f'an array of tokens, such as ["dogs", "bark"], or remove `{HEADS}{ending}`'
            )
        return None
    whole = row.sentence if isinstance(row, SentenceRow) and not ending else None
    graph = _graph(row.get(GRAPH + ending), where) if whole is None else whole.graph
    constituents = given_constituents(row, text, where, ending)
    constituency = None if constituents is None else constituents.constituency
    columns, metadata = {}, {}
    if whole is not None:  # the column DEPS, and the empty nodes that it may name
        columns = {name: whole.columns[name] for name in ("deps",) if name in whole.columns}
        metadata = {name: whole.metadata[name] for name in (EMPTY_NODES,) if name in whole.metadata}
    if not text or not (heads is not None or graph or constituency or columns):
        return None
    try:
        sentence = Sentence(
            text, constituency=constituency, graph=graph, columns=columns, metadata=metadata
        )
    except StructureError as fault:
        raise DataError(f"{where}: {fault}") from None
    if heads is None:
        return sentence
    try:
        return sentence.replace(dependencies=_dependencies(heads, relations, ending))
    except StructureError as fault:
        raise DataError(
            f"{where}: the tree is not well formed: {fault} (`{HEADS}{ending}` count from 1, nodes of "
            "this message from 0)"
        ) from None


def given_constituents(row: Row, text: Text, where: str, ending: str = "") -> Sentence | None:
    """The tokens of a text with its constituency tree, nodes in preorder; None if the row has no tree.

    Args:
        row: The row.
        text: The text; empty where the tree alone says the words.
        where: Its file and line, for messages.
        ending: See :func:`given_structure`.

    Raises:
        DataError: The tree is not well formed, or has other words than the text.
    """
    if isinstance(row, SentenceRow) and not ending and row.sentence.constituency is not None:
        return row.sentence
    given = row.get(TREE + ending)
    try:
        if isinstance(given, str) and given.lstrip().startswith("("):
            (sentence,) = read_brackets([" ".join(given.split())])
            if isinstance(text, tuple) and text and text != tuple(sentence.tokens):
                raise StructureError("its words are not the tokens of the text")
            return sentence
        if not isinstance(given, dict):
            return None  # a column of another file may have that name
        if isinstance(text, str):
            raise StructureError("it goes with a list of tokens, but the text is one string")
        return Sentence(text, constituency=in_preorder(Tree(**given)))
    except (StructureError, BracketsError, TypeError, ValueError) as fault:
        problem = getattr(fault, "message", fault)
        raise DataError(
            f"{where}: the tree is not well formed: {problem} (its fields are parents, tokens and "
            "labels, and nodes and tokens count from 0; or it is a string with brackets)"
        ) from None


def columns_of_structure(sentence: Sentence | None, ending: str = "") -> frozenset[str]:
    """The columns that a structure was read from: those of a file that no example keeps."""
    if sentence is None:
        return frozenset()
    names = {HEADS, RELATIONS}
    names |= {GRAPH} if sentence.graph else set()
    names |= {TREE} if sentence.constituency else set()
    return frozenset(name + ending for name in names)


def _dependencies(heads: object, relations: object, ending: str) -> Tree:
    """The tree of two arrays.

    Raises:
        StructureError: They are none of a tree.
    """
    for name, values in ((HEADS, heads), (RELATIONS, relations)):
        if not isinstance(values, list | None):
            raise StructureError(f"`{name}{ending}` must be an array, but is {shown(values)}")
    assert isinstance(heads, list)
    if not all(type(head) is int for head in heads):
        raise StructureError(f"`{HEADS}{ending}` must hold whole numbers, but is {shown(heads)}")
    labels = relations if isinstance(relations, list) else None
    for label in labels or ():
        if not isinstance(label, str) or UNUSABLE.search(label):
            raise StructureError(
                f"`{RELATIONS}{ending}` must hold strings of characters, but has "
                f"{shorten_text(in_words(label))!r}"
            )
    return Tree([head - 1 for head in heads], labels=labels)


def _graph(fields: object, where: str) -> SentenceGraph | None:
    if not isinstance(fields, dict):
        return None  # a column of another file may have that name
    try:
        return SentenceGraph(**fields)
    except (StructureError, TypeError) as fault:
        raise DataError(
            f"{where}: the graph is not well formed: {fault} (its fields are tokens, edges, labels, "
            "names and roots; nodes and tokens count from 0)"
        ) from None
