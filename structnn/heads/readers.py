"""What of an encoding a head reads: a vector for each thing that is asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor

from structnn.data.batch import Batch
from structnn.encoders.base import Encoder, Encoding
from structnn.notes import note
from structnn.ops.segments import segment_max, segment_softmax, segment_sum
from structnn.options import Declared, at_least
from structnn.registry import Registry

__all__ = ["READERS", "Reader", "build_reader", "register_reader"]


class Reader(Declared):
    """Takes from an encoding the vectors that questions are about.

    A subclass declares by class attributes what an example consists of, sets ``output_dim``, and
    defines :meth:`forward`.

    Args:
        sentence_dim: The width of the encoder's sentence vectors.
        state_dim: The width of its states.

    Attributes:
        texts: How many texts an example has. Where it has two, a batch of *n* examples has 2 *n*
            sentences: all first texts, and after them all second ones.
        spans: How many spans an example has.
        rows: What there is a vector for: each ``"example"``, ``"token"`` or ``"node"``.
        reads_sentences: Whether it reads sentence vectors, so that the encoder needs a readout.
        output_dim: The width of the vectors.

    Raises:
        ValueError: A width is below 1.

    Shapes:
        - spans: ``(examples, spans, 2)``, where each span begins and ends in its sentence, in tokens;
          the end is the token after its last. None for a reader without spans.
        - output: ``(rows, output_dim)``
    """

    texts: ClassVar[int] = 1
    spans: int = 0
    rows: str = "example"
    reads_sentences: bool = True

    __call__: Callable[..., Tensor]  # nn.Module's gives Any

    _widths = ("sentence_dim", "state_dim")

    def __init__(self, sentence_dim: int, state_dim: int) -> None:
        super().__init__()
        at_least(1, sentence_dim=sentence_dim, state_dim=state_dim)
        self.sentence_dim, self.state_dim = sentence_dim, state_dim
        self.output_dim = sentence_dim

    def forward(self, encoding: Encoding, batch: Batch, spans: Tensor | None = None) -> Tensor:
        """The vectors."""
        raise NotImplementedError


class SentenceReader(Reader):
    """The vector of each sentence."""

    def forward(self, encoding: Encoding, batch: Batch, spans: Tensor | None = None) -> Tensor:
        return encoding.sentence


class PairReader(Reader):
    r"""How the vectors *u* and *v* of two sentences compare.

    ``"all"`` (InferSent, Conneau et al. 2017) and ``"product_difference"`` (Tai et al. 2015) are

    .. math:: [u; v; |u - v|; u \odot v], \qquad [u \odot v; |u - v|].

    The second one doesn't tell the first sentence from the second: it suits relatedness, and no
    question with a direction, such as entailment.

    Args:
        sentence_dim: The width of the encoder's sentence vectors.
        state_dim: The width of its states.
        features: Which of the two.
    """

    texts = 2

    def __init__(
        self,
        sentence_dim: int,
        state_dim: int,
        *,
        features: Literal["all", "product_difference"] = "all",
    ) -> None:
        super().__init__(sentence_dim, state_dim)
        self.features = features
        self.output_dim = sentence_dim * (4 if features == "all" else 2)

    def forward(self, encoding: Encoding, batch: Batch, spans: Tensor | None = None) -> Tensor:
        if len(encoding.sentence) % 2:
            raise ValueError(
                f"a batch of pairs has the first texts and then as many second ones, but this one has "
                f"{len(encoding.sentence)} sentences"
            )
        u, v = encoding.sentence.chunk(2)
        if self.features == "all":
            return torch.cat([u, v, (u - v).abs(), u * v], dim=1)
        return torch.cat([u * v, (u - v).abs()], dim=1)


class SpanReader(Reader):
    r"""One or more spans of a sentence, such as the target of an opinion or the two ends of a relation.

    Each span gives a vector; they stand side by side, with the sentence vector before them, as in
    C-GCN (Zhang et al. 2018). With *h* the states of the tokens and *S* the span, the vector is the
    state of its first token, the mean or the maximum of its states, or (``"attention"``) the sum of all
    states of the sentence, weighted by how they match the span:

    .. math:: \sum_t a_t h_t, \qquad
        a = \mathrm{softmax}_t \Bigl(h_t^\top W \, \tfrac{1}{|S|}\sum_{s \in S} h_s\Bigr).

    Args:
        sentence_dim: The width of the encoder's sentence vectors.
        state_dim: The width of its states.
        count: The number of spans.
        span: How the vector of a span is made.
        sentence: Whether the sentence vector is read too.
    """

    def __init__(
        self,
        sentence_dim: int,
        state_dim: int,
        *,
        count: int = 1,
        span: Literal["mean", "max", "first", "attention"] = "mean",
        sentence: bool = True,
    ) -> None:
        super().__init__(sentence_dim, state_dim)
        at_least(1, count=count)
        self.spans = count
        self.span = span
        self.reads_sentences = sentence
        self.output_dim = count * state_dim + (sentence_dim if sentence else 0)
        self.match = None
        if span == "attention":
            self.match = torch.nn.Linear(state_dim, state_dim, bias=False)

    def forward(self, encoding: Encoding, batch: Batch, spans: Tensor | None = None) -> Tensor:
        vectors = [encoding.sentence] if self.reads_sentences else []
        for begin, end in self._in_batch(spans, batch).unbind(1):  # (examples,) each
            vectors.append(self._summary(encoding.tokens, batch, begin, end))
        return torch.cat(vectors, dim=1)

    def _in_batch(self, spans: Tensor | None, batch: Batch) -> Tensor:
        """The spans as places in all tokens of the batch, ``(2, spans, examples)``."""
        wanted = (len(batch), self.spans, 2)
        if spans is None or spans.shape != wanted:
            found = None if spans is None else tuple(spans.shape)
            raise ValueError(
                f"{type(self).__name__} expects spans of shape (examples, {self.spans}, 2) = "
                f"{wanted}, but got {found}"
            )
        lengths = batch.lengths[:, None]
        fits = (spans[..., 0] >= 0) & (spans[..., 0] < spans[..., 1]) & (spans[..., 1] <= lengths)
        if spans.device.type != "cpu":  # nothing is read back from there
            torch._assert_async(fits.all(), "a span is empty or leaves its sentence")
        elif not bool(fits.all()):
            example, number = (~fits).nonzero()[0].tolist()
            begin, end = spans[example, number].tolist()
            raise ValueError(
                f"span {number} of example {example} is from {begin} to {end}, but its sentence has "
                f"{int(batch.lengths[example])} tokens: a span has at least one of them"
            )
        return (spans + batch.token_ptr[:-1, None, None]).permute(2, 1, 0)

    def _summary(self, states: Tensor, batch: Batch, begin: Tensor, end: Tensor) -> Tensor:
        """The vector of one span of each example, ``(examples, state_dim)``."""
        if self.span == "first":
            return states.index_select(0, begin)
        token = torch.arange(batch.num_tokens, device=states.device)
        first, last = (place.index_select(0, batch.token_batch) for place in (begin, end))
        inside = ((token >= first) & (token < last))[:, None]  # (tokens, 1)
        if self.span == "max":
            return segment_max(states.masked_fill(~inside, -torch.inf), batch.token_ptr)
        within = states.masked_fill(~inside, 0.0)
        mean = segment_sum(within, batch.token_ptr) / (end - begin)[:, None].to(states.dtype)
        if self.match is None:
            return mean
        query = self.match(mean).index_select(0, batch.token_batch)  # (tokens, state_dim)
        scores = (states * query).sum(1, keepdim=True)
        weights = segment_softmax(scores, batch.token_ptr, batch.token_batch)
        note("span attention", weights)
        return segment_sum(weights * states, batch.token_ptr, batch.token_batch)


class TokenReader(Reader):
    """The state of each token."""

    rows = "token"
    reads_sentences = False

    def __init__(self, sentence_dim: int, state_dim: int) -> None:
        super().__init__(sentence_dim, state_dim)
        self.output_dim = state_dim

    def forward(self, encoding: Encoding, batch: Batch, spans: Tensor | None = None) -> Tensor:
        return encoding.tokens


class NodeReader(TokenReader):
    """The state of each node of the structure."""

    rows = "node"

    def forward(self, encoding: Encoding, batch: Batch, spans: Tensor | None = None) -> Tensor:
        return encoding.nodes


READERS: Registry[Reader] = Registry("reader", given=("count",))
READERS.add("sentence", SentenceReader)
READERS.add("pair", PairReader)
READERS.add("span", SpanReader, count=1)
READERS.add("spans", SpanReader, count=2)
READERS.add("tokens", TokenReader)
READERS.add("nodes", NodeReader)


def register_reader(name: str, cls: type[Reader]) -> None:
    """Make a reader of your own available by name.

    Args:
        name: Letters, digits and underscores.
        cls: A subclass of :class:`Reader` whose constructor takes ``sentence_dim`` and ``state_dim``,
            then options with defaults as keyword-only arguments.

    Raises:
        ValueError: The name can't be one, or is another class's already.
    """
    READERS.add(name, cls)


def build_reader(spec: str, encoder: Encoder) -> Reader:
    """The reader that a string describes, for an encoder.

    Args:
        spec: A name, ``"pair"``, or a name with options, ``"span(span='max')"``.
        encoder: Whose encodings it reads.

    Raises:
        UnknownNameError: The name or an option is not known; the message lists the valid ones.
        ValueError: An option's value is not accepted, or several readers are named.
    """
    (name, options), *rest = READERS.parse(spec, "+")
    if rest:
        raise ValueError(f"a head has one reader, but {spec!r} names {1 + len(rest)}")
    return READERS.build(name, options, encoder.sentence_dim, encoder.output_dim)
