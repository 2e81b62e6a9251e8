"""All that can be said of the reasons of a prediction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from torch import nn

from parsers import narrowed
from structnn import Sentence, Tree
from structnn.embeddings import words_of
from tasks.data.questions import Question, number_in
from tasks.data.structures import structure_of
from tasks.explain.attention import AttentionMap, collect_notes
from tasks.explain.attributions import (
    GRADIENT_X_INPUT,
    INTEGRATED_GRADIENTS,
    Completeness,
    from_vectors,
    gradient_x_input,
    integrated_gradients,
)
from tasks.explain.case import Case
from tasks.explain.chosen import Chosen, choose
from tasks.explain.deletions import DeletionCheck, Shorter, check_deletion, subtree_effects
from tasks.explain.quantities import Quantity
from tasks.models.model import SavedModel
from tasks.models.prediction import Prediction, Predictor

__all__ = ["LONGEST", "ExplainedText", "Explanation", "explain"]

LONGEST = 256
"""Tokens of a text: with more, the weights of attention are too many to be looked at."""


@dataclass(frozen=True)
class ExplainedText:
    """What is said of one text.

    Attributes:
        sentence: The tokens, and the structure that the model was given.
        asked: The tokens that are asked about: those of spans, and the one whose answer is explained.
        unknown: Tokens for which the model has no vector of their own.
        attributions: For each method a number for each token: how much it adds to the number that is
            explained.
        subtree_effects: For each token by how much that number falls when it and all below it are
            deleted; None for the root, and where something below is asked about.
        attention: Of each layer that attends.
        gates: For each Tree-LSTM the mean of each token's forget gate, which says how much its parent
            takes of it, and its weight among its siblings where children are weighed; None for the root.
        readouts: How much of each token is taken, as the mean of heads: by the readout, where it
            attends, and by the attention of each span.
        tree: The dependencies as the encoder reads them: an encoder with few places for children has
            those that are too many attached elsewhere.
    """

    sentence: Sentence
    asked: frozenset[int]
    unknown: frozenset[int]
    attributions: dict[str, tuple[float, ...]]
    subtree_effects: tuple[float | None, ...]
    attention: tuple[AttentionMap, ...]
    gates: dict[str, tuple[float | None, ...]]
    readouts: dict[str, tuple[float, ...]]
    tree: Tree


@dataclass(frozen=True)
class Explanation:
    """A prediction with what can be said of its reasons.

    Attributes:
        prediction: The prediction.
        question: What was asked.
        chosen: What of the prediction is explained, and the number that is divided among the words.
        texts: What is said of each text: one, or two where the question is about pairs.
        completeness: Whether the integrated gradients add up.
        deletion: None where no word can be deleted.
        encoder: The name of the encoder.
        structure: What it was trained on: ``"parse"``, or a control in its place.
        reads_tree: Whether it reads the tree at all.
        run: The folder of the run.
        gold: The right answer; None where it is not known.
    """

    prediction: Prediction
    question: Question
    chosen: Chosen
    texts: tuple[ExplainedText, ...]
    completeness: Completeness
    deletion: DeletionCheck | None
    encoder: str
    structure: str
    reads_tree: bool
    run: str
    gold: str | None = None

    @property
    def quantity(self) -> Quantity:
        """The number that is explained."""
        return self.chosen.quantity

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens of all texts."""
        return self.chosen.case.tokens

    @property
    def sentence(self) -> Sentence:
        """That of the (first) text."""
        return self.texts[0].sentence

    @property
    def unknown(self) -> frozenset[int]:
        """Those of the (first) text."""
        return self.texts[0].unknown

    @property
    def attributions(self) -> dict[str, tuple[float, ...]]:
        """Those of the (first) text."""
        return self.texts[0].attributions

    @property
    def subtree_effects(self) -> tuple[float | None, ...]:
        """Those of the (first) text."""
        return self.texts[0].subtree_effects

    @property
    def attention(self) -> tuple[AttentionMap, ...]:
        """That of the (first) text."""
        return self.texts[0].attention

    @property
    def gates(self) -> dict[str, tuple[float | None, ...]]:
        """Those of the (first) text."""
        return self.texts[0].gates

    @property
    def readout(self) -> tuple[float, ...] | None:
        """How much the readout takes of each token of the (first) text; None if it doesn't attend."""
        return self.texts[0].readouts.get("readout attention")

    @property
    def tree(self) -> Tree:
        """That of the (first) text."""
        return self.texts[0].tree

    @property
    def is_right(self) -> bool | None:
        """Whether the answer that is explained is right; None if it can't be said in one word."""
        if self.gold is None or self.question.is_number:
            return None
        if self.question.is_sequence:
            return self.gold.split() == self.prediction.label.split()
        return self.predicted == self.right

    @property
    def predicted(self) -> str:
        """The answer, or of answers to each token that to the one that is explained."""
        return self._part_of(self.prediction.label)

    @property
    def right(self) -> str | None:
        """The right answer in place of :attr:`predicted`; None where it is not known."""
        return None if self.gold is None else self._part_of(self.gold)

    def _part_of(self, answer: str) -> str:
        token = self.chosen.token
        if token is None or not self.question.has_parts:
            return answer
        return self.question.parts_of(answer)[token]

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


def explain(
    predictor: Predictor,
    text: str,
    gold: str | None = None,
    *,
    second: str | None = None,
    label: str | None = None,
    token: int | str | None = None,
) -> Explanation:
    r"""Predict the answer to a text, and explain the prediction.

    What is explained is one number *f* of what the head gives, as a function of the word vectors *x*:
    the log-odds of a label, of a tag of one token, of a head of one token, or of a written word given
    those before it; or the score. Attributions are

    .. math::
        x_t^\top \frac{\partial f}{\partial x_t}(x) \;\text{(gradient x input)}, \qquad
        x_t^\top \int_0^1 \frac{\partial f}{\partial x_t}(\alpha x) \, d\alpha
            \;\text{(integrated gradients)}

    (Sundararajan et al. 2017, from a baseline of zeros). The structure stays what it is.

    Args:
        predictor: A run.
        text: A sentence; spans that are asked about stand between ``[[`` and ``]]``.
        gold: The right answer, where it is known.
        second: The second text, where the question is about pairs.
        label: The label or tag to explain; by default the most probable one.
        token: Where tokens have answers, the one to explain: its number, from 1, or the word; of a
            text that is written, the word. By default the one of which the model is the least certain.

    Raises:
        ValueError: A text is empty or has more than 256 tokens, the run can't be used on raw text,
            does not know the label, or is not asked about such texts, or the parser gives no tree.
        ImportError: ``captum`` is not installed.
    """
    model, question = predictor.model, predictor.question
    encoder = model.classifier.encoder
    asked = predictor.read_asked([text], [] if second is None else [second])
    spans = asked.spans[0] if asked.spans else ()
    case = Case((*asked.sentences, *asked.second), spans)
    for given, sentence in zip(filter(None, (text, second)), case.sentences, strict=True):
        if len(sentence) > LONGEST:
            raise ValueError(
                f"the text has {len(sentence)} tokens, and {LONGEST} at most can be explained: give one "
                "sentence of it"
            )
        if sentence.dependencies is None:
            raise ValueError(
                f"{predictor.run} reads {structure_of(model.structure).plural}, and only runs on parses "
                "and on controls can be explained; `structnn predict` answers with this one"
                if sentence.constituency is not None
                else f"the parser gives {given!r} no dependencies, and without a tree there is no "
                "explanation"
            )
    with _on_the_cpu(model.classifier):
        (prediction,) = predictor.predict_sentences(*asked)
        _check_gold(gold, predictor, prediction)
        chosen = choose(model, case, prediction, label=label, token=token)
        vectors, value = from_vectors(model, chosen.case, chosen.quantity)
        integrated, completeness = integrated_gradients(vectors, value)
        attributions = {
            GRADIENT_X_INPUT: gradient_x_input(vectors, value),
            INTEGRATED_GRADIENTS: integrated,
        }
        shorter = Shorter(model, chosen.case, chosen.quantity)
        return Explanation(
            prediction=prediction,
            question=question,
            chosen=chosen,
            texts=tuple(_texts(model, chosen.case, attributions, subtree_effects(shorter))),
            completeness=completeness,
            deletion=check_deletion(attributions, shorter),
            encoder=model.options.encoder,
            structure=model.structure,
            reads_tree=encoder.needs_structure,
            run=str(predictor.run),
            gold=gold,
        )


@contextmanager
def _on_the_cpu(module: nn.Module) -> Iterator[None]:
    """Within this block a module is on the CPU, where the one text is that is explained."""
    device = next(module.parameters()).device
    module.to("cpu")
    try:
        yield
    finally:
        module.to(device)


def _texts(
    model: SavedModel,
    case: Case,
    attributions: dict[str, tuple[float, ...]],
    effects: Sequence[tuple[float | None, ...]],
) -> Iterator[ExplainedText]:
    """What is said of each text of a case."""
    words, arity = words_of(model.classifier.embedding), model.classifier.encoder.arity
    spans = [case.spans] + [()] * (len(case.sentences) - 1)
    for number, (begin, end) in enumerate(pairwise(case.starts)):
        sentence = case.sentences[number]
        tree = sentence.dependencies
        assert tree is not None
        noted = collect_notes(model, sentence, spans[number])
        yield ExplainedText(
            sentence=sentence,
            asked=frozenset(token - begin for token in case.asked if begin <= token < end),
            unknown=frozenset(
                token
                for token, word in enumerate(sentence.tokens)
                if words is not None and word not in words.vocabulary
            ),
            attributions={name: values[begin:end] for name, values in attributions.items()},
            subtree_effects=effects[number],
            attention=noted.attention,
            gates=noted.gates,
            readouts=noted.readouts,
            tree=tree if arity is None else narrowed(tree, arity),
        )


def _check_gold(gold: str | None, predictor: Predictor, prediction: Prediction) -> None:
    """Make sure that a right answer is one to this question.

    Raises:
        ValueError: It is none.
    """
    if gold is None:
        return
    question, labels = predictor.question, predictor.model.classifier.labels
    if question.is_number:
        number_in(gold)
    elif not question.has_parts:
        for label in question.labels_in(gold):
            if label not in labels:
                raise ValueError(
                    f"{label!r} is no label of {predictor.run}; its labels are {', '.join(labels)}"
                )
    else:
        given, wanted = len(question.parts_of(gold)), len(question.parts_of(prediction.label))
        if given != wanted:
            raise ValueError(
                f"the right answer has {given} parts, but the text has {wanted} tokens: give one for "
                "each, with spaces between them"
            )
