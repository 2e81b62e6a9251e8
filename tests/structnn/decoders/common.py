"""Models that the tests of decoders share."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from structnn import (
    Batch,
    SequenceHead,
    TargetVocabulary,
    build_decoder,
    build_encoder,
)
from tests.structnn.examples import random_sentences

INPUT, HIDDEN = 3, 8

SPECS = [
    "gru(attention='none')",
    "lstm(attention='none',layers=2)",
    "gru(layers=2)",
    "lstm(attention='dot')",
    "gru(attention='general',copy=True)",
    "lstm(layers=2,input_feeding=True)",
    "gru(coverage=True,copy=True)",
    "lstm(coverage=True,input_feeding=True,copy=True)",
    "gru(attention='location',layers=2,copy=True)",
    "lstm(attention='location',input_feeding=True)",
    "transformer(heads=2)",
    "transformer(heads=2,norm='post',layers=1)",
    "transformer(heads=2,copy=True)",
    "gru(attention='general',copy=True,selective_read=True,copy_once=True)",
    "gru(coverage=True,copy=True,copy_once=True)",
    "lstm(input_feeding=True,copy=True,selective_read=True)",
    "transformer(heads=2,copy=True,selective_read=True,copy_once=True)",
]
TEXTS = ["w1 w0", "w2 w1 w0 w1", "", "w1"]


def head_of(spec, encoder=None, **options):
    """A head in float64; its vocabulary lists only two of the source words."""
    encoder = build_encoder("gcn", INPUT, HIDDEN) if encoder is None else encoder
    target = TargetVocabulary.from_texts(["w1 to w0", "w1"])
    return SequenceHead(build_decoder(spec, encoder, 5, HIDDEN), target, **options).double()


def example(encoder_name="gcn", seed=0, sizes=(3, 5, 1, 2)):
    """A batch of random trees, and its encoding."""
    encoder = build_encoder(encoder_name, INPUT, HIDDEN).double().eval()
    batch = Batch.from_sentences(random_sentences(seed, sizes))
    x = torch.randn(batch.num_tokens, INPUT, dtype=torch.float64)
    return encoder, batch, x


def targets_of(head, batch):
    return head.targets(TEXTS, batch.sentences)


def forced(head, encoding, batch, texts=TEXTS):
    """The logarithms of probabilities at each piece, and the alignment."""
    return head.log_probabilities(head(encoding, batch), head.targets(texts, batch.sentences))


def loss_of(head, encoding, batch, texts=TEXTS):
    return head.loss(head(encoding, batch), head.targets(texts, batch.sentences))


def tiny_tokenizer(texts: Sequence[str]) -> str:
    """The definition of a tokenizer of byte pairs of these texts; skips where its package is missing."""
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    made.decoder = tokenizers.decoders.Metaspace()
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=30, show_progress=False)
    made.train_from_iterator(texts, trainer)
    definition: str = made.to_str()
    return definition
