"""All that can be said of the reasons of a prediction."""

from __future__ import annotations

from dataclasses import dataclass

from structnn import Sentence, WordEmbedding
from tasks.explain.attention import AttentionMap, collect_notes
from tasks.explain.attributions import (
    GRADIENT_X_INPUT,
    INTEGRATED_GRADIENTS,
    Completeness,
    from_vectors,
    gradient_x_input,
    integrated_gradients,
)
from tasks.explain.deletions import DeletionCheck, Shorter, check_deletion, subtree_effects
from tasks.models.prediction import Prediction, Predictor

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True)
class Explanation:
    """A prediction with what can be said of its reasons.

    Attributes:
        prediction: The prediction.
        sentence: The tokens, and the structure that the model was given.
        unknown: Tokens for which the model has no vector of their own.
        attributions: For each method a number for each token: how much it adds to the log-odds of
            the predicted label.
        completeness: Whether the integrated gradients add up.
        subtree_effects: For each token by how much the log-odds of the label fall when it and all
            below it are deleted; None for the root.
        deletion: None where there is but one word.
        attention: Of each layer that attends.
        gates: For each Tree-LSTM the mean of each token's forget gate, which says how much its parent
            takes of it; None for the root.
        readout: How much the readout takes of each token, as the mean of its heads; None for a
            readout that does not attend.
    """

    prediction: Prediction
    sentence: Sentence
    unknown: frozenset[int]
    attributions: dict[str, tuple[float, ...]]
    completeness: Completeness
    subtree_effects: tuple[float | None, ...]
    deletion: DeletionCheck | None
    attention: tuple[AttentionMap, ...]
    gates: dict[str, tuple[float | None, ...]]
    readout: tuple[float, ...] | None


def explain(predictor: Predictor, text: str) -> Explanation:
    r"""Predict the label of a text, and explain the prediction.

    Attributions are to the log-odds *f* of the predicted label, as a function of the word vectors:

    .. math::
        x_t^\top \frac{\partial f}{\partial x_t}(x) \;\text{(gradient x input)}, \qquad
        x_t^\top \int_0^1 \frac{\partial f}{\partial x_t}(\alpha x) \, d\alpha
            \;\text{(integrated gradients)}

    (Sundararajan et al. 2017, from a baseline of zeros). The structure stays what it is.

    Args:
        predictor: A run.
        text: A sentence.

    Raises:
        ValueError: The text is empty, the run can't be used on raw text, or the parser gives no tree.
        ImportError: ``captum`` is not installed.
    """
    model = predictor.model
    (sentence,) = predictor.read([text])
    (prediction,) = predictor.predict_sentences([text], [sentence])
    if sentence.dependencies is None:
        raise ValueError(
            f"the parser gives {text!r} no dependencies, and without a tree there is no explanation"
        )
    embedding = model.classifier.embedding
    assert isinstance(embedding, WordEmbedding)
    label = model.classifier.labels.index(prediction.label)
    vectors, log_odds = from_vectors(model, sentence, label)
    integrated, completeness = integrated_gradients(vectors, log_odds)
    attributions = {
        GRADIENT_X_INPUT: gradient_x_input(vectors, log_odds),
        INTEGRATED_GRADIENTS: integrated,
    }
    shorter = Shorter(model, sentence, label)
    attention, gates, readout = collect_notes(model, sentence)
    return Explanation(
        prediction=prediction,
        sentence=sentence,
        unknown=frozenset(
            token for token, word in enumerate(sentence.tokens) if word not in embedding.vocabulary
        ),
        attributions=attributions,
        completeness=completeness,
        subtree_effects=subtree_effects(sentence.dependencies, shorter),
        deletion=check_deletion(sentence, attributions, shorter),
        attention=attention,
        gates=gates,
        readout=readout,
    )
