"""Trained sequence models as programs of ``torch.export``, which run without structnn.

A program takes padded sentences, ``(token_ids, lengths)``, and gives the scores that the model gives.
Batches may be of any size, and sentences of any length. Encoders of trees and graphs can't be exported:
the shape of the structure differs from sentence to sentence, and the order in which nodes are visited is
made outside of PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from structnn.embeddings.words import WordEmbedding
from structnn.encoders.attention import sinusoids
from structnn.encoders.base import Encoder
from structnn.encoders.sequence.bag import Bag
from structnn.encoders.sequence.cnn import CNN, Windows
from structnn.encoders.sequence.recurrent import Recurrent
from structnn.encoders.sequence.transformer import LEARNED_PLACES, Transformer
from structnn.errors import InputError
from structnn.heads.head import Head, StructuredModel
from structnn.heads.readers import SentenceReader
from structnn.readouts import (
    AttentionReadout,
    LastReadout,
    MaxReadout,
    MeanReadout,
    Readout,
    SelfAttentiveReadout,
    SumReadout,
)

__all__ = ["ExportError", "export_model"]


class ExportError(InputError):
    """A model that can't be exported; the message says why."""


def export_model(model: StructuredModel) -> torch.export.ExportedProgram:
    """A program that gives the scores of a model.

    Args:
        model: A model that answers questions about a sentence, with word vectors and an encoder of
            sequences: bags, recurrent networks, convolutions (without stride and k-max), Transformers.

    Shapes:
        - token_ids: ``(sentences, longest)``, whole numbers: places in the vocabulary, 0 for unknown
          words and where a sentence has ended
        - lengths: ``(sentences,)``, whole numbers, at least 1
        - output: ``(sentences, answer.width)``, scores

    Raises:
        ExportError: The model is another one.

    Example:
        >>> from structnn import LabelAnswer, Vocabulary, build_encoder, build_head
        >>> encoder = build_encoder("bag", 3, 4)
        >>> head = build_head("sentence", LabelAnswer(["no", "yes"]), encoder)
        >>> words = WordEmbedding(Vocabulary(["dogs", "bark"]), 3)
        >>> program = export_model(StructuredModel(words, encoder, head).eval())
        >>> program.module()(torch.tensor([[1, 2], [1, 0]]), torch.tensor([2, 1])).shape
        torch.Size([2, 2])
    """
    padded = _PaddedModel(model).eval()
    sentences = torch.export.Dim("sentences", min=1)
    longest = torch.export.Dim("longest", min=1)
    example = torch.zeros(3, 4, dtype=torch.long), torch.tensor([4, 2, 1])
    with torch.no_grad():
        return torch.export.export(
            padded,
            example,
            dynamic_shapes={
                "token_ids": {0: sentences, 1: longest},
                "lengths": {0: sentences},
            },
        )


class _Padded(NamedTuple):
    """States of padded sentences.

    Attributes:
        states: ``(sentences, longest, d)``.
        lengths: ``(sentences,)``.
        mask: ``(sentences, longest)``, where a sentence has words.
    """

    states: Tensor
    lengths: Tensor
    mask: Tensor


class _PaddedModel(nn.Module):
    """A model on padded sentences.

    Args:
        model: The model, whose weights it shares.
    """

    def __init__(self, model: StructuredModel) -> None:
        super().__init__()
        embedding, encoder, head = model.embedding, model.encoder, model.head
        if not isinstance(embedding, WordEmbedding):
            raise ExportError(
                f"a model with a {type(embedding).__name__} can't be exported: only word vectors can, "
                "since a contextual model has a tokenizer of its own"
            )
        if not isinstance(head, Head) or not isinstance(head.reader, SentenceReader):
            raise ExportError(
                "only models that answer questions about a sentence, by a label, labels or a number, "
                "can be exported"
            )
        self.table, self.encoder, self.head = embedding.table, encoder, head
        self._encode = _encoding_of(encoder)
        if not (isinstance(encoder, Transformer) and encoder.cls is not None):
            assert encoder.readout is not None
            self._read = _reading_of(encoder.readout)

    def forward(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """The scores."""
        places = torch.arange(token_ids.shape[1], device=token_ids.device)
        mask = places < lengths[:, None]
        states = self._encode(self.encoder, _Padded(self.table(token_ids), lengths, mask))
        if isinstance(self.encoder, Transformer) and self.encoder.cls is not None:
            of_first: Tensor = self.head.of_vectors(states[:, 0])
            return of_first
        sentence = self._read(self.encoder.readout, _Padded(states, lengths, mask))
        if isinstance(self.encoder, Bag):
            sentence = self.encoder.perceptron(sentence)
        scores: Tensor = self.head.of_vectors(sentence)
        return scores


class _NoPadding:
    """What a Transformer's layer asks of a padding where the rows are padded already."""

    def __init__(self, sentences: int) -> None:
        self._sentences = sentences

    def pad(self, rows: Tensor) -> Tensor:
        padded: Tensor = rows.unflatten(0, (self._sentences, -1))
        return padded

    def unpad(self, padded: Tensor) -> Tensor:
        return padded.flatten(0, 1)


def _encoding_of(encoder: Encoder) -> Callable[[Encoder, _Padded], Tensor]:
    """What computes the states of an encoder, ``(sentences, longest, output_dim)``."""
    if isinstance(encoder, Bag):
        return lambda _, x: x.states
    if isinstance(encoder, Recurrent):
        return _recurrent
    if isinstance(encoder, CNN) and not encoder.k_max and encoder.stride == 1:
        return _convolutions
    if isinstance(encoder, Transformer):
        return _transformer
    name = type(encoder).__name__
    if encoder.reads & {"tree", "graph"}:
        kinds = " and ".join(sorted(encoder.reads & {"tree", "graph"}))
        raise ExportError(
            f"{name} can't be exported: it reads a {kinds}, whose shape differs from sentence to "
            "sentence, and the order in which nodes are visited is made outside of PyTorch. "
            "structnn serve answers with such a model"
        )
    raise ExportError(
        f"{name}, as it was built, can't be exported: there are programs for bag, dan, rnn, lstm, gru "
        "(also both ways), self_attentive, transformer, and cnn without stride and k_max"
    )


def _reading_of(readout: Readout) -> Callable[[Readout | None, _Padded], Tensor]:
    """What computes the sentence vectors of a readout, ``(sentences, d)``."""
    for kind, read in _READOUTS.items():
        if type(readout) is kind:
            return read
    raise ExportError(
        f"the readout {type(readout).__name__} can't be exported: there are programs for "
        f"{', '.join(kind.__name__ for kind in _READOUTS)}"
    )


def _recurrent(encoder: Encoder, x: _Padded) -> Tensor:
    """All layers, each from left to right and, if wanted, from right to left."""
    assert isinstance(encoder, Recurrent)
    network = encoder.network
    places = torch.arange(x.mask.shape[1], device=x.mask.device).expand_as(x.mask)
    mirrored = torch.where(x.mask, x.lengths[:, None] - 1 - places, places)[:, :, None]
    states = x.states
    for layer in range(network.num_layers):
        found = [_one_way(network, f"l{layer}", states)]
        if network.bidirectional:
            turned = states.gather(1, mirrored.expand_as(states))
            back = _one_way(network, f"l{layer}_reverse", turned)
            found.append(back.gather(1, mirrored.expand_as(back)))
        states = torch.cat(found, dim=2)
    return states


def _one_way(network: nn.RNNBase, name: str, x: Tensor) -> Tensor:
    """A layer from left to right, as a scan, whose number of steps an exported program may change."""
    from torch._higher_order_ops.scan import scan

    weight = getattr(network, f"weight_hh_{name}")
    own_bias = getattr(network, f"bias_hh_{name}")
    inputs = F.linear(x, getattr(network, f"weight_ih_{name}"), getattr(network, f"bias_ih_{name}"))
    start = x.new_zeros(x.shape[0], network.hidden_size)

    def lstm(state: tuple[Tensor, Tensor], gates: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
        h, c = state
        i, f, u, o = (gates + F.linear(h, weight, own_bias)).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * u.tanh()
        h = o.sigmoid() * c.tanh()
        return (h, c), h.clone()

    def gru(h: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
        of_x, of_h = gates.chunk(3, dim=1), F.linear(h, weight, own_bias).chunk(3, dim=1)
        r, z = (of_x[0] + of_h[0]).sigmoid(), (of_x[1] + of_h[1]).sigmoid()
        h = (1 - z) * (of_x[2] + r * of_h[2]).tanh() + z * h
        return h, h.clone()

    def rnn(h: Tensor, gates: Tensor) -> tuple[Tensor, Tensor]:
        h = (gates + F.linear(h, weight, own_bias)).tanh()
        return h, h.clone()

    steps = inputs.transpose(0, 1)
    if isinstance(network, nn.LSTM):
        _, states = scan(lstm, (start, start.clone()), steps)
    else:
        _, states = scan(gru if isinstance(network, nn.GRU) else rnn, start, steps)
    found: Tensor = states.transpose(0, 1)
    return found


def _convolutions(encoder: Encoder, x: _Padded) -> Tensor:
    assert isinstance(encoder, CNN)
    mask, states = x.mask[:, :, None], x.states
    for layer in cast("Iterable[Windows]", encoder.layers):
        line = (states * mask).transpose(1, 2)  # (sentences, input, longest)
        maps = [
            convolution(F.pad(line, (reach // 2, reach - reach // 2)))
            for reach, convolution in zip(layer.reaches, layer.convolutions, strict=True)
        ]
        states = torch.cat(maps, dim=1).relu().transpose(1, 2)
    return states


def _transformer(encoder: Encoder, x: _Padded) -> Tensor:
    """The states of the top layer; the first of each sentence is that of ``cls``, if there is one."""
    assert isinstance(encoder, Transformer)
    states, lengths = encoder.projection(x.states), x.lengths
    if encoder.cls is not None:
        first = encoder.cls.expand(states.shape[0], 1, -1)
        states, lengths = torch.cat([first, states], dim=1), lengths + 1
    sentences, longest, width = states.shape
    places = torch.arange(longest, device=states.device)
    if encoder.positions == "sinusoidal":
        states = states + sinusoids(longest, width, states)
    elif encoder.positions == "learned":
        states = states + encoder.places(places.clamp(max=LEARNED_PLACES - 1))
    visible = (places < lengths[:, None])[:, None, None]
    if encoder.causal:
        visible = visible & visible.new_ones(longest, longest).tril()
    rows = states.flatten(0, 1)
    for layer in encoder.layers:
        rows = layer(rows, _NoPadding(sentences), visible)
    found: Tensor = encoder.norm(rows).unflatten(0, (sentences, longest))
    return found


def _last(readout: Readout | None, x: _Padded) -> Tensor:
    assert readout is not None
    end = (x.lengths - 1)[:, None, None].expand(-1, 1, x.states.shape[2])
    last = x.states.gather(1, end)[:, 0]
    if readout.backward_dim == 0:
        return last
    forward_dim = readout.input_dim - readout.backward_dim
    return torch.cat([last[:, :forward_dim], x.states[:, 0, forward_dim:]], dim=1)


def _sum(readout: Readout | None, x: _Padded) -> Tensor:
    return (x.states * x.mask[:, :, None]).sum(1)


def _mean(readout: Readout | None, x: _Padded) -> Tensor:
    return _sum(readout, x) / x.lengths[:, None]


def _max(readout: Readout | None, x: _Padded) -> Tensor:
    return x.states.masked_fill(~x.mask[:, :, None], -torch.inf).amax(1)


def _attention(readout: Readout | None, x: _Padded) -> Tensor:
    if isinstance(readout, AttentionReadout):
        scores = readout.query(readout.projection(x.states).tanh())
    else:
        assert isinstance(readout, SelfAttentiveReadout)
        scores = readout.queries(readout.projection(x.states).tanh())
    weights = scores.masked_fill(~x.mask[:, :, None], -torch.inf).softmax(1)
    found: Tensor = (weights.transpose(1, 2) @ x.states).flatten(1)
    return found


_READOUTS: dict[type[Readout], Callable[[Readout | None, _Padded], Tensor]] = {
    LastReadout: _last,
    MeanReadout: _mean,
    SumReadout: _sum,
    MaxReadout: _max,
    AttentionReadout: _attention,
    SelfAttentiveReadout: _attention,
}
