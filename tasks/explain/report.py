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
from tasks.explain.figures import found_tree, marked
from tasks.explain.page import in_few_words, names_of, signs_of, to_html
from tasks.explain.words import decimals, quoted, signed
from tasks.explain.writing import Writing
from tasks.explain.writing_figures import writing_figures
from tasks.folders import encoder_folder
from tasks.storage import write_json, write_text

if TYPE_CHECKING:
    from tasks.explain.explanation import ExplainedText, Explanation

__all__ = ["PAGE", "in_words", "numbers", "pictures", "save", "save_all", "word_rows"]

PAGE = "explanation.html"


def word_rows(explanation: Explanation) -> list[list[str]]:
    """For each word, with a mark where the model does not know it, what the pictures show of it."""
    rows = []
    for text in explanation.texts:
        columns = signs_of(text)
        for token, word in enumerate(text.sentence.tokens):
            mark = " (unknown)" if token in text.unknown else ""
            rows.append([word + mark, *(column[token] for column in columns)])
    return rows


def in_words(explanation: Explanation) -> list[str]:
    """The prediction and the two checks, each in a sentence."""
    quantity, check = explanation.quantity, explanation.completeness
    lines = [f"prediction: {in_few_words(explanation)}{_shares(explanation)}"]
    verdict = "as they should" if check.error <= TOLERANCE else "NOT as they should"
    change = "change" if quantity.plural else "changes"
    lines.append(
        f"integrated gradients add up {verdict}: to {_signed(check.total)}, where the {quantity.name} "
        f"{change} by {_signed(check.expected)} from no words to these (off by "
        f"{100 * check.error:.2g} %, {check.steps} steps)"
    )
    deletion = explanation.deletion
    if deletion is None:
        only = "there is only one" if len(explanation.tokens) == 1 else "all are asked about"
        return [*lines, f"deleting words can't be checked: {only}"]
    for method, drop in deletion.drops.items():
        words = ", ".join(quoted(explanation.tokens[token]) for token in deletion.deleted[method])
        verdict = "more" if drop > deletion.random_mean else "NOT more"
        lines.append(
            f"deleting the top words by {method} ({words}) moves the prediction {verdict} than "
            f"deleting random ones: the {quantity.level} changes by {_signed(-drop)}, against "
            f"{_signed(-deletion.random_mean)} ± {_signed(deletion.random_deviation)[1:]} without "
            f"random ones, of which {100 * deletion.exceeded(method):.0f} % of "
            f"{len(deletion.random_drops)} choices move it less"
        )
    return lines


def _shares(explanation: Explanation) -> str:
    """The probabilities of all possible answers, in brackets; nothing where there are none."""
    chosen = explanation.chosen
    told = ", ".join(f"{name} {share:.3f}" for name, share in chosen.shares.items())
    if chosen.writing is not None:
        return f"; explained is {chosen.quantity.of} ({told})"
    return f" ({told})" if told else ""


def _signed(number: float) -> str:
    return signed(number, decimals(number, least=3))


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
        below = folder / encoder_folder(name.replace(" on ", "-on-").replace(" (", "-("))
        below.mkdir(exist_ok=True)
        paths += _save_pictures(explanation, below)
    return paths


def _save_pictures(explanation: Explanation, folder: Path) -> list[Path]:
    title = explanation.quantity.of
    paths = []
    for text, number in zip(explanation.texts, ("", "second-text-"), strict=False):
        for name, options in pictures(explanation, text):
            path = folder / (number + re.sub(r"[^a-z0-9]+", "-", name.lower()) + ".png")
            # Gates are on the edges that the encoder reads.
            sentence = marked(text, text.tree if name in text.gates else None)
            draw(sentence, path, title=f"{title}: {name}", **options)
            paths.append(path)
    if explanation.question.reads == "arcs":
        paths.append(folder / "tree-that-was-found.png")
        sentence, options = found_tree(explanation)
        draw(sentence, paths[-1], title=f"{title}: the tree that was found", **options)
    if (writing := explanation.chosen.writing) is not None:
        for figure in writing_figures(writing, explanation.texts[0].sentence.tokens):
            paths += figure.save(folder)
    write_json(folder / "explanation.json", numbers(explanation))
    return paths


def pictures(
    explanation: Explanation, text: ExplainedText | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name of each picture of a text, with the options of :func:`parsers.draw`.

    Args:
        explanation: The explanation.
        text: One of its texts; by default the first.
    """
    text = explanation.texts[0] if text is None else text
    quantity, sentence = explanation.quantity, text.sentence
    for method, values in text.attributions.items():
        yield method, {**presets.attribution(values, f"adds to the {quantity.name}")}
    if len(sentence) == 1:
        return  # there are no edges, and nothing else to look at
    effects = {n: value for n, value in enumerate(text.subtree_effects) if value is not None}
    fall = "fall" if quantity.plural else "falls"
    options = presets.attribution(
        [effects.get(node, 0.0) for node in range(len(sentence))],
        f"by how much the {quantity.name} {fall} without the word and all below it",
    )
    if effects:
        yield "subtree effects", {**options, "node_values": effects}
    for name, gates in text.gates.items():
        widths = [gate or 0.0 for gate in gates]
        read = sentence.replace(dependencies=text.tree)
        yield name, {**presets.gates(read, widths, "mean forget gate")}
    for name, taken in text.readouts.items():
        yield name, {"node_values": taken, "node_title": "share, mean of heads"}
    for layer in text.attention:
        heads = len(layer.weights)
        if heads > 1:
            for head, weights in enumerate(layer.weights, start=1):
                yield f"{layer.name}, head {head}", _arcs(weights)
        yield layer.name + (", mean of heads" if heads > 1 else ""), _arcs(layer.weights.mean(0))
    if len(text.attention) > 1:
        means = torch.stack([layer.weights.mean(0) for layer in text.attention])
        yield "attention, mean of all layers", _arcs(means.mean(0))
    if (writing := explanation.chosen.writing) is not None and writing.alignment is not None:
        place = explanation.chosen.token
        assert place is not None  # of what is written, one word is explained
        title = f"attention of {writing.pieces[place]!r}"
        looked = writing.alignment[place].tolist()
        yield "where it looked", {"node_values": looked, "node_title": title}


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
    check, deletion, chosen = explanation.completeness, explanation.deletion, explanation.chosen
    first, *second = map(_of_text, explanation.texts)
    return {
        **{name: value for name, value in vars(explanation.prediction).items() if name != "tokens"},
        "explained": {
            "name": explanation.quantity.name,
            "answer": chosen.answer,
            "probabilities": chosen.shares,
            "token": chosen.token,
        },
        **first,
        "completeness": {**vars(check), "error": check.error},
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
        **({"parts": [vars(part) for part in chosen.parts]} if chosen.parts else {}),
        **({} if chosen.writing is None else {"writing": _of_writing(chosen.writing)}),
        **({"second": second[0]} if second else {}),
    }


def _of_writing(writing: Writing) -> dict[str, Any]:
    """The numbers of a text that was written."""
    return {
        "pieces": writing.pieces,
        "alignment": None if writing.alignment is None else writing.alignment.tolist(),
        "steps": [[vars(candidate) for candidate in step] for step in writing.steps],
    }


def _of_text(text: ExplainedText) -> dict[str, Any]:
    """The numbers of one text."""
    tree, readouts = text.sentence.dependencies, dict(text.readouts)
    assert tree is not None
    return {
        "tokens": text.sentence.tokens,
        "asked": sorted(text.asked),
        "parents": tree.parents,
        "relations": tree.labels,
        "unknown": sorted(text.unknown),
        "attributions": text.attributions,
        "subtree_effects": text.subtree_effects,
        "attention": {layer.name: layer.weights.tolist() for layer in text.attention},
        "forget_gates": text.gates,
        "readout_attention": readouts.pop("readout attention", None),
        **({"span_attention": readouts} if readouts else {}),
    }
