"""The one interface of all encoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from structnn.checks import at_least
from structnn.data.batch import Batch
from structnn.data.graph import GraphConstruction
from structnn.readouts import Readout, build_readout

__all__ = ["Encoder", "Encoding"]


@dataclass(frozen=True)
class Encoding:
    """What an encoder gives.

    Attributes:
        tokens: ``(tokens, output_dim)``: a vector for each word, in order, whatever the structure.
        nodes: ``(nodes, output_dim)``: a vector for each node of the structure; the same tensor as
            ``tokens`` where every node is a word.
        sentence: ``(sentences, readout output_dim)``: a vector for each sentence.
    """

    tokens: Tensor
    nodes: Tensor
    sentence: Tensor


class Encoder(nn.Module):
    """Turns word vectors and a structure into vectors for words, nodes and sentences.

    A subclass calls ``super().__init__`` with its dimensions, makes its layers, and defines
    :meth:`encode`.

    Args:
        input_dim: The width of the word vectors.
        output_dim: The width of the states.
        readout: The readout that makes the sentence vector, as :func:`~structnn.build_readout` reads
            it; None for a subclass that makes it in a ``forward`` of its own.
        backward_dim: How many of the last columns of the states were read from right to left.

    Attributes:
        reads: Which structure it reads: any of ``"sequence"``, ``"tree"`` and ``"graph"``. An encoder
            that reads a tree or a graph has a state for each node, any other one for each token.
        ordered_children: Whether the order of the children of a node matters to it.
        constructions: The graphs that it reads.
        sentence_dim: The width of the sentence vector.

    Shapes:
        - x: ``(tokens, input_dim)``, the tokens of all sentences in a row
        - output: an :class:`Encoding`
    """

    reads: ClassVar[frozenset[str]] = frozenset()
    ordered_children: ClassVar[bool] = False

    def __init__(
        self, input_dim: int, output_dim: int, *, readout: str | None, backward_dim: int = 0
    ) -> None:
        super().__init__()
        at_least(1, input_dim=input_dim, output_dim=output_dim)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.constructions: tuple[GraphConstruction, ...] = ()
        self.readout: Readout | None = None
        if readout is not None:
            self.readout = build_readout(readout, output_dim, backward_dim=backward_dim)

    @property
    def sentence_dim(self) -> int:
        """The width of the sentence vector."""
        return self.output_dim if self.readout is None else self.readout.output_dim

    @property
    def has_node_states(self) -> bool:
        """Whether the states belong to nodes of the structure, not to tokens."""
        return bool(self.reads & {"tree", "graph"})

    @property
    def reads_order(self) -> bool:
        """Whether anything but the shape of the structure tells words apart: their order, in short."""
        neighbours = any(construction.neighbours for construction in self.constructions)
        return "sequence" in self.reads or self.ordered_children or neighbours

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states, ``(nodes, output_dim)`` or ``(tokens, output_dim)``; see ``reads``."""
        raise NotImplementedError

    def summarise(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        """The sentence vectors, ``(sentences, sentence_dim)``."""
        assert self.readout is not None
        sentence: Tensor = self.readout(nodes, tokens, batch)
        return sentence

    def check(self, x: Tensor, batch: Batch) -> None:
        """Make sure that there is a vector for each token, as wide as this encoder expects.

        Raises:
            ValueError: There is not.
        """
        if x.shape != (batch.num_tokens, self.input_dim):
            raise ValueError(
                f"{type(self).__name__} expects x of shape (tokens, input_dim) = "
                f"({batch.num_tokens}, {self.input_dim}), but got {tuple(x.shape)}"
            )

    def forward(self, x: Tensor, batch: Batch) -> Encoding:
        """Encode a batch.

        Raises:
            ValueError: ``x`` does not have a row for each token, or is not ``input_dim`` wide.
            StructureError: A sentence lacks the structure that this encoder reads.
        """
        self.check(x, batch)
        nodes = self.encode(x, batch)
        tokens = nodes
        if self.has_node_states and not batch.nodes_are_tokens:
            tokens = batch.to_tokens(nodes)
        return Encoding(tokens, nodes, self.summarise(nodes, tokens, batch))
