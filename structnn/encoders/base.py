"""The one interface of all encoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias, cast

from torch import Tensor

from structnn.data.batch import Batch
from structnn.data.graph import GraphConstruction
from structnn.ops.paths import UnknownStepsError
from structnn.options import Declared, at_least
from structnn.readouts import Readout, build_readout

__all__ = ["Carried", "Encoder", "Encoding"]

Carried: TypeAlias = tuple[Tensor, ...]
"""What an encoder remembers of the words it has read: tensors ``(sentences, ...)``."""


@dataclass(frozen=True)
class Encoding:
    """What an encoder gives.

    Attributes:
        tokens: ``(tokens, output_dim)``: the state of each word, in order, whatever the structure.
        nodes: ``(nodes, output_dim)``: the state of each node of the structure; the same tensor as
            ``tokens`` where every node is a word.
        sentence: ``(sentences, sentence_dim)``: the sentence vectors, which the readout makes of the
            states.
    """

    tokens: Tensor
    nodes: Tensor
    sentence: Tensor


class Encoder(Declared):
    """Turns word vectors and a structure into vectors for words, nodes and sentences.

    A subclass declares what it reads by class attributes, and its options in the signature of its
    constructor (see :mod:`structnn.options`). It calls ``super().__init__`` with its dimensions, makes
    its layers, and defines :meth:`encode`.

    Args:
        input_dim: The width of the word vectors.
        output_dim: The width of the states.
        readout: The readout that makes the sentence vector, as :func:`~structnn.build_readout` reads
            it; None for a subclass that defines :meth:`summarise` itself.
        backward_dim: How many of the last columns of the states were read from right to left.

    Attributes:
        reads: Which structures it reads: any of ``"sequence"``, ``"tree"`` and ``"graph"``. An encoder
            that reads a tree or a graph has a state for each node, any other one for each token.
        ordered_children: Whether the order of the children of a node matters to it.
        arity: The largest number of children of a node that it can read; None for any number.
        num_labels: How many labels of nodes or edges it has weights for; 0 if labels don't matter.
        constructions: The graphs that it reads.
        causal: Whether the state of a word depends on the words up to it alone, so that the next word
            can be predicted from it.
        carries: Whether it can go on from what it remembers of earlier words: see :meth:`carry`.
        sentence_dim: The width of the sentence vector.

    Shapes:
        - x: ``(tokens, input_dim)``, the tokens of all sentences in a row
        - output: an :class:`Encoding`
    """

    reads: frozenset[str] = frozenset()
    ordered_children: bool = False
    arity: int | None = None
    num_labels: int = 0
    constructions: tuple[GraphConstruction, ...] = ()
    causal: bool = False
    carries: bool = False

    __call__: Callable[..., Encoding]  # nn.Module's gives Any

    _widths = ("input_dim", "output_dim")

    earlier_names: ClassVar[Mapping[str, str]] = {}
    """How the names of weights began in version 0.1.0, and how they begin now."""

    def __init__(
        self, input_dim: int, output_dim: int, *, readout: str | None, backward_dim: int = 0
    ) -> None:
        super().__init__()
        at_least(1, input_dim=input_dim, output_dim=output_dim)
        self.input_dim = input_dim
        self.output_dim = output_dim
        made = None
        if readout is not None:
            made = build_readout(readout, output_dim, backward_dim=backward_dim)
        self._modules["readout"] = made

    @property
    def readout(self) -> Readout | None:
        """What makes the sentence vectors from the states."""
        return cast("Readout | None", self._modules["readout"])

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
        """Whether the order of the words matters to it, beside the shape of the structure."""
        neighbours = any(construction.neighbours for construction in self.constructions)
        return "sequence" in self.reads or self.ordered_children or neighbours

    @property
    def stages(self) -> tuple[Encoder, ...]:
        """The encoders that it consists of, in the order in which they compute: itself, if no chain."""
        return (self,)

    def without_readout(self) -> Self:
        """This encoder, without its readout: for use where nobody asks for sentence vectors.

        The weights of an unused readout would never learn.
        """
        self._modules["readout"] = None
        return self

    @property
    def needs(self) -> frozenset[str]:
        """The structures that sentences must have: those of ``reads``, and those of the readout."""
        return self.reads if self.readout is None else self.reads | self.readout.reads

    @property
    def needs_structure(self) -> bool:
        """Whether sentences must have more than tokens: a tree, or a graph."""
        return bool(self.needs & {"tree", "graph"})

    def prepare(self, batch: Batch) -> Batch:
        """Make the structures that this encoder reads of a batch, ahead of time; in a data loader, say.

        Then a pass reads nothing back from a GPU, and sends nothing to it.

        Returns:
            The batch itself.

        Raises:
            StructureError: A sentence lacks the structure that this encoder reads.
        """
        return batch.prepare(self.needs, self.constructions)

    def encode(self, x: Tensor, batch: Batch) -> Tensor:
        """The states, ``(nodes, output_dim)`` or ``(tokens, output_dim)``; see ``reads``."""
        raise NotImplementedError

    def carry(self, x: Tensor, batch: Batch, before: Carried | None) -> tuple[Tensor, Carried]:
        """The states, where each sentence of the batch goes on from what was read before it.

        So a long text is read in parts, with the result of reading it at once.

        Args:
            x: ``(tokens, input_dim)``.
            batch: The parts.
            before: What this method gave for the parts before; None at the beginning.

        Returns:
            ``(tokens, output_dim)``, as :meth:`encode` gives them, and what is remembered at the ends.

        Raises:
            NotImplementedError: The encoder can't go on: see :attr:`carries`.
            ValueError: As :meth:`forward`, or other sentences were read before.
        """
        self.check_carried(x, batch, before)
        raise NotImplementedError

    def check_carried(self, x: Tensor, batch: Batch, before: Carried | None) -> None:
        """Make sure that :meth:`carry` can go on from what is remembered.

        Raises:
            NotImplementedError: The encoder can't go on.
            ValueError: As :meth:`check`, or other sentences were read before.
        """
        if not self.carries:
            raise NotImplementedError(
                f"this {type(self).__name__} can't go on from earlier words, as encoders do whose "
                "attribute `carries` is True: read the sentences as a whole"
            )
        self.check(x, batch)
        if before is not None and len(before[0]) != len(batch):
            raise ValueError(
                f"the batch has {len(batch)} sentences, but what is remembered is of {len(before[0])}: "
                "each part goes on where the same sentence of the batch before ended"
            )

    def token_states(self, x: Tensor, batch: Batch) -> Tensor:
        """The states of the tokens, ``(tokens, output_dim)``, without a sentence vector."""
        return self.of_tokens(self.encode(x, batch), batch)

    def states(self, x: Tensor, batch: Batch) -> Encoding:
        """The encoding without sentence vectors, for what doesn't read them: theirs have the width 0.

        Raises:
            ValueError: As :meth:`forward`.
            StructureError: As :meth:`forward`.
        """
        self.check(x, batch)
        nodes = self.encode(x, batch)
        return Encoding(self.of_tokens(nodes, batch), nodes, nodes.new_empty(len(batch), 0))

    def summarise(self, nodes: Tensor, tokens: Tensor, batch: Batch) -> Tensor:
        """The sentence vectors, ``(sentences, sentence_dim)``.

        Raises:
            ValueError: The encoder has no readout.
        """
        if self.readout is None:
            raise ValueError(
                f"this {type(self).__name__} has no readout, so it makes no sentence vectors: use its "
                "token_states, or build it with a readout"
            )
        return self.readout(nodes, tokens, batch)

    def steps(self, batch: Batch) -> Tensor:
        """The least number of steps between each word and each state of one sentence.

        Returns:
            ``(nodes or tokens, tokens)``: see :mod:`structnn.ops.paths`.

        Raises:
            UnknownStepsError: The encoder does not define this method.
        """
        raise UnknownStepsError(
            f"{type(self).__name__} does not say how many steps lie between a word and a state: "
            "define its method `steps`, or leave the encoder out"
        )

    def sentence_steps(self, batch: Batch) -> Tensor:
        """``(tokens,)``: the least number of steps between each word and the sentence vector."""
        steps = self.steps(batch)
        return steps.amin(0) if self.readout is None else self.readout.steps(steps, batch)

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
        tokens = self.of_tokens(nodes, batch)
        return Encoding(tokens, nodes, self.summarise(nodes, tokens, batch))

    def of_tokens(self, states: Tensor, batch: Batch) -> Tensor:
        """The rows of ``states``, as :meth:`encode` gives them, that belong to tokens."""
        if self.has_node_states and not batch.nodes_are_tokens:
            return batch.to_tokens(states)
        return states

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any, **options: Any
    ) -> None:
        for earlier, now in self.earlier_names.items():
            for name in [name for name in state_dict if name.startswith(prefix + earlier)]:
                renamed = prefix + now + name.removeprefix(prefix + earlier)
                state_dict[renamed] = state_dict.pop(name)
        super()._load_from_state_dict(state_dict, prefix, *arguments, **options)
