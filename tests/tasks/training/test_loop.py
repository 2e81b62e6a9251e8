from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch.amp.grad_scaler import GradScaler

from structnn import Vocabulary
from structnn.heads.answers import LabelAnswer, ScoreAnswer
from tasks.models.building import Task, build_model, make_corpus
from tasks.models.options import ModelOptions
from tasks.storage import StorageError
from tasks.tensors import read_tensors, write_tensors
from tasks.training import evaluation, step
from tasks.training.batching import batches_of_epoch
from tasks.training.checkpoint import load_checkpoint, save_checkpoint
from tasks.training.evaluation import predict_scores
from tasks.training.gold import answered
from tasks.training.inputs import Inputs
from tasks.training.loop import train
from tasks.training.options import TrainingOptions


def setup(parsed, encoder="child_sum_tree_lstm", seed=0):
    torch.manual_seed(seed)
    vocabulary = Vocabulary.from_tokens(s.tokens for s in parsed.sentences["train"])
    model = build_model(
        ModelOptions(encoder=encoder, hidden_dim=8, embedding_dim=8),
        Task(labels=("no", "yes")),
        vocabulary,
    )
    from structnn import UNIVERSAL_RELATIONS

    inputs = {
        split: Inputs(
            make_corpus(parsed.sentences[split], vocabulary, UNIVERSAL_RELATIONS, "parse")
        )
        for split in ("train", "dev")
    }
    answers = {split: parsed.dataset.answers(split) for split in ("train", "dev")}
    return model, inputs, answers


HEAD = "head.output.weight"
OPTIONS = TrainingOptions(epochs=6, patience=6, batch_size=8, learning_rate=0.02)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_learns_and_restores_the_best_weights(parsed, tmp_path):
    model, inputs, answers = setup(parsed)
    result = train(model, inputs, answers, OPTIONS, seed=0, checkpoint=tmp_path / "c")
    assert result.best.dev_score == max(epoch.dev_score for epoch in result.epochs)
    assert result.best.dev_score >= 0.9
    guesses = model.head.answer.decode(predict_scores(model, inputs["dev"]))
    accuracy = np.mean([g == t for g, t in zip(guesses, answers["dev"], strict=True)])
    assert accuracy == result.best.dev_score


def test_one_seed_gives_one_result(parsed, tmp_path):
    found = []
    for name in ("a", "b"):
        model, inputs, answers = setup(parsed)
        train(model, inputs, answers, OPTIONS, seed=0, checkpoint=tmp_path / name)
        found.append(weights(model))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize("small_table", [0, 3000])
def test_a_broken_off_run_goes_on_to_the_same_result(parsed, tmp_path, monkeypatch, small_table):
    monkeypatch.setattr(step, "SMALL_TABLE", small_table)
    model, inputs, answers = setup(parsed)
    unbroken = train(model, inputs, answers, OPTIONS, seed=0, checkpoint=tmp_path / "a")
    expected = weights(model)

    class Killed(Exception):
        pass

    def kill(epoch):
        if epoch.number == 3:
            raise Killed

    model, inputs, answers = setup(parsed)
    with pytest.raises(Killed):
        train(model, inputs, answers, OPTIONS, seed=0, checkpoint=tmp_path / "b", on_epoch=kill)
    torch.rand(5)  # whatever happened in between
    model, inputs, answers = setup(parsed)
    seen = []
    resumed = train(
        model, inputs, answers, OPTIONS, seed=0, checkpoint=tmp_path / "b", on_epoch=seen.append
    )
    assert [epoch.number for epoch in seen] == [4, 5, 6]
    assert [e.train_loss for e in resumed.epochs] == [e.train_loss for e in unbroken.epochs]
    assert all(torch.equal(expected[name], value) for name, value in model.state_dict().items())


def as_in_0_15_2(checkpoint, model, optimizers):
    """Write a checkpoint anew as version 0.15.2 did: with numbers of optimisers and parameters."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    tensors, note = read_tensors(checkpoint)
    earlier, updated = dict(tensors), []
    for number, optimizer in enumerate(optimizers):
        own = [names[p] for group in optimizer.param_groups for p in group["params"]]
        updated.append([index for index, name in enumerate(own) if name in note["trained"]])
        for index in updated[-1]:
            for key in ("step", "exp_avg", "exp_avg_sq"):
                moment = earlier.pop(f"optimizer/{own[index]}/{key}")
                earlier[f"optimizer/{number}/{index}/{key}"] = moment
    del note["trained"]
    write_tensors(checkpoint, earlier, note | {"updated": updated})


@pytest.mark.parametrize(
    ("before", "after", "earlier"), [(3000, 0, False), (0, 3000, False), (0, 0, True)]
)
def test_a_checkpoint_goes_on_from_device_to_device(
    parsed, tmp_path, monkeypatch, before, after, earlier
):
    """A large table of words has an optimiser of its own on the CPU, and none on a GPU."""
    short = TrainingOptions(epochs=3, batch_size=8, learning_rate=0.02)
    results = []
    for options in (OPTIONS, short):
        monkeypatch.setattr(step, "SMALL_TABLE", before)
        model, inputs, answers = setup(parsed)
        results.append(
            train(model, inputs, answers, options, seed=0, checkpoint=tmp_path / str(len(results)))
        )
    if earlier:
        optimizers = step.TrainingStep(model, OPTIONS, None).optimizers
        assert len(optimizers) == 2
        as_in_0_15_2(tmp_path / "1", model, optimizers)
    monkeypatch.setattr(step, "SMALL_TABLE", after)
    model, inputs, answers = setup(parsed)
    seen = []
    resumed = train(
        model, inputs, answers, OPTIONS, seed=0, checkpoint=tmp_path / "1", on_epoch=seen.append
    )
    assert [epoch.number for epoch in seen] == [4, 5, 6]
    for one, other in zip(resumed.epochs, results[0].epochs, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, abs=1e-3)


def test_a_checkpoint_of_0_15_2_from_another_device_is_dropped(parsed, tmp_path, monkeypatch):
    model, inputs, answers = setup(parsed, "bag")
    one = TrainingOptions(epochs=1, batch_size=8, learning_rate=0.02)
    train(model, inputs, answers, one, seed=0, checkpoint=tmp_path / "c")
    as_in_0_15_2(tmp_path / "c", model, step.TrainingStep(model, one, None).optimizers)
    monkeypatch.setattr(step, "SMALL_TABLE", 0)
    two = step.TrainingStep(model, one, None).optimizers
    with pytest.raises(StorageError, match=r"1 optimisers in place of 2: up to .*training begins"):
        load_checkpoint(tmp_path / "c", model, two)


def renamed(old, new):
    """A change that renames tensors, as another version of structnn may have named them."""

    def change(tensors, note):
        found = {re.sub(old, new, name): tensor for name, tensor in tensors.items()}
        tensors.clear()
        tensors.update(found)

    return change


def filled(name, value):
    """A change that sets the first number of a tensor."""
    return lambda tensors, note: tensors[name].view(-1)[:1].fill_(value)


def put(name, make):
    """A change that puts another tensor in place of one."""
    return lambda tensors, note: tensors.update({name: make(tensors[name])})


MOMENT = f"optimizer/{HEAD}/exp_avg_sq"
UNUSABLE = {
    "no name of the optimizer": (renamed("^optimizer/", ""), "is missing"),
    "no random state": (renamed("random", "generator"), "'random' is missing"),
    "another optimizer": (renamed("optimizer/head", "optimizer/7"), "is missing"),
    "another encoder": (renamed("model/encoder", "model/layers"), "is missing"),
    "no optimizer state": (
        lambda tensors, note: [tensors.pop(n) for n in [*tensors] if n.startswith("optimizer")],
        "is missing",
    ),
    "no moment": (lambda tensors, note: tensors.pop(MOMENT), f"'{MOMENT}' is missing"),
    "nothing updated": (lambda tensors, note: note.update(trained=[]), "has been updated"),
    "no such parameter": (
        lambda tensors, note: note["trained"].append("head.x"),
        r"no parameter is called head\.x",
    ),
    "shape of a moment": (put(MOMENT, lambda t: t.flatten()[:1].clone()), r"is \(1,\)"),
    "type of a moment": (put(MOMENT, lambda t: t.double()), "float64"),
    "sign of a moment": (filled(MOMENT, -1.0), "can't be after a step"),
    "no step": (filled(f"optimizer/{HEAD}/step", 0.0), "can't be after a step"),
    "moment not finite": (filled(MOMENT, float("inf")), "not finite"),
    "NaN in the best weights": (
        filled(f"best/{HEAD}", float("nan")),
        f"best/{HEAD} has",
    ),
    "NaN in the weights": (
        filled(f"model/{HEAD}", float("nan")),
        f"model/{HEAD} has",
    ),
    "shape of a weight": (
        put("best/head.output.bias", lambda t: t[:1].clone()),
        r"best/head.output.bias is \(1,",
    ),
    "no best weight": (lambda tensors, note: tensors.pop("best/head.output.bias"), "is missing"),
    "another tensor": (lambda tensors, note: tensors.update(x=torch.ones(1)), "unknown: x"),
    "random state cut": (put("random", lambda t: t[:-1].clone()), "RNG state"),
    "random state of another type": (put("random", lambda t: t.float()), "Tensor"),
    "empty note": (lambda tensors, note: note.clear(), "missing: epochs"),
    "no epochs": (lambda tensors, note: note.update(epochs=[]), r"its epochs are \[\]"),
    "epochs that skip": (lambda tensors, note: note["epochs"][0].update(number=2), r"are \[2\]"),
    "an epoch of text": (lambda tensors, note: note["epochs"][0].update(dev_loss="x"), "a number"),
}


def broken_off(parsed, checkpoint):
    """Train for an epoch, with a checkpoint."""
    model, inputs, answers = setup(parsed, "bag")
    one = TrainingOptions(epochs=1, batch_size=8, learning_rate=0.02)
    train(model, inputs, answers, one, seed=0, checkpoint=checkpoint)


@pytest.fixture(scope="module")
def fresh(parsed, tmp_path_factory):
    """The weights and the epochs of a run without a checkpoint to begin with."""
    model, inputs, answers = setup(parsed, "bag")
    checkpoint = tmp_path_factory.mktemp("fresh") / "c"
    result = train(model, inputs, answers, OPTIONS, seed=0, checkpoint=checkpoint)
    return weights(model), result


def begins_anew(parsed, checkpoint, fresh, message):
    """Resume from a checkpoint that can't be used: the result is that of a run without it."""
    model, inputs, answers = setup(parsed, "bag")
    seen = []
    with pytest.warns(UserWarning, match=f"{checkpoint.name}.*{message}.*training begins anew$"):
        result = train(
            model, inputs, answers, OPTIONS, seed=0, checkpoint=checkpoint, on_epoch=seen.append
        )
    expected, unbroken = fresh
    assert [epoch.number for epoch in seen] == [1, 2, 3, 4, 5, 6]
    assert [e.train_loss for e in result.epochs] == [e.train_loss for e in unbroken.epochs]
    assert all(torch.equal(expected[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("fault", UNUSABLE)
def test_a_checkpoint_that_can_not_be_used_is_dropped(parsed, tmp_path, fresh, fault):
    checkpoint = tmp_path / "checkpoint.safetensors"
    broken_off(parsed, checkpoint)
    tensors, note = read_tensors(checkpoint)
    change, message = UNUSABLE[fault]
    change(tensors, note)
    write_tensors(checkpoint, tensors, note)
    begins_anew(parsed, checkpoint, fresh, message)


@pytest.mark.parametrize("note", [None, [], {}, "x", 3, [{"number": 1}]])
def test_a_checkpoint_with_another_note_is_dropped(parsed, tmp_path, fresh, note):
    checkpoint = tmp_path / "checkpoint.safetensors"
    broken_off(parsed, checkpoint)
    write_tensors(checkpoint, read_tensors(checkpoint)[0], note)
    begins_anew(parsed, checkpoint, fresh, "isn't as this version of structnn writes it")


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 100, b"\xff" * 9, "cut", "shortened"])
def test_a_cut_checkpoint_is_dropped(parsed, tmp_path, fresh, content):
    checkpoint = tmp_path / "checkpoint.safetensors"
    broken_off(parsed, checkpoint)
    whole = checkpoint.read_bytes()
    content = {"cut": whole[: len(whole) // 2], "shortened": whole[:-1]}.get(content, content)
    checkpoint.write_bytes(content)
    begins_anew(parsed, checkpoint, fresh, "is damaged")


def test_every_flipped_bit_of_a_checkpoint_is_noticed_or_harmless(parsed, tmp_path):
    checkpoint = tmp_path / "checkpoint.safetensors"
    broken_off(parsed, checkpoint)
    whole = checkpoint.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    random = np.random.default_rng(0)
    places = [*range(0, header, 7), *random.integers(header, len(whole), 100).tolist()]
    tensors, note = read_tensors(checkpoint)
    noticed = 0
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(random.integers(8))
        checkpoint.write_bytes(flipped)
        try:
            found, said = read_tensors(checkpoint)
        except StorageError:
            noticed += 1
            continue
        assert said == note
        assert found.keys() == tensors.keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    assert noticed >= len(places) - 5  # white space of the header


def test_a_state_that_is_refused_changes_nothing(parsed, tmp_path):
    checkpoint = tmp_path / "checkpoint.safetensors"
    broken_off(parsed, checkpoint)
    tensors, note = read_tensors(checkpoint)
    tensors["random"] = tensors["random"][:-1].clone()
    write_tensors(checkpoint, tensors, note)
    model, _, _ = setup(parsed, "bag")
    before, random = weights(model), torch.get_rng_state()
    optimizers = step.TrainingStep(model, OPTIONS, None).optimizers
    with pytest.raises(StorageError, match="RNG state"):
        load_checkpoint(checkpoint, model, optimizers)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())
    assert not optimizers[0].state_dict()["state"]


def test_a_checkpoint_has_the_scale_of_losses_in_half_precision(parsed, tmp_path):
    checkpoint = tmp_path / "c"
    broken_off(parsed, checkpoint)
    model, _, _ = setup(parsed, "bag")
    optimizers = step.TrainingStep(model, OPTIONS, None).optimizers
    scaler, other = (GradScaler("cpu", init_scale=1024.0, growth_interval=9) for _ in range(2))
    first = scaler.state_dict()
    scaler.load_state_dict(first | {"scale": 256.0, "_growth_tracker": 7})
    state = load_checkpoint(checkpoint, model, optimizers, other)
    assert other.state_dict() == first  # none was saved
    save_checkpoint(checkpoint, model, optimizers, *state, scaler)
    load_checkpoint(checkpoint, model, optimizers, other)
    assert other.state_dict() == scaler.state_dict() != first


@pytest.mark.parametrize("encoder", ["bag", "child_sum_tree_lstm"])
def test_large_word_tables_learn_as_with_dense_updates(parsed, tmp_path, monkeypatch, encoder):
    results = []
    for small_table in (0, 3000):
        monkeypatch.setattr(step, "SMALL_TABLE", small_table)
        model, inputs, answers = setup(parsed, encoder)
        checkpoint = tmp_path / str(small_table)
        results.append(train(model, inputs, answers, OPTIONS, seed=0, checkpoint=checkpoint))
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
    model, inputs, answers = setup(parsed)
    options = TrainingOptions(epochs=50, patience=2, batch_size=8, learning_rate=1e-8)
    result = train(model, inputs, answers, options, seed=0, checkpoint=tmp_path / "c")
    assert len(result.epochs) == result.best.number + 2


def test_a_diverging_loss_is_an_error(parsed, tmp_path):
    model, inputs, answers = setup(parsed, "bag")
    model.head.output.weight.data.fill_(float("nan"))
    message = r"nan in batch 1 of 8 \(training examples \d+, .*\) of epoch 1.* lower learning rate"
    with pytest.raises(FloatingPointError, match=message):
        train(model, inputs, answers, OPTIONS, seed=0, checkpoint=tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_the_batch_at_which_the_loss_diverged_is_named(parsed, tmp_path, monkeypatch):
    model, inputs, answers = setup(parsed, "bag")
    batches = batches_of_epoch(inputs["train"].lengths, OPTIONS.batch_size, 0, 1)
    called = []

    def spoiled(self, batch, spans, gold, weights=None):
        called.append(batch)
        return torch.tensor(float("inf") if len(called) == 3 else 1.0)

    monkeypatch.setattr(step.TrainingStep, "__call__", spoiled)
    named = ", ".join(str(place + 1) for place in batches[2][:5])
    with pytest.raises(
        FloatingPointError, match=rf"inf in batch 3 of 8 \(training examples {named}, \.\.\.\)"
    ):
        train(model, inputs, answers, OPTIONS, seed=0, checkpoint=tmp_path / "c")


@pytest.mark.parametrize(
    ("batch_size", "rate", "fault"),
    [
        # Which one of the two depends on how the processor rounds.
        (8, 1e30, "the loss became nan in batch [23] of 8"),
        # With one batch an epoch, the loss is still that of the weights before the update.
        (60, 1e38, "the dev loss became nan after batch 1 of 1"),
    ],
)
def test_a_last_epoch_that_diverges_is_no_result(parsed, tmp_path, batch_size, rate, fault):
    model, inputs, answers = setup(parsed, "bag")
    options = TrainingOptions(epochs=1, batch_size=batch_size, learning_rate=rate)
    with pytest.raises(FloatingPointError, match=fault) as raised:
        train(model, inputs, answers, options, seed=0, checkpoint=tmp_path / "c")
    assert "kept" not in str(raised.value)


@pytest.mark.parametrize("spoil", ["scores on dev", "a weight that dev does not use"])
def test_the_last_good_weights_are_kept(parsed, tmp_path, monkeypatch, spoil):
    expected, inputs, answers = setup(parsed, "bag")
    two = TrainingOptions(epochs=2, patience=6, batch_size=8, learning_rate=0.02)
    best = train(expected, inputs, answers, two, seed=0, checkpoint=tmp_path / "a").best

    def spoiled(model, corpus, processes):
        scores = predict_scores(model, corpus, processes)
        evaluated.append(1)
        if len(evaluated) == 3 and spoil == "scores on dev":
            return scores * float("nan")
        if len(evaluated) == 3:
            model.embedding.table.weight.data[-1] = float("nan")
        return scores

    evaluated = []
    monkeypatch.setattr(evaluation, "predict_scores", spoiled)
    model, inputs, answers = setup(parsed, "bag")
    kept = rf"of epoch 3: .* weights of epoch {best.number}, the best before it, are kept in .*/b"
    with pytest.raises(FloatingPointError, match=kept):
        train(model, inputs, answers, OPTIONS, seed=0, checkpoint=tmp_path / "b")
    assert all(
        torch.equal(expected.state_dict()[name], value) for name, value in weights(model).items()
    )
    epochs, kept = load_checkpoint(
        tmp_path / "b", model, step.TrainingStep(model, OPTIONS, None).optimizers
    )
    assert len(epochs) == 2
    assert all(torch.equal(expected.state_dict()[name], value) for name, value in kept.items())


def test_batches_cover_every_sentence_once_and_change_with_the_epoch():
    lengths = np.random.default_rng(0).integers(1, 40, size=1003)
    first, again, second = (batches_of_epoch(lengths, 50, 0, epoch) for epoch in (1, 1, 2))
    assert sorted(np.concatenate(first).tolist()) == list(range(1003))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(np.concatenate(first), np.concatenate(second))
    # Sentences of like length are together: little would be padding.
    assert np.mean([np.ptp(lengths[batch]) for batch in first]) < 8


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"learning_rate": -1.0}, {"device": "tpu"}, {"mixed_precision": "int8"}],
)
def test_wrong_options_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainingOptions(**wrong)


def test_the_number_minus_100_is_an_answer_like_others():
    numbers = ScoreAnswer(mean=0.0, deviation=100.0).encode(["-100", "100", "0"])
    assert answered(numbers) == 3
    labels = LabelAnswer(("a", "b")).encode(["a", "", "b"])  # -100 marks what has no answer
    assert answered(labels) == 2
