"""Sentences and trees: what parsers return and encoders read. Independent of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import Any

from structnn.fields import StructureError, integers, mapping, shorten, shorten_text, strings
from structnn.sentence_graph import SentenceGraph

__all__ = ["COLUMNS", "Sentence", "StructureError", "Tree", "quoted"]

COLUMNS = ("xpos", "feats", "deps", "misc")
"""The names of ``Sentence.columns``: the columns of CoNLL-U that have no field of their own."""


@lru_cache(maxsize=1024)
def _in_order(size: int) -> tuple[int, ...]:
    """The numbers from 0: the tokens of nearly all dependency trees, which share a tuple."""
    return tuple(range(size))


@dataclass(frozen=True)
class Tree:
    """An ordered, rooted tree, with a word at some or all of its nodes.

    In a dependency tree node *i* is token *i*. A constituency tree has more nodes than tokens; its inner
    nodes have no word, and the token index -1. The children of a node are in the order of their indices.

    Args:
        parents: ``(nodes,)``, the index of each node's parent, -1 for the root.
        tokens: ``(nodes,)``, the index of each node's token, -1 for a node with no word. Each token has
            exactly one node. By default node *i* is token *i*.
        labels: ``(nodes,)``, a label for each node: the relation to its head, a phrase category, or a
            sentiment.

    Raises:
        StructureError: There is not exactly one root, a parent is out of range, nodes form a cycle, the
            lengths differ, or a token has two nodes. The message names the node.

    Example:
        >>> Tree([1, -1, 1], labels=["nsubj", "root", "obj"]).children
        ((), (0, 2), ())
    """

    parents: Sequence[int]
    tokens: Sequence[int] = None  # type: ignore[assignment]  # those in order
    labels: Sequence[str] | None = None

    def __post_init__(self) -> None:
        parents = integers("parents", self.parents)
        object.__setattr__(self, "parents", parents)
        in_order = _in_order(len(parents))
        tokens = in_order if self.tokens is None else integers("tokens", self.tokens)
        object.__setattr__(self, "tokens", in_order if tokens == in_order else tokens)
        if self.labels is not None:
            object.__setattr__(self, "labels", strings("labels", self.labels))
        self._check_lengths()
        self._check_tokens()
        self._check_parents()

    def __len__(self) -> int:
        return len(self.parents)

    @cached_property
    def root(self) -> int:
        """The index of the node that has no parent."""
        return self.parents.index(-1)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """``(nodes,)``: the children of each node, in order."""
        children: list[list[int]] = [[] for _ in self.parents]
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                children[parent].append(node)
        return tuple(map(tuple, children))

    @cached_property
    def top_down(self) -> tuple[int, ...]:
        """``(nodes,)``: all nodes in breadth-first order, each after its parent."""
        order = [self.root]
        for node in order:  # the list grows while it is read
            order.extend(self.children[node])
        return tuple(order)

    @cached_property
    def heights(self) -> tuple[int, ...]:
        """``(nodes,)``: the number of edges from each node to its deepest leaf; 0 for a leaf."""
        heights = [0] * len(self)
        for node in self._bottom_up():
            parent = self.parents[node]
            if parent >= 0:
                heights[parent] = max(heights[parent], heights[node] + 1)
        return tuple(heights)

    @cached_property
    def depths(self) -> tuple[int, ...]:
        """``(nodes,)``: the number of edges from each node to the root; 0 for the root."""
        depths = [0] * len(self)
        for node in self.top_down[1:]:
            depths[node] = depths[self.parents[node]] + 1
        return tuple(depths)

    def _bottom_up(self) -> list[int]:
        """All nodes but those on a cycle, each after its children.

        Not by way of ``children``, which of a treebank would stay in memory, and which training doesn't
        read.
        """
        open_children = [0] * len(self)
        for parent in self.parents:
            if parent >= 0:
                open_children[parent] += 1
        order = [node for node, count in enumerate(open_children) if not count]
        for node in order:  # the list grows while it is read
            parent = self.parents[node]
            if parent >= 0:
                open_children[parent] -= 1
                if not open_children[parent]:
                    order.append(parent)
        return order

    def _check_lengths(self) -> None:
        if not self.parents:
            raise StructureError("a tree needs at least one node, and `parents` is empty")
        if len(self.tokens) != len(self.parents):
            raise StructureError(
                f"`tokens` has {len(self.tokens)} entries for {len(self.parents)} nodes; "
                "give one for each node (-1 for a node with no word)"
            )
        if self.labels is not None and len(self.labels) != len(self.parents):
            raise StructureError(
                f"`labels` has {len(self.labels)} entries for {len(self.parents)} nodes; "
                "give one for each node"
            )

    def _check_tokens(self) -> None:
        words = [token for token in self.tokens if token != -1]
        if sorted(words) != list(range(len(words))):
            raise StructureError(
                f"`tokens` must use each of 0 to {len(words) - 1} once (and -1 for nodes with no "
                f"word), but is {shorten(self.tokens)}"
            )

    def _check_parents(self) -> None:
        size = len(self.parents)
        roots = [node for node, parent in enumerate(self.parents) if parent == -1]
        for node, parent in enumerate(self.parents):
            if not -1 <= parent < size:
                raise StructureError(
                    f"node {node} has parent {parent}, which is out of range: "
                    f"parents are 0 to {size - 1}, or -1 for the root"
                )
        if len(roots) != 1:
            found = (
                f"nodes {shorten(roots)} all have parent -1" if roots else "no node has parent -1"
            )
            raise StructureError(f"a tree has exactly one root, but {found}")
        if len(self._bottom_up()) != size:
            lost = min(set(range(size)) - set(self.top_down))
            raise StructureError(
                f"node {self._on_cycle(lost)} is its own ancestor: the parents form a cycle"
            )

    def _on_cycle(self, node: int) -> int:
        """A node of the cycle to which the parents of ``node`` lead."""
        seen: set[int] = set()
        while node not in seen:
            seen.add(node)
            node = self.parents[node]
        return node


@dataclass(frozen=True)
class Sentence:
    """A sentence: its tokens, and the trees and the graph known for it. Immutable.

    Args:
        tokens: The words; at least one.
        dependencies: The dependency tree: node *i* is token *i*, and labels are relations.
        constituency: The constituency tree: one node for each token, and inner nodes with no word.
        tags: The part of speech of each token; universal tags, where the parser gives them.
        lemmas: The lemma of each token.
        text: The text from which the tokens were made.
        metadata: Other facts about the sentence, such as the comments of a CoNLL-U file.
        columns: Further columns of a CoNLL-U file, an entry for each token: any of ``"xpos"``,
            ``"feats"``, ``"deps"`` and ``"misc"``.
        graph: A graph over the tokens that need not be a tree, such as enhanced dependencies, a graph
            of meaning, or one of your own: see :class:`~structnn.SentenceGraph`.

    Raises:
        StructureError: There are no tokens, the lengths differ, a field is of another type, or a tree
            or the graph does not fit the tokens. The message quotes the beginning of the sentence.

    Example:
        >>> tree = Tree([1, -1], labels=["nsubj", "root"])
        >>> sentence = Sentence(["dogs", "bark"], dependencies=tree)
        >>> len(sentence), sentence.dependencies.root
        (2, 1)
    """

    tokens: Sequence[str]
    dependencies: Tree | None = None
    constituency: Tree | None = None
    tags: Sequence[str] | None = None
    lemmas: Sequence[str] | None = None
    text: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict, hash=False)
    graph: SentenceGraph | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", strings("tokens", self.tokens))
        if not self.tokens:
            raise StructureError("a sentence needs at least one token, and `tokens` is empty")
        for name in ("tags", "lemmas"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, self._column(name, getattr(self, name)))
        for name in ("dependencies", "constituency"):
            if not isinstance(getattr(self, name), Tree | None):
                raise StructureError(f"`{name}` must be a Tree, but is {getattr(self, name)!r}")
        if not isinstance(self.text, str | None):
            raise StructureError(f"`text` must be a string, but is {self.text!r}")
        if self.dependencies is not None and self.dependencies.tokens != _in_order(len(self)):
            raise StructureError(
                f"`dependencies` must have one node for each token, in order: it has "
                f"{len(self.dependencies)} nodes, and {quoted(self)} has {len(self)} tokens"
            )
        if self.constituency is not None:
            words = sum(token != -1 for token in self.constituency.tokens)
            if words != len(self):
                raise StructureError(
                    f"`constituency` has words at {words} nodes, but {quoted(self)} has "
                    f"{len(self)} tokens"
                )
        if not isinstance(self.graph, SentenceGraph | None):
            raise StructureError(f"`graph` must be a SentenceGraph, but is {self.graph!r}")
        if self.graph is not None and max(self.graph.tokens) >= len(self):
            node = self.graph.tokens.index(max(self.graph.tokens))
            raise StructureError(
                f"node {node} of `graph` has the token {self.graph.tokens[node]}, but {quoted(self)} "
                f"has {len(self)} tokens, from 0 to {len(self) - 1}"
            )
        metadata, columns = mapping("metadata", self.metadata), mapping("columns", self.columns)
        strings("metadata", (part for item in metadata.items() for part in item))
        for name in columns:
            if name not in COLUMNS:
                raise StructureError(
                    f"`columns` has {name!r}, but its names are those of CoNLL-U: {', '.join(COLUMNS)}"
                )
        columns = {name: self._column(name, columns[name]) for name in COLUMNS if name in columns}
        object.__setattr__(self, "metadata", MappingProxyType(metadata))
        object.__setattr__(self, "columns", MappingProxyType(columns))

    def _column(self, name: str, values: Sequence[str]) -> tuple[str, ...]:
        """A column as a tuple of strings, if it has one for each token."""
        values = strings(name, values)
        if len(values) != len(self.tokens):
            raise StructureError(
                f"`{name}` has {len(values)} entries for the {len(self.tokens)} tokens of "
                f"{quoted(self)}; give one for each token"
            )
        return values

    def __len__(self) -> int:
        return len(self.tokens)

    def __reduce__(self) -> tuple[object, ...]:
        # By position, so that pickles of earlier versions, which had fewer fields, are read. A read-only
        # mapping does not pickle, and sentences travel between worker processes.
        fields = (
            self.tokens,
            self.dependencies,
            self.constituency,
            self.tags,
            self.lemmas,
            self.text,
        )
        return Sentence, (*fields, dict(self.metadata), dict(self.columns), self.graph)

    def replace(self, **changes: Any) -> Sentence:
        """A copy with some fields changed.

        Args:
            **changes: New values of fields, by name.

        Raises:
            StructureError: The copy would not be a valid sentence.
        """
        return replace(self, **changes)

    def _repr_svg_(self) -> str | None:
        """The picture that a notebook shows, drawn by the first ``structnn.renderers`` entry point."""
        for entry in entry_points(group="structnn.renderers", name="svg"):
            picture: str = entry.load()(self)
            return picture
        return None


def quoted(sentence: Sentence) -> str:
    """The beginning of a sentence in a message."""
    return repr(shorten_text(" ".join(sentence.tokens)))
