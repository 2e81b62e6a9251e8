"""Decoders: from the states of an encoding to a sequence, by name."""

from __future__ import annotations

from structnn.decoders.base import Decoder, Memory, Step
from structnn.decoders.head import SequenceHead
from structnn.decoders.reading import Hypothesis, Reading
from structnn.decoders.search import Search
from structnn.decoders.target import TargetVocabulary
from structnn.encoders.base import Encoder
from structnn.options import at_least
from structnn.registry import Registry

__all__ = [
    "DECODERS",
    "Decoder",
    "Hypothesis",
    "Memory",
    "Reading",
    "Search",
    "SequenceHead",
    "Step",
    "TargetVocabulary",
    "build_decoder",
    "register_decoder",
]

DECODERS: Registry[Decoder] = Registry("decoder")
DECODERS.add("gru", "structnn.decoders.recurrent:GRUDecoder")
DECODERS.add("lstm", "structnn.decoders.recurrent:LSTMDecoder")
DECODERS.add("transformer", "structnn.decoders.transformer:TransformerDecoder")


def register_decoder(name: str, cls: type[Decoder]) -> None:
    """Make a decoder of your own available by name.

    Args:
        name: Letters, digits and underscores.
        cls: A subclass of :class:`Decoder` whose constructor takes ``input_dim``, ``hidden_dim``,
            ``state_dim`` and ``sentence_dim``, then options with defaults as keyword-only arguments.

    Raises:
        ValueError: The name can't be one, or is another class's already.
    """
    DECODERS.add(name, cls)


def build_decoder(
    spec: str, encoder: Encoder, input_dim: int, hidden_dim: int, **options: object
) -> Decoder:
    """The decoder of this name, for the encodings of an encoder.

    Args:
        spec: A registered name, ``"gru"``, or a name with options, ``"gru(attention='dot')"``.
        encoder: Whose encodings it reads: any encoder, of sequences, trees or graphs.
        input_dim: The width of the vectors of target words.
        hidden_dim: The width of the decoder's states.
        options: More options of the decoder.

    Raises:
        UnknownNameError: The name or an option is not known; the message lists the valid ones.
        ValueError: A dimension is below one, or no whole number; an option's value is not accepted, or
            doesn't go with the others; or several decoders are named.

    Example:
        >>> from structnn import build_encoder
        >>> encoder = build_encoder("gat", input_dim=50, hidden_dim=20)
        >>> build_decoder("gru(copy=True)", encoder, input_dim=30, hidden_dim=40).output_dim
        40
    """
    at_least(1, input_dim=input_dim, hidden_dim=hidden_dim)
    input_dim, hidden_dim = int(input_dim), int(hidden_dim)  # PyTorch refuses some of NumPy's
    (name, own), *rest = DECODERS.parse(spec, ">")
    if rest:
        raise ValueError(f"a model has one decoder, but {spec!r} names {1 + len(rest)}")
    dimensions = (input_dim, hidden_dim, encoder.output_dim, encoder.sentence_dim)
    return DECODERS.build(name, {**own, **options}, *dimensions)
