"""All that can be said of the reasons of a prediction."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from parsers import narrowed
from structnn import Sentence, Tree
from structnn.embeddings import words_of
from tasks.data.questions import Question
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

__all__ = ["LONGEST", "Explanation", "explain"]

LONGEST = 256
"""Tokens of a text: with more, the weights of attention are too many to be looked at."""


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
            takes of it, and its weight among its siblings where children are weighed; None for the root.
        readout: How much the readout takes of each token, as the mean of its heads; None for a
            readout that does not attend.
        encoder: The name of the encoder.
        structure: What it was trained on: ``"parse"``, or a control in its place.
        tree: The dependencies as the encoder reads them: an encoder with few places for children has
            those that are too many attached elsewhere.
        reads_tree: Whether it reads them at all.
        run: The folder of the run.
        gold: The label that is right; None where it is not known.
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
    encoder: str
    structure: str
    tree: Tree
    reads_tree: bool
    run: str
    gold: str | None = None

    def to_html(self) -> str:
        """All of it as one HTML page that needs no other file and no network."""
        from tasks.explain.page import to_html

        return to_html([self])

    def _repr_html_(self) -> str:
        return framed(self.to_html())


def framed(page: str) -> str:
    """A page within another one, such as a notebook, whose styles stay apart."""
    return (
        f'<iframe title="explanation" srcdoc="{escape(page)}" '
        'style="width: 100%; height: 48rem; border: 0"></iframe>'
    )


def explain(predictor: Predictor, text: str, gold: str | None = None) -> Explanation:
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
        gold: The label that is right, where it is known.

    Raises:
        ValueError: The text is empty or has more than 256 tokens, the run can't be used on raw
            text or does not know the label, or the parser gives no tree.
        ImportError: ``captum`` is not installed.
    """
    model = predictor.model
    encoder, labels = model.classifier.encoder, model.classifier.labels
    if predictor.question != Question():
        raise ValueError(
            f"{predictor.run} answers questions of another kind: {predictor.question.in_words(labels)}. "
            "What is explained is one label of one sentence; structnn predict gives its answers"
        )
    if gold is not None and gold not in labels:
        raise ValueError(
            f"{gold!r} is no label of {predictor.run}; its labels are {', '.join(labels)}"
        )
    (sentence,) = predictor.read([text])
    if len(sentence) > LONGEST:
        raise ValueError(
            f"the text has {len(sentence)} tokens, and {LONGEST} at most can be explained: give one "
            "sentence of it"
        )
    (prediction,) = predictor.predict_sentences([text], [sentence])
    if sentence.dependencies is None:
        raise ValueError(
            f"the parser gives {text!r} no dependencies, and without a tree there is no explanation"
        )
    words = words_of(model.classifier.embedding)
    label = labels.index(prediction.label)
    vectors, log_odds = from_vectors(model, sentence, label)
    integrated, completeness = integrated_gradients(vectors, log_odds)
    attributions = {
        GRADIENT_X_INPUT: gradient_x_input(vectors, log_odds),
        INTEGRATED_GRADIENTS: integrated,
    }
    tree = sentence.dependencies
    shorter = Shorter(model, sentence, label)
    attention, gates, readout = collect_notes(model, sentence)
    return Explanation(
        prediction=prediction,
        sentence=sentence,
        unknown=frozenset(
            token
            for token, word in enumerate(sentence.tokens)
            if words is not None and word not in words.vocabulary
        ),
        attributions=attributions,
        completeness=completeness,
        subtree_effects=subtree_effects(tree, shorter),
        deletion=check_deletion(sentence, attributions, shorter),
        attention=attention,
        gates=gates,
        readout=readout,
        encoder=model.options.encoder,
        structure=model.structure,
        tree=tree if encoder.arity is None else narrowed(tree, encoder.arity),
        reads_tree=bool(encoder.reads & {"tree", "graph"}),
        run=str(predictor.run),
        gold=gold,
    )
