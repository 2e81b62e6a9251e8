"""Many sentences as flat tensors: no padding, and each piece of structure made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from structnn.data.graph import Graph, GraphConstruction
from structnn.data.schedule import Schedule
from structnn.data.tree_distance import tree_distances
from structnn.data.vocabulary import UNIVERSAL_RELATIONS, Vocabulary
from structnn.sentence import Sentence, StructureError, Tree

if TYPE_CHECKING:
    from torch_geometric.data import Data

__all__ = ["Batch", "Corpus", "Structure"]

Structure = str | Callable[[Sentence], Tree | None]
"""Which tree of a sentence to use: ``"dependencies"``, ``"constituency"``, or a function."""

Array = np.ndarray[Any, np.dtype[np.int64]]


class Corpus:
    """Sentences as flat arrays, from which batches are gathered without a loop over sentences.

    Words and labels are looked up, and heights computed, once here; :meth:`batch` is then a few
    array operations, whatever the number of sentences.

    Args:
        sentences: The sentences; they may lack the structure as long as no encoder needs it.
        structure: Which tree of each sentence the tree and graph encoders shall read.
        vocabulary: Gives each token its number, for an embedding; None if the vectors come from
            elsewhere.
        relations: Gives each node's label its number. The default is the universal relations; trees
            with other labels (phrases, sentiments) need a vocabulary of those.
    """

    def __init__(
        self,
        sentences: Iterable[Sentence],
        *,
        structure: Structure = "dependencies",
        vocabulary: Vocabulary | None = None,
        relations: Vocabulary = UNIVERSAL_RELATIONS,
    ) -> None:
        self.sentences = tuple(sentences)
        self.structure = structure
        self._token_ptr = _pointers(len(sentence) for sentence in self.sentences)
        self._token_ids: Array | None = None
        if vocabulary is not None:
            words = list(chain.from_iterable(sentence.tokens for sentence in self.sentences))
            self._token_ids = _numbers(words, vocabulary)
        trees = [choose_tree(sentence, structure) for sentence in self.sentences]
        self._has_tree = np.array([tree is not None for tree in trees], dtype=bool)
        self._all_have_trees = bool(self._has_tree.all())
        self._node_ptr = _pointers(0 if tree is None else len(tree) for tree in trees)
        known = [tree for tree in trees if tree is not None]
        size = self._node_ptr[-1]
        self._parents = _flat((tree.parents for tree in known), size)
        self._heights = _flat((tree.heights for tree in known), size)
        labels = chain.from_iterable(tree.labels or [""] * len(tree) for tree in known)
        self._labels = _numbers(list(labels), relations)
        tokens = _flat((tree.tokens or () for tree in known), size)
        # None where node i is token i throughout, as in dependency trees.
        self._node_tokens: Array | None = tokens
        if np.array_equal(self._node_ptr, self._token_ptr):
            places = np.arange(size) - np.repeat(self._node_ptr[:-1], self.lengths)
            self._node_tokens = None if np.array_equal(tokens, places) else tokens

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def lengths(self) -> Array:
        """The number of tokens of each sentence."""
        return np.diff(self._token_ptr)

    def batch(self, indices: Sequence[int] | Array | None = None) -> Batch:
        """The sentences of these indices, in this order; all of them by default.

        Raises:
            ValueError: No sentences.
        """
        chosen = np.arange(len(self)) if indices is None else np.asarray(indices, dtype=np.int64)
        if len(chosen) == 0:
            raise ValueError("a batch needs at least one sentence")
        tokens = _Rows.of(self._token_ptr, chosen)
        missing = None
        if not self._all_have_trees:
            without = np.flatnonzero(~self._has_tree[chosen])
            missing = int(without[0]) if len(without) else None
        return Batch(
            sentences=tuple(self.sentences[index] for index in chosen.tolist()),
            tokens=tokens,
            token_ids=None
            if self._token_ids is None
            else torch.from_numpy(self._token_ids[tokens.source]),
            trees=self._trees(chosen, tokens) if missing is None else None,
            missing=missing,
            structure=self.structure,
        )

    def _trees(self, chosen: Array, tokens: _Rows) -> _Trees:
        if self._node_tokens is None:
            nodes, node_tokens = tokens, None
        else:
            nodes = _Rows.of(self._node_ptr, chosen)
            node_tokens = self._node_tokens[nodes.source]
            without = node_tokens < 0
            node_tokens += tokens.ptr[:-1][nodes.segment]
            node_tokens[without] = -1
        parents = self._parents[nodes.source]
        roots = np.flatnonzero(parents < 0)
        parents += nodes.ptr[:-1][nodes.segment]
        parents[roots] = -1
        return _Trees(
            nodes=nodes,
            parents=parents,
            roots=roots,
            node_tokens=node_tokens,
            heights=self._heights[nodes.source],
            labels=self._labels[nodes.source],
        )


class Batch:
    """Many sentences in a row, as flat tensors. Make one with :meth:`from_sentences`.

    Tokens of all sentences follow each other; so do the nodes of their trees. Pieces of structure are
    made when first asked for, on the CPU, and kept; :meth:`prepare` makes them ahead of time, in a
    data loader say.

    Attributes:
        sentences: The sentences themselves.
        token_ptr: ``(sentences + 1,)``, where each sentence's tokens begin, as in PyG.
        token_ids: ``(tokens,)``, each token's number in the vocabulary; None without one.
        device: Where the tensors are.
    """

    def __init__(
        self,
        sentences: tuple[Sentence, ...],
        tokens: _Rows,
        token_ids: Tensor | None,
        trees: _Trees | None,
        missing: int | None,
        structure: Structure,
    ) -> None:
        self.sentences = sentences
        self.token_ptr = torch.from_numpy(tokens.ptr)
        self.token_ids = token_ids
        self.device = self.token_ptr.device
        self._tokens = tokens
        self._trees = trees
        self._missing = missing
        self._structure = structure
        self._graphs: dict[GraphConstruction, Graph] = {}

    @classmethod
    def from_sentences(
        cls,
        sentences: Iterable[Sentence],
        *,
        structure: Structure = "dependencies",
        vocabulary: Vocabulary | None = None,
        relations: Vocabulary = UNIVERSAL_RELATIONS,
    ) -> Batch:
        """A batch of these sentences; the arguments are those of :class:`Corpus`."""
        return Corpus(
            sentences, structure=structure, vocabulary=vocabulary, relations=relations
        ).batch()

    def __len__(self) -> int:
        return len(self.sentences)

    @property
    def num_tokens(self) -> int:
        """The number of tokens of all sentences together."""
        return len(self._tokens.segment)

    @cached_property
    def lengths(self) -> Tensor:
        """``(sentences,)``: the number of tokens of each."""
        return self._tensor(self._tokens.sizes)

    @cached_property
    def max_length(self) -> int:
        """The number of tokens of the longest sentence."""
        return int(self._tokens.sizes.max())

    @cached_property
    def token_batch(self) -> Tensor:
        """``(tokens,)``: the sentence of each token."""
        return self._tensor(self._tokens.segment)

    @cached_property
    def positions(self) -> Tensor:
        """``(tokens,)``: the place of each token in its sentence, from 0."""
        return self._tensor(self._tokens.places)

    # Padded and packed forms, for encoders that read a sequence.

    def pad(self, x: Tensor) -> Tensor:
        """``(tokens, d)`` to ``(sentences, longest, d)``, zeros behind the shorter sentences."""
        padded = x.new_zeros(len(self) * self.max_length, *x.shape[1:])
        padded = padded.index_copy(0, self._padded_index, x)
        return padded.view(len(self), self.max_length, *x.shape[1:])

    def unpad(self, padded: Tensor) -> Tensor:
        """The inverse of :meth:`pad`: ``(sentences, longest, d)`` to ``(tokens, d)``."""
        return padded.flatten(0, 1).index_select(0, self._padded_index)

    @cached_property
    def padding_mask(self) -> Tensor:
        """``(sentences, longest)``: True where there is a token."""
        return self._tensor(np.arange(self.max_length) < self._tokens.sizes[:, None])

    @cached_property
    def _padded_index(self) -> Tensor:
        tokens = self._tokens
        return self._tensor(tokens.segment * self.max_length + tokens.places)

    @cached_property
    def packing(self) -> tuple[Tensor, Tensor, Tensor]:
        """How to make a ``PackedSequence``: token order, its inverse, and the size of each step.

        ``x[order]`` has the first tokens of all sentences, then the second ones, and so on, longer
        sentences first; the sizes are on the CPU, where PyTorch wants them.
        """
        tokens = self._tokens
        by_length = np.argsort(-tokens.sizes, kind="stable")
        steps = np.arange(self.max_length)[:, None]
        reached = steps < tokens.sizes[by_length]  # (longest, sentences)
        order = (tokens.ptr[by_length] + steps)[reached]
        inverse = np.empty_like(order)
        inverse[order] = np.arange(self.num_tokens)
        sizes = torch.from_numpy(np.count_nonzero(reached, axis=1))
        return self._tensor(order), self._tensor(inverse), sizes

    # The trees.

    @property
    def trees(self) -> _Trees:
        """The trees' flat arrays.

        Raises:
            StructureError: A sentence has no tree of the kind that was asked for.
        """
        if self._trees is None:
            assert self._missing is not None
            raise missing_structure(self.sentences[self._missing], self._missing, self._structure)
        return self._trees

    @property
    def has_trees(self) -> bool:
        """Whether every sentence has a tree."""
        return self._trees is not None

    @property
    def num_nodes(self) -> int:
        """The number of nodes of all trees together."""
        return len(self.trees.parents)

    @cached_property
    def nodes_are_tokens(self) -> bool:
        """Whether node *i* is token *i* throughout, as in dependency trees."""
        return self.trees.nodes_are_tokens

    @cached_property
    def node_ptr(self) -> Tensor:
        """``(sentences + 1,)``: where each sentence's nodes begin."""
        return self._tensor(self.trees.nodes.ptr)

    @cached_property
    def node_batch(self) -> Tensor:
        """``(nodes,)``: the sentence of each node."""
        return self._tensor(self.trees.nodes.segment)

    @cached_property
    def parents(self) -> Tensor:
        """``(nodes,)``: each node's parent, -1 for a root."""
        return self._tensor(self.trees.parents)

    @cached_property
    def node_tokens(self) -> Tensor:
        """``(nodes,)``: each node's token, -1 for a node with no word."""
        return self._tensor(self.trees.tokens)

    @cached_property
    def token_nodes(self) -> Tensor:
        """``(tokens,)``: each token's node."""
        if self.nodes_are_tokens:
            return torch.arange(self.num_tokens, device=self.device)
        tokens = self.trees.tokens
        nodes = np.flatnonzero(tokens >= 0)
        token_nodes = np.empty_like(nodes)
        token_nodes[tokens[nodes]] = nodes
        return self._tensor(token_nodes)

    @cached_property
    def node_labels(self) -> Tensor:
        """``(nodes,)``: the number of each node's label, 0 where unknown or not given."""
        return self._tensor(self.trees.labels)

    @cached_property
    def roots(self) -> Tensor:
        """``(sentences,)``: the root node of each."""
        return self._tensor(self.trees.roots)

    @cached_property
    def schedule(self) -> Schedule:
        """The order in which a tree encoder visits the nodes, children before parents."""
        trees = self.trees
        return Schedule.from_parents(trees.parents, trees.heights).to(self.device)

    @cached_property
    def tree_distances(self) -> Tensor:
        """``(sentences, most nodes, most nodes)``: the edges between each two nodes of a tree."""
        trees = self.trees
        return self._tensor(tree_distances(trees.parents, trees.heights, trees.nodes.ptr))

    @cached_property
    def tree_depths(self) -> Tensor:
        """``(sentences, most nodes)``: the edges between each node and the root."""
        everything = torch.arange(len(self), device=self.device)
        return self.tree_distances[everything, self.roots - self.node_ptr[:-1]]

    def to_nodes(self, x: Tensor) -> Tensor:
        """``(tokens, d)`` to ``(nodes, d)``, zeros at nodes with no word."""
        if self.nodes_are_tokens:
            return x
        return x.new_zeros(self.num_nodes, x.shape[1]).index_copy(0, self.token_nodes, x)

    def to_tokens(self, nodes: Tensor) -> Tensor:
        """``(nodes, d)`` to ``(tokens, d)``: the states of the nodes that have a word."""
        return nodes if self.nodes_are_tokens else nodes.index_select(0, self.token_nodes)

    def graph(self, construction: GraphConstruction = GraphConstruction()) -> Graph:
        """The trees, and what else the construction adds, as edges; made once for each.

        A construction that reads no trees joins tokens, and needs none.
        """
        if construction not in self._graphs:
            if construction.reads_trees:
                trees = self.trees
                parents, labels, tokens = trees.parents, trees.labels, trees.tokens
            else:
                tokens = np.arange(self.num_tokens)
                parents, labels = np.full_like(tokens, -1), np.zeros_like(tokens)
            made = construction.build(parents, labels, tokens, self._tokens.ptr)
            self._graphs[construction] = made.to(self.device)
        return self._graphs[construction]

    def to_pyg(self, x: Tensor, construction: GraphConstruction = GraphConstruction()) -> Data:
        """This batch as one PyG ``Data``.

        It has ``x`` at the nodes, ``edge_index``, ``edge_type``, ``edge_label``, ``batch``, ``ptr``.

        Args:
            x: ``(tokens, d)``, a vector for each token.
            construction: Which edges.
        """
        from torch_geometric.data import Data

        graph = self.graph(construction)
        return Data(
            x=self.to_nodes(x),
            edge_index=graph.edge_index,
            edge_type=graph.edge_type,
            edge_label=graph.edge_label,
            batch=self.node_batch,
            ptr=self.node_ptr,
        )

    # Where it lives.

    def prepare(
        self, reads: Iterable[str], constructions: Iterable[GraphConstruction] = ()
    ) -> Batch:
        """Make the pieces that an encoder reads ahead of time; returns itself.

        Args:
            reads: An encoder's ``reads``.
            constructions: The graphs that it needs.
        """
        for piece in reads:
            if piece == "sequence":
                _ = self.packing, self._padded_index, self.padding_mask
            elif piece == "tree":
                _ = self.schedule, self.token_nodes, self.nodes_are_tokens, self.roots
        for construction in constructions:
            self.graph(construction)
        return self

    def to(self, device: torch.device | str) -> Batch:
        """This batch on another device, prepared pieces included."""
        device = torch.device(device)
        if device == self.device:
            return self
        return self._map(lambda tensor: tensor.to(device, non_blocking=True), device)

    def pin_memory(self) -> Batch:
        """This batch in page-locked memory, for fast copies to a GPU."""
        return self._map(Tensor.pin_memory, self.device)

    def _map(self, move: Callable[[Tensor], Tensor], device: torch.device) -> Batch:
        made = Batch.__new__(Batch)
        for name, value in self.__dict__.items():
            if isinstance(value, Tensor):
                value = move(value)
            elif isinstance(value, Schedule):
                value = value.map(move)
            elif name == "packing":
                value = (move(value[0]), move(value[1]), value[2])  # the sizes stay on the CPU
            elif name == "_graphs":
                value = {key: graph.map(move) for key, graph in value.items()}
            made.__dict__[name] = value
        made.device = device
        return made

    def _tensor(self, array: np.ndarray[Any, Any]) -> Tensor:
        return torch.from_numpy(array).to(self.device)


@dataclass(frozen=True)
class _Rows:
    """The rows of some sentences in a row.

    Attributes:
        ptr: ``(sentences + 1,)``, where each sentence's rows begin.
        sizes: ``(sentences,)``, how many each has.
        segment: ``(rows,)``, the sentence of each row.
        places: ``(rows,)``, the place of each row in its sentence, from 0.
        source: ``(rows,)``, where each row is in the corpus.
    """

    ptr: Array
    sizes: Array
    segment: Array
    places: Array
    source: Array

    @classmethod
    def of(cls, corpus_ptr: Array, chosen: Array) -> _Rows:
        """Those of the chosen sentences, from where each sentence begins in the corpus."""
        begin = corpus_ptr[chosen]
        sizes = corpus_ptr[chosen + 1] - begin
        ptr = np.zeros(len(chosen) + 1, dtype=np.int64)
        np.cumsum(sizes, out=ptr[1:])
        segment = np.repeat(np.arange(len(chosen)), sizes)
        places = np.arange(ptr[-1]) - ptr[segment]
        return cls(ptr, sizes, segment, places, places + begin[segment])


@dataclass(frozen=True)
class _Trees:
    """The trees of a batch as flat arrays; indices count through the whole batch."""

    nodes: _Rows
    parents: Array
    roots: Array
    node_tokens: Array | None
    heights: Array
    labels: Array

    @property
    def nodes_are_tokens(self) -> bool:
        """Whether node *i* is token *i* throughout."""
        return self.node_tokens is None

    @property
    def tokens(self) -> Array:
        """``(nodes,)``: each node's token, -1 for a node with no word."""
        return np.arange(len(self.parents)) if self.node_tokens is None else self.node_tokens


def choose_tree(sentence: Sentence, structure: Structure) -> Tree | None:
    """The tree of this sentence that ``structure`` names, None where it has none.

    Raises:
        ValueError: ``structure`` is not known.
        StructureError: The function gave a tree that does not have each token at one node.
    """
    if callable(structure):
        tree = structure(sentence)
        if tree is not None and sum(token >= 0 for token in tree.tokens or ()) != len(sentence):
            raise StructureError(
                f"the structure function gave a tree that does not hold each of the "
                f"{len(sentence)} tokens of {' '.join(sentence.tokens[:8])!r} once"
            )
        return tree
    if structure == "dependencies":
        return sentence.dependencies
    if structure == "constituency":
        return sentence.constituency
    raise ValueError(
        f"unknown structure {structure!r}: give 'dependencies', 'constituency', or a function that "
        "takes a Sentence and returns a Tree"
    )


def missing_structure(sentence: Sentence, index: int, structure: Structure) -> StructureError:
    """The error for a sentence without the structure that an encoder reads."""
    name = structure if isinstance(structure, str) else "tree from the structure function"
    remedy = {
        "dependencies": "parse it first, for example with parsers.StanzaParser, or give the Sentence "
        "a `dependencies` Tree",
        "constituency": "read it with parsers.read_brackets, or give the Sentence a `constituency` "
        "Tree",
    }.get(name, "return a Tree for every sentence")
    text = " ".join(sentence.tokens)
    text = text if len(text) <= 60 else text[:57] + "..."
    return StructureError(
        f"sentence {index} of the batch ({text!r}) has no {name}, which this encoder reads: {remedy}"
    )


def _pointers(sizes: Iterable[int]) -> Array:
    return np.concatenate([[0], np.cumsum(np.fromiter(sizes, dtype=np.int64))]).astype(np.int64)


def _flat(rows: Iterable[Iterable[int]], size: int) -> Array:
    return np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=int(size))


def _numbers(words: Sequence[str], vocabulary: Vocabulary) -> Array:
    """The number of each word; of none ('') that of unknown words."""
    number = {word: vocabulary[word] if word else 0 for word in set(words)}  # few, often repeated
    return np.fromiter(map(number.__getitem__, words), dtype=np.int64, count=len(words))
