"""Constituency trees in brackets, as in the Penn and the Stanford Sentiment Treebank (by NLTK)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from parsers.formats.files import FormatError, Source, atomic_writer, name_of, numbered_lines
from structnn.sentence import Sentence, StructureError, Tree

if TYPE_CHECKING:
    import nltk

__all__ = [
    "BracketsError",
    "from_nltk",
    "iter_brackets",
    "read_brackets",
    "to_brackets",
    "to_nltk",
    "write_brackets",
]

_ESCAPES = {
    "-LRB-": "(",
    "-RRB-": ")",
    "-LSB-": "[",
    "-RSB-": "]",
    "-LCB-": "{",
    "-RCB-": "}",
    r"\/": "/",
    r"\*": "*",
}
_ESCAPED = re.compile("|".join(map(re.escape, _ESCAPES)))
_UNESCAPED = {plain: escape for escape, plain in _ESCAPES.items()}
_TO_ESCAPE = re.compile("|".join(map(re.escape, _UNESCAPED)))
_NOT_A_LABEL = re.compile(r"[\s()]|^_$")
_SPACE = re.compile(r"[ \t\n\r\v\f]")
# NLTK's own patterns end a word at any Unicode space, but the one word "8 1/2" of the Stanford
# Sentiment Treebank has a no-break space in it.
_PATTERN = r"[^ \t\n\r\v\f()]+"


class BracketsError(FormatError):
    """A tree that is not well bracketed; the message gives file and line."""


def read_brackets(
    source: Source,
    *,
    binarise: Literal["left", "right"] | None = None,
    collapse_unaries: bool = False,
) -> list[Sentence]:
    """Read every tree of a file: see :func:`iter_brackets`."""
    return list(iter_brackets(source, binarise=binarise, collapse_unaries=collapse_unaries))


def iter_brackets(
    source: Source,
    *,
    binarise: Literal["left", "right"] | None = None,
    collapse_unaries: bool = False,
) -> Iterator[Sentence]:
    r"""Read bracketed trees one by one.

    A tree may span lines, and a line holds at most the beginning of one tree. Penn escapes become
    what they stand for: ``-LRB-`` a bracket, ``\/`` a slash. An outer bracket with no label is
    dropped. ``(NN dog)`` becomes **one** node: it holds the word *dog*, and its label is ``NN`` (in
    the Stanford Sentiment Treebank, the sentiment of that word); a word that stands bare beside
    others is a node with no label. The label ``_`` stands for none. The nodes are numbered in
    preorder, so that children are in the order of the text, and node 0 is the root.

    Args:
        source: A path (``.gz`` too), an open file or lines.
        binarise: Give every node at most two children by NLTK's ``chomsky_normal_form`` with this
            factor: ``"right"`` groups a node's last children, ``"left"`` its first.
        collapse_unaries: Merge a node that has one child with that child by NLTK's
            ``collapse_unary``; labels are joined by ``+``. A node that has a word stays.

    Yields:
        A sentence with ``constituency``.

    Raises:
        BracketsError: Brackets that don't match, a tree with no word, or no tree at all.
    """
    from nltk.tree import Tree as NltkTree

    if binarise not in (None, "left", "right"):
        raise ValueError(f"binarise must be None, 'left' or 'right', but is {binarise!r}")
    file, empty = name_of(source), True
    for start, text in _balanced(source):
        try:
            tree = NltkTree.fromstring(
                text, node_pattern=_PATTERN, leaf_pattern=_PATTERN, remove_empty_top_bracketing=True
            )
        except ValueError as fault:
            raise BracketsError(
                file,
                start,
                f"this is not one bracketed tree ({' '.join(str(fault).split())}); begin each tree "
                "on a new line, with every word and phrase as (LABEL ...)",
            ) from None
        if collapse_unaries:
            tree.collapse_unary(collapsePOS=False, collapseRoot=True)
        if binarise is not None:
            tree.chomsky_normal_form(factor=binarise)
        try:
            yield from_nltk(tree)
        except StructureError as fault:
            raise BracketsError(file, start, str(fault)) from None
        empty = False
    if empty:
        raise BracketsError(
            file, 0, "there is no tree in it; a tree looks like (S (NP ...) (VP ...))"
        )


def write_brackets(sentences: Iterable[Sentence], path: str | os.PathLike[str]) -> None:
    """Write the constituency trees of sentences, one a line; the file appears only when complete.

    Args:
        sentences: Sentences that all have ``constituency``.
        path: The file to write; ``.gz`` is packed.

    Raises:
        StructureError: A sentence that has no such tree, or whose tree brackets can't express.
    """
    with atomic_writer(path) as file:
        for sentence in sentences:
            file.write(to_brackets(sentence) + "\n")


def to_brackets(sentence: Sentence) -> str:
    """The constituency tree of a sentence as one line of brackets.

    Raises:
        StructureError: The sentence has no such tree, or brackets can't express it: words that are
            not at the leaves or not in the order of the text, white space in a word or a label.
    """
    tree = _constituency(sentence)
    check_expressible(sentence)
    for position, token in enumerate(sentence.tokens):
        if not token or _SPACE.search(token):
            raise StructureError(
                f"token {position}, {token!r}, is empty or holds white space, which brackets can't "
                "express; replace it first"
            )
    return bracket_tree(tree, [escape(token) for token in sentence.tokens])


def bracket_tree(tree: Tree, words: list[str]) -> str:
    """Brackets of ``tree`` with the word ``words[i]`` for token *i*, in one line."""
    assert tree.tokens is not None
    labels = [label or "_" for label in tree.labels or [""] * len(tree)]
    parts: list[str] = []
    stack: list[int | None] = [tree.root]  # None closes a bracket
    while stack:
        node = stack.pop()
        if node is None:
            parts.append(")")
            continue
        parts.append(f"{' ' if parts else ''}({labels[node]}")
        stack.append(None)
        if tree.tokens[node] != -1:
            parts.append(f" {words[tree.tokens[node]]}")
        stack.extend(reversed(tree.children[node]))
    return "".join(parts)


def check_expressible(sentence: Sentence) -> None:
    """See that brackets can hold the constituency tree of ``sentence``, its words apart.

    Raises:
        StructureError: A word that is not at a leaf, or not in the order of the text; a leaf with
            no word; a label with white space or brackets.
    """
    tree = _constituency(sentence)
    assert tree.tokens is not None
    leaves: list[int] = []
    stack = [tree.root]
    while stack:
        node = stack.pop()
        if bool(tree.children[node]) == (tree.tokens[node] != -1):
            raise StructureError(
                f"node {node} of the constituency tree of {_quoted(sentence)} must have either "
                "children or a word to be written in brackets"
            )
        if tree.tokens[node] != -1:
            leaves.append(tree.tokens[node])
        stack.extend(reversed(tree.children[node]))
    if leaves != list(range(len(sentence))):
        raise StructureError(
            f"the leaves of the constituency tree of {_quoted(sentence)} are not in the order of "
            "the words, which brackets can't express; number the nodes in preorder"
        )
    for label in tree.labels or ():
        if _NOT_A_LABEL.search(label):
            raise StructureError(
                f"the label {label!r} can't be written in brackets: it holds white space or a "
                "bracket, or is the `_` that stands for no label; rename it first"
            )


def from_nltk(tree: nltk.Tree) -> Sentence:
    """A sentence from an ``nltk.Tree``: see :func:`iter_brackets` for what becomes a node.

    Args:
        tree: A tree whose leaves are words.

    Returns:
        The sentence, with ``constituency``.

    Raises:
        StructureError: The tree has no word, or a phrase with nothing in it.
    """
    words: list[str] = []
    parents: list[int] = []
    tokens: list[int] = []
    labels: list[str] = []
    stack: list[tuple[nltk.Tree | str, int]] = [(tree, -1)]
    while stack:
        node, parent = stack.pop()
        index = len(parents)
        parents.append(parent)
        if isinstance(node, str):  # a bare word beside others, as in (NP the dog)
            labels.append("")
            word: str | None = node
        else:
            labels.append("" if node.label() == "_" else node.label())
            if not len(node):
                raise StructureError(
                    f"the phrase ({node.label()}) has neither a word nor a phrase in it; remove it"
                )
            word = node[0] if len(node) == 1 and isinstance(node[0], str) else None
            if word is None:
                stack.extend((child, index) for child in reversed(node))
        tokens.append(-1 if word is None else len(words))
        if word is not None:
            words.append(unescape(word))
    if not any(labels):
        return Sentence(words, constituency=Tree(parents, tokens))
    return Sentence(words, constituency=Tree(parents, tokens, labels))


def to_nltk(sentence: Sentence) -> nltk.Tree:
    """The constituency tree of a sentence as an ``nltk.Tree``, to draw, binarise or search.

    Words have Penn escapes (``-LRB-``), as in the trees of NLTK's own corpora.

    Raises:
        StructureError: As :func:`to_brackets`.
    """
    from nltk.tree import Tree as NltkTree

    return NltkTree.fromstring(to_brackets(sentence), node_pattern=_PATTERN, leaf_pattern=_PATTERN)


def escape(word: str) -> str:
    """``word`` with Penn escapes for brackets, slashes and stars."""
    return _TO_ESCAPE.sub(lambda match: _UNESCAPED[match[0]], word)


def unescape(word: str) -> str:
    """``word`` with its Penn escapes replaced by what they stand for."""
    return _ESCAPED.sub(lambda match: _ESCAPES[match[0]], word)


def _balanced(source: Source) -> Iterator[tuple[int, str]]:
    """The stretches of lines within which all brackets match, each with the number of its first."""
    pending: list[str] = []
    start = depth = 0
    for number, line in numbered_lines(source, BracketsError):
        if not pending:
            if not line.strip():
                continue
            start = number
        pending.append(line)
        depth += line.count("(") - line.count(")")
        if depth < 0:
            raise BracketsError(
                name_of(source),
                number,
                "a closing bracket has no opening one; write words' own brackets "
                "as -LRB- and -RRB-",
            )
        if depth == 0:
            yield start, "\n".join(pending)
            pending = []
    if pending:
        raise BracketsError(
            name_of(source),
            start,
            f"the tree that begins here lacks {depth} closing bracket{'s' * (depth > 1)}",
        )


def _constituency(sentence: Sentence) -> Tree:
    if sentence.constituency is None:
        raise StructureError(
            f"{_quoted(sentence)} has no constituency tree; parse it with a constituency parser or "
            "read it with read_brackets"
        )
    return sentence.constituency


def _quoted(sentence: Sentence) -> str:
    return repr(" ".join(sentence.tokens)[:60])
