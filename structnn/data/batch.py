"""A batch: many sentences as flat tensors, without padding; each piece of structure is made once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from structnn.data.flat import (
    FlatGraphs,
    FlatSelection,
    FlatSentences,
    FlatTrees,
    Structure,
    missing_structure,
    structure_name,
)
from structnn.data.graph import Graph, GraphConstruction, nodes_of_tokens
from structnn.data.schedule import Schedule
from structnn.data.tree_distance import tree_distances
from structnn.data.vocabulary import UNIVERSAL_RELATIONS, Vocabulary
from structnn.ops.devices import sent
from structnn.ops.segments import Padding
from structnn.ops.transforms import outside_transforms
from structnn.sentence import Sentence, StructureError

if TYPE_CHECKING:
    from torch_geometric.data import Data

__all__ = ["Batch"]

P = ParamSpec("P")
T = TypeVar("T")


def _made_to_keep(function: Callable[P, T]) -> Callable[P, T]:
    """A function whose tensors are kept.

    What is made in inference mode can't be kept for a backward pass: a batch that a model was first
    tried on could not be trained on. What is made under :mod:`torch.func` is dead when that has ended.
    """
    made = torch.inference_mode(mode=False)(function)

    @wraps(function)
    def make(*arguments: P.args, **options: P.kwargs) -> T:
        with outside_transforms():
            return made(*arguments, **options)

    return make


class Batch:
    """Many sentences as flat tensors: all tokens in one row, and all nodes of trees or graphs.

    Make one with :meth:`from_sentences`, or from a :class:`~structnn.Corpus`. Tensors that describe
    the structure are made on the CPU when they are first asked for, and kept; :meth:`prepare` makes
    them ahead of time, for example in a data loader.

    Args:
        selection: The sentences as flat arrays.

    Attributes:
        sentences: The sentences themselves.
        token_ptr: ``(sentences + 1,)``, where each sentence's tokens begin, as ``ptr`` in PyG.
        token_ids: ``(tokens,)``, each token's index in the vocabulary; None without one.
        device: The device of the tensors.

    Example:
        >>> from structnn import Tree
        >>> tree = Tree([1, -1], labels=["nsubj", "root"])
        >>> sentences = [Sentence(["dogs", "bark"], dependencies=tree), Sentence(["stop"])]
        >>> batch = Batch.from_sentences(sentences)
        >>> batch.token_ptr, batch.num_tokens
        (tensor([0, 2, 3]), 3)
    """

    @_made_to_keep
    def __init__(self, selection: FlatSelection) -> None:
        self.sentences = selection.sentences
        self.token_ptr = torch.from_numpy(selection.tokens.ptr)
        self.token_ids: Tensor | None = None
        if selection.token_ids is not None:
            self.token_ids = torch.from_numpy(selection.token_ids)
        self.device = self.token_ptr.device
        self._tokens = selection.tokens
        self._nodes = selection.nodes
        self._missing = selection.missing
        self._structure = selection.structure
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
        """A batch of these sentences.

        Args:
            sentences: The sentences; they may lack the structure as long as no encoder reads it.
            structure: What of each sentence tree and graph encoders read: ``"dependencies"``,
                ``"constituency"``, or a function from a :class:`~structnn.Sentence` to a
                :class:`~structnn.Tree`; or ``"graph"``, which graph encoders alone can read.
            vocabulary: Gives each token its index, for an embedding; None if word vectors come from
                elsewhere.
            relations: Gives each node's label its index. The default is the universal relations;
                trees with other labels (phrases, sentiments) need a vocabulary of those.

        Raises:
            ValueError: There are no sentences, or ``structure`` is not known.
            StructureError: The structure function returned a tree that does not fit its sentence.
        """
        flat = FlatSentences(
            sentences, structure=structure, vocabulary=vocabulary, relations=relations
        )
        return cls(flat.select())

    def __len__(self) -> int:
        return len(self.sentences)

    def __repr__(self) -> str:
        fields = [f"sentences={len(self)}", f"tokens={self.num_tokens}"]
        if self._nodes is None:
            fields.append("trees=None")
        else:
            fields += [f"nodes={self.num_nodes}", f"trees={structure_name(self._structure)!r}"]
        if self.device.type != "cpu":
            fields.append(f"device='{self.device}'")
        return f"Batch({', '.join(fields)})"

    def with_token_ids(self, token_ids: Tensor) -> Batch:
        """The same batch with other words, given by their numbers, ``(tokens,)``."""
        made = copy(self)
        made.token_ids = token_ids
        return made

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
        """Pad a vector for each token to the length of the longest sentence, with zeros.

        Args:
            x: ``(tokens, ...)``.

        Returns:
            ``(sentences, max_length, ...)``.
        """
        return self.padding.pad(x)

    def unpad(self, padded: Tensor) -> Tensor:
        """The inverse of :meth:`pad`.

        Args:
            padded: ``(sentences, max_length, ...)``.

        Returns:
            ``(tokens, ...)``.
        """
        return self.padding.unpad(padded)

    @property
    def padding_mask(self) -> Tensor:
        """``(sentences, max_length)``: True where there is a token."""
        return self.padding.mask

    @cached_property
    @_made_to_keep
    def padding(self) -> Padding:
        """Pads each sentence's tokens: what :meth:`pad` and :meth:`unpad` do."""
        return Padding(self.token_ptr, self.num_tokens, self.max_length)

    @cached_property
    @_made_to_keep
    def packing(self) -> tuple[Tensor, Tensor, Tensor]:
        """What a ``PackedSequence`` needs: ``order``, its inverse, and ``batch_sizes``.

        ``order`` and its inverse are ``(tokens,)``: ``x[order]`` has the first token of every sentence,
        then the second ones, and so on, longer sentences first. ``batch_sizes``, ``(max_length,)``, is
        on the CPU, as PyTorch requires.
        """
        tokens = self._tokens
        by_length = np.argsort(-tokens.sizes, kind="stable")
        steps = np.arange(self.max_length)[:, None]
        reached = steps < tokens.sizes[by_length]  # (max_length, sentences)
        order = (tokens.ptr[by_length] + steps)[reached]
        inverse = np.empty_like(order)
        inverse[order] = np.arange(self.num_tokens)
        sizes = torch.from_numpy(np.count_nonzero(reached, axis=1))
        return self._tensor(order), self._tensor(inverse), sizes

    # The trees or graphs.

    @property
    def nodes(self) -> FlatTrees | FlatGraphs:
        """The trees or graphs as flat NumPy arrays.

        Raises:
            StructureError: A sentence lacks the structure.
        """
        if self._nodes is None:
            assert self._missing is not None
            raise missing_structure(self.sentences[self._missing], self._missing, self._structure)
        return self._nodes

    @property
    def trees(self) -> FlatTrees:
        """The trees as flat NumPy arrays.

        Raises:
            StructureError: A sentence lacks the structure, or the structure is a graph.
        """
        if isinstance(self.nodes, FlatGraphs):
            raise StructureError(
                "the sentences of this batch have graphs, in which nodes may have several heads and "
                "there need not be a root: a tree encoder, or the readout 'root', can't read them; take "
                "a graph encoder, or another structure"
            )
        return self.nodes

    @property
    def num_nodes(self) -> int:
        """The number of nodes of all trees or graphs together."""
        return len(self.nodes.nodes.segment)

    @cached_property
    def max_nodes(self) -> int:
        """The number of nodes of the largest tree or graph."""
        return int(self.nodes.nodes.sizes.max())

    @cached_property
    def nodes_are_tokens(self) -> bool:
        """Whether node *i* is token *i* throughout, as in dependency trees."""
        return self.nodes.nodes_are_tokens

    @cached_property
    def node_ptr(self) -> Tensor:
        """``(sentences + 1,)``: where each sentence's nodes begin."""
        return self._tensor(self.nodes.nodes.ptr)

    @cached_property
    def node_batch(self) -> Tensor:
        """``(nodes,)``: the sentence of each node."""
        return self._tensor(self.nodes.nodes.segment)

    @cached_property
    def parents(self) -> Tensor:
        """``(nodes,)``: each node's parent, -1 for a root."""
        return self._tensor(self.trees.parents)

    @cached_property
    def node_tokens(self) -> Tensor:
        """``(nodes,)``: each node's token, -1 for a node with no word."""
        return self._tensor(self.nodes.tokens)

    @cached_property
    @_made_to_keep
    def token_nodes(self) -> Tensor:
        """``(tokens,)``: each token's node, -1 for a token that a graph leaves out."""
        if self.nodes_are_tokens:
            return torch.arange(self.num_tokens, device=self.device)
        return self._tensor(nodes_of_tokens(self.nodes.tokens, self.num_tokens))

    @cached_property
    def tokens_in_structure(self) -> Tensor | None:
        """The tokens that have a node, in order; None where all of them have one."""
        if self.nodes_are_tokens or np.count_nonzero(self.nodes.tokens >= 0) == self.num_tokens:
            return None
        nodes = nodes_of_tokens(self.nodes.tokens, self.num_tokens)
        return self._tensor(np.flatnonzero(nodes >= 0))

    @cached_property
    def node_labels(self) -> Tensor:
        """``(nodes,)``: the index of each node's label, 0 where it is unknown or there is none."""
        return self._tensor(self.trees.labels)

    @cached_property
    def highest_label(self) -> int:
        """The largest index of a label of a node."""
        return int(self.trees.labels.max())

    @cached_property
    @_made_to_keep
    def ranked_words(self) -> tuple[Tensor, Tensor, int]:
        """The words in the order of the schedule: ``rank``, ``order``, and a number of rows.

        ``rank`` is ``(tokens,)``, the rank of each token's node, and ``order`` sorts the tokens by it.
        The number is that of the ranks up to the last node that has a word.
        """
        rank = self.schedule.rank.index_select(0, self.token_nodes)
        return rank, rank.argsort(), int(rank.max()) + 1

    @cached_property
    def roots(self) -> Tensor:
        """``(sentences,)``: the root node of each."""
        return self._tensor(self.trees.roots)

    @cached_property
    @_made_to_keep
    def schedule(self) -> Schedule:
        """The order in which a tree encoder visits the nodes, children before parents."""
        trees = self.trees
        return Schedule.from_parents(trees.parents, trees.heights).to(self.device)

    @cached_property
    def tree_distances(self) -> Tensor:
        """``(sentences, max_nodes, max_nodes)``: the number of edges between any two nodes of a tree.

        ``max_nodes`` is the number of nodes of the largest tree; entries of nodes that a smaller tree
        does not have are arbitrary.
        """
        trees = self.trees
        return self._tensor(tree_distances(trees.parents, trees.heights, trees.nodes.ptr))

    @cached_property
    @_made_to_keep
    def tree_depths(self) -> Tensor:
        """``(sentences, max_nodes)``: the number of edges between each node and the root."""
        rows = torch.arange(len(self), device=self.device)
        return self.tree_distances[rows, self.roots - self.node_ptr[:-1]]

    def to_nodes(self, x: Tensor) -> Tensor:
        """Put each token's vector at its node; nodes with no word get zeros.

        The vector of a token that a graph leaves out is not used.

        Args:
            x: ``(tokens, d)``.

        Returns:
            ``(nodes, d)``.
        """
        if self.nodes_are_tokens:
            return x
        nodes, inside = self.token_nodes, self.tokens_in_structure
        if inside is not None:
            nodes, x = nodes.index_select(0, inside), x.index_select(0, inside)
        return x.new_zeros(self.num_nodes, x.shape[1]).index_copy(0, nodes, x)

    def to_tokens(self, nodes: Tensor) -> Tensor:
        """The states of the nodes that have a word, in the order of the tokens.

        A token that a graph leaves out has a state of zeros.

        Args:
            nodes: ``(nodes, d)``.

        Returns:
            ``(tokens, d)``.
        """
        if self.nodes_are_tokens:
            return nodes
        inside = self.tokens_in_structure
        if inside is None:
            return nodes.index_select(0, self.token_nodes)
        states = nodes.index_select(0, self.token_nodes.index_select(0, inside))
        return nodes.new_zeros(self.num_tokens, nodes.shape[1]).index_copy(0, inside, states)

    @_made_to_keep
    def graph(self, construction: GraphConstruction = GraphConstruction()) -> Graph:
        """The edges that a graph encoder reads; made once for each construction.

        Args:
            construction: Which edges to make. One without edges between heads and dependents needs no
                trees: its nodes are the tokens.

        Raises:
            StructureError: The construction reads trees or graphs, and a sentence lacks the structure.
        """
        if construction not in self._graphs:
            if construction.reads_trees:
                tokens, edges = self.nodes.tokens, self.nodes.edges
            else:
                tokens = np.arange(self.num_tokens)
                edges = (tokens[:0], tokens[:0], tokens[:0])
            made = construction.build(edges, tokens, self._tokens.ptr)
            self._graphs[construction] = made.to(self.device)
        return self._graphs[construction]

    def to_pyg(self, x: Tensor, construction: GraphConstruction = GraphConstruction()) -> Data:
        """This batch as one ``torch_geometric.data.Data``.

        Args:
            x: ``(tokens, d)``, a vector for each token.
            construction: Which edges to make.

        Returns:
            A ``Data`` with ``x`` (``(nodes, d)``), ``edge_index``, ``edge_type``, ``edge_label``,
            ``batch`` and ``ptr``.

        Raises:
            StructureError: A sentence lacks the structure.
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

    # Preparation and devices.

    def prepare(
        self, reads: Iterable[str], constructions: Iterable[GraphConstruction] = ()
    ) -> Batch:
        """Make the tensors that an encoder reads ahead of time.

        Args:
            reads: The encoder's ``reads``: ``"sequence"``, ``"tree"`` and ``"graph"``.
            constructions: The encoder's ``constructions``: the graphs that it reads.

        See :meth:`structnn.Encoder.prepare`, which knows what else an encoder reads.

        Returns:
            The batch itself.

        Raises:
            StructureError: A tree or a graph is read, and a sentence lacks the structure.
        """
        _ = self.token_batch, self.positions, self.lengths  # heads read them too
        for piece in reads:
            if piece == "sequence":
                _ = self.packing, self.padding
            else:
                _ = self.nodes_are_tokens, self.token_nodes, self.tokens_in_structure, self.node_ptr
            if piece == "tree":
                _ = self.schedule, self.roots, self.node_labels
                if not self.nodes_are_tokens:
                    _ = self.ranked_words
        for construction in constructions:
            self.graph(construction)
        return self

    def to(self, device: torch.device | str) -> Batch:
        """This batch on another device, with all tensors made so far."""
        device = torch.device(device)
        if device == self.device:
            return self
        return self._map(lambda tensor: sent(tensor, device), device)

    def pin_memory(self) -> Batch:
        """This batch in pinned (page-locked) memory, for fast copies to a GPU."""
        return self._map(Tensor.pin_memory, self.device)

    @_made_to_keep
    def _map(self, move: Callable[[Tensor], Tensor], device: torch.device) -> Batch:
        made = Batch.__new__(Batch)
        for name, value in self.__dict__.items():
            if isinstance(value, Tensor):
                value = move(value)
            elif isinstance(value, Schedule | Padding):
                value = value.map(move)
            elif name in ("packing", "ranked_words"):
                value = (move(value[0]), move(value[1]), value[2])  # the sizes stay on the CPU
            elif name == "_graphs":
                value = {key: graph.map(move) for key, graph in value.items()}
            made.__dict__[name] = value
        made.device = device
        return made

    @_made_to_keep
    def _tensor(self, array: np.ndarray[Any, Any]) -> Tensor:
        return sent(torch.from_numpy(array), self.device)
