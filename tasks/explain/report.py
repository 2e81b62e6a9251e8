"""An explanation in words, in numbers and in pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from parsers import draw
from parsers.drawing import presets
from tasks.explain.attributions import TOLERANCE
from tasks.explain.page import names_of, to_html
from tasks.folders import encoder_folder
from tasks.storage import write_json, write_text

if TYPE_CHECKING:
    from tasks.explain.explanation import Explanation

__all__ = ["PAGE", "in_words", "numbers", "pictures", "save", "save_all", "word_rows"]

PAGE = "explanation.html"


def word_rows(explanation: Explanation) -> list[list[str]]:
    """For each word, with a mark where the model does not know it, what the pictures show of it."""
    rows = []
    for token, word in enumerate(explanation.sentence.tokens):
        found: list[float | None] = [values[token] for values in explanation.attributions.values()]
        found.append(explanation.subtree_effects[token])
        mark = " (unknown)" if token in explanation.unknown else ""
        shown = ("" if number is None else f"{_rounded(number):+.3f}" for number in found)
        rows.append([word + mark, *shown])
    return rows


def in_words(explanation: Explanation) -> list[str]:
    """The prediction and the two checks, each in a sentence."""
    prediction, check = explanation.prediction, explanation.completeness
    shares = ", ".join(f"{label} {p:.3f}" for label, p in prediction.probabilities.items())
    lines = [f"prediction: {prediction.label} ({shares})"]
    verdict = "as they should" if check.error <= TOLERANCE else "NOT as they should"
    lines.append(
        f"integrated gradients add up {verdict}: to {check.total:+.3f}, where the log-odds of "
        f"{prediction.label} change by {check.expected:+.3f} from no words to these (off by "
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
    """Write the page ``explanation.html``, the pictures as PNG, and all numbers as ``explanation.json``.

    Args:
        explanation: What to write.
        folder: Where; it is made when missing.

    Returns:
        The pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / PAGE, to_html([explanation]))
    return _save_pictures(explanation, folder)


def save_all(
    explanations: Sequence[Explanation], folder: Path, notes: Sequence[str] = ()
) -> list[Path]:
    """Write one page with all explanations of a text, and a folder with the pictures of each.

    Args:
        explanations: What to write.
        folder: Where; it is made when missing.
        notes: See :func:`tasks.explain.page.to_html`.

    Returns:
        The pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / PAGE, to_html(explanations, notes))
    paths = []
    for explanation, name in zip(explanations, names_of(explanations), strict=True):
        below = folder / encoder_folder(name)
        below.mkdir(exist_ok=True)
        paths += _save_pictures(explanation, below)
    return paths


def _save_pictures(explanation: Explanation, folder: Path) -> list[Path]:
    prediction = explanation.prediction
    title = f"{prediction.label} ({prediction.probabilities[prediction.label]:.3f})"
    paths = []
    for name, options in pictures(explanation):
        path = folder / (re.sub(r"[^a-z0-9]+", "-", name.lower()) + ".png")
        sentence = explanation.sentence
        if name in explanation.gates:  # which are on the edges that the encoder reads
            sentence = sentence.replace(dependencies=explanation.tree)
        draw(sentence, path, title=f"{title}: {name}", **options)
        paths.append(path)
    write_json(folder / "explanation.json", numbers(explanation))
    return paths


def pictures(explanation: Explanation) -> Iterator[tuple[str, dict[str, Any]]]:
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
        read = sentence.replace(dependencies=explanation.tree)
        yield name, {**presets.gates(read, widths, "mean forget gate")}
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


def numbers(explanation: Explanation) -> dict[str, Any]:
    """All numbers of an explanation, as values of JSON."""
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
