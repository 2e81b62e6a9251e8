"""Explanations as one HTML page that needs no other file and no network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup

from parsers.drawing.svg import as_script
from structnn.arcs import arc_of
from tasks.data.questions import Question
from tasks.explain.attributions import INTEGRATED_GRADIENTS
from tasks.explain.figures import TreeFigure, tree_figures
from tasks.explain.heat import LEGIBLE, HeatRow, heat_rows, rounded
from tasks.explain.quantities import Quantity, percent
from tasks.explain.words import (
    completeness_words,
    decimals,
    deletion_words,
    prediction_words,
    quoted,
    signed,
    signed_column,
    verdict_words,
)
from tasks.explain.written import ShownWriting, shown_writing
from tasks.report.shell import style, templates
from tasks.results.table import Column, Entry, Table

if TYPE_CHECKING:
    from tasks.explain.explanation import ExplainedText, Explanation

__all__ = [
    "ShownExplanation",
    "compared",
    "in_few_words",
    "in_short",
    "names_of",
    "signs_of",
    "to_html",
]

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
        asked: Whether it is asked about.
    """

    text: str
    number: str
    share: int
    sign: str
    unknown: bool = False
    asked: bool = False


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
class ShownText:
    """What is shown of one text.

    Attributes:
        title: Which of two texts it is; empty of one.
        anchor: Its name in an address.
        tokens: Its words.
        parents: The head of each, in its tree.
        words: What each word adds.
        readouts: How much is taken of each word, with the heading and what it means.
        trees: The trees.
        heat: The heads of all layers.
        most: The greatest share of attention that a word gets.
        numbers: All numbers of each word.
    """

    title: str
    anchor: str
    tokens: Sequence[str]
    parents: Sequence[int]
    words: Sequence[ShownWord]
    readouts: Sequence[tuple[str, str, Sequence[ShownWord]]]
    trees: Sequence[TreeFigure]
    heat: Sequence[HeatRow]
    most: float
    numbers: Table


@dataclass(frozen=True)
class ShownExplanation:
    """An explanation, ready for the template.

    Attributes:
        name: What it is called beside others.
        anchor: Its name in an address.
        about: What the encoder reads, and where it is from.
        said: The prediction in words.
        mark: ``"right"`` or ``"wrong"``; empty where that is not known.
        quantity: What words add to.
        predicted: The answer of the prediction, or its number.
        right: The names of the right answers among the classes.
        kind: What the classes are.
        classes: Name, percent and whole percents of each possible answer, the likeliest first.
        more_classes: The further ones.
        parts: The answer to each token, where tokens have answers.
        writing: How a text was written, where the answer is one.
        texts: What is shown of each text.
        completeness: Whether the numbers add up, in words.
        deletions: The deletion check of each method: its name, and what it says.
        tracks: The same as a picture.
        zero: Where no change is on a track, in percent.
    """

    name: str
    anchor: str
    about: str
    said: str
    mark: str
    quantity: Quantity
    predicted: str
    right: Sequence[str]
    kind: str
    classes: Sequence[tuple[str, str, int]]
    more_classes: Sequence[tuple[str, str, int]]
    parts: Table | None
    writing: ShownWriting | None
    texts: Sequence[ShownText]
    completeness: str
    deletions: Sequence[tuple[str, str]]
    tracks: Sequence[Track]
    zero: float


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
        text=texts.pop().split(" || ", len(explanations[0].texts) - 1),
        explanations=shown,
        compared=compared(explanations),
        side_by_side=_side_by_side(explanations, names),
        tokens=explanations[0].tokens,
        same=len({one.quantity.name for one in shown}) == 1,
        notes=notes,
        legible=LEGIBLE,
        percent=percent,
        data=Markup(as_script({text.anchor: _data(text) for one in shown for text in one.texts})),
        written=Markup(
            as_script({one.anchor: one.writing.weights for one in shown if one.writing is not None})
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
    structures: dict[str, set[str]] = {}
    for explanation in explanations:
        structures.setdefault(explanation.encoder, set()).add(explanation.structure)
    names = [
        f"{e.encoder} on {e.structure}" if len(structures[e.encoder]) > 1 else e.encoder
        for e in explanations
    ]
    names = unique(names, [f"{n} ({e.run})" for n, e in zip(names, explanations, strict=True)])
    return unique(names, [f"{name}, {number}" for number, name in enumerate(names, start=1)])


def _ranked(shares: Mapping[str, float]) -> list[tuple[str, str, int]]:
    """Name, percent and whole percents of each possible answer, the likeliest first."""
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    return [(label, percent(share), round(100 * share)) for label, share in ranked]


def in_short(explanation: Explanation, name: str, number: int) -> ShownExplanation:
    """An explanation, ready for a template.

    Args:
        explanation: The explanation.
        name: What it is called beside others.
        number: Its place among them, from 1.
    """
    deletion = explanation.deletion
    classes = _ranked(explanation.chosen.shares)
    reads = "reads the tree" if explanation.reads_tree else "does not read the tree"
    trained = "" if explanation.structure in ("parse", "given") else f" ({explanation.structure})"
    tracks, zero = _tracks(explanation)
    right = explanation.is_right
    anchor = f"encoder-{number}"
    return ShownExplanation(
        name=name,
        anchor=anchor,
        about=f"{explanation.encoder}, which {reads}{trained}, from {explanation.run}",
        said=prediction_words(explanation),
        mark="" if right is None else "right" if right else "wrong",
        quantity=explanation.quantity,
        predicted=in_few_words(explanation),
        right=_right_names(explanation),
        kind=_kind(explanation.question),
        classes=classes[:CLASSES],
        more_classes=classes[CLASSES:],
        parts=_parts(explanation) if explanation.chosen.parts else None,
        writing=_writing(explanation),
        texts=[
            _text(explanation, text, place, anchor) for place, text in enumerate(explanation.texts)
        ],
        completeness=completeness_words(explanation),
        deletions=[
            (method, deletion_words(explanation, method)) for method in reversed(deletion.drops)
        ]
        if deletion is not None
        else [("", deletion_words(explanation, INTEGRATED_GRADIENTS))],
        tracks=tracks,
        zero=zero,
    )


def in_few_words(explanation: Explanation) -> str:
    """What is predicted, in few words."""
    chosen, question = explanation.chosen, explanation.question
    if question.is_number:
        return explanation.quantity.told(float(explanation.predicted))
    if question.is_sequence:
        return explanation.prediction.label
    if chosen.token is not None:
        answer = chosen.parts[chosen.token].answer
        # What is explained says it, unless another label than the predicted one is explained.
        return explanation.quantity.of if answer == chosen.answer else answer
    return ", ".join(question.labels_in(explanation.prediction.label)) or "no label"


def _writing(explanation: Explanation) -> ShownWriting | None:
    chosen = explanation.chosen
    if chosen.writing is None or chosen.token is None:
        return None
    return shown_writing(chosen.writing, explanation.texts[0], chosen.token)


def _kind(question: Question) -> str:
    """What the possible answers are."""
    if question.is_sequence:
        return "word"
    return {"arcs": "head", "tokens": "tag"}.get(question.reads, "class")


def _right_names(explanation: Explanation) -> Sequence[str]:
    """The right answers, as the classes name them."""
    right, chosen = explanation.right, explanation.chosen
    if right is None or explanation.question.is_sequence:
        return ()
    if explanation.question.reads == "arcs":
        return (list(chosen.shares)[_place(arc_of(right)[0], chosen.token)],)
    return explanation.question.labels_in(right) or (right,)


def _place(head: int, token: int | None) -> int:
    """The place of a head among the heads that a token can have: itself is none of them."""
    assert token is not None
    return head - (head > token)


def _parts(explanation: Explanation) -> Table:
    """The answer to each token, or each word that was written."""
    chosen, kind = explanation.chosen, _kind(explanation.question)
    title, columns = {
        "head": ("The head of each token", [Column("token", "left"), Column("head", "left")]),
        "tag": ("The tag of each token", [Column("token", "left"), Column("tag", "left")]),
        "word": ("Each word, given those before it", [Column("word", "left")]),
    }[kind]
    arcs = kind == "head"
    columns += [
        *[Column("relation", "left")] * arcs,
        Column("probability", meaning="that of the head" if arcs else ""),
        Column("next best", "left"),
        Column("probability of that"),
    ]
    rows = []
    for token, (word, part) in enumerate(zip(chosen.names, chosen.parts, strict=True)):
        others = [(share, name) for name, share in part.shares.items() if name != part.answer]
        share, other = max(others, default=(0.0, ""))
        mark = " (explained)" if token == chosen.token else ""
        texts = [word + mark, *[part.answer] * (kind != "word"), *[part.relation] * arcs]
        texts += [percent(part.share), other, percent(share) if other else ""]
        rows.append(tuple(map(Entry, texts)))
    return Table(title, tuple(columns), tuple(rows))


def _text(explanation: Explanation, text: ExplainedText, place: int, anchor: str) -> ShownText:
    heat = heat_rows(text)
    tree = text.sentence.dependencies
    assert tree is not None
    both = len(explanation.texts) > 1
    return ShownText(
        title=("First text", "Second text")[place] if both else "",
        anchor=f"{anchor}-text-{place + 1}",
        tokens=text.sentence.tokens,
        parents=tree.parents,
        words=_attributed(explanation, text),
        readouts=[
            (*_READOUTS.get(name, (f"The {name}", _SPANS)), _shares(text, shares))
            for name, shares in text.readouts.items()
        ],
        trees=tree_figures(explanation, text),
        heat=heat,
        most=max((max(row.received) for row in heat), default=1.0) or 1.0,
        numbers=_numbers(explanation, text),
    )


_READOUTS = {
    "readout attention": (
        "What the readout takes of each word",
        "The sentence vector is a weighted mean of the states of the words; these are the weights, a "
        "mean over heads, which add up to 1.",
    )
}
_SPANS = (
    "The vector of the span is a weighted mean of the states of all words; these are the weights, which "
    "add up to 1."
)


def _attributed(explanation: Explanation, text: ExplainedText) -> list[ShownWord]:
    most = max(abs(v) for one in explanation.texts for v in one.attributions[INTEGRATED_GRADIENTS])
    values = text.attributions[INTEGRATED_GRADIENTS]
    digits = decimals(most)
    return [
        ShownWord(
            word,
            signed(value, digits),
            round(100 * abs(value) / (most or 1.0)),
            "for" if round(value, digits) >= 0 else "against",
            token in text.unknown,
            token in text.asked,
        )
        for token, (word, value) in enumerate(zip(text.sentence.tokens, values, strict=True))
    ]


def _shares(text: ExplainedText, shares: Sequence[float]) -> list[ShownWord]:
    most = max(shares, default=1.0) or 1.0
    return [
        ShownWord(word, f"{share:.2f}", round(100 * share / most), "much")
        for word, share in zip(text.sentence.tokens, shares, strict=True)
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

    def change(drop: float) -> str:
        moved = explanation.quantity.change(drop)
        if abs(drop) < deletion.unmoved / 2:
            return "no change"
        return f"{'-' if drop > 0 else '+'}{moved}"

    found = [
        Track(f"top words by {method}", (place(drop),), change(drop))
        for method, drop in reversed(deletion.drops.items())
    ]
    random = tuple(sorted(map(place, deletion.random_drops)))
    found.append(Track("random words", random, f"{change(deletion.random_mean)} on average"))
    return found, place(0.0)


def _numbers(explanation: Explanation, text: ExplainedText) -> Table:
    """All numbers of each word."""
    quantity = explanation.quantity
    fall = "fall" if quantity.plural else "falls"
    columns = [Column("word", "left"), *(Column(method) for method in text.attributions)]
    columns.append(
        Column("subtree effect", meaning=f"by how much the {quantity.name} {fall} without it")
    )
    columns += [Column(name) for name in (*text.gates, *text.readouts)]
    signs = signs_of(text)
    rows = []
    for token, word in enumerate(text.sentence.tokens):
        mark = " (unknown)" if token in text.unknown else ""
        values = [of[token] for of in (*text.gates.values(), *text.readouts.values())]
        texts = [word + mark, *(column[token] for column in signs)]
        texts += ["" if value is None else f"{value:.3f}" for value in values]
        rows.append(tuple(map(Entry, texts)))
    title = f"What each word does to the {quantity.name}"
    return Table(title, tuple(columns), tuple(rows))


def signs_of(text: ExplainedText) -> list[list[str]]:
    """What each word adds by each method, then what falls without it and all below it: columns."""
    return [*map(signed_column, text.attributions.values()), signed_column(text.subtree_effects)]


def compared(explanations: Sequence[Explanation]) -> Table:
    """The predictions of several models for one text, and whether they can be explained by its words."""
    gold = any(explanation.is_right is not None for explanation in explanations)
    sure = any(explanation.chosen.shares for explanation in explanations)
    columns = [
        Column("encoder", "left"),
        Column("says", "left"),
        *[Column("sure", "right", "the probability of what it says")] * sure,
        *[Column("right?", "left")] * gold,
        Column("top words", "left", "those of the highest integrated gradients"),
        Column("decisive?", "left", "whether these words decide, by the deletion check"),
    ]
    rows = []
    for explanation, name in zip(explanations, names_of(explanations), strict=True):
        values = [v for text in explanation.texts for v in text.attributions[INTEGRATED_GRADIENTS]]
        top = sorted(range(len(values)), key=lambda token: -values[token])[:3]
        words = [explanation.tokens[token] for token in top if values[token] > 0]
        right = "yes" if explanation.is_right else f"no, {', '.join(_right_names(explanation))}"
        shares = explanation.chosen.shares
        answer = explanation.prediction.label
        if explanation.chosen.token is not None:
            answer = explanation.chosen.parts[explanation.chosen.token].answer
        texts = [
            name,
            in_few_words(explanation),
            *[percent(shares[answer]) if answer in shares else ""] * sure,
            *[right if explanation.is_right is not None else ""] * gold,
            ", ".join(map(quoted, words)),  # of which some are commas
            verdict_words(explanation, INTEGRATED_GRADIENTS),
        ]
        rows.append(tuple(map(Entry, texts)))
    return Table("What each encoder says", tuple(columns), tuple(rows))


def _side_by_side(
    explanations: Sequence[Explanation], names: Sequence[str]
) -> list[tuple[str, str, list[ShownWord]]]:
    """For each model its name, what is explained, what each word adds; nothing where tokens differ."""
    if len({explanation.tokens for explanation in explanations}) != 1:
        return []
    return [
        (
            name,
            explanation.quantity.of,
            [word for text in explanation.texts for word in _attributed(explanation, text)],
        )
        for name, explanation in zip(names, explanations, strict=True)
    ]


def _data(text: ShownText) -> object:
    """What the script needs to show one head or another."""
    legible = len(text.tokens) <= LEGIBLE
    return {
        "names": [row.name for row in text.heat],
        "weights": rounded(text.heat) if legible else [],
        "words": list(text.tokens),
        "parents": list(text.parents),
    }
