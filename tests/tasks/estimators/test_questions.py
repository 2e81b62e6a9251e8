"""Estimators for every question: pairs, spans, several classes, numbers, tags, other texts."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from structnn import Sentence, Tree
from tasks import (
    EncoderTransformer,
    StructuredClassifier,
    StructuredNodeClassifier,
    StructuredParser,
    StructuredRegressor,
    StructuredTagger,
    StructuredTransducer,
)
from tasks.data.examples import DataError
from tasks.data.options import ParserOptions
from tasks.data.questions import Question
from tasks.experiments.run import execute
from tasks.models.options import ModelOptions
from tasks.options import OptionError
from tasks.results.run import Run
from tasks.training.options import TrainingOptions
from tests.tasks.toys import make_sentence

SMALL = {"hidden_dim": 6, "embedding_dim": 8, "epochs": 2, "batch_size": 16}
N = 24
WORDS = [["good", "dogs", "bark", str(n)] if n % 2 else ["bad", "cats", str(n)] for n in range(N)]
TEXTS = [" ".join(words) for words in WORDS]
LABELS = ["no", "yes"] * (N // 2)
PAIRS = [(text, "they do") for text in TEXTS]
SPANS = [{"text": text, "target": text.split()[1]} for text in TEXTS]
TAGS = [["A", "N", "V", "NUM"] if n % 2 else ["A", "N", "NUM"] for n in range(N)]
NUMBERS = [n / N for n in range(N)]
SETS = [["short"] if n % 2 else ["short", "cats"] if n % 3 else [] for n in range(N)]
HEADS = [
    Tree([1, 2, -1, 2], labels=["amod", "nsubj", "root", "obj"])
    if n % 2
    else Tree([1, -1, 1], labels=["amod", "root", "nummod"])
    for n in range(N)
]
SHAPE = ([-1, 0, 0, 2, 2], [-1, 0, -1, 1, 2])
PHRASES = [
    Sentence(
        [*words[:2], str(n)], constituency=Tree(*SHAPE, labels=[str(n % 2), "2", "", "2", "x"])
    )
    for n, words in enumerate(WORDS)
]
NODES = [[n % 2, 2, None, 2, 0] for n in range(N)]
MATRIX = np.array([[n % 2, n % 3 == 0, 0] for n in range(N)])


@pytest.mark.parametrize(
    ("estimator", "X", "y", "question"),
    [
        (StructuredClassifier("bag"), PAIRS, LABELS, Question("pair")),
        (StructuredClassifier("child_sum_tree_lstm"), PAIRS, LABELS, Question("pair")),
        (StructuredClassifier("bag", reads="pair"), np.array(PAIRS), LABELS, Question("pair")),
        (StructuredClassifier("gat(heads=2)"), SPANS, LABELS, Question("span")),
        (
            StructuredClassifier("gat(heads=2)", structure="rerooted"),
            SPANS,
            LABELS,
            Question("span"),
        ),
        (StructuredClassifier("bag"), TEXTS, SETS, Question(answer="labels")),
        (StructuredClassifier("bag"), TEXTS, MATRIX, Question(answer="labels")),
        (StructuredRegressor("bag"), TEXTS, NUMBERS, Question(answer="score")),
        (StructuredRegressor("bag"), PAIRS, NUMBERS, Question("pair", "score")),
        (StructuredRegressor("bag", answer="scale"), TEXTS, NUMBERS, Question(answer="scale")),
        (StructuredTagger("bilstm"), WORDS, TAGS, Question("tokens")),
        (StructuredTagger("gat(heads=2)"), WORDS, TAGS, Question("tokens")),
        (StructuredParser("bilstm"), WORDS, HEADS, Question("arcs")),
        (StructuredNodeClassifier("child_sum_tree_lstm"), PHRASES, NODES, Question("nodes")),
        (StructuredTransducer("bilstm"), WORDS, TEXTS, Question(answer="sequence")),
    ],
)
def test_it_is_fitted_saved_and_loaded(estimator, X, y, question, tmp_path):
    made = clone(estimator).set_params(**SMALL).fit(X, y)
    assert made.model_.task.question == question
    answers = made.predict(X)
    assert len(answers) == N
    assert isinstance(made.score(X, y), float)
    assert len(made.predict(X[:0])) == 0
    again = type(made).load(made.save(tmp_path / "saved"))
    assert again.get_params() == made.get_params()
    for other in (again, pickle.loads(pickle.dumps(made))):
        assert repr(other.predict(X)) == repr(answers)
        assert other.score(X, y) == made.score(X, y)


@pytest.mark.parametrize(
    ("estimator", "X", "y"),
    [
        (StructuredClassifier("bag"), PAIRS, LABELS),
        (StructuredClassifier("bag"), SPANS, LABELS),
        (StructuredClassifier("bag"), TEXTS, MATRIX),
        (StructuredRegressor("bag"), TEXTS, NUMBERS),
        (StructuredTagger("bag"), WORDS, TAGS),
        (StructuredParser("bag"), WORDS, HEADS),
        (StructuredNodeClassifier("recursive_nn"), PHRASES, NODES),
    ],
)
def test_within_grid_searches(estimator, X, y):
    small = clone(estimator).set_params(**SMALL)
    grid = GridSearchCV(small, {"hidden_dim": [4, 6]}, cv=2, error_score="raise").fit(X, y)
    assert grid.best_params_["hidden_dim"] in (4, 6)
    assert len(grid.predict(X[:3])) == 3
    assert len(cross_val_score(small, X, y, cv=2, error_score="raise")) == 2


def test_a_run_is_the_same_model(tmp_path):
    rows = [{"text": text, "text2": "they do"} for text in TEXTS]
    made = StructuredRegressor("bag", hidden_dim=6, epochs=2, random_state=3)
    made.fit(rows, NUMBERS, dev=(rows[:8], NUMBERS[:8]))
    again = StructuredRegressor("bag", hidden_dim=6, epochs=2, random_state=3)
    again.fit(PAIRS, NUMBERS, dev=(PAIRS[:8], NUMBERS[:8]))
    np.testing.assert_array_equal(made.predict(rows), again.predict(PAIRS))


@pytest.mark.parametrize(("kind", "answer"), [("Regressor", "0.5"), ("Classifier", "a|b")])
def test_a_run_with_other_answers_is_loaded(tmp_path, kind, answer):
    from tasks.data.examples import Dataset, Example
    from tasks.data.parsing import ParsedDataset

    answers = ["1", answer] if kind == "Regressor" else ["a", answer]
    examples = [
        Example(tuple(words), answers[n % 2], f"made-up:{n}") for n, words in enumerate(WORDS)
    ]
    question = Question(answer="score" if kind == "Regressor" else "labels")
    labels = () if kind == "Regressor" else ("a", "b")
    parts = (tuple(examples[:16]), tuple(examples[16:20]), tuple(examples[20:]))
    dataset = Dataset("made-up", *parts, labels=labels, question=question)
    sentences = {
        split: tuple(make_sentence(example.text) for example in part)
        for split, part in zip(("train", "dev", "test"), parts, strict=True)
    }
    run = Run(ModelOptions(encoder="bag", hidden_dim=4), TrainingOptions(epochs=1), seed=0)
    execute(run, ParsedDataset(dataset, sentences), tmp_path, parser=ParserOptions())
    estimators = {"Regressor": StructuredRegressor, "Classifier": StructuredClassifier}
    made = estimators.pop(kind).load(tmp_path / run.folder)
    assert len(made.predict(WORDS[:3])) == 3
    assert made.reads == "sentence"
    (other,) = estimators.values()
    with pytest.raises(DataError, match=f"answers questions of another kind.*a Structured{kind}"):
        other.load(tmp_path / run.folder)


def test_answers_come_back_as_they_were_given():
    made = StructuredClassifier("bag", **SMALL).fit(TEXTS, MATRIX)
    assert made.predict(TEXTS).shape == made.predict_proba(TEXTS).shape == (N, 3)
    assert made.classes_.tolist() == [0, 1, 2]
    sets = StructuredClassifier("bag", **SMALL).fit(TEXTS, SETS)
    assert sets.classes_.tolist() == ["cats", "short"]
    assert all(
        isinstance(one, list) and set(one) <= {"cats", "short"} for one in sets.predict(TEXTS)
    )
    numbered = [[len(tag) for tag in tags] for tags in TAGS]
    tagger = StructuredTagger("bag", **SMALL).fit(WORDS, numbered)
    assert tagger.classes_.tolist() == [1, 3]
    found = tagger.predict([["cats", "bark"], ["dogs"]])
    assert [len(tags) for tags in found] == [2, 1]
    assert all(type(tag) is int for tags in found for tag in tags)
    assert StructuredTransducer("bag", **SMALL).fit(WORDS, WORDS).score(WORDS, TEXTS) <= 1


def test_it_learns():
    # With states as small as elsewhere one seed in four stops before, which one rounding decides.
    eager = {**SMALL, "hidden_dim": 24, "embedding_dim": 16, "epochs": 40, "learning_rate": 0.02}
    eager |= {"dropout": 0.0, "word_dropout": 0.0}
    assert StructuredTagger("bag", **eager).fit(WORDS, TAGS).score(WORDS, TAGS) > 0.9
    assert StructuredParser("lstm", **eager).fit(WORDS, HEADS).score(WORDS, HEADS) > 0.9
    nodes = StructuredNodeClassifier("child_sum_tree_lstm", **eager).fit(PHRASES, NODES)
    assert nodes.score(PHRASES, NODES) > 0.9
    lengths = [len(words) for words in WORDS]
    assert StructuredRegressor("bag", **eager).fit(WORDS, lengths).score(WORDS, lengths) > 0.8
    sets = [["odd", "dogs"] if n % 2 else ["cats"] for n in range(N)]
    assert StructuredClassifier("bag", **eager).fit(WORDS, sets).score(WORDS, sets) > 0.9


def test_columns_say_what_is_asked():
    columns = {"text": TEXTS, "text2": ["they do"] * N, "label": LABELS}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    whole = StructuredClassifier("bag", **SMALL).fit(PAIRS, LABELS).predict_proba(PAIRS)
    for X in (columns, rows):
        made = StructuredClassifier("bag", **SMALL).fit(X)
        np.testing.assert_array_equal(made.predict_proba(X), whole)
    marked = [f"{words[0]} [[{words[1]}]] {words[-1]}" for words in WORDS]
    spans = StructuredClassifier("bag", **SMALL).fit(marked, LABELS)
    assert spans.model_.task.question == Question("span")
    other = StructuredClassifier("bag", **SMALL, label_column="kind", text_column="sentence")
    other.fit({"sentence": TEXTS, "kind": LABELS, "text": ["not this"] * N})
    assert other.predict({"sentence": TEXTS[:2]}).shape == (2,)
    tagger = StructuredTagger("bag", **SMALL).fit({"tokens": WORDS, "tags": TAGS})
    assert len(tagger.predict(WORDS)) == N
    sequences = StructuredTransducer("bag", **SMALL).fit({"source": TEXTS, "target": TEXTS})
    assert sequences.predict({"source": TEXTS[:2]}).shape == (2,)


def test_trees_are_answers(parser, tmp_path):
    made = StructuredParser("bilstm", **SMALL).fit(WORDS, HEADS)
    trees = made.predict(["dogs bark", ("cats", "purr", "and", "sleep")])
    assert [len(tree) for tree in trees] == [2, 4]
    assert {label for tree in trees for label in tree.labels} <= set(made.model_.task.labels)
    sentences = [
        Sentence(words, dependencies=tree) for words, tree in zip(WORDS, HEADS, strict=True)
    ]
    rows = {
        "tokens": WORDS,
        "heads": [[parent + 1 for parent in tree.parents] for tree in HEADS],
        "relations": [tree.labels for tree in HEADS],
    }
    for X in (sentences, rows):
        again = StructuredParser("bilstm", **SMALL).fit(X)
        assert again.predict(WORDS) == made.predict(WORDS)
        assert again.predict(X) == made.predict(WORDS)
    assert made.score(WORDS, made.predict(WORDS)) == 1
    assert parser.parsed == []  # left chains are made of tokens
    folder = str(made.save(tmp_path / "parser"))
    reading = StructuredClassifier("child_sum_tree_lstm", parser=folder, **SMALL)
    reading.fit([Sentence(words) for words in WORDS], LABELS)
    other = StructuredParser("gat(heads=2)", structure="parse", **SMALL).fit(WORDS, HEADS)
    assert len(parser.parsed) >= N
    assert len(other.predict(WORDS)) == N


def test_tokens_are_not_parsed_for_a_readout_that_is_not_used(parser):
    made = StructuredTagger("bilstm(readout='root')", **SMALL).fit(WORDS, TAGS)
    made.predict(WORDS)
    assert parser.parsed == []


def test_nodes_of_trees_are_asked_about():
    made = StructuredNodeClassifier("child_sum_tree_lstm", **SMALL).fit(PHRASES, NODES)
    assert made.classes_.tolist() == [0, 1, 2]
    bare = [Sentence(one.tokens, constituency=Tree(*SHAPE)) for one in PHRASES]
    assert made.predict(bare) == made.predict(PHRASES)
    assert all(type(label) is int for labels in made.predict(bare) for label in labels)
    again = StructuredNodeClassifier("child_sum_tree_lstm", **SMALL).fit(PHRASES)
    assert again.classes_.tolist() == ["0", "1", "2", "x"]
    brackets = [
        "({} (2 {}) ( (2 {}) (x {})))".format(n % 2, *one.tokens) for n, one in enumerate(PHRASES)
    ]
    other = StructuredNodeClassifier("child_sum_tree_lstm", **SMALL).fit({"tree": brackets})
    assert other.predict({"tree": brackets}) == again.predict(PHRASES)


def test_generators_are_gone_through_once():
    made = StructuredClassifier("bag", **SMALL).fit(iter(TEXTS), (label for label in LABELS))
    whole = StructuredClassifier("bag", **SMALL).fit(TEXTS, LABELS)
    assert made.predict_proba(iter(TEXTS)).tolist() == whole.predict_proba(TEXTS).tolist()


def test_sentences_keep_their_trees_on_both_sides(parser):
    first = [make_sentence(tuple(words)) for words in WORDS]
    second = [make_sentence(("they", "do"))] * N
    pairs = list(zip(first, second, strict=True))
    made = StructuredClassifier("gat(heads=2)", structure="given", **SMALL).fit(pairs, LABELS)
    made.predict(pairs)
    assert parser.parsed == []


def test_two_tuples_may_be_tokens():
    tokens = [(words[0], words[-1]) for words in WORDS]
    made = StructuredClassifier("bag", reads="sentence", **SMALL)
    assert made.fit(tokens, LABELS).model_.task.question == Question()


def test_weights_of_examples():
    weights = [float(label == "yes") for label in LABELS]
    eager = {**SMALL, "epochs": 10, "learning_rate": 0.05}
    lengths = [len(words) for words in WORDS]
    for answer in ("score", "scale"):
        made = StructuredRegressor("bag", answer=answer, **eager)
        high = made.fit(TEXTS, lengths, weights).predict(TEXTS)
        assert high.mean() > clone(made).fit(TEXTS, lengths).predict(TEXTS).mean()
    sets = [[label] for label in LABELS]
    made = StructuredClassifier("bag", **eager).fit(TEXTS, sets, weights)
    assert made.predict_proba(TEXTS)[:, 1].min() > 0.5
    tagger = StructuredTagger("bag", class_weight={"N": 1e6}, learning_rate=0.05, **SMALL).fit(
        WORDS, TAGS, weights
    )
    assert {tag for tags in tagger.predict(WORDS) for tag in tags} == {"N"}
    first, last = (Tree(parents, labels=["a", "b"]) for parents in ([-1, 0], [1, -1]))
    words = [["dogs", str(n)] for n in range(N)]
    asked = (words, [last if label == "yes" else first for label in LABELS], weights)
    parser = StructuredParser("bag", **eager).fit(*asked)
    assert {tree.parents for tree in parser.predict(words)} == {last.parents}


def test_vectors_of_pairs():
    vectors = EncoderTransformer(StructuredRegressor("bag", **SMALL)).fit_transform(PAIRS, NUMBERS)
    assert vectors.shape == (N, 24)  # [u; v; |u - v|; u * v]
    with pytest.raises(ValueError, match="a vector for each token"):
        StructuredTagger("bag", **SMALL).fit(WORDS, TAGS).encode(WORDS)


def test_a_warm_start_asks_the_same_question():
    made = StructuredClassifier("bag", warm_start=True, **SMALL).fit(PAIRS, LABELS)
    with pytest.raises(DataError, match="another question than that of the model that warm_start"):
        made.fit(TEXTS, LABELS)
    assert made.fit(PAIRS, LABELS).n_iter_ == 2


@pytest.mark.parametrize(
    ("estimator", "X", "y", "message"),
    [
        (StructuredClassifier("bag"), TEXTS, None, "requires y to be passed"),
        (StructuredClassifier("bag"), SPANS, None, r"X: there is no column 'label'.*label_column"),
        (StructuredClassifier("bag"), PAIRS, LABELS[1:], "X has 24 texts and 23 labels"),
        (
            StructuredClassifier("bag", reads="span"),
            TEXTS,
            LABELS,
            r"X: the question is about a span",
        ),
        (StructuredClassifier("bag", reads="tokens"), WORDS, TAGS, "take a StructuredTagger"),
        (StructuredClassifier("bag"), np.array(PAIRS), LABELS, "or say reads='pair'"),
        (StructuredClassifier("bag"), TEXTS, HEADS, r"y\[0\] is a tree.*take a StructuredParser"),
        (StructuredClassifier("bag"), TEXTS, MATRIX + 3, "y must be a matrix of 0 and 1"),
        (
            StructuredClassifier("bag", class_weight="balanced"),
            TEXTS,
            MATRIX,
            "class_weight is for examples with one class each",
        ),
        (StructuredClassifier("bag"), [(1, 2)] * N, LABELS, r"X\[0\] must be a text"),
        (
            StructuredClassifier("bag"),
            {"text": TEXTS, "label": LABELS[1:]},
            None,
            "different lengths",
        ),
        (
            StructuredClassifier("bag"),
            [{"text": text, "score": 1.0} for text in TEXTS],
            None,
            "which a StructuredClassifier doesn't give; take a StructuredRegressor",
        ),
        (StructuredRegressor("bag"), TEXTS, LABELS, "could not convert string to float"),
        (StructuredRegressor("bag"), TEXTS, [1.0, float("nan")] * 12, "y contains NaN"),
        (StructuredRegressor("bag", answer="much"), TEXTS, NUMBERS, "answer must be one of"),
        (
            StructuredTagger("bag"),
            WORDS,
            [tags[1:] for tags in TAGS],
            r"X\[0\]: 3 tokens",
        ),
        (StructuredTagger("bag"), WORDS, [3] * N, r"y\[0\] must be a list of tags"),
        (StructuredTransducer("bag", beam=0), WORDS, TEXTS, "beam must be"),
        (StructuredParser("bag"), WORDS, None, r"X\[0\]: there is no tree, which is what is asked"),
        (StructuredParser("bag"), WORDS, TAGS, r"y\[0\] must be a structnn.Tree with labels"),
        (
            StructuredParser("bag"),
            WORDS,
            HEADS[1:] + HEADS[:1],
            r"X\[0\]: the tree is not well formed",
        ),
        (StructuredParser("bag"), [[]] * N, HEADS, r"X\[0\]: the text is empty"),
        (
            StructuredParser("bag", structure="given"),
            WORDS,
            HEADS,
            "the trees that it is asked for",
        ),
        (StructuredNodeClassifier("gat"), WORDS, NODES, r"X\[0\]: there is no tree whose nodes"),
        (StructuredNodeClassifier("gat"), PHRASES, TAGS, r"X\[0\]: the answers don't fit the tree"),
        (StructuredNodeClassifier("bag"), PHRASES, NODES, "bag has no state for each node"),
    ],
)
def test_what_does_not_fit_is_told(estimator, X, y, message):
    with pytest.raises((ValueError, OptionError), match=message):
        clone(estimator).set_params(**SMALL).fit(X, y)


def test_new_questions_must_be_of_the_kind():
    made = StructuredClassifier("bag", **SMALL).fit(PAIRS, LABELS)
    with pytest.raises(DataError, match=r"X: the question is about a pair, which takes.*'text2'"):
        made.predict(TEXTS)
    spans = StructuredClassifier("bag", **SMALL).fit(SPANS, LABELS)
    assert spans.predict(["dogs like [[cats]]"]).shape == (1,)
    with pytest.raises(DataError, match=r"'target' or one span between \[\[ and \]\]"):
        spans.predict(["dogs like cats"])
    with pytest.raises(ValueError, match="answers questions about a pair"):
        made.explain("dogs bark")
    explained = made.explain("dogs bark", second="cats sleep")
    assert explained.sentence.tokens == ("dogs", "bark")
    assert {*explained.attributions} == {"gradient x input", "integrated gradients"}
    assert made.predict([(Sentence(["dogs"]), "cats")]).shape == (1,)


@pytest.mark.parametrize(
    ("made", "X", "y"),
    [(StructuredTagger("bag"), WORDS, TAGS), (StructuredParser("lstm"), WORDS, HEADS)],
)
def test_answers_to_score_that_do_not_fit_are_told(made, X, y):
    made.set_params(**SMALL).fit(X, y)
    with pytest.raises(DataError, match="X has 3 texts, but y 2 answers"):
        made.score(X[:3], y[:2])
    with pytest.raises(DataError, match=r"y\[1\] has 1 answer, but X\[1\] has . parts"):
        made.score(
            [*X[:1], ["a", "b"]], [*y[:1], y[0][:1] if y is TAGS else Tree([-1], labels=["root"])]
        )
    with pytest.raises(DataError, match=r"sample_weight\.shape == \(2,\), expected \(3,\)"):
        made.score(X[:3], y[:3], [1, 1])
    with pytest.raises(DataError, match="y has no answer of any weight"):
        made.score([], [])


def test_answers_to_score_are_counted():
    made = StructuredTransducer("bag", **SMALL).fit(WORDS, TEXTS)
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[24, 1\]"):
        made.score(WORDS[:1], TEXTS)
    assert made.score(WORDS, range(N)) == 0


def test_matrices_and_lists_of_classes_are_compared():
    sets = [["a", "b"] if n % 2 else ["b"] if n % 3 else [] for n in range(N)]
    matrix = np.array([[one in own for one in "ab"] for own in sets])
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(matrix, columns=["a", "b"])
    mixed = table.astype({"a": "Int64", "b": "boolean"})[["b", "a"]]
    for y, others in ((sets, (sets, matrix, mixed)), (table, (table, matrix, mixed, sets))):
        made = StructuredClassifier("bag", **SMALL).fit(TEXTS, y)
        found = [set(own) for own in made._values.sets(made._values.read(made.predict(TEXTS), "y"))]
        expected = np.mean([set(own) == one for own, one in zip(sets, found, strict=True)])
        assert [made.score(TEXTS, other) for other in others] == [expected] * len(others)
        assert made.fit(TEXTS, y, dev=(TEXTS, mixed if y is table else sets)).n_iter_ == 2


def test_trees_without_classes_have_no_score():
    made = StructuredNodeClassifier("child_sum_tree_lstm", **SMALL).fit(PHRASES, NODES)
    with pytest.raises(DataError, match="y has no answer of any weight"):
        made.score(PHRASES[:1], [[None] * len(NODES[0])])


def test_tags_of_one_length_may_be_an_array():
    texts = [[words[0], f"{n}"] for n, words in enumerate(WORDS)]
    tags = [own[:2] for own in TAGS]
    lists, array = (StructuredTagger("bag", **SMALL).fit(texts, y) for y in (tags, np.array(tags)))
    assert array.classes_.tolist() == lists.classes_.tolist()
    assert array.score(texts, np.array(tags)) == lists.score(texts, tags)
