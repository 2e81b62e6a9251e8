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
from structnn.encoders.attention import Pairs, sinusoids
from structnn.encoders.base import Encoder
from structnn.encoders.sequence.bag import Bag
from structnn.encoders.sequence.cnn import CNN, Windows
from structnn.encoders.sequence.min_gru import MinGRU
from structnn.encoders.sequence.recurrent import Recurrent
from structnn.encoders.sequence.transformer import LEARNED_PLACES, Transformer
from structnn.encoders.sequence.unrolled import FastWeights, HyperLSTM
from structnn.errors import InputError
from structnn.heads.head import Head, StructuredModel
from structnn.heads.readers import SentenceReader
from structnn.ops.segments import Padding
from structnn.ops.weights import without_hooks
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
            sequences, or a chain of them, but convolutions with a stride or k-max.

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
    padded = _PaddedModel(without_hooks(model.eval()))
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
        self._encode = [(stage, _encoding_of(stage)) for stage in encoder.stages]
        last = encoder.stages[-1]
        if not (isinstance(last, Transformer) and last.cls is not None):
            assert encoder.readout is not None
            self._read = _reading_of(encoder.readout)

    def forward(self, token_ids: Tensor, lengths: Tensor) -> Tensor:
        """The scores."""
        places = torch.arange(token_ids.shape[1], device=token_ids.device)
        mask = places < lengths[:, None]
        states = self.table(token_ids)
        for stage, encode in self._encode:
            states = encode(stage, _Padded(states, lengths, mask))
            if has_cls := isinstance(stage, Transformer) and stage.cls is not None:
                sentence, states = states[:, 0], states[:, 1:]
        if not has_cls:
            sentence = self._read(stage.readout, _Padded(states, lengths, mask))
        if isinstance(stage, Bag):
            sentence = stage.perceptron(sentence)
        scores: Tensor = self.head.of_vectors(sentence)
        return scores


class _NoPadding:
    """What a Transformer's layer asks of a padding where the rows are padded already.

    Args:
        sentences: How many.
        mask: ``(sentences, longest)``, where a sentence has rows.
    """

    def __init__(self, sentences: int, mask: Tensor) -> None:
        self._sentences = sentences
        self.mask = mask

    def pad(self, rows: Tensor) -> Tensor:
        padded: Tensor = rows.unflatten(0, (self._sentences, -1))
        return padded

    def unpad(self, padded: Tensor) -> Tensor:
        return padded.flatten(0, 1)


def _encoding_of(encoder: Encoder) -> Callable[[Encoder, _Padded], Tensor]:
    """What computes the states of an encoder, ``(sentences, longest, output_dim)``."""
    name = type(encoder).__name__
    if isinstance(encoder, CNN) and (encoder.k_max or encoder.stride > 1):
        raise ExportError(
            f"{name} with a stride or k_max can't be exported: it leaves out states, as many as the "
            "length of each sentence says. structnn serve answers with such a model"
        )
    for kind, states in _ENCODERS.items():
        if isinstance(encoder, kind):
            return states
    if encoder.reads & {"tree", "graph"}:
        kinds = " and ".join(sorted(encoder.reads & {"tree", "graph"}))
        raise ExportError(
            f"{name} can't be exported: it reads a {kinds}, whose shape differs from sentence to "
            "sentence, and the order in which nodes are visited is made outside of PyTorch. "
            "structnn serve answers with such a model"
        )
    raise ExportError(
        f"{name} can't be exported: there are programs for "
        f"{', '.join(kind.__name__ for kind in _ENCODERS)} and what derives from them. structnn serve "
        "answers with such a model"
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
    mirrored, states = _mirrored(x), x.states
    for layer in range(network.num_layers):
        found = [_one_way(network, f"l{layer}", states)]
        if network.bidirectional:
            back = _one_way(network, f"l{layer}_reverse", mirrored(states))
            found.append(mirrored(back))
        states = torch.cat(found, dim=2)
    return states


def _mirrored(x: _Padded) -> Callable[[Tensor], Tensor]:
    """What puts the words of each sentence in the opposite order, before its padding."""
    places = torch.arange(x.mask.shape[1], device=x.mask.device).expand_as(x.mask)
    turned = torch.where(x.mask, x.lengths[:, None] - 1 - places, places)[:, :, None]
    return lambda rows: rows.gather(1, turned.expand_as(rows))


def _scan(
    step: Callable[[tuple[Tensor, ...], Tensor], tuple[Tensor, ...]],
    start: tuple[Tensor, ...],
    inputs: Tensor,
) -> Tensor:
    """The states of a recurrence; an exported program may change the number of its steps.

    Args:
        step: From what is remembered and the rows of a word to what is remembered then; the state of
            the word comes first.
        start: ``(sentences, ...)``, what is remembered at the first word.
        inputs: ``(sentences, longest, d)``.

    Returns:
        ``(sentences, longest, hidden)``.
    """
    from torch._higher_order_ops.scan import scan

    def stepped(memory: tuple[Tensor, ...], rows: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        memory = step(memory, rows)
        return memory, memory[0].clone()

    _, states = scan(stepped, start, inputs.transpose(0, 1))
    found: Tensor = states.transpose(0, 1)
    return found


def _one_way(network: nn.RNNBase, name: str, x: Tensor) -> Tensor:
    """A layer from left to right."""
    weight = getattr(network, f"weight_hh_{name}")
    own_bias = getattr(network, f"bias_hh_{name}")
    inputs = F.linear(x, getattr(network, f"weight_ih_{name}"), getattr(network, f"bias_ih_{name}"))
    start = x.new_zeros(x.shape[0], network.hidden_size)

    def lstm(memory: tuple[Tensor, ...], gates: Tensor) -> tuple[Tensor, ...]:
        h, c = memory
        i, f, u, o = (gates + F.linear(h, weight, own_bias)).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * u.tanh()
        return o.sigmoid() * c.tanh(), c

    def gru(memory: tuple[Tensor, ...], gates: Tensor) -> tuple[Tensor, ...]:
        (h,) = memory
        of_x, of_h = gates.chunk(3, dim=1), F.linear(h, weight, own_bias).chunk(3, dim=1)
        r, z = (of_x[0] + of_h[0]).sigmoid(), (of_x[1] + of_h[1]).sigmoid()
        return ((1 - z) * (of_x[2] + r * of_h[2]).tanh() + z * h,)

    def rnn(memory: tuple[Tensor, ...], gates: Tensor) -> tuple[Tensor, ...]:
        (h,) = memory
        return ((gates + F.linear(h, weight, own_bias)).tanh(),)

    if isinstance(network, nn.LSTM):
        return _scan(lstm, (start, start.clone()), inputs)
    return _scan(gru if isinstance(network, nn.GRU) else rnn, (start,), inputs)


def _min_gru(encoder: Encoder, x: _Padded) -> Tensor:
    """All layers, each from left to right and, if wanted, from right to left."""
    assert isinstance(encoder, MinGRU)
    mirrored, states = _mirrored(x), x.states

    def recur(gates: Tensor) -> Tensor:
        inputs = torch.cat(encoder.recurrence(gates), dim=2)
        start = inputs.new_zeros(inputs.shape[0], inputs.shape[2] // 2)
        return _scan(step, (start,), inputs)

    def step(memory: tuple[Tensor, ...], rows: Tensor) -> tuple[Tensor, ...]:
        keep, new = rows.chunk(2, dim=1)
        return (keep * memory[0] + new,)

    for index, layer in enumerate(encoder.layers):
        gates = encoder.gates(layer, states, index).chunk(encoder.directions, dim=2)
        found = [recur(gates[0])]
        if encoder.directions == 2:
            found.append(mirrored(recur(mirrored(gates[1]))))
        states = torch.cat(found, dim=2)
    return states


def _fast_weights(encoder: Encoder, x: _Padded) -> Tensor:
    """As the equations of the paper: the matrix of fast weights is what is remembered.

    The encoder itself remembers all states, whose number grows; that takes less time in training.
    """
    assert isinstance(encoder, FastWeights)
    inputs = encoder.input(x.states)
    h = inputs.new_zeros(inputs.shape[0], encoder.output_dim)
    fast = inputs.new_zeros(inputs.shape[0], encoder.output_dim, encoder.output_dim)
    begun = inputs.new_zeros(inputs.shape[0], 1)  # the first word finds nothing to recall

    def step(memory: tuple[Tensor, ...], word: Tensor) -> tuple[Tensor, ...]:
        before, fast, begun = memory
        slow = word + encoder.slow(before)
        first = h = slow.relu()
        for _ in range(encoder.inner_steps):
            h = encoder.norm(slow + (fast @ h[:, :, None]).squeeze(2)).relu()
        h = torch.where(begun > 0, h, first)
        fast = encoder.decay * fast + encoder.rate * h[:, :, None] * h[:, None]
        return h, fast, torch.ones_like(begun)

    return _scan(step, (h, fast, begun), inputs)


def _hyper_lstm(encoder: Encoder, x: _Padded) -> Tensor:
    assert isinstance(encoder, HyperLSTM)
    inputs = torch.cat([encoder.input(x.states), x.states], dim=2)
    start = encoder.start(x.states, x.states.shape[0])
    return _scan(lambda memory, rows: encoder.step(rows, memory), start, inputs)


def _convolutions(encoder: Encoder, x: _Padded) -> Tensor:
    assert isinstance(encoder, CNN)
    mask, states = x.mask[:, :, None], x.states
    for layer in cast("Iterable[Windows]", encoder.layers):
        states = layer.maps((states * mask).transpose(1, 2)).transpose(1, 2)
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
    padding = cast("Padding", _NoPadding(sentences, places < lengths[:, None]))
    pairs = Pairs(padding, causal=encoder.causal)
    rows = states.flatten(0, 1)
    for layer in encoder.layers:
        rows = layer(rows, pairs)
    found: Tensor = encoder.norm(rows).unflatten(0, (sentences, longest))
    return found


_ENCODERS: dict[type[Encoder], Callable[[Encoder, _Padded], Tensor]] = {
    Bag: lambda _, x: x.states,
    Recurrent: _recurrent,
    MinGRU: _min_gru,
    FastWeights: _fast_weights,
    HyperLSTM: _hyper_lstm,
    CNN: _convolutions,
    Transformer: _transformer,
}


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
