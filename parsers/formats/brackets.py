"""Constituency trees in brackets, as in the Penn and the Stanford Sentiment Treebank, through NLTK."""

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
    """A file is not one of bracketed trees; the message gives file and line."""


def read_brackets(
    source: Source,
    *,
    binarise: Literal["left", "right"] | None = None,
    collapse_unaries: bool = False,
) -> list[Sentence]:
    """Read all bracketed trees of a file; :func:`iter_brackets` says what becomes a node.

    Args:
        source: The path of a file (``.gz`` too), an open file or lines.
        binarise: Give every node at most two children: ``"right"`` groups the last children of a node,
            ``"left"`` the first ones. By default trees stay as they are.
        collapse_unaries: Merge each node that has a single child with that child; labels are joined by
            ``+``. Nodes that have a word stay.

    Returns:
        For each tree a sentence with ``constituency``.

    Raises:
        BracketsError: Brackets don't match, a tree has no word, or there is no tree.
        ValueError: ``binarise`` is not one of these.

    Example:
        >>> (sentence,) = read_brackets(["(S (NP dogs) (VP bark))"])
        >>> sentence.tokens, sentence.constituency.labels
        (('dogs', 'bark'), ('S', 'NP', 'VP'))
    """
    return list(iter_brackets(source, binarise=binarise, collapse_unaries=collapse_unaries))


def iter_brackets(
    source: Source,
    *,
    binarise: Literal["left", "right"] | None = None,
    collapse_unaries: bool = False,
) -> Iterator[Sentence]:
    r"""Read bracketed trees one by one.

    - A tree may span several lines; each tree begins on a new line.
    - ``(NN dog)`` becomes **one** node with the word *dog* and the label ``NN`` (in the Stanford
      Sentiment Treebank, the sentiment of that word). A word without brackets, as in ``(NP the
      dog)``, becomes a node without a label. The label ``_`` means no label, and an outer bracket
      without a label is left out.
    - Penn escapes are replaced: ``-LRB-`` by a bracket, ``\/`` by a slash.
    - Nodes are numbered in preorder: node 0 is the root, and children are in the order of the text.

    Args:
        source: The path of a file (``.gz`` too), an open file or lines.
        binarise: Give every node at most two children, by NLTK's ``chomsky_normal_form`` with this
            factor: ``"right"`` groups the last children of a node, ``"left"`` the first ones.
        collapse_unaries: Merge each node that has a single child with that child, by NLTK's
            ``collapse_unary``; labels are joined by ``+``. Nodes that have a word stay.

    Yields:
        For each tree a sentence with ``constituency``.

    Raises:
        BracketsError: Brackets don't match, a tree has no word, or there is no tree.
        ValueError: ``binarise`` is not one of these.
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
    """Write constituency trees, one a line; the file is replaced only when all is written.

    Args:
        sentences: Sentences with ``constituency``.
        path: The file to write; ``.gz`` is compressed.

    Raises:
        StructureError: A sentence has no constituency tree, or one that can't be written in brackets.
    """
    with atomic_writer(path) as file:
        for sentence in sentences:
            file.write(to_brackets(sentence) + "\n")


def to_brackets(sentence: Sentence) -> str:
    """The constituency tree of a sentence in brackets, on one line.

    Args:
        sentence: A sentence with ``constituency``.

    Raises:
        StructureError: The sentence has no constituency tree, or one that can't be written in brackets:
            words are not at the leaves or not in the order of the text, or a word or a label has white
            space in it.

    Example:
        >>> tree = Tree([-1, 0, 0], [-1, 0, 1], ["S", "NP", "VP"])
        >>> to_brackets(Sentence(["dogs", "bark"], constituency=tree))
        '(S (NP dogs) (VP bark))'
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
    """A tree in brackets on one line, with ``words[i]`` for token *i*."""
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
    """Check that the constituency tree of a sentence can be written in brackets, apart from its words.

    Raises:
        StructureError: A word is not at a leaf, or not in the order of the text; a leaf has no word;
            or a label has white space or a bracket in it.
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
    """Convert an ``nltk.Tree`` to a sentence; :func:`iter_brackets` says what becomes a node.

    Args:
        tree: A tree whose leaves are words.

    Returns:
        A sentence with ``constituency``.

    Raises:
        StructureError: The tree has no word, or an empty phrase.
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
    """Convert the constituency tree of a sentence to an ``nltk.Tree``.

    Words have Penn escapes (``-LRB-``), as in the trees of NLTK's corpora.

    Args:
        sentence: A sentence with ``constituency``.

    Raises:
        StructureError: The sentence has no constituency tree, or one that can't be written in brackets.
    """
    from nltk.tree import Tree as NltkTree

    return NltkTree.fromstring(to_brackets(sentence), node_pattern=_PATTERN, leaf_pattern=_PATTERN)


def escape(word: str) -> str:
    """Replace brackets, slashes and stars by their Penn escapes."""
    return _TO_ESCAPE.sub(lambda match: _UNESCAPED[match[0]], word)


def unescape(word: str) -> str:
    """Replace Penn escapes by the characters that they mean."""
    return _ESCAPED.sub(lambda match: _ESCAPES[match[0]], word)


def _balanced(source: Source) -> Iterator[tuple[int, str]]:
    """The text of each tree, whose brackets match, with the number of its first line."""
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
