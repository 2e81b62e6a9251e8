"""EncoderTransformer: features for other estimators."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tasks import (
    EncoderTransformer,
    StructuredClassifier,
    StructuredTagger,
    StructuredTransducer,
)

SMALL = StructuredClassifier("bag", hidden_dim=8, epochs=2)


@pytest.fixture
def train(parsed):
    return list(parsed.sentences["train"]), parsed.dataset.answers("train")


def test_vectors_are_those_that_the_head_reads(train):
    texts, labels = train
    made = EncoderTransformer(SMALL).fit(texts, labels)
    vectors = made.transform(texts)
    assert vectors.shape == (60, 8)
    inner = made.classifier_
    head = inner.model_.classifier.head.output
    scores = vectors @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(inner.predict_proba(texts), shares, rtol=1e-5)
    assert made.get_feature_names_out()[:2].tolist() == [
        "encodertransformer0",
        "encodertransformer1",
    ]
    assert not hasattr(SMALL, "model_")


def test_in_a_pipeline_with_options_of_the_inner_one(train):
    texts, labels = train
    pipeline = make_pipeline(EncoderTransformer(SMALL), LogisticRegression())
    pipeline.set_params(encodertransformer__classifier__hidden_dim=4)
    assert pipeline.fit(texts, labels).predict(texts[:3]).shape == (3,)
    assert pipeline[0].transform(texts).shape == (60, 4)


def test_a_trained_classifier_is_taken_as_it_is(train):
    texts, labels = train
    trained = StructuredClassifier("bag", hidden_dim=8, epochs=1).fit(texts, labels)
    made = EncoderTransformer(FrozenEstimator(trained)).fit(texts, labels)
    np.testing.assert_array_equal(made.transform(texts), trained.encode(texts))


def test_it_must_be_fitted():
    with pytest.raises(NotFittedError):
        EncoderTransformer().transform(["a"])


@pytest.mark.parametrize("kind", [StructuredTagger, StructuredTransducer])
def test_estimators_with_a_vector_for_each_token_are_refused_untrained(kind):
    with pytest.raises(ValueError, match="a vector for each token, and none for a whole text"):
        EncoderTransformer(kind("bag")).fit(["dogs bark"], [["N", "V"]])


def test_classes_may_be_a_column(train):
    texts, labels = train
    rows = [{"text": text, "label": label} for text, label in zip(texts, labels, strict=True)]
    made = EncoderTransformer(SMALL).fit_transform(rows)
    np.testing.assert_array_equal(made, EncoderTransformer(SMALL).fit_transform(texts, labels))
