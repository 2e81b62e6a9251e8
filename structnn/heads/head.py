"""A head: what an encoding is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, cast, overload

from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders.base import Encoder, Encoding
from structnn.heads.answers import Answer
from structnn.heads.arcs import ArcsAnswer, ArcScores, ArcsHead, ArcsReader
from structnn.heads.readers import Reader, build_reader
from structnn.ops.devices import sent
from structnn.ops.dropout import Dropout
from structnn.options import at_least

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from structnn.decoders.head import SequenceHead
    from structnn.decoders.reading import Reading
    from structnn.language_models.head import WordsHead

    # A plain StructuredModel has any head. Python 3.13 is the first whose own TypeVar has defaults.
    AnyHead_co = TypeVar(
        "AnyHead_co",
        bound="Head | ArcsHead | SequenceHead | WordsHead",
        default="Head | ArcsHead | SequenceHead | WordsHead",
        covariant=True,
    )
else:
    from typing import TypeVar

    AnyHead_co = TypeVar("AnyHead_co", covariant=True)

__all__ = ["Head", "StructuredModel", "build_head"]

ACTIVATIONS: Mapping[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


class Head(nn.Module):
    r"""A reader, a hidden layer if wanted, a linear layer to the scores, and what they mean.

    .. math:: y = W f(V \, \mathrm{dropout}(\mathrm{reader}(\mathrm{encoding})) + c) + b

    Without a hidden layer *f* and *V* are left out.

    Args:
        reader: Gives a vector for each thing that is asked about.
        answer: What is predicted of it.
        dropout: The dropout rate of these vectors, and of the hidden layer.
        hidden_dim: The width of the hidden layer; 0 for none.
        activation: *f*.

    Shapes:
        - output: ``(rows, answer.width)``, scores; see :class:`~structnn.heads.Reader` for rows

    Raises:
        ValueError: ``hidden_dim`` is below 0, or ``activation`` is not known.
    """

    __call__: Callable[..., Tensor]  # nn.Module's gives Any

    def __init__(
        self,
        reader: Reader,
        answer: Answer,
        *,
        dropout: float = 0.0,
        hidden_dim: int = 0,
        activation: Literal["relu", "sigmoid", "tanh"] = "relu",
    ) -> None:
        super().__init__()
        at_least(0, hidden_dim=hidden_dim)
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation must be 'relu', 'sigmoid' or 'tanh', but is {activation!r}"
            )
        self.reader = reader
        self.dropout = Dropout(dropout)
        self.hidden = None
        if hidden_dim:
            self.hidden = nn.Sequential(
                nn.Linear(reader.output_dim, hidden_dim),
                ACTIVATIONS[activation](),
                Dropout(dropout),
            )
        self.output = nn.Linear(hidden_dim or reader.output_dim, answer.width)
        self._modules["answer"] = cast(nn.Module, answer)

    @property
    def answer(self) -> Answer:
        """What is predicted."""
        return cast(Answer, self._modules["answer"])

    def forward(self, encoding: Encoding, batch: Batch, spans: Tensor | None = None) -> Tensor:
        """The scores."""
        return self.of_vectors(self.reader(encoding, batch, spans))

    def of_vectors(self, vectors: Tensor) -> Tensor:
        """The scores of vectors as the reader gives them, ``(rows, reader.output_dim)``."""
        vectors = self.dropout(vectors)
        scores: Tensor = self.output(vectors if self.hidden is None else self.hidden(vectors))
        return scores

    def loss(self, scores: Tensor, gold: Tensor, weights: Tensor | None = None) -> Tensor:
        """The mean loss; see :meth:`Answer.loss`. Answers and weights may still be on the CPU."""
        weights = None if weights is None else sent(weights, scores.device)
        return self.answer.loss(scores, sent(gold, scores.device), weights)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any, **options: Any
    ) -> None:
        for name in ("weight", "bias"):  # until version 0.3.0 a head was its linear layer
            if f"{prefix}{name}" in state_dict:
                state_dict[f"{prefix}output.{name}"] = state_dict.pop(f"{prefix}{name}")
        super()._load_from_state_dict(state_dict, prefix, *arguments, **options)


class StructuredModel(nn.Module, Generic[AnyHead_co]):
    r"""An embedding, an encoder and a head.

    .. math:: y = \mathrm{head}(\mathrm{encoder}(\mathrm{dropout}(x)))

    Args:
        embedding: Maps a batch to ``(tokens, dim)``, as :class:`~structnn.WordEmbedding` does; has an
            attribute ``dim``.
        encoder: Any encoder with ``input_dim=embedding.dim``.
        head: What the encoding is asked.
        dropout: The dropout rate of word vectors.

    Shapes:
        - spans: ``(examples, spans, 2)``, see :class:`~structnn.heads.Reader`
        - output: ``(rows, answer.width)``, scores; of an :class:`~structnn.ArcsHead`
          :class:`~structnn.heads.ArcScores`; of a :class:`~structnn.SequenceHead` a
          :class:`~structnn.decoders.Reading`, and of a :class:`~structnn.language_models.WordsHead`
          the states, which stand for them

    Raises:
        ValueError: ``encoder.input_dim`` is not ``embedding.dim``.

    Example:
        >>> from structnn import LabelAnswer, Sentence, Vocabulary, WordEmbedding, build_encoder
        >>> words = Vocabulary(["dogs", "cats", "bark"])
        >>> encoder = build_encoder("bilstm", input_dim=5, hidden_dim=8)
        >>> head = build_head("tokens", LabelAnswer(["NOUN", "VERB"]), encoder)
        >>> model = StructuredModel(WordEmbedding(words, 5), encoder, head)
        >>> batch = Batch.from_sentences([Sentence(["dogs", "bark"])], vocabulary=words)
        >>> model(batch).shape  # a row for each token
        torch.Size([2, 2])
        >>> head.loss(model(batch), head.answer.encode(["NOUN", "VERB"])).shape
        torch.Size([])
    """

    def __init__(
        self,
        embedding: nn.Module,
        encoder: Encoder,
        head: AnyHead_co,
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        width = getattr(embedding, "dim", None)
        if width != encoder.input_dim:
            raise ValueError(
                f"the embedding has dim={width}, but the encoder has "
                f"input_dim={encoder.input_dim}: build it with input_dim=embedding.dim"
            )
        self.embedding = embedding
        self.encoder = encoder
        self.dropout = Dropout(dropout)
        self.head: AnyHead_co = head

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes; empty where numbers are predicted."""
        return self.head.answer.labels

    def encode(self, batch: Batch) -> Encoding:
        """What the head reads."""
        return self.encode_vectors(self.dropout(self.embedding(batch)), batch)

    def encode_vectors(self, x: Tensor, batch: Batch) -> Encoding:
        """What the head reads, of any word vectors, ``(tokens, embedding.dim)``."""
        if not self.head.reader.reads_sentences:
            return self.encoder.states(x, batch)
        return self.encoder(x, batch)

    def forward(
        self, batch: Batch, spans: Tensor | None = None, *, nodes: bool = False
    ) -> Tensor | ArcScores | Reading:
        """The scores.

        Args:
            batch: The sentences; where an example has two texts, all first ones and then all second
                ones.
            spans: The spans of each example, where the head reads spans.
            nodes: Apply the head's layers to the state of each node instead, to train on trees with a
                label at every node (Socher et al. 2013). With the readout ``"root"`` the scores of a
                root are those of its sentence.

        Returns:
            ``(rows, answer.width)``, or what else the head gives: see above. With ``nodes``
            ``(nodes, answer.width)``.

        Raises:
            ValueError: ``nodes`` is set, and what the head reads is not as wide as the nodes' states,
                or it parses or writes sequences.
        """
        encoding = self.encode(batch)
        if not nodes:
            return self.head(encoding, batch, spans)
        if not isinstance(self.head, Head):
            raise ValueError("a head that parses, or writes sequences, has no scores of nodes")
        if self.head.reader.output_dim != self.encoder.output_dim:
            raise ValueError(
                f"the linear layer reads sentence vectors of dimension {self.head.reader.output_dim}, "
                f"but the nodes' states have {self.encoder.output_dim}: to score nodes, use "
                "readout='root'"
            )
        return self.head.of_vectors(encoding.nodes)


@overload
def build_head(
    reader: str,
    answer: Answer,
    encoder: Encoder,
    *,
    dropout: float = ...,
    hidden_dim: int = ...,
    activation: Literal["relu", "sigmoid", "tanh"] = ...,
) -> Head: ...


@overload
def build_head(
    reader: str,
    answer: ArcsAnswer,
    encoder: Encoder,
    *,
    dropout: float = ...,
    hidden_dim: int = ...,
    activation: Literal["relu", "sigmoid", "tanh"] = ...,
) -> ArcsHead: ...


def build_head(
    reader: str,
    answer: Answer | ArcsAnswer,
    encoder: Encoder,
    *,
    dropout: float = 0.0,
    hidden_dim: int = 0,
    activation: Literal["relu", "sigmoid", "tanh"] = "relu",
) -> Head | ArcsHead:
    """A head for an encoder.

    Args:
        reader: What it reads: ``"sentence"``, ``"pair"``, ``"span"``, ``"spans"``, ``"tokens"``,
            ``"nodes"``, ``"arcs"``, or one with options, as ``"span(span='max')"``.
        answer: What it predicts, such as ``LabelAnswer(["no", "yes"])``; of arcs an
            :class:`~structnn.ArcsAnswer`.
        encoder: Whose encodings it reads.
        dropout: See :class:`Head`.
        hidden_dim: See :class:`Head`.
        activation: See :class:`Head`.

    Raises:
        UnknownNameError: There is no such reader or option; the message lists the valid ones.
        ValueError: Reader and answer don't go together, an option's value is not accepted, or arcs are
            to have a hidden layer.

    Example:
        >>> from structnn import LabelAnswer, build_encoder
        >>> encoder = build_encoder("bilstm", input_dim=50, hidden_dim=20)
        >>> build_head("pair", LabelAnswer(["no", "yes"]), encoder).reader.output_dim
        160
    """
    read = build_reader(reader, encoder)
    if isinstance(read, ArcsReader):
        if not isinstance(answer, ArcsAnswer):
            raise ValueError(f"the answer of arcs must be an ArcsAnswer, but is {answer}")
        if hidden_dim:
            raise ValueError(
                f"arcs have layers of their own: instead of hidden_dim={hidden_dim} give their widths, "
                "as arcs(arc_dim=500, relation_dim=100)"
            )
        return ArcsHead(read, answer, dropout=dropout)
    if isinstance(answer, ArcsAnswer):
        raise ValueError(f"an ArcsAnswer goes with the reader 'arcs', but the reader is {reader!r}")
    return Head(read, answer, dropout=dropout, hidden_dim=hidden_dim, activation=activation)
