"""Sentences as flat NumPy arrays: one row for each token, one for each node, and no padding.

What a :class:`~structnn.Corpus` keeps and a :class:`~structnn.Batch` is made from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from structnn.data.columns import NO_TREE, SentenceColumns, places_in
from structnn.data.vocabulary import UNIVERSAL_RELATIONS, Vocabulary
from structnn.sentence import Sentence, StructureError, Tree, quoted
from structnn.sentence_graph import SentenceGraph

__all__ = [
    "Array",
    "FlatGraphs",
    "FlatNodes",
    "FlatSelection",
    "FlatSentences",
    "FlatTrees",
    "Rows",
    "Structure",
    "check_sentences",
    "choose_structure",
    "missing_structure",
    "stable_argsort",
    "structure_name",
]

Array = np.ndarray[Any, np.dtype[np.int64]]

Structure = str | Callable[[Sentence], Tree | None]
"""``"dependencies"``, ``"constituency"``, ``"graph"``, or a function from a sentence to a tree."""


class FlatSentences:
    """All sentences of a corpus as flat arrays, from which any of them can be selected.

    The arguments are those of a :class:`~structnn.Corpus`. Columns of sentences are not copied.
    """

    def __init__(
        self,
        sentences: Iterable[Sentence],
        *,
        structure: Structure = "dependencies",
        vocabulary: Vocabulary | None = None,
        relations: Vocabulary = UNIVERSAL_RELATIONS,
    ) -> None:
        self.structure = structure
        self._places: Array | None = None
        self._edges: _Edges | None = None
        self._token_ids: Array | _Numbers | None = None
        if isinstance(sentences, SentenceColumns):
            self.sentences: Sequence[Sentence] = sentences
            self._read(sentences, vocabulary, relations)
        else:
            self.sentences = tuple(sentences)
            self._flatten(vocabulary, relations)

    def _flatten(self, vocabulary: Vocabulary | None, relations: Vocabulary) -> None:
        """Make the arrays of sentences."""
        structure = self.structure
        check_sentences(self.sentences)
        self._token_ptr = _pointers(len(sentence) for sentence in self.sentences)
        if vocabulary is not None:
            words = list(chain.from_iterable(sentence.tokens for sentence in self.sentences))
            self._token_ids = _indices(words, vocabulary)
        chosen = [choose_structure(sentence, structure) for sentence in self.sentences]
        self._has_structure = np.array([one is not None for one in chosen], dtype=bool)
        self._all_have_structure = bool(self._has_structure.all())
        self._node_ptr = _pointers(0 if one is None else len(one) for one in chosen)
        size = self._node_ptr[-1]
        trees = [one for one in chosen if isinstance(one, Tree)]
        if structure == "graph":
            self._edges = _Edges.of(chosen, relations)
        else:
            self._parents: Array | _Numbers = _flat((tree.parents for tree in trees), size)
            self._heights: Array | _Numbers = _flat((tree.heights for tree in trees), size)
            labels = chain.from_iterable(tree.labels or [""] * len(tree) for tree in trees)
            self._labels: Array | _Numbers = _indices(list(labels), relations)
        tokens = _flat((one.tokens for one in chosen if one is not None), size)
        # None where node i is token i throughout, as in dependency trees.
        self._node_tokens: Array | None = tokens
        if np.array_equal(self._node_ptr, self._token_ptr):
            places = np.arange(size) - np.repeat(self._node_ptr[:-1], self.lengths)
            self._node_tokens = None if np.array_equal(tokens, places) else tokens

    def _read(
        self, columns: SentenceColumns, vocabulary: Vocabulary | None, relations: Vocabulary
    ) -> None:
        """Take columns, which stay where they are."""
        if self.structure != "dependencies":
            raise ValueError(
                "stored sentences have dependencies alone, but structure is "
                f"{structure_name(self.structure)!r}; write sentences that have other trees as their "
                "dependencies"
            )
        self._places, self._token_ptr = columns.places, columns.token_ptr
        if vocabulary is not None:
            numbers = _indices(columns.lexicon, vocabulary)
            self._token_ids = _Numbers(columns.words, numbers)
        self._has_structure = columns.heads[self._token_ptr[:-1]] != NO_TREE
        self._all_have_structure = bool(self._has_structure[self._places].all())
        self._node_ptr = _pointers(self.lengths * self._has_structure[self._places])
        self._node_tokens = None
        self._parents = _Numbers(columns.heads)
        self._heights = _Numbers(columns.heights)
        self._labels = _Numbers(columns.labels, _indices(columns.relations, relations))

    @property
    def lengths(self) -> Array:
        """``(sentences,)``: the number of tokens of each."""
        sizes = np.diff(self._token_ptr)
        return sizes if self._places is None else sizes[self._places]

    @property
    def node_counts(self) -> Array:
        """``(sentences,)``: the number of nodes of each tree or graph; 0 where there is none."""
        return np.diff(self._node_ptr)

    @property
    def num_nodes(self) -> int:
        """The number of nodes of all trees or graphs together."""
        return int(self._node_ptr[-1])

    @property
    def num_without_tree(self) -> int:
        """The number of sentences that lack the structure."""
        return int(np.count_nonzero(self.node_counts == 0))

    def select(self, indices: ArrayLike | None = None) -> FlatSelection:
        """The sentences at these indices, in this order; all of them by default.

        Raises:
            IndexError: There is no such sentence.
            ValueError: No index is given, or what is none; or there are no sentences.
        """
        size = len(self.sentences)
        chosen = np.arange(size) if indices is None else places_in(size, indices)
        if len(chosen) == 0:
            raise ValueError("a batch needs at least one sentence")
        sentences: Sequence[Sentence] = (
            self.sentences.at(chosen)
            if isinstance(self.sentences, SentenceColumns)
            else tuple(self.sentences[index] for index in chosen.tolist())
        )
        if self._places is not None:
            chosen = self._places[chosen]
        tokens = Rows.of(self._token_ptr, chosen)
        missing = None
        if not self._all_have_structure:
            without = np.flatnonzero(~self._has_structure[chosen])
            missing = int(without[0]) if len(without) else None
        return FlatSelection(
            sentences=sentences,
            structure=self.structure,
            tokens=tokens,
            token_ids=None if self._token_ids is None else self._token_ids[tokens.source],
            nodes=self._nodes(chosen, tokens) if missing is None else None,
            missing=missing,
        )

    def _nodes(self, chosen: Array, tokens: Rows) -> FlatTrees | FlatGraphs:
        if self._node_tokens is None:
            nodes, node_tokens = tokens, None
        else:
            nodes = Rows.of(self._node_ptr, chosen)
            node_tokens = self._node_tokens[nodes.source]
            without = node_tokens < 0
            node_tokens += tokens.ptr[:-1][nodes.segment]
            node_tokens[without] = -1
        if self._edges is not None:
            return self._edges.select(chosen, nodes, node_tokens)
        parents = self._parents[nodes.source]
        roots = np.flatnonzero(parents < 0)
        parents += nodes.ptr[:-1][nodes.segment]
        parents[roots] = -1
        return FlatTrees(
            nodes=nodes,
            parents=parents,
            roots=roots,
            node_tokens=node_tokens,
            heights=self._heights[nodes.source],
            labels=self._labels[nodes.source],
        )


@dataclass(frozen=True)
class Rows:
    """Which rows of the corpus belong to the selected sentences, one sentence after the other.

    Attributes:
        ptr: ``(sentences + 1,)``, where each sentence's rows begin.
        sizes: ``(sentences,)``, the number of rows of each.
        segment: ``(rows,)``, the sentence of each row.
        places: ``(rows,)``, the place of each row in its sentence, from 0.
        source: ``(rows,)``, the row of the corpus that each is.
    """

    ptr: Array
    sizes: Array
    segment: Array
    places: Array
    source: Array

    @classmethod
    def of(cls, corpus_ptr: Array, chosen: Array) -> Rows:
        """The rows of the chosen sentences.

        Args:
            corpus_ptr: ``(sentences of the corpus + 1,)``, where each sentence's rows begin.
            chosen: ``(sentences,)``, indices into the corpus.
        """
        begin = corpus_ptr[chosen]
        sizes = corpus_ptr[chosen + 1] - begin
        ptr = np.zeros(len(chosen) + 1, dtype=np.int64)
        np.cumsum(sizes, out=ptr[1:])
        segment = np.repeat(np.arange(len(chosen)), sizes)
        places = np.arange(ptr[-1]) - ptr[segment]
        return cls(ptr, sizes, segment, places, places + begin[segment])


@dataclass(frozen=True)
class FlatNodes:
    """The nodes of the selected sentences. Nodes and tokens are numbered through the selection.

    Attributes:
        nodes: The rows of the nodes.
        node_tokens: ``(nodes,)``, the token of each, -1 for a node with no word; None where node *i*
            is token *i* throughout.
    """

    nodes: Rows
    node_tokens: Array | None

    @property
    def nodes_are_tokens(self) -> bool:
        """Whether node *i* is token *i* throughout."""
        return self.node_tokens is None

    @property
    def tokens(self) -> Array:
        """``(nodes,)``: each node's token, -1 for a node with no word."""
        return np.arange(len(self.nodes.segment)) if self.node_tokens is None else self.node_tokens


@dataclass(frozen=True)
class FlatTrees(FlatNodes):
    """The trees of the selected sentences.

    Attributes:
        parents: ``(nodes,)``, the parent of each, -1 for a root.
        roots: ``(sentences,)``, the root of each.
        heights: ``(nodes,)``, the number of edges from each to its deepest leaf.
        labels: ``(nodes,)``, the index of each label.
    """

    parents: Array
    roots: Array
    heights: Array
    labels: Array

    @property
    def edges(self) -> tuple[Array, Array, Array]:
        """The parent and the child of each edge, and the index of its label."""
        children = np.flatnonzero(self.parents >= 0)
        return self.parents[children], children, self.labels[children]


@dataclass(frozen=True)
class FlatGraphs(FlatNodes):
    """The graphs of the selected sentences.

    Attributes:
        edges: ``(edges,)`` each: the source and the target of each edge, and the index of its label.
    """

    edges: tuple[Array, Array, Array]


@dataclass(frozen=True)
class _Edges:
    """The edges of all graphs of a corpus; nodes are numbered within their sentence."""

    ptr: Array
    source: Array
    target: Array
    labels: Array

    @classmethod
    def of(cls, graphs: Sequence[SentenceGraph | Tree | None], relations: Vocabulary) -> _Edges:
        known = [graph if isinstance(graph, SentenceGraph) else None for graph in graphs]
        ptr = _pointers(0 if graph is None else len(graph.edges) for graph in known)
        whole = [graph for graph in known if graph is not None]
        source, target = (
            _flat(((edge[end] for edge in graph.edges) for graph in whole), ptr[-1])
            for end in (0, 1)
        )
        labels = chain.from_iterable(graph.labels or [""] * len(graph.edges) for graph in whole)
        return cls(ptr, source, target, _indices(list(labels), relations))

    def select(self, chosen: Array, nodes: Rows, node_tokens: Array | None) -> FlatGraphs:
        rows = Rows.of(self.ptr, chosen)
        first = nodes.ptr[:-1][rows.segment]
        ends = (self.source[rows.source] + first, self.target[rows.source] + first)
        return FlatGraphs(nodes, node_tokens, (*ends, self.labels[rows.source]))


@dataclass(frozen=True)
class _Numbers:
    """A column, read by rows: its numbers, or the number that each of them stands for."""

    column: Array
    stands_for: Array | None = None

    def __getitem__(self, rows: Array) -> Array:
        found = self.column[rows].astype(np.int64)
        return found if self.stands_for is None else self.stands_for[found]


@dataclass(frozen=True)
class FlatSelection:
    """Some sentences of a corpus as flat arrays.

    Attributes:
        sentences: The sentences.
        structure: Which structure of each was asked for.
        tokens: The rows of their tokens.
        token_ids: ``(tokens,)``, the index of each token in the vocabulary; None without one.
        nodes: Their trees or graphs; None where a sentence lacks the structure.
        missing: The index of the first sentence that lacks it, None where all have it.
    """

    sentences: Sequence[Sentence]
    structure: Structure
    tokens: Rows
    token_ids: Array | None
    nodes: FlatTrees | FlatGraphs | None
    missing: int | None


def choose_structure(sentence: Sentence, structure: Structure) -> Tree | SentenceGraph | None:
    """The tree or graph of a sentence that ``structure`` names, None where it has none.

    Raises:
        ValueError: ``structure`` is not known.
        StructureError: The function returned a tree in which not each token has exactly one node, or
            what is no tree.
    """
    if callable(structure):
        tree = structure(sentence)
        if not isinstance(tree, Tree | None):
            raise StructureError(
                f"the structure function returned {tree!r:.60}, which is no Tree; a graph is given as "
                "the `graph` of a Sentence, for structure='graph'"
            )
        if tree is not None and sum(token >= 0 for token in tree.tokens) != len(sentence):
            raise StructureError(
                f"the structure function returned a tree that does not hold each of the "
                f"{len(sentence)} tokens of {quoted(sentence)} once"
            )
        return tree
    if structure in ("dependencies", "constituency", "graph"):
        chosen: Tree | SentenceGraph | None = getattr(sentence, structure)
        return chosen
    raise ValueError(
        f"unknown structure {structure!r}: give 'dependencies', 'constituency', 'graph', or a function "
        "that takes a Sentence and returns a Tree"
    )


def structure_name(structure: Structure) -> str:
    """The name of a structure; of a function, its own name."""
    if isinstance(structure, str):
        return structure
    return str(getattr(structure, "__name__", type(structure).__name__))


def missing_structure(sentence: Sentence, index: int, structure: Structure) -> StructureError:
    """The error for a sentence that lacks the structure that an encoder reads."""
    name = structure if isinstance(structure, str) else "tree from the structure function"
    remedy = {
        "dependencies": "parse it first, for example with parsers.StanzaParser, or give the Sentence "
        "a `dependencies` Tree",
        "constituency": "read it with parsers.read_brackets, or give the Sentence a `constituency` "
        "Tree",
        "graph": "give the Sentence a `graph`, a SentenceGraph",
    }.get(name, "return a Tree for every sentence")
    return StructureError(
        f"sentence {index} of the batch ({quoted(sentence)}) has no {name}, which this encoder reads: "
        f"{remedy}"
    )


def check_sentences(sentences: Iterable[object]) -> None:
    """Make sure that all are sentences.

    Raises:
        TypeError: One is not.
    """
    for place, one in enumerate(sentences):
        if not isinstance(one, Sentence):
            raise TypeError(
                f"a batch or a corpus is made of Sentences, but number {place} is {one!r:.40}, of "
                f"type {type(one).__name__}; make one as Sentence(['dogs', 'bark'])"
            )


def stable_argsort(values: Array) -> Array:
    """Where values from 0 on come in their order; equal ones stay in theirs."""
    # NumPy sorts 16-bit integers by radix, several times faster than 64-bit ones.
    narrow = values.astype(np.uint16) if values.max(initial=0) < 2**16 else values
    return np.argsort(narrow, kind="stable")


def _pointers(sizes: Iterable[int]) -> Array:
    """Where each sentence's rows begin, and the end."""
    return np.concatenate([[0], np.cumsum(np.fromiter(sizes, dtype=np.int64))]).astype(np.int64)


def _flat(rows: Iterable[Iterable[int]], size: int) -> Array:
    return np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=int(size))


def _indices(words: Sequence[str], vocabulary: Vocabulary) -> Array:
    """The index of each word; of the empty string that of unknown words."""
    index = {word: vocabulary[word] if word else 0 for word in set(words)}  # few, often repeated
    return np.fromiter(map(index.__getitem__, words), dtype=np.int64, count=len(words))
