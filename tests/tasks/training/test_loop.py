from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from structnn import Vocabulary
from tasks.models.model import build_model, make_corpus
from tasks.models.options import ModelOptions
from tasks.storage import StorageError, read_tensors, write_tensors
from tasks.training import step
from tasks.training.batching import batches_of_epoch, share_of_process
from tasks.training.evaluation import predict_scores
from tasks.training.loop import train
from tasks.training.options import TrainingOptions


def setup(parsed, encoder="child_sum_tree_lstm", seed=0):
    torch.manual_seed(seed)
    vocabulary = Vocabulary.from_tokens(s.tokens for s in parsed.sentences["train"])
    model = build_model(
        ModelOptions(encoder=encoder, hidden_dim=8, embedding_dim=8), ("no", "yes"), vocabulary
    )
    from structnn import UNIVERSAL_RELATIONS

    corpora = {
        split: make_corpus(parsed.sentences[split], vocabulary, UNIVERSAL_RELATIONS, "parse")
        for split in ("train", "dev")
    }
    targets = {split: parsed.targets(split) for split in ("train", "dev")}
    return model, corpora, targets


OPTIONS = TrainingOptions(epochs=6, patience=6, batch_size=8, learning_rate=0.02)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_learns_and_restores_the_best_weights(parsed, tmp_path):
    model, corpora, targets = setup(parsed)
    result = train(model, corpora, targets, OPTIONS, seed=0, checkpoint=tmp_path / "c")
    assert result.best.dev_accuracy == max(epoch.dev_accuracy for epoch in result.epochs)
    assert result.best.dev_accuracy >= 0.9
    guesses = predict_scores(model, corpora["dev"]).argmax(1).tolist()
    accuracy = np.mean([g == t for g, t in zip(guesses, targets["dev"], strict=True)])
    assert accuracy == result.best.dev_accuracy


def test_one_seed_gives_one_result(parsed, tmp_path):
    found = []
    for name in ("a", "b"):
        model, corpora, targets = setup(parsed)
        train(model, corpora, targets, OPTIONS, seed=0, checkpoint=tmp_path / name)
        found.append(weights(model))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize("small_table", [0, 3000])
def test_a_broken_off_run_goes_on_to_the_same_result(parsed, tmp_path, monkeypatch, small_table):
    monkeypatch.setattr(step, "SMALL_TABLE", small_table)
    model, corpora, targets = setup(parsed)
    unbroken = train(model, corpora, targets, OPTIONS, seed=0, checkpoint=tmp_path / "a")
    expected = weights(model)

    class Killed(Exception):
        pass

    def kill(epoch):
        if epoch.number == 3:
            raise Killed

    model, corpora, targets = setup(parsed)
    with pytest.raises(Killed):
        train(model, corpora, targets, OPTIONS, seed=0, checkpoint=tmp_path / "b", on_epoch=kill)
    torch.rand(5)  # whatever happened in between
    model, corpora, targets = setup(parsed)
    seen = []
    resumed = train(
        model, corpora, targets, OPTIONS, seed=0, checkpoint=tmp_path / "b", on_epoch=seen.append
    )
    assert [epoch.number for epoch in seen] == [4, 5, 6]
    assert [e.train_loss for e in resumed.epochs] == [e.train_loss for e in unbroken.epochs]
    assert all(torch.equal(expected[name], value) for name, value in model.state_dict().items())


def without_number_of_optimizer(name: str) -> str:
    return re.sub(r"^optimizer/\d+/", "optimizer/", name)


@pytest.mark.parametrize(
    "older",
    [
        without_number_of_optimizer,
        lambda name: name.replace("random", "generator"),
        lambda name: name.replace("optimizer/0", "optimizer/7"),
        lambda name: name.replace("model/encoder", "model/layers"),
    ],
)
def test_a_checkpoint_of_another_version_is_told(parsed, tmp_path, older):
    one = TrainingOptions(epochs=1, batch_size=20)
    model, corpora, targets = setup(parsed, "bag")
    checkpoint = tmp_path / "checkpoint.safetensors"
    train(model, corpora, targets, one, seed=0, checkpoint=checkpoint)
    tensors, note = read_tensors(checkpoint)
    write_tensors(checkpoint, {older(name): value for name, value in tensors.items()}, note)
    with pytest.raises(StorageError, match=r"checkpoint\.safetensors isn't laid out .* delete it"):
        train(model, corpora, targets, OPTIONS, seed=0, checkpoint=checkpoint)


@pytest.mark.parametrize("encoder", ["bag", "child_sum_tree_lstm"])
def test_large_word_tables_learn_as_with_dense_updates(parsed, tmp_path, monkeypatch, encoder):
    results = []
    for small_table in (0, 3000):
        monkeypatch.setattr(step, "SMALL_TABLE", small_table)
        model, corpora, targets = setup(parsed, encoder)
        checkpoint = tmp_path / str(small_table)
        results.append(train(model, corpora, targets, OPTIONS, seed=0, checkpoint=checkpoint))
        assert not model.embedding.table.sparse
    for one, other in zip(*(result.epochs for result in results), strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, abs=1e-3)


def test_clipping_takes_dense_and_sparse_gradients_together():
    ids = torch.tensor([[3, 1, 3]])
    norms = []
    for sparse in (False, True):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Embedding(5, 4, sparse=sparse), torch.nn.Linear(4, 2))
        model(ids).square().sum().backward()
        parameters = list(model.parameters())
        whole = torch.cat([p.grad.to_dense().flatten() for p in parameters])
        step.clip_gradients(parameters, 100.0)
        assert torch.equal(whole, torch.cat([p.grad.to_dense().flatten() for p in parameters]))
        step.clip_gradients(parameters, 0.5)
        clipped = torch.cat([p.grad.to_dense().flatten() for p in parameters])
        torch.testing.assert_close(clipped, whole / whole.norm() * 0.5)
        norms.append(whole.norm())
    torch.testing.assert_close(*norms)


def test_stops_without_progress(parsed, tmp_path):
    model, corpora, targets = setup(parsed)
    options = TrainingOptions(epochs=50, patience=2, batch_size=8, learning_rate=1e-8)
    result = train(model, corpora, targets, options, seed=0, checkpoint=tmp_path / "c")
    assert len(result.epochs) == result.best.number + 2


def test_a_diverging_loss_is_an_error(parsed, tmp_path):
    model, corpora, targets = setup(parsed, "bag")
    model.head.weight.data.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="lower learning rate"):
        train(model, corpora, targets, OPTIONS, seed=0, checkpoint=tmp_path / "c")


def test_batches_cover_every_sentence_once_and_change_with_the_epoch():
    lengths = np.random.default_rng(0).integers(1, 40, size=1003)
    first, again, second = (batches_of_epoch(lengths, 50, 0, epoch) for epoch in (1, 1, 2))
    assert sorted(np.concatenate(first).tolist()) == list(range(1003))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(np.concatenate(first), np.concatenate(second))
    # Sentences of like length are together: little would be padding.
    assert np.mean([np.ptp(lengths[batch]) for batch in first]) < 8


def test_processes_share_the_batches():
    batches = [np.array([number]) for number in range(5)]
    shares = [share_of_process(batches, process, 2) for process in range(2)]
    assert [[int(batch[0]) for batch in share] for share in shares] == [[0, 2, 4], [1, 3, 0]]
    assert share_of_process(batches, 0, 1) == batches


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"learning_rate": -1.0}, {"device": "tpu"}, {"mixed_precision": "int8"}],
)
def test_wrong_options_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainingOptions(**wrong)
