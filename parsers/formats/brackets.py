"""Constituency trees in brackets, as in the Penn and the Stanford Sentiment Treebank, and of NLTK."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from parsers.formats.files import (
    FormatError,
    OnError,
    Records,
    Source,
    decoded_lines,
    name_of,
    shown,
    write_sentences,
)
from parsers.formats.phrases import Phrase, binarised, collapsed, sentence_of
from structnn.sentence import Sentence, StructureError, Tree, quoted

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
# A word that looks like an escape itself, as -LRB- does, has -ESC- for its first hyphen.
_NAME = "(?:LRB|RRB|LSB|RSB|LCB|RCB|ESC)"
_HYPHEN = "-ESC-"
_UNESCAPED = {plain: escape for escape, plain in _ESCAPES.items()} | {"-": _HYPHEN}
_PLAIN = _ESCAPES | {_HYPHEN: "-", r"\(": "("}  # NLTK reads a bracket in a word as \(, too
_ESCAPED = re.compile(rf"{_HYPHEN}(?={_NAME}-)|\\\(|" + "|".join(map(re.escape, _ESCAPES)))
_TO_ESCAPE = re.compile(rf"-(?={_NAME}[-()\[\]{{}}])|[()\[\]{{}}/*]")
# A label or a word of a file ends at one of these alone, and not at any Unicode space: the one word
# "8 1/2" of the Stanford Sentiment Treebank has a no-break space in it.
_SPACES = r" \t\n\r\v\f"
_SPACE = re.compile(f"[{_SPACES}]")
_NOT_A_LABEL = re.compile(rf"[{_SPACES}()]|^_$")
_PART = re.compile(rf"[()]|(?:\\\(|[^{_SPACES}()])+")
_UNOPENED = "a closing bracket has no opening one; write words' own brackets as -LRB- and -RRB-"


class BracketsError(FormatError):
    """A file is not one of bracketed trees; the message gives file and line."""


def read_brackets(
    source: Source,
    *,
    binarise: Literal["left", "right"] | None = None,
    collapse_unaries: bool = False,
    on_error: OnError[BracketsError] = "raise",
) -> list[Sentence]:
    """Read all bracketed trees of a file; :func:`iter_brackets` says what becomes a node.

    Args:
        source: The path of a file (``.gz`` too), an open file or lines.
        binarise: Give every node at most two children: ``"right"`` groups the last children of a node,
            ``"left"`` the first ones. By default trees stay as they are.
        collapse_unaries: Merge each node that has a single child with that child; labels are joined by
            ``+``. Nodes that have a word stay.
        on_error: What becomes of a faulty tree: ``"raise"``, ``"skip"``, or a function that is called
            with the error.

    Returns:
        For each tree a sentence with ``constituency``.

    Raises:
        BracketsError: Brackets don't match, a tree has no word, or there is no usable tree.
        ValueError: ``binarise`` or ``on_error`` is not one of these.

    Example:
        >>> (sentence,) = read_brackets(["(S (NP dogs) (VP bark))"])
        >>> sentence.tokens, sentence.constituency.labels
        (('dogs', 'bark'), ('S', 'NP', 'VP'))
    """
    return list(
        iter_brackets(
            source, binarise=binarise, collapse_unaries=collapse_unaries, on_error=on_error
        )
    )


def iter_brackets(
    source: Source,
    *,
    binarise: Literal["left", "right"] | None = None,
    collapse_unaries: bool = False,
    on_error: OnError[BracketsError] = "raise",
) -> Records[Sentence]:
    r"""Read bracketed trees one by one.

    - A tree may span several lines; each tree begins on a new line. In a file that has a tree on one
      line, a line that begins with a bracket begins a tree: indent the lines within a tree.
    - ``(NN dog)`` becomes **one** node with the word *dog* and the label ``NN`` (in the Stanford
      Sentiment Treebank, the sentiment of that word). A word without brackets, as in ``(NP the
      dog)``, becomes a node without a label. The label ``_`` means no label, and an outer bracket
      without a label is left out.
    - Penn escapes are replaced: ``-LRB-`` by a bracket, ``\/`` by a slash.
    - Nodes are numbered in preorder: node 0 is the root, and children are in the order of the text.

    Args:
        source: The path of a file (``.gz`` too), an open file or lines.
        binarise: Give every node at most two children, labelled as by NLTK's ``chomsky_normal_form``
            with this factor: ``"right"`` groups the last children of a node, ``"left"`` the first ones.
        collapse_unaries: Merge each node that has a single child with that child, as NLTK's
            ``collapse_unary`` does; labels are joined by ``+``. Nodes that have a word stay.
        on_error: What becomes of a faulty tree: ``"raise"``, ``"skip"``, or a function that is called
            with the error. The iterator goes on after an error; its ``read`` and ``faults`` count.

    Returns:
        An iterator over a sentence with ``constituency`` for each tree.

    Raises:
        BracketsError: Brackets don't match, a tree has no word, or there is no usable tree.
        ValueError: ``binarise`` or ``on_error`` is not one of these.
    """
    if binarise not in (None, "left", "right"):
        raise ValueError(f"binarise must be None, 'left' or 'right', but is {binarise!r}")
    file = name_of(source)

    def sentence(start: int, text: str) -> Sentence | BracketsError:
        try:
            tree = _parsed(text)
            if collapse_unaries:
                collapsed(tree)
            if binarise is not None:
                binarised(tree, binarise)
            return sentence_of(tree, unescape)
        except StructureError as fault:
            return BracketsError(file, start, str(fault))

    return Records(
        (
            text if isinstance(text, BracketsError) else sentence(start, text)
            for start, text in _balanced(source)
        ),
        on_error,
        lambda problem: BracketsError(file, 0, problem),
        "there is no tree in it; a tree looks like (S (NP ...) (VP ...))",
    )


def write_brackets(sentences: Iterable[Sentence], path: str | os.PathLike[str]) -> None:
    """Write constituency trees, one a line; the file is replaced only when all is written.

    Args:
        sentences: Sentences with ``constituency``.
        path: The file to write; ``.gz`` is compressed.

    Raises:
        StructureError: A sentence has no constituency tree, or one that can't be written in brackets.
    """
    write_sentences(sentences, path, lambda sentence: to_brackets(sentence) + "\n")


def to_brackets(sentence: Sentence) -> str:
    """The constituency tree of a sentence in brackets, on one line.

    :func:`read_brackets` gives the same words and tree back, with nodes numbered in preorder.

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
    leaves: list[int] = []
    stack = [tree.root]
    while stack:
        node = stack.pop()
        if bool(tree.children[node]) == (tree.tokens[node] != -1):
            raise StructureError(
                f"node {node} of the constituency tree of {quoted(sentence)} must have either "
                "children or a word to be written in brackets"
            )
        if tree.tokens[node] != -1:
            leaves.append(tree.tokens[node])
        stack.extend(reversed(tree.children[node]))
    if leaves != list(range(len(sentence))):
        raise StructureError(
            f"the leaves of the constituency tree of {quoted(sentence)} are not in the order of "
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

    A leaf may also be a word and its tag, ``("dogs", "NNS")``, as NLTK's chunkers give them; it becomes
    a node with that label. Labels that are not strings are converted to strings, and None to no label.

    Args:
        tree: A tree whose leaves are words.

    Returns:
        A sentence with ``constituency``.

    Raises:
        StructureError: The tree has no word, an empty phrase, or a leaf that is no word.
    """
    whole = Phrase(_label_of(tree.label()), [])
    stack = [(tree, whole)]
    while stack:
        node, phrase = stack.pop()
        for child in node:
            if isinstance(child, str):
                phrase.children.append(child)
            elif hasattr(child, "label"):
                phrase.children.append(inner := Phrase(_label_of(child.label()), []))
                stack.append((child, inner))
            elif isinstance(child, tuple) and len(child) == 2 and isinstance(child[0], str):
                phrase.children.append(Phrase(_label_of(child[1]), [child[0]]))
            else:
                raise StructureError(
                    f"the leaf {shown(child)} is neither a word nor a pair of a word and its tag; "
                    "convert it to a string first"
                )
    return sentence_of(whole, unescape)


def _label_of(value: object) -> str:
    """A label of NLTK, of which None is none."""
    return "" if value is None else str(value)


def to_nltk(sentence: Sentence) -> nltk.Tree:
    """Convert the constituency tree of a sentence to an ``nltk.Tree``.

    Words have Penn escapes (``-LRB-``), as in the trees of NLTK's corpora.

    Args:
        sentence: A sentence with ``constituency``.

    Raises:
        StructureError: The sentence has no constituency tree, or one that can't be written in brackets.
    """
    from nltk.tree import Tree as NltkTree

    tree = _constituency(sentence)
    check_expressible(sentence)
    labels = [label or "_" for label in tree.labels or [""] * len(tree)]
    nodes = [NltkTree(label, []) for label in labels]
    for node, token in enumerate(tree.tokens):
        nodes[node].extend(nodes[child] for child in tree.children[node])
        if token != -1:
            nodes[node].append(escape(sentence.tokens[token]))
    return nodes[tree.root]


def escape(word: str) -> str:
    """Replace brackets, slashes and stars by Penn escapes; :func:`unescape` gives the word back."""
    return _TO_ESCAPE.sub(lambda match: _UNESCAPED[match[0]], word)


def unescape(word: str) -> str:
    """Replace Penn escapes by the characters that they mean."""
    return _ESCAPED.sub(lambda match: _PLAIN[match[0]], word)


def _balanced(source: Source) -> Iterator[tuple[int, str | BracketsError]]:
    """The text of each tree whose brackets match, or its error, with the number of its first line."""
    file = name_of(source)
    pending: list[tuple[int, str]] = []
    depth = 0
    apart = True  # no line within a tree begins with a bracket
    alone = False  # there was a tree on one line
    for number, line in decoded_lines(source, BracketsError):
        if isinstance(line, BracketsError):
            yield from _faulty(file, pending, apart)
            yield number, line
            pending, depth = [], 0
            continue
        if not pending and not line.strip():
            continue
        pending.append((number, line))
        depth += _depth(line)
        inside = any(text.startswith("(") for _, text in pending[1:]) if depth == 0 else False
        if depth < 0 or (inside and apart and alone):
            # Where trees have a line each, one that lacks a bracket would take in those that follow.
            yield from _faulty(file, pending, apart)
        elif depth == 0:
            apart = apart and not inside
            alone = alone or len(pending) == 1
            yield pending[0][0], "\n".join(text for _, text in pending)
        if depth <= 0:
            pending, depth = [], 0
    yield from _faulty(file, pending, apart)


def _faulty(
    file: str, lines: list[tuple[int, str]], apart: bool
) -> Iterator[tuple[int, str | BracketsError]]:
    """Lines whose brackets don't match: the trees among them, and the errors.

    Args:
        file: The name of the file.
        lines: The lines, with their numbers.
        apart: Take a line that begins with a bracket for the beginning of another tree.
    """
    starts = [place for place, (_, text) in enumerate(lines) if place and text.startswith("(")]
    edges = [0, *(starts if apart else []), len(lines)] if lines else []
    for first, last in pairwise(edges):
        some = lines[first:last]
        depth = 0
        for number, text in some:
            depth += _depth(text)
            if depth < 0:
                yield number, BracketsError(file, number, _UNOPENED)
                break
        else:
            start = some[0][0]
            if depth == 0:
                yield start, "\n".join(text for _, text in some)
            else:
                problem = (
                    f"the tree that begins here lacks {depth} closing bracket{'s' * (depth > 1)}"
                )
                if last < len(lines):
                    problem += "; add what is missing, or indent the lines within a tree"
                yield start, BracketsError(file, start, problem)


def _depth(line: str) -> int:
    """How many more brackets a line opens than it closes."""
    return line.count("(") - line.count(r"\(") - line.count(")")


def _parsed(text: str) -> Phrase:
    """The tree of a text whose brackets match."""
    whole = Phrase("", [])
    open_phrases = [whole]
    opened = False  # the part before was an opening bracket, so that a word is a label
    for part in _PART.findall(text):
        if part == "(":
            inner = Phrase("", [])
            open_phrases[-1].children.append(inner)
            open_phrases.append(inner)
        elif part == ")":
            open_phrases.pop()
            if not open_phrases:
                raise StructureError(_UNOPENED)
        elif opened:
            open_phrases[-1].label = part
        else:
            open_phrases[-1].children.append(part)
        opened = part == "("
    first = whole.children[0]
    if len(whole.children) != 1 or isinstance(first, str):
        other = first if isinstance(first, str) else whole.children[1]
        found = shown(other) if isinstance(other, str) else "another tree"
        raise StructureError(
            f"this is not one bracketed tree, but there is {found} outside of its brackets; begin each "
            "tree on a new line, with every word and phrase as (LABEL ...)"
        )
    if not first.label and len(first.children) == 1 and isinstance(first.children[0], Phrase):
        return first.children[0]  # the outer bracket of the Penn Treebank
    return first


def _constituency(sentence: Sentence) -> Tree:
    if sentence.constituency is None:
        raise StructureError(
            f"{quoted(sentence)} has no constituency tree; parse it with a constituency parser or "
            "read it with read_brackets"
        )
    return sentence.constituency
