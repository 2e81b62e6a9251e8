"""Explanations as one HTML page that needs no other file and no network."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup

from tasks.explain.attributions import INTEGRATED_GRADIENTS
from tasks.explain.figures import TreeFigure, tree_figures
from tasks.explain.heat import LEGIBLE, HeatRow, heat_rows, rounded
from tasks.explain.words import (
    completeness_words,
    deletion_words,
    percent,
    prediction_words,
    signed,
    verdict_words,
)
from tasks.report.shell import style, templates
from tasks.results.table import Column, Entry, Table

if TYPE_CHECKING:
    from tasks.explain.explanation import Explanation
    from tasks.models.prediction import Prediction

__all__ = ["ShownExplanation", "compared", "in_short", "names_of", "ranked_classes", "to_html"]

CLASSES = 6  # that are shown at once; a reader unfolds the others


@dataclass(frozen=True)
class ShownWord:
    """A word with a number.

    Attributes:
        text: The word.
        number: The number.
        share: Its magnitude as a share of the greatest one, in percent.
        sign: ``"for"``, ``"against"`` or, for numbers that can't be below 0, ``"much"``.
        unknown: Whether the model has no vector of its own for it.
    """

    text: str
    number: str
    share: int
    sign: str
    unknown: bool = False


@dataclass(frozen=True)
class Track:
    """Where the drops of some deletions are, from the lowest of all to the highest.

    Attributes:
        name: What was deleted.
        drops: The places, in percent.
        text: What a reader of the number sees.
    """

    name: str
    drops: tuple[float, ...]
    text: str


@dataclass(frozen=True)
class ShownExplanation:
    """An explanation, ready for the template.

    Attributes:
        name: What it is called beside others.
        anchor: Its name in an address.
        about: What the encoder reads, and where it is from.
        said: The prediction in words.
        label: The label that is predicted.
        gold: The right label; empty where it is not known.
        classes: Label, percent and whole percents of each class, the likeliest first.
        more_classes: The further ones.
        words: What each word adds.
        readout: How much the readout takes of each word.
        completeness: Whether the numbers add up, in words.
        deletions: The deletion check of each method: its name, and what it says.
        tracks: The same as a picture.
        zero: Where no change is on a track, in percent.
        trees: The trees.
        heat: The heads of all layers.
        most: The greatest share of attention that a word gets.
        numbers: All numbers of each word.
    """

    name: str
    anchor: str
    about: str
    said: str
    label: str
    gold: str
    classes: Sequence[tuple[str, str, int]]
    more_classes: Sequence[tuple[str, str, int]]
    words: Sequence[ShownWord]
    readout: Sequence[ShownWord]
    completeness: str
    deletions: Sequence[tuple[str, str]]
    tracks: Sequence[Track]
    zero: float
    trees: Sequence[TreeFigure]
    heat: Sequence[HeatRow]
    most: float
    numbers: Table


def to_html(explanations: Sequence[Explanation], notes: Sequence[str] = ()) -> str:
    """Explanations of one text as a page, side by side where there are several.

    Args:
        explanations: Of one text by one or more models.
        notes: What a reader must know beside, each in a sentence, such as what was left out.

    Raises:
        ValueError: There is none, or they are of different texts.
    """
    texts = {explanation.prediction.text for explanation in explanations}
    if len(texts) != 1:
        raise ValueError(
            "a page explains one text: give explanations of the same text, and one at least; these are "
            f"of {len(texts)} texts"
        )
    names = names_of(explanations)
    folder = files("tasks.explain") / "template"
    shown = [
        in_short(explanation, name, number)
        for number, (explanation, name) in enumerate(zip(explanations, names, strict=True), start=1)
    ]
    page = templates("tasks.explain", "tasks.report").get_template("explanation.html")
    return page.render(
        text=texts.pop(),
        explanations=shown,
        compared=compared(explanations),
        side_by_side=_side_by_side(explanations, names),
        parents=[list(_parents(explanation)) for explanation in explanations],
        tokens=[explanation.sentence.tokens for explanation in explanations],
        notes=notes,
        legible=LEGIBLE,
        data=Markup(
            _as_script([_data(one, e) for one, e in zip(shown, explanations, strict=True)])
        ),
        style=style() + Markup("\n") + Markup((folder / "explanation.css").read_text("utf-8")),
        script=Markup((folder / "explanation.js").read_text("utf-8")),
    )


def names_of(explanations: Sequence[Explanation]) -> list[str]:
    """A name for each that no other one has."""

    def unique(names: list[str], longer: list[str]) -> list[str]:
        count = Counter(names)
        return [b if count[a] > 1 else a for a, b in zip(names, longer, strict=True)]

    names = [explanation.encoder for explanation in explanations]
    names = unique(names, [f"{e.encoder} on {e.structure}" for e in explanations])
    names = unique(names, [f"{n} ({e.run})" for n, e in zip(names, explanations, strict=True)])
    return unique(names, [f"{name}, {number}" for number, name in enumerate(names, start=1)])


def ranked_classes(prediction: Prediction) -> list[tuple[str, str, int]]:
    """Label, percent and whole percents of each class, the likeliest first."""
    ranked = sorted(prediction.probabilities.items(), key=lambda item: -item[1])
    return [(label, percent(share), round(100 * share)) for label, share in ranked]


def in_short(explanation: Explanation, name: str, number: int) -> ShownExplanation:
    """An explanation, ready for a template.

    Args:
        explanation: The explanation.
        name: What it is called beside others.
        number: Its place among them, from 1.
    """
    prediction, deletion = explanation.prediction, explanation.deletion
    classes = ranked_classes(prediction)
    reads = "reads the tree" if explanation.reads_tree else "does not read the tree"
    trained = "" if explanation.structure in ("parse", "given") else f" ({explanation.structure})"
    tracks, zero = _tracks(explanation)
    heat = heat_rows(explanation)
    return ShownExplanation(
        name=name,
        anchor=f"encoder-{number}",
        about=f"{explanation.encoder}, which {reads}{trained}, from {explanation.run}",
        said=prediction_words(explanation),
        label=prediction.label,
        gold=explanation.gold or "",
        classes=classes[:CLASSES],
        more_classes=classes[CLASSES:],
        words=_attributed(explanation),
        readout=_readout(explanation),
        completeness=completeness_words(explanation),
        deletions=[
            (method, deletion_words(explanation, method)) for method in reversed(deletion.drops)
        ]
        if deletion is not None
        else [("", deletion_words(explanation, INTEGRATED_GRADIENTS))],
        tracks=tracks,
        zero=zero,
        trees=tree_figures(explanation),
        heat=heat,
        most=max((max(row.received) for row in heat), default=1.0) or 1.0,
        numbers=_numbers(explanation),
    )


def _attributed(explanation: Explanation) -> list[ShownWord]:
    values = explanation.attributions[INTEGRATED_GRADIENTS]
    most = max(map(abs, values)) or 1.0
    return [
        ShownWord(
            word,
            signed(value),
            round(100 * abs(value) / most),
            "for" if round(value, 2) >= 0 else "against",
            token in explanation.unknown,
        )
        for token, (word, value) in enumerate(zip(explanation.sentence.tokens, values, strict=True))
    ]


def _readout(explanation: Explanation) -> list[ShownWord]:
    shares = explanation.readout or ()
    most = max(shares, default=1.0) or 1.0
    return [
        ShownWord(word, f"{share:.2f}", round(100 * share / most), "much")
        for word, share in zip(explanation.sentence.tokens, shares, strict=False)
    ]


def _tracks(explanation: Explanation) -> tuple[list[Track], float]:
    deletion = explanation.deletion
    if deletion is None:
        return [], 0.0
    every = [0.0, *deletion.drops.values(), *deletion.random_drops]
    low, high = min(every), max(every)
    span = (high - low) or 1.0

    def place(drop: float) -> float:
        return round(100 * (drop - low) / span, 2)

    def points(drop: float) -> str:
        change = round(-100 * drop)
        return f"{change:+} point{'s' * (abs(change) != 1)}" if change else "no change"

    found = [
        Track(f"top words by {method}", (place(drop),), points(drop))
        for method, drop in reversed(deletion.drops.items())
    ]
    random = tuple(sorted(map(place, deletion.random_drops)))
    found.append(Track("random words", random, f"{points(deletion.random_mean)} on average"))
    return found, place(0.0)


def _numbers(explanation: Explanation) -> Table:
    """All numbers of each word."""
    columns = [Column("word", "left"), *(Column(method) for method in explanation.attributions)]
    columns.append(Column("subtree effect", meaning="by how much the log-odds fall without it"))
    columns += [Column(name) for name in explanation.gates]
    if explanation.readout is not None:
        columns.append(Column("readout attention"))
    rows = []
    for token, word in enumerate(explanation.sentence.tokens):
        mark = " (unknown)" if token in explanation.unknown else ""
        signs = [values[token] for values in explanation.attributions.values()]
        values: list[float | None] = [gates[token] for gates in explanation.gates.values()]
        if explanation.readout is not None:
            values.append(explanation.readout[token])
        effect = explanation.subtree_effects[token]
        texts = [word + mark, *(f"{round(sign, 3) + 0:+.3f}" for sign in signs)]
        texts.append("" if effect is None else f"{round(effect, 3) + 0:+.3f}")
        texts += ["" if value is None else f"{value:.3f}" for value in values]
        rows.append(tuple(map(Entry, texts)))
    title = f"What each word does to the log-odds of {explanation.prediction.label}"
    return Table(title, tuple(columns), tuple(rows))


def compared(explanations: Sequence[Explanation]) -> Table:
    """The predictions of several models for one text, and whether they can be explained by its words."""
    gold = any(explanation.gold is not None for explanation in explanations)
    columns = [
        Column("encoder", "left"),
        Column("says", "left"),
        Column("sure", "right", "the probability of what it says"),
        *[Column("right?", "left")] * gold,
        Column("top words", "left", "those of the highest integrated gradients"),
        Column("decisive?", "left", "whether these words decide, by the deletion check"),
    ]
    rows = []
    for explanation, name in zip(explanations, names_of(explanations), strict=True):
        prediction = explanation.prediction
        values = explanation.attributions[INTEGRATED_GRADIENTS]
        top = sorted(range(len(values)), key=lambda token: -values[token])[:3]
        words = [explanation.sentence.tokens[token] for token in top if values[token] > 0]
        right = "yes" if explanation.gold == prediction.label else f"no, {explanation.gold}"
        texts = [
            name,
            prediction.label,
            percent(prediction.probabilities[prediction.label]),
            *[right if explanation.gold is not None else ""] * gold,
            ", ".join(words),
            verdict_words(explanation, INTEGRATED_GRADIENTS),
        ]
        rows.append(tuple(map(Entry, texts)))
    return Table("What each encoder says", tuple(columns), tuple(rows))


def _side_by_side(
    explanations: Sequence[Explanation], names: Sequence[str]
) -> list[tuple[str, str, list[ShownWord]]]:
    """For each model its name, its label and what each word adds; nothing where tokens differ."""
    if len({explanation.sentence.tokens for explanation in explanations}) != 1:
        return []
    return [
        (name, explanation.prediction.label, _attributed(explanation))
        for name, explanation in zip(names, explanations, strict=True)
    ]


def _parents(explanation: Explanation) -> Sequence[int]:
    tree = explanation.sentence.dependencies
    assert tree is not None
    return tree.parents


def _data(shown: ShownExplanation, explanation: Explanation) -> object:
    """What the script needs to show one head or another."""
    legible = len(explanation.sentence) <= LEGIBLE
    return {
        "names": [row.name for row in shown.heat],
        "weights": rounded(shown.heat) if legible else [],
        "words": list(explanation.sentence.tokens),
        "parents": list(_parents(explanation)),
    }


def _as_script(value: object) -> str:
    """A value as JSON that is safe within a ``script`` element."""
    return json.dumps(value).replace("<", "\\u003c")
