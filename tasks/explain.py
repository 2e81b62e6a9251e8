"""Why a classifier says what it says of a sentence: attributions, deletions, attention and gates."""

from __future__ import annotations

import itertools
import math
import random
import re
import statistics
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from parsers import draw, with_structure
from parsers.drawing import presets
from structnn import Batch, Encoder, Sentence, Tree
from structnn.encoders import Chain
from structnn.explain import noting
from tasks.models import SavedModel
from tasks.prediction import Prediction, Predictor
from tasks.storage import write_json
from tasks.training import predict_scores

__all__ = [
    "GRADIENT_X_INPUT",
    "INTEGRATED_GRADIENTS",
    "Attention",
    "Completeness",
    "DeletionCheck",
    "Explanation",
    "explain",
    "in_words",
    "save",
    "without",
    "word_rows",
]

GRADIENT_X_INPUT = "gradient x input"
INTEGRATED_GRADIENTS = "integrated gradients"

DRAWS = 200  # random deletions to compare with
SHARE = 0.2  # of the words that are deleted at once
STEPS = (64, 128, 256, 512, 1024)  # of the integral: finer ones where it does not add up yet
TOLERANCE = 0.01  # by which share it may be off
TOKENS = 16_384  # in a batch, so that long sentences don't need memory by the gigabyte

LogOdds = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Completeness:
    """Whether integrated gradients add up to what they divide among the words.

    Attributes:
        total: Their sum.
        expected: What it should be: the log-odds of the label with these words, less those with
            vectors of zeros in their place.
        steps: Of the integral.
    """

    total: float
    expected: float
    steps: int

    @property
    def error(self) -> float:
        """By how much the sum is off, as a share of what it should be."""
        # Log-odds of 0.01 are a quarter of a percent point at most: less is as good as nothing.
        return abs(self.total - self.expected) / max(abs(self.expected), 0.01)


@dataclass(frozen=True)
class DeletionCheck:
    """What deleting the words of the highest attribution does, beside deleting any others.

    Attributes:
        deleted: For each method, the tokens that it puts first.
        drops: For each method, by how much the probability of the label falls without them.
        random_drops: By how much it falls without as many tokens drawn at random: for every choice
            of them where there are few, for some two hundred otherwise.
    """

    deleted: dict[str, tuple[int, ...]]
    drops: dict[str, float]
    random_drops: tuple[float, ...]

    @property
    def random_mean(self) -> float:
        """The mean over random deletions."""
        return statistics.fmean(self.random_drops)

    @property
    def random_deviation(self) -> float:
        """The standard deviation over random deletions."""
        return statistics.pstdev(self.random_drops)

    def exceeded(self, method: str) -> float:
        """The share of random deletions that move the prediction less than this method's."""
        return statistics.fmean(drop < self.drops[method] for drop in self.random_drops)


@dataclass(frozen=True)
class Attention:
    """What one layer looks at.

    Attributes:
        name: Which encoder and which layer.
        weights: ``(heads, tokens, tokens)``: how much the token of each row looks at that of each
            column. What a Transformer's vector before the first word gives and takes is left out.
    """

    name: str
    weights: Tensor


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
    attention: tuple[Attention, ...]
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
    (prediction,) = predictor.predict([text])
    model = predictor.model
    (sentence,) = with_structure(predictor.parser.parse([text]), model.structure)
    if sentence.dependencies is None:
        raise ValueError(
            f"the parser gives {text!r} no dependencies, and without a tree there is no explanation"
        )
    label = model.classifier.labels.index(prediction.label)
    vectors, log_odds = _from_vectors(model, sentence, label)
    integrated, completeness = _integrated_gradients(vectors, log_odds)
    attributions = {
        GRADIENT_X_INPUT: _gradient_x_input(vectors, log_odds),
        INTEGRATED_GRADIENTS: integrated,
    }
    shorter = _Shorter(model, sentence, label)
    attention, gates, readout = _looked_at(model, sentence)
    return Explanation(
        prediction=prediction,
        sentence=sentence,
        unknown=frozenset(
            token
            for token, word in enumerate(sentence.tokens)
            if word not in model.classifier.embedding.vocabulary  # type: ignore[operator]
        ),
        attributions=attributions,
        completeness=completeness,
        subtree_effects=_subtree_effects(sentence.dependencies, shorter),
        deletion=_check_deletion(sentence, attributions, shorter),
        attention=attention,
        gates=gates,
        readout=readout,
    )


# Attributions.


def _from_vectors(model: SavedModel, sentence: Sentence, label: int) -> tuple[Tensor, LogOdds]:
    """The vectors of the words, ``(1, tokens, dim)``, and what the model makes of any such vectors.

    The second takes ``(copies, tokens, dim)`` and gives the log-odds of the label, ``(copies,)``.
    """
    corpus, classifier = model.corpus([sentence]), model.classifier

    def log_odds(vectors: Tensor) -> Tensor:
        batch = corpus.batch([0] * len(vectors))
        encoding = classifier.encoder(vectors.flatten(0, 1), batch)
        return _log_odds(classifier.head(encoding.sentence), label)

    return classifier.embedding(corpus.batch()).detach()[None], log_odds


def _log_odds(scores: Tensor, label: int) -> Tensor:
    """``(sentences, classes)`` to ``(sentences,)``: of this label against all others."""
    others = torch.arange(scores.shape[1]) != label
    return scores[:, label] - scores[:, others].logsumexp(1)


def _gradient_x_input(vectors: Tensor, log_odds: LogOdds) -> tuple[float, ...]:
    vectors = vectors.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(log_odds(vectors).sum(), vectors)
    return tuple((vectors.detach() * gradient).sum(2)[0].tolist())


def _integrated_gradients(
    vectors: Tensor, log_odds: LogOdds
) -> tuple[tuple[float, ...], Completeness]:
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        raise ImportError(
            "integrated gradients need the package captum: pip install captum"
        ) from None
    with torch.no_grad():
        expected = float(log_odds(vectors) - log_odds(torch.zeros_like(vectors)))
    for steps in STEPS:
        shares = IntegratedGradients(log_odds).attribute(
            vectors, n_steps=steps, internal_batch_size=_batch_size(vectors.shape[1])
        )
        values = shares.sum(2)[0].tolist()
        completeness = Completeness(sum(values), expected, steps)
        if completeness.error <= TOLERANCE:
            break
    return tuple(values), completeness


def _batch_size(tokens: int) -> int:
    """How many sentences of so many tokens are taken at once."""
    return max(1, TOKENS // tokens)


# Deletions.


def without(sentence: Sentence, deleted: Collection[int], arity: int | None = None) -> Sentence:
    """A sentence with some tokens less, whose dependencies are a tree again.

    What hangs on a deleted token is attached to the nearest token above it that is left, and keeps
    its relation. Where none is left above, the first such token takes the place of the root, with its
    relation, and the others are attached to it.

    Args:
        sentence: It has dependencies.
        deleted: The tokens to delete; not all.
        arity: For encoders that take at most so many children: one too many becomes the child of the
            sibling before it.
    """
    tree = sentence.dependencies
    assert tree is not None
    kept = [token for token in range(len(sentence)) if token not in deleted]
    place = {token: index for index, token in enumerate(kept)}

    def head(token: int) -> int:
        above = tree.parents[token]
        while above in deleted:
            above = tree.parents[above]
        return place.get(above, -1)

    parents = [head(token) for token in kept]
    labels = [tree.labels[token] for token in kept] if tree.labels is not None else None
    root, *others = (token for token, parent in enumerate(parents) if parent == -1)
    for token in others:
        parents[token] = root
    if labels is not None and tree.labels is not None:
        labels[root] = tree.labels[tree.root]
    shorter = Tree(parents if arity is None else _narrowed(parents, arity), labels=labels)

    def rest(values: Sequence[str] | None) -> list[str] | None:
        return None if values is None else [values[token] for token in kept]

    return Sentence(
        [sentence.tokens[token] for token in kept],
        dependencies=shorter,
        tags=rest(sentence.tags),
        lemmas=rest(sentence.lemmas),
    )


def _narrowed(parents: Sequence[int], arity: int) -> list[int]:
    """The tree with at most ``arity`` children at each node: see :func:`without`."""
    tree = Tree(parents)
    children = list(map(list, tree.children))
    order = [tree.root]
    for node in order:  # the list grows while it is read
        while len(children[node]) > arity:
            surplus = children[node].pop()
            children[children[node][-1]].append(surplus)
        children[node].sort()
        order += children[node]
    narrowed = [-1] * len(parents)
    for node, below in enumerate(children):
        for child in below:
            narrowed[child] = node
    return narrowed


class _Shorter:
    """What the model makes of a sentence without some of its tokens.

    Args:
        model: The model.
        sentence: The sentence.
        label: The number of the label.
    """

    def __init__(self, model: SavedModel, sentence: Sentence, label: int) -> None:
        self.model = model
        self.sentence = sentence
        self.label = label
        limits = [getattr(part, "arity", None) for part in model.classifier.encoder.modules()]
        self.arity = min((limit for limit in limits if isinstance(limit, int)), default=None)

    def log_odds(self, deletions: Sequence[Collection[int]]) -> Tensor:
        """``(deletions,)``: the log-odds of the label without these tokens."""
        found = [torch.empty(0)]
        size = _batch_size(len(self.sentence))
        for begin in range(0, len(deletions), size):
            chunk = deletions[begin : begin + size]
            sentences = [without(self.sentence, deleted, self.arity) for deleted in chunk]
            scores = predict_scores(self.model.classifier, self.model.corpus(sentences))
            found.append(_log_odds(scores, self.label))
        return torch.cat(found)


def _subtree_effects(tree: Tree, shorter: _Shorter) -> tuple[float | None, ...]:
    subtrees: list[set[int]] = [{node} for node in range(len(tree))]
    for node in reversed(tree.top_down[1:]):
        subtrees[tree.parents[node]] |= subtrees[node]
    whole, *rest = shorter.log_odds([(), *(subtrees[node] for node in tree.top_down[1:])]).tolist()
    effects = {
        node: whole - log_odds for node, log_odds in zip(tree.top_down[1:], rest, strict=True)
    }
    return tuple(effects.get(node) for node in range(len(tree)))


def _check_deletion(
    sentence: Sentence, attributions: dict[str, tuple[float, ...]], shorter: _Shorter
) -> DeletionCheck | None:
    size = len(sentence)
    if size == 1:
        return None
    count = max(1, round(SHARE * size))
    deleted = {
        method: tuple(sorted(sorted(range(size), key=values.__getitem__)[-count:]))
        for method, values in attributions.items()
    }
    chosen: list[tuple[int, ...]]
    if math.comb(size, count) <= DRAWS:
        chosen = list(itertools.combinations(range(size), count))
    else:
        generator = random.Random(repr(sentence.tokens))  # the same in every process
        chosen = [tuple(generator.sample(range(size), count)) for _ in range(DRAWS)]
    whole, *rest = shorter.log_odds([(), *deleted.values(), *chosen]).sigmoid().tolist()
    drops = [whole - probability for probability in rest]
    random_drops = tuple(drops[len(deleted) :])
    return DeletionCheck(deleted, dict(zip(deleted, drops, strict=False)), random_drops)


# Attention and gates.


def _looked_at(
    model: SavedModel, sentence: Sentence
) -> tuple[tuple[Attention, ...], dict[str, tuple[float | None, ...]], tuple[float, ...] | None]:
    """What the parts of the encoder note while they read the sentence."""
    batch = model.corpus([sentence]).batch()
    encoder = model.classifier.encoder
    parts = list(encoder.encoders) if isinstance(encoder, Chain) else [encoder]
    attention: list[Attention] = []
    gates: dict[str, tuple[float | None, ...]] = {}
    readout = None
    with torch.no_grad():
        x = model.classifier.embedding(batch)
        for number, part in enumerate(parts):
            assert isinstance(part, Encoder)
            with noting() as notes:
                if part is parts[-1]:
                    part(x, batch)
                else:
                    states = part.encode(x, batch)
                    x = batch.to_tokens(states) if part.has_node_states else states
            name = type(part).__name__
            if len(parts) > 1:
                name = f"{number + 1} {name}"
            for key, note in notes.items():
                kind, layer = re.fullmatch(r"(.*?)(?: (\d+))?", key).groups(default="1")  # type: ignore[union-attr]
                if kind in ("attention", "latent graph"):
                    weights = _between_tokens(note, part, batch)
                    attention.append(Attention(f"{name} {kind}, layer {layer}", weights))
                elif kind == "forget gates":
                    means = note.mean(1).tolist()
                    means[int(batch.roots)] = None
                    gates[f"{name} {key}"] = tuple(means)
                elif kind == "readout attention":
                    readout = tuple(note.mean(1).tolist())
    return tuple(attention), gates, readout


def _between_tokens(weights: Tensor, part: Encoder, batch: Batch) -> Tensor:
    """Attention weights as ``(heads, tokens, tokens)``.

    Args:
        weights: ``(1, heads, rows, rows)`` of a Transformer, ``(1, tokens, tokens)`` of a latent
            graph, or ``(edges, heads)`` of a graph encoder.
        part: The encoder.
        batch: The one sentence.
    """
    size = batch.num_tokens
    if weights.dim() > 2:
        # A vector before the first word has the first row and column.
        return (weights[0] if weights.dim() == 4 else weights)[:, -size:, -size:]
    source, target = batch.graph(part.constructions[0]).edge_index
    flat = weights.new_zeros(size * size, weights.shape[1])
    # Several edges may join two tokens: together they are how much one looks at the other.
    return flat.index_add(0, target * size + source, weights).t().reshape(-1, size, size)


# What is shown.


def word_rows(explanation: Explanation) -> list[list[str]]:
    """For each word, with a mark where the model does not know it, what the pictures show of it."""
    rows = []
    for token, word in enumerate(explanation.sentence.tokens):
        numbers: list[float | None] = [
            values[token] for values in explanation.attributions.values()
        ]
        numbers.append(explanation.subtree_effects[token])
        mark = " (unknown)" if token in explanation.unknown else ""
        shown = ("" if number is None else f"{_rounded(number):+.3f}" for number in numbers)
        rows.append([word + mark, *shown])
    return rows


def in_words(explanation: Explanation) -> list[str]:
    """The prediction and the two checks, each in a sentence."""
    prediction, check = explanation.prediction, explanation.completeness
    shares = ", ".join(f"{label} {p:.3f}" for label, p in prediction.probabilities.items())
    lines = [f"prediction: {prediction.label} ({shares})"]
    verdict = "as they should" if check.error <= TOLERANCE else "NOT as they should"
    lines.append(
        f"integrated gradients add up {verdict}: to {check.total:.3f}, where the log-odds of "
        f"{prediction.label} rise by {check.expected:.3f} from no words to these (off by "
        f"{100 * check.error:.2g} %, {check.steps} steps)"
    )
    deletion = explanation.deletion
    if deletion is None:
        return [*lines, "deleting words can't be checked: there is only one"]
    for method, drop in deletion.drops.items():
        words = ", ".join(explanation.sentence.tokens[token] for token in deletion.deleted[method])
        verdict = "more" if drop > deletion.random_mean else "NOT more"
        lines.append(
            f"deleting the top words by {method} ({words}) moves the prediction {verdict} than "
            f"deleting random ones: its probability falls by {_rounded(drop):.3f}, against "
            f"{_rounded(deletion.random_mean):.3f} ± {deletion.random_deviation:.3f} without random "
            f"ones, of which {100 * deletion.exceeded(method):.0f} % of "
            f"{len(deletion.random_drops)} choices move it less"
        )
    return lines


def _rounded(number: float) -> float:
    return round(number, 3) + 0  # which makes plain zero of minus zero


def save(explanation: Explanation, folder: Path) -> list[Path]:
    """Write the pictures as PNG, and all numbers as ``explanation.json``.

    Args:
        explanation: What to write.
        folder: Where; it is made when missing.

    Returns:
        The pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prediction = explanation.prediction
    title = f"{prediction.label} ({prediction.probabilities[prediction.label]:.3f})"
    paths = []
    for name, options in _pictures(explanation):
        path = folder / (re.sub(r"[^a-z0-9]+", "-", name.lower()) + ".png")
        draw(explanation.sentence, path, title=f"{title}: {name}", **options)
        paths.append(path)
    write_json(folder / "explanation.json", _numbers(explanation))
    return paths


def _pictures(explanation: Explanation) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name of each picture, with the options of :func:`parsers.draw`."""
    sentence = explanation.sentence
    for method, values in explanation.attributions.items():
        yield method, {**presets.attribution(values, "adds to the log-odds of the label")}
    if len(sentence) == 1:
        return  # there are no edges, and nothing else to look at
    effects = {n: value for n, value in enumerate(explanation.subtree_effects) if value is not None}
    options = presets.attribution(
        [effects.get(node, 0.0) for node in range(len(sentence))],
        "by how much the log-odds fall without the word and all below it",
    )
    yield "subtree effects", {**options, "node_values": effects}
    for name, gates in explanation.gates.items():
        widths = [gate or 0.0 for gate in gates]
        yield name, {**presets.gates(sentence, widths, "mean forget gate")}
    if explanation.readout is not None:
        shares = {"node_values": explanation.readout, "node_title": "share, mean of heads"}
        yield "readout attention", shares
    for layer in explanation.attention:
        heads = len(layer.weights)
        if heads > 1:
            for head, weights in enumerate(layer.weights, start=1):
                yield f"{layer.name}, head {head}", _arcs(weights)
        yield layer.name + (", mean of heads" if heads > 1 else ""), _arcs(layer.weights.mean(0))
    if len(explanation.attention) > 1:
        means = torch.stack([layer.weights.mean(0) for layer in explanation.attention])
        yield "attention, mean of all layers", _arcs(means.mean(0))


def _arcs(weights: Tensor) -> dict[str, Any]:
    """Attention as arcs: the strongest, as many as there are words, so that they can be told apart."""
    size = len(weights)
    others = weights[~torch.eye(size, dtype=torch.bool)]
    least = max(float(others.topk(size).values[-1]), 1e-6)
    title = f"attention (the {size} strongest)"
    return {
        "layout": "arcs",
        **presets.attention(weights.tolist(), least=least),
        "edge_title": title,
    }


def _numbers(explanation: Explanation) -> dict[str, Any]:
    tree = explanation.sentence.dependencies
    assert tree is not None
    check, deletion = explanation.completeness, explanation.deletion
    return {
        **vars(explanation.prediction),
        "tokens": explanation.sentence.tokens,
        "parents": tree.parents,
        "relations": tree.labels,
        "unknown": sorted(explanation.unknown),
        "attributions": explanation.attributions,
        "completeness": {**vars(check), "error": check.error},
        "subtree_effects": explanation.subtree_effects,
        "deletion": None
        if deletion is None
        else {
            "deleted": deletion.deleted,
            "drops": deletion.drops,
            "random_mean": deletion.random_mean,
            "random_deviation": deletion.random_deviation,
            "random_draws": len(deletion.random_drops),
            "random_exceeded": {method: deletion.exceeded(method) for method in deletion.drops},
        },
        "attention": {layer.name: layer.weights.tolist() for layer in explanation.attention},
        "forget_gates": explanation.gates,
        "readout_attention": explanation.readout,
    }
