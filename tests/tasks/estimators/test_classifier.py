"""StructuredClassifier: what it learns is what a run learns, and it behaves as estimators do."""

from __future__ import annotations

import pickle
from dataclasses import fields
from enum import Enum, IntEnum

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from structnn import Sentence
from tasks import (
    StructuredClassifier,
    StructuredNodeClassifier,
    StructuredParser,
    StructuredRegressor,
    StructuredTagger,
    StructuredTransducer,
    compare_encoders,
)
from tasks.data.examples import DataError
from tasks.data.options import ParserOptions
from tasks.experiments.run import execute
from tasks.models.model import load_model
from tasks.models.options import ModelOptions, ModelSettings
from tasks.models.prediction import Predictor
from tasks.options import OptionError
from tasks.results.run import Run
from tasks.storage import StorageError
from tasks.training.options import TrainingOptions
from tests.tasks.estimators.toy_parser import ToyParser

SMALL = {"hidden_dim": 8, "embedding_dim": 12, "epochs": 3, "batch_size": 16}


@pytest.fixture
def train(parsed):
    return list(parsed.sentences["train"]), parsed.dataset.answers("train")


@pytest.fixture
def dev(parsed):
    return list(parsed.sentences["dev"]), parsed.dataset.answers("dev")


@pytest.mark.parametrize("encoder", ["bag", "child_sum_tree_lstm"])
def test_it_is_the_model_of_a_run(parsed, train, dev, tmp_path, encoder):
    run = Run(ModelOptions(encoder=encoder, hidden_dim=8), TrainingOptions(epochs=2), seed=3)
    execute(run, parsed, tmp_path, parser=ParserOptions())
    made = StructuredClassifier(encoder, hidden_dim=8, epochs=2, random_state=3)
    made.fit(*train, dev=dev)
    expected = load_model(tmp_path / run.folder)
    assert made.model_.options == expected.options
    assert made.model_.task.labels == tuple(expected.task.labels)
    for name, value in expected.classifier.state_dict().items():
        assert torch.equal(value, made.model_.classifier.state_dict()[name]), name
    assert made.n_iter_ == 2


OF_SEQUENCES = {"decoder", "pieces", "beam", "label_smoothing", "scheduled_sampling"}


@pytest.mark.parametrize(
    ("kind", "left_out"),
    [
        (StructuredClassifier, OF_SEQUENCES),
        (StructuredTagger, OF_SEQUENCES),
        (StructuredNodeClassifier, OF_SEQUENCES),
        (StructuredParser, {*OF_SEQUENCES, "focus"}),
        (StructuredRegressor, {*OF_SEQUENCES, "focus"}),
        (StructuredTransducer, {"focus"}),
    ],
)
def test_parameters_are_those_of_the_command(kind, left_out):
    own = kind().get_params()
    assert own.pop("encoder") == "child_sum_tree_lstm"
    # y has no labels of nodes; the name of class weights is scikit-learn's.
    left_out = {*left_out, "supervise", "class_weights"}
    for options in (ModelSettings, TrainingOptions, ParserOptions):
        for field in fields(options):
            if field.name not in left_out:
                assert own[field.name] == field.default, field.name
    documented = "".join(base.__doc__ or "" for base in kind.__mro__)
    assert all(f"\n        {name}: " in documented for name in own)


def test_it_learns_and_predicts(train):
    made = StructuredClassifier("bag", embedding_dim=20, epochs=30, learning_rate=0.05)
    texts, labels = train
    assert made.fit(texts, labels).score(texts, labels) > 0.9
    assert made.classes_.tolist() == ["no", "yes"]
    shares = made.predict_proba(texts)
    assert shares.shape == (60, 2)
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-12)
    assert (made.predict(texts) == made.classes_[shares.argmax(1)]).all()
    assert made.predict([]).shape == (0,)
    assert made.encode(texts[:5]).shape == (5, 128)


@pytest.mark.parametrize(
    "values",
    [
        *((3, 5), (False, True), ("b", "a"), (("x", 1), ("y", 2)), (1, "no"), (True, 0)),
        *((b"x", b"y"), (1.0, 2.0)),
    ],
)
def test_classes_are_given_back_as_they_are(train, values):
    texts, labels = train
    y = [values[label == "yes"] for label in labels]
    made = StructuredClassifier("bag", **SMALL).fit(texts, y)
    assert set(made.classes_.tolist()) == set(values)
    assert set(made.predict(texts).tolist()) <= set(values)
    assert {type(value) for value in made.classes_.tolist()} == set(map(type, values))
    found = made.predict(texts).tolist()
    right = [one == other for one, other in zip(y, found, strict=True)]
    weights = np.arange(len(texts))
    assert made.score(texts, y) == np.mean(right)
    assert made.score(texts, y, sample_weight=weights) == np.average(right, weights=weights)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        made.score(texts, y[1:])


def test_a_seed_is_drawn_as_in_scikit_learn(train, tmp_path):
    def weights(state):
        made = StructuredClassifier("bag", random_state=state, **SMALL).fit(*train)
        made.save(tmp_path)
        return StructuredClassifier.load(tmp_path).predict_proba(train[0])

    one, again = (weights(np.random.RandomState(0)) for _ in range(2))
    assert (one == again).all()
    assert (weights(np.int64(3)) == weights(3)).all()
    assert not (weights(None) == weights(None)).all()
    same = np.random.RandomState(0)
    assert (weights(same) == one).all()
    assert not (weights(same) == one).all()  # the next number of it


def test_a_split_seed_may_come_from_a_grid(train):
    split = {"split_seed": np.int64(3), "dev_fraction": np.float32(0.25)}
    made = StructuredClassifier("bag", **SMALL).set_params(**split).fit(*train)
    plain = StructuredClassifier("bag", **SMALL).set_params(split_seed=3, dev_fraction=0.25)
    assert (made.predict_proba(train[0]) == plain.fit(*train).predict_proba(train[0])).all()


def test_strings_are_parsed_once_and_trees_kept(train, parser):
    texts, labels = train
    strings = [" ".join(sentence.tokens) for sentence in texts]
    made = StructuredClassifier("child_sum_tree_lstm", **SMALL).fit(strings, labels)
    parsed = len(parser.parsed)
    assert parsed == len(set(strings))
    scores = made.predict_proba(strings)
    made.fit(strings, labels)
    assert len(parser.parsed) == parsed
    np.testing.assert_array_equal(
        made.predict_proba(texts), scores
    )  # sentences with the same trees
    made.predict([list(sentence.tokens) for sentence in texts])
    assert len(parser.parsed) > parsed  # lists are other texts than strings
    bare = [Sentence(sentence.tokens) for sentence in texts]
    np.testing.assert_array_equal(made.predict_proba(bare), scores)


def test_tokens_are_not_parsed_for_encoders_that_read_no_tree(train, parser):
    texts, labels = train
    tokens = [list(sentence.tokens) for sentence in texts]
    made = StructuredClassifier("bilstm", **SMALL).fit(tokens, labels)
    made.predict(tokens)
    assert parser.parsed == []
    made.set_params(encoder="bilstm(readout='root')").fit(tokens, labels)  # of a tree
    assert len(parser.parsed) == len(set(map(tuple, tokens)))


@pytest.mark.parametrize(
    ("encoder", "options", "trees"),
    [
        ("bilstm", {}, False),
        ("bilstm(readout='root')", {}, True),
        ("gat", {}, True),
        ("bilstm", {"structure": "left_chain"}, True),
        ("bilstm", {"cache": "parses.sqlite"}, True),
    ],
)
def test_strings_are_only_tokenised_for_encoders_that_read_no_tree(
    train, parser, tmp_path, monkeypatch, encoder, options, trees
):
    monkeypatch.chdir(tmp_path)
    texts, labels = train
    strings = [" ".join(sentence.tokens) for sentence in texts]
    made = StructuredClassifier(encoder, **options, **SMALL).fit(strings, labels)
    made.predict(strings)
    assert set(parser.with_trees) == {trees}
    made.explain("good b d")  # which shows the tree
    assert parser.with_trees[-1]


def test_no_file_is_written_and_random_numbers_stay(train, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    texts, labels = train
    made = StructuredClassifier("bag", **SMALL).fit(texts, labels)
    made.predict([" ".join(texts[0].tokens)])
    assert torch.rand(1) == expected
    assert list(tmp_path.iterdir()) == []


def test_parses_are_kept_in_a_file_that_is_named(train, tmp_path):
    texts, labels = train
    made = StructuredClassifier("bag", cache=tmp_path / "parses.sqlite", **SMALL)
    made.fit([" ".join(sentence.tokens) for sentence in texts], labels)
    assert (tmp_path / "parses.sqlite").exists()


@pytest.mark.skipif(
    not hasattr(np.dtypes, "StringDType"), reason="this NumPy has no strings of any length"
)
def test_classes_in_strings_of_any_length_are_saved(train, tmp_path):
    texts, labels = train
    y = np.array(labels, dtype=np.dtypes.StringDType())
    made = StructuredClassifier("bag", **SMALL).fit(texts, y)
    again = StructuredClassifier.load(made.save(tmp_path))
    assert again.classes_.dtype == made.classes_.dtype == y.dtype
    assert again.predict(texts).tolist() == made.predict(texts).tolist()


def test_saved_and_loaded(train, tmp_path):
    texts, labels = train
    y = [label == "yes" for label in labels]
    made = StructuredClassifier("gat(heads=2)", class_weight={True: 2.0}, **SMALL).fit(texts, y)
    again = StructuredClassifier.load(made.save(tmp_path / "a" / "b"))
    assert again.get_params() == made.get_params()
    assert again.classes_.dtype == bool
    np.testing.assert_array_equal(again.predict_proba(texts), made.predict_proba(texts))
    # The command reads the same folder.
    labelled = Predictor(tmp_path / "a" / "b", ToyParser()).predict(["a good b"])
    assert labelled[0].label in ("False", "True")
    made.save(tmp_path / "a" / "b")


def test_a_run_is_loaded(parsed, train, tmp_path):
    run = Run(ModelOptions(encoder="bag", hidden_dim=8), TrainingOptions(epochs=1), seed=0)
    execute(run, parsed, tmp_path, parser=ParserOptions())
    made = StructuredClassifier.load(tmp_path / run.folder)
    assert made.hidden_dim == 8
    assert made.predict(train[0][:2]).tolist()[0] in ("no", "yes")
    with pytest.raises(StorageError, match="holds a run"):
        made.save(tmp_path / run.folder)


def test_a_changed_file_is_told(train, tmp_path):
    made = StructuredClassifier("bag", **SMALL).fit(*train)
    made.save(tmp_path)
    file = tmp_path / "estimator.json"
    file.write_text(file.read_text().replace('"yes"', '"ja"'))
    with pytest.raises(StorageError, match=r"estimator\.json is damaged"):
        StructuredClassifier.load(tmp_path)
    with pytest.raises(StorageError, match="there is no saved model"):
        StructuredClassifier.load(tmp_path / "elsewhere")


def test_classes_that_json_does_not_have_are_not_saved(train, tmp_path):
    texts, labels = train
    made = StructuredClassifier("bag", **SMALL).fit(texts, [(label,) for label in labels])
    with pytest.raises(DataError, match="of type tuple"):
        made.save(tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_pickled(train):
    texts, labels = train
    made = StructuredClassifier("child_sum_tree_lstm", **SMALL).fit(texts, labels)
    again = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(again.predict_proba(texts), made.predict_proba(texts))


def test_weights_of_examples(train):
    texts, labels = train
    plain = StructuredClassifier("bag", **SMALL).fit(texts, labels)
    equal = clone(plain).fit(texts, labels, sample_weight=np.full(60, 7.0))
    np.testing.assert_allclose(
        equal.predict_proba(texts), plain.predict_proba(texts), rtol=1e-4, atol=1e-6
    )
    only_yes = [1.0 if label == "yes" else 0.0 for label in labels]
    eager = clone(plain).set_params(learning_rate=0.05).fit(texts, labels, only_yes)
    assert set(eager.predict(texts)) == {"yes"}
    for wrong in ([1.0], [-1.0] * 60, [0.0] * 60, ["a"] * 60):
        with pytest.raises(DataError, match="sample_weight"):
            clone(plain).fit(texts, labels, wrong)


def test_weights_of_classes(train):
    texts, labels = train
    made = StructuredClassifier("bag", learning_rate=0.05, class_weight={"yes": 1e3}, **SMALL)
    assert set(made.fit(texts, labels).predict(texts)) == {"yes"}
    made.set_params(class_weight="balanced").fit(texts[:59], labels[:59])
    with pytest.raises(OptionError, match="class_weight names 'maybe', but the classes of y are"):
        made.set_params(class_weight={"maybe": 2}).fit(texts, labels)
    numbers = [int(one == "yes") for one in labels]
    with pytest.raises(OptionError, match="class_weight has two keys for '1': give each class one"):
        made.set_params(class_weight={0: 1, 1: 2, "1": 3}).fit(texts, numbers)
    with pytest.raises(OptionError, match="class_weight must be None, 'balanced' or a mapping"):
        made.set_params(class_weight="equal").fit(texts, labels)


@pytest.mark.parametrize("wrong", [["a", "b", "c"], "ab", ("a",), {"text": ["a"]}, 3])
def test_a_dev_set_is_a_pair(train, wrong):
    with pytest.raises(DataError, match="dev must be a pair of examples and their answers"):
        StructuredClassifier("bag", **SMALL).fit(*train, dev=wrong)
    with pytest.raises(DataError, match="test must be a pair of examples and their answers"):
        compare_encoders(*train, ["bag"], seeds=1, test=wrong)


def test_a_class_may_weigh_nothing(train):
    texts, labels = train
    made = StructuredClassifier("bag", learning_rate=0.05, class_weight={"no": 0}, **SMALL)
    made.set_params(batch_size=1)
    assert set(made.fit(texts, labels).predict(texts)) == {"yes"}
    with pytest.raises(DataError, match="not all of them zero"):
        made.set_params(class_weight={"no": 0, "yes": 0}).fit(texts, labels)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("dtype", [str, object])
def test_an_array_of_one_column_is_a_column_of_classes(train, dtype):
    texts, labels = train
    made = StructuredClassifier("bag", **SMALL).fit(texts, np.array(labels, dtype)[:, None])
    assert made.classes_.tolist() == ["no", "yes"]
    assert set(made.predict(texts)) <= {"no", "yes"}


@pytest.mark.parametrize("classes", [(0.0, 1.0), (0, 1), (False, True), ("0", "1")])
@pytest.mark.parametrize("heavy", [1, 1.0, True, np.int64(1), "1"])
def test_weights_are_of_the_classes_that_are_equal(train, classes, heavy):
    texts, labels = train
    if isinstance(heavy, str) != isinstance(classes[0], str):
        return
    y = [classes[label == "yes"] for label in labels]
    made = StructuredClassifier("bag", learning_rate=0.05, class_weight={heavy: 1e3}, **SMALL)
    assert set(made.fit(texts, y).predict(texts)) == {classes[1]}


@pytest.mark.parametrize("others", [(0.0, 1.0), (False, True), (np.int8(0), np.int8(1))])
def test_classes_that_are_equal_are_one(train, others):
    texts, labels = train
    given, again = ([kind[label == "yes"] for label in labels] for kind in ((0, 1), others))
    made = StructuredClassifier("bag", warm_start=True, **SMALL)
    made.fit(texts, given, dev=(texts, again))
    assert [*map(type, made.classes_.tolist())] == [int, int]
    assert made.training_.best.dev_score == made.score(texts, again) == made.score(texts, given)
    assert made.fit(texts, again).n_iter_ == 3
    assert made.explain("a good b", label=others[1]).chosen.answer == "1"
    mixed = [[*pair][n % 2] for n, pair in enumerate(zip(given, again, strict=True))]
    made.set_params(warm_start=False)
    expected = made.fit(texts, given).predict_proba(texts)
    np.testing.assert_array_equal(made.fit(texts, mixed).predict_proba(texts), expected)


@pytest.mark.parametrize("column", [list, lambda y: np.array(y, dtype=object)])
def test_members_of_enumerations_are_the_classes_that_they_equal(train, column, tmp_path):
    texts, labels = train
    Answer = Enum("Answer", {"yes": "agreed", "no": "refused"}, type=str)
    Number = IntEnum("Number", {"yes": 7, "no": 3})
    for kind in (Answer, Number):
        y = column([kind[label] for label in labels])
        made = StructuredClassifier("bag", **SMALL).fit(texts, y)
        assert made.classes_.tolist() == sorted(one.value for one in kind)
        right = [one == other for one, other in zip(y, made.predict(texts), strict=True)]
        assert made.score(texts, y) == np.mean(right)
        made.save(tmp_path)
        assert StructuredClassifier.load(tmp_path).predict(texts).tolist() == [*made.predict(texts)]


def test_a_score_that_cannot_be_had_is_told(train):
    texts, labels = train
    made = StructuredClassifier("bag", **SMALL).fit(texts, labels)
    for weights in ([0] * len(texts), [-1] * len(texts), [1]):
        with pytest.raises(DataError, match="sample_weight"):
            made.score(texts, labels, weights)
    with pytest.raises(DataError, match="y has no answers"):
        made.score([], [])


def test_it_works_where_numbers_are_doubles(train):
    texts, labels = train
    torch.set_default_dtype(torch.float64)
    try:
        made = StructuredClassifier("bag", **SMALL).fit(texts, labels)
        np.testing.assert_allclose(made.predict_proba(texts).sum(1), 1)
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_warm_start_goes_on(train):
    texts, labels = train
    made = StructuredClassifier("bag", warm_start=True, **SMALL).fit(texts, labels)
    model, first = made.model_, made.training_.epochs[0].train_loss
    made.fit(texts[:40], labels[:40])
    assert made.model_.classifier is model.classifier
    assert made.training_.epochs[0].train_loss < first
    with pytest.raises(DataError, match="y has classes that the model does not have: 'maybe'"):
        made.fit(texts, ["maybe", *labels[1:]])
    with pytest.raises(OptionError, match="hidden_dim is 9, but the model that warm_start goes on"):
        made.set_params(hidden_dim=9).fit(texts, labels)


def test_within_other_estimators(train):
    texts, labels = train
    small = StructuredClassifier("bag", **SMALL)
    assert len(cross_val_score(small, texts, labels, cv=2)) == 2
    pipeline = make_pipeline(FunctionTransformer(lambda column: column), small)
    assert pipeline.fit(texts, labels).predict(texts[:3]).shape == (3,)
    grid = GridSearchCV(small, {"hidden_dim": np.array([4, 8]), "dropout": [0.0]}, cv=2)
    grid.fit(np.array(texts, dtype=object), np.array(labels))
    assert grid.best_params_["hidden_dim"] in (4, 8)


@pytest.mark.slow
def test_a_grid_search_in_processes(train):
    texts, labels = train
    grid = GridSearchCV(
        StructuredClassifier("bag", **SMALL), {"hidden_dim": [4, 8]}, cv=2, n_jobs=2
    )
    assert grid.fit(texts, labels).predict(texts[:2]).shape == (2,)


def test_it_explains_itself(train):
    texts, labels = train
    made = StructuredClassifier("child_sum_tree_lstm", **SMALL).fit(texts, labels)
    explained = made.explain("a good b")
    assert explained.prediction.label == made.predict(["a good b"])[0]
    assert "child_sum_tree_lstm" in explained._repr_html_()


def test_a_class_is_explained_as_it_was_given(train):
    texts, labels = train
    made = StructuredClassifier("bag", **SMALL).fit(texts, [label == "yes" for label in labels])
    for chosen in made.classes_.tolist():
        assert made.explain("a good b", label=chosen).chosen.answer == str(chosen)
    with pytest.raises(ValueError, match="labels are False, True"):
        made.explain("a good b", label=3)


def test_progress_is_logged_and_shown_if_wanted(train, caplog, capsys):
    with caplog.at_level("INFO", logger="tasks.estimators"):
        StructuredClassifier("bag", **SMALL).fit(*train)
    assert [line.split(":")[0] for line in caplog.messages] == ["epoch 1", "epoch 2", "epoch 3"]
    assert capsys.readouterr() == ("", "")
    StructuredClassifier("bag", verbose=1, **SMALL).fit(*train)
    assert "epoch 3: train loss" in capsys.readouterr().err


def test_precision_may_change_in_a_process(train):
    for precision in ("no", "bf16", "no"):
        StructuredClassifier("bag", mixed_precision=precision, **SMALL).fit(*train)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"encoder": "bilstmm"}, "unknown encoder 'bilstmm'.*bilstm"),
        ({"hidden_dim": 0}, "hidden_dim must be"),
        ({"hidden_dim": "wide"}, "hidden_dim must be a whole number"),
        ({"embedding": "glove"}, "embedding must be one of"),
        ({"structure": "tree"}, "structure must be one of"),
        ({"dev_fraction": 1.0}, "dev_fraction must be"),
        ({"random_state": "0"}, "random_state must be a whole number, None or a numpy.random"),
        ({"random_state": -1}, "random_state must be at least 0 and below 2..64, but is -1"),
        ({"random_state": 2**64}, "random_state must be at least 0 and below 2..64"),
        ({"structure": "given"}, r"X\[\d+\]: this example has no given dependency tree"),
    ],
)
def test_a_wrong_parameter_is_told_when_fitting(train, parameters, message):
    texts = [list(sentence.tokens) for sentence in train[0]]
    made = StructuredClassifier(**{"encoder": "gat", **parameters})
    with pytest.raises(ValueError, match=message):
        made.fit(texts, train[1])


def test_a_loaded_estimator_computes_where_its_parameter_says(tmp_path, monkeypatch):
    texts, labels = [f"a b {n}" for n in range(12)], ["x", "y"] * 6
    for device in ("auto", "cpu"):
        made = StructuredClassifier("bag", epochs=1, device=device).fit(texts, labels)
        made.save(tmp_path / device)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("meta"))
    found = {
        device: StructuredClassifier.load(tmp_path / device).model_.classifier
        for device in ("auto", "cpu")
    }
    assert {name: next(one.parameters()).device.type for name, one in found.items()} == {
        "auto": "meta",
        "cpu": "cpu",
    }
