"""Exported programs give the scores of the model, on batches of other sizes and lengths."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.nn.utils import prune, spectral_norm, weight_norm

from structnn import (
    Batch,
    LabelAnswer,
    Sentence,
    StructuredModel,
    Vocabulary,
    WordEmbedding,
    build_encoder,
    build_head,
)
from structnn.export import ExportError, export_model
from tests.structnn.encoders.test_other_weights import matrices

VOCABULARY = Vocabulary(list("abcdefg"))


def make(encoder, reader="sentence", **options):
    torch.manual_seed(0)
    made = build_encoder(encoder, 6, 8, **options)
    head = build_head(reader, LabelAnswer(["no", "maybe", "yes"]), made, hidden_dim=5)
    return StructuredModel(WordEmbedding(VOCABULARY, 6), made, head).eval()


def check(model, tmp_path):
    torch.export.save(export_model(model), tmp_path / "model.pt2")
    program = torch.export.load(tmp_path / "model.pt2").module()
    for lengths in ([3, 7, 1, 5, 5], [1], [2, 1], [12]):
        sentences = [Sentence([("abcdefg?"[(3 * n + k) % 8]) for k in range(n)]) for n in lengths]
        ids = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
        for row, sentence in zip(ids, sentences, strict=True):
            row[: len(sentence)] = torch.tensor([VOCABULARY[word] for word in sentence.tokens])
        with torch.no_grad():
            expected = model(Batch.from_sentences(sentences, vocabulary=VOCABULARY))
            found = program(ids, torch.tensor(lengths))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        if len(lengths) > 1:
            assert expected.std(0).max() > 1e-3, "scores depend on the sentence"


def test_a_bag(tmp_path):
    check(make("bag"), tmp_path)


@pytest.mark.parametrize(
    ("encoder", "make_weight"),
    [
        ("rnn", partial(prune.l1_unstructured, amount=0.5)),
        ("fast_weights", partial(prune.l1_unstructured, amount=0.5)),
        ("gru", spectral_norm),
        ("bilstm", weight_norm),
    ],
)
@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_weights_that_hooks_make(encoder, make_weight, tmp_path):
    model = make(encoder)
    made = matrices(model.encoder)
    for module, name in made:
        make_weight(module, name)
    check(model, tmp_path)
    for module, name in made:  # it is left as it is
        assert name not in dict(module.named_parameters(recurse=False))
        assert module._forward_pre_hooks


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoder", "options"),
    [
        ("dan", {"readout": "sum"}),
        ("bilstm", {"layers": 2}),
        ("bigru", {"readout": "max"}),
        ("rnn", {"readout": "attention"}),
        ("self_attentive", {}),
        ("min_gru", {"layers": 2, "bidirectional": True}),
        ("fast_weights", {"steps": 2, "readout": "max"}),
        ("hyper_lstm", {"hyper_dim": 3, "embedding_dim": 2}),
        ("cnn", {"layers": 2, "dilation": 2}),
        ("transformer", {"positions": "rotary", "norm": "post", "readout": "cls"}),
        ("rnn>transformer", {"readout": "cls"}),
        ("transformer", {"positions": "learned", "readout": "last", "causal": True}),
    ],
)
def test_sequence_encoders(encoder, options, tmp_path):
    check(make(encoder, **options), tmp_path)


@pytest.mark.parametrize(
    ("encoder", "options", "message"),
    [
        ("gat", {}, "GAT can't be exported: it reads a graph.*structnn serve"),
        ("child_sum_tree_lstm", {}, "reads a tree, whose shape differs"),
        ("bilstm>gat", {}, "can't be exported: it reads a graph"),
        ("cnn", {"stride": 2}, "CNN with a stride or k_max can't be exported"),
        ("lstm", {"readout": "k_max"}, "the readout KMaxReadout can't be exported"),
        ("bag", {"reader": "pair"}, "only models that answer questions about a sentence"),
    ],
)
def test_what_can_not_be_exported_is_told(encoder, options, message):
    with pytest.raises(ExportError, match=message):
        export_model(make(encoder, **options))


def test_contextual_models_can_not_be_exported():
    model = make("bag")
    model.embedding = torch.nn.Identity()
    with pytest.raises(ExportError, match="a model with a Identity can't be exported"):
        export_model(model)
