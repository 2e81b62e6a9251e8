"""The examples of a report, with their trees and every prediction, packed into the page."""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parsers import draw
from parsers.drawing.drawing import Drawing
from parsers.drawing.presets import sentiment
from structnn import Sentence
from tasks.data.nodes import phrases_of
from tasks.data.questions import Question, offsets_of, token_span, without_marks
from tasks.data.structures import structure_of
from tasks.directions import isolated
from tasks.report.groups import Group
from tasks.results.measures import ScoredCell, of_examples
from tasks.results.records import ExampleDescription
from tasks.results.slices import Dimension, gaps, opposed

__all__ = ["Browser", "Opposition", "browser", "oppositions", "tree_of"]

EXAMPLES, TREES, DRAWN = 3000, 1000, 3
"""The most examples and trees of a data set in a page, and examples shown of an opposition."""

PHRASE = 4
"""The most words of a node that are shown."""

NEAR = 1 / 3
"""The least difference of the shares of runs that are right, where an example is near an opposition."""


@dataclass(frozen=True)
class Drawn:
    """An example that is shown whole.

    Args:
        text: Its text.
        label: Its label.
        predictions: For each encoder its name, what its seeds predict, and whether more than half of
            them are right.
        svg: Its trees; empty where it has none.
        width: How wide the widest of them is, in pixels.
    """

    text: str
    label: str
    predictions: tuple[tuple[str, str, bool], ...]
    svg: str
    width: int


@dataclass(frozen=True)
class Opposition:
    """Examples that one side gets right and the other wrong.

    Args:
        title: Who is right, and who wrong.
        count: How many such examples there are.
        shown: The first of them; where there are none, those nearest to it.
    """

    title: str
    count: int
    shown: tuple[Drawn, ...]


@dataclass(frozen=True)
class Browser:
    """All that the page's script needs to show examples.

    Args:
        packed: The data as JSON, compressed, in base 64.
        notes: What was left out, in words.
    """

    packed: str
    notes: tuple[str, ...]


def oppositions(group: Group, examples: Sequence[ExampleDescription]) -> list[Opposition]:
    """What all structured encoders get right and all sequence encoders wrong, and the reverse."""
    own = of_examples(group.metric)
    correct = {member.encoder: _correct(member) for member in group.members}
    sides = {
        "every encoder of trees or graphs": [m.encoder for m in group.members if m.structured],
        "every encoder of sequences": [m.encoder for m in group.members if m.kind == "sequence"],
    }
    if not all(own.is_right_or_wrong(member.own_scores) for member in group.members):
        return []  # right and wrong are not what is measured
    found = []
    for (right, ones), (wrong, others) in (tuple(sides.items()), tuple(sides.items())[::-1]):
        if not ones or not others:
            continue
        unanimous = set(opposed(correct, ones, others))
        count = len(unanimous)
        near = {
            place: gap
            for place, gap in gaps(correct, ones, others)
            if (place in unanimous if unanimous else gap >= NEAR)
        }
        # Of those with the same gap the shortest, whose trees are read most easily.
        places = sorted(near, key=lambda place: (-near[place], len(examples[place].tokens), place))
        shown = tuple(_drawn(group, examples[place], place) for place in places[:DRAWN])
        found.append(Opposition(f"{right} is right, {wrong} is wrong", count, shown))
    return found


def browser(
    groups: Sequence[Group],
    examples: Mapping[str, Sequence[ExampleDescription]],
    dimensions: Mapping[str, Sequence[Dimension]],
) -> Browser:
    """Pack examples, trees, predictions and slices of every group.

    Args:
        groups: The groups.
        examples: For each data set its test examples.
        dimensions: For each data set the ways to divide it.
    """
    data, notes = {}, []
    if not all(group.question.is_number for group in groups):
        notes.append("An encoder counts as right where more than half of its seeds are.")
    for name in dict.fromkeys(group.data for group in groups):
        rows = examples[name]
        question = next(group.question for group in groups if group.data == name)
        kept = min(len(rows), EXAMPLES)
        if question.has_parts:
            what = {"arcs": "heads and relations", "nodes": "nodes"}.get(question.reads, "tags")
            notes.append(f"{name}: a sentence is right where all of its {what} are.")
        drawn = set(_worth_drawing([group for group in groups if group.data == name], kept))
        if kept < len(rows):
            notes.append(f"{name}: this page has the first {kept:,} of {len(rows):,} examples.")
        if len(drawn) < kept:
            notes.append(
                f"{name}: this page has {len(drawn):,} trees, of the examples on which encoders differ "
                "most."
            )
        data[name] = {
            "texts": [row.text for row in rows[:kept]],
            "tokens": [_parts(row, question.part) for row in rows[:kept]]
            if question.has_parts
            else [],
            "sources": [row.source for row in rows[:kept]],
            "columns": [row.columns for row in rows[:kept]],
            "trees": [
                tree_of(row) if place in drawn else "" for place, row in enumerate(rows[:kept])
            ],
            "dimensions": [
                {
                    "name": dimension.name,
                    "slices": [
                        {"name": part.name, "members": [i for i in part.members if i < kept]}
                        for part in dimension.slices
                    ],
                }
                for dimension in dimensions[name]
            ],
        }
    content = {"data": data, "groups": list(map(_predictions, groups))}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    packed = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    return Browser(packed, tuple(notes))


def _parts(example: ExampleDescription, part: str) -> list[str]:
    """What has an answer beside which it is shown: each token, or the words of each node."""
    if part == "token":
        return list(example.tokens)
    tree = example.trees["constituency"].tree
    return [_shortened(phrase) for phrase in phrases_of(tree, example.tokens)]


def _shortened(phrase: str) -> str:
    words = phrase.split()
    return phrase if len(words) <= PHRASE else f"{words[0]} {words[1]} … {words[-1]}"


def tree_of(example: ExampleDescription) -> str:
    """The trees of an example as SVG, one above the other; empty where it has none."""
    return "".join(drawing.svg() for drawing in _drawings(example))


def _drawings(example: ExampleDescription) -> list[Drawing]:
    sentences = {}
    tokens = _marked_tokens(example)
    if example.dependencies is not None:
        sentences["parse"] = Sentence(tokens, dependencies=example.dependencies, tags=example.tags)
    for name, other in example.trees.items():
        sentences[name] = Sentence(tokens).replace(**{structure_of(name).field: other.tree})
    several = len(sentences) > 1
    return [
        draw(sentence, title=name if several else "", **_colours(sentence))
        for name, sentence in sentences.items()
    ]


def _marked_tokens(example: ExampleDescription) -> Sequence[str]:
    """The tokens, with ``[[`` and ``]]`` round each that is in a span which is asked about."""
    text, spans = without_marks(example.text)
    if not spans or "[[" in "".join(example.tokens):  # such characters are part of some texts
        return example.tokens
    offsets = offsets_of(text, example.tokens)
    tokens = list(example.tokens)
    for place in {place for span in spans for place in range(*token_span(span, offsets)[0])}:
        tokens[place] = f"[[{tokens[place]}]]"  # each, since a tree may draw them far apart
    return tokens


def _colours(sentence: Sentence) -> Mapping[str, Any]:
    """Options of :func:`parsers.draw`: colours of sentiments, where the nodes of a tree have some."""
    tree = sentence.constituency
    if tree is None or not tree.labels or not set(tree.labels) <= set("01234"):
        return {}
    return sentiment(sentence)


def _predictions(group: Group) -> dict[str, object]:
    answers: Iterable[str] = group.labels
    if not group.question.is_one_label:
        everything = (
            group.gold,
            *(seed for member in group.members for seed in member.predictions),
        )
        answers = dict.fromkeys(answer for part in everything for answer in part[:EXAMPLES])
    number = {label: place for place, label in enumerate(answers)}
    return {
        "name": group.name,
        "data": group.data,
        "number": group.question.is_number,
        "tags": list(group.labels) if group.question.has_parts else [],
        "arcs": group.question.reads == "arcs",
        "labels": [_short_number(answer) for answer in number]
        if group.question.is_number
        else list(number),
        "gold": [number[label] for label in group.gold[:EXAMPLES]],
        "encoders": [
            {
                "name": member.encoder,
                "structured": member.structured,
                "sequence": member.kind == "sequence",
                "predictions": [
                    [number[label] for label in of_seed[:EXAMPLES]]
                    for of_seed in member.predictions
                ],
            }
            for member in group.members
        ],
    }


def _short_number(answer: str) -> str:
    """A number in at most three digits, as a reader compares it with another."""
    return f"{float(answer):.3g}"


def _worth_drawing(groups: Iterable[Group], kept: int) -> list[int]:
    """The positions of examples, those first on which the mean scores of encoders differ most."""
    disagreement = [0.0] * kept
    for group in groups:
        for place in range(kept):
            shares = [float(member.own_scores[:, place].mean()) for member in group.members]
            disagreement[place] = max(disagreement[place], max(shares) - min(shares))
    return sorted(range(kept), key=lambda place: (-disagreement[place], place))[:TREES]


def _counted(answers: Counter[str], question: Question) -> str:
    """What the seeds of an encoder predict; of many tags what most of them do."""
    found = answers.most_common()
    if len(found) == 1 or question.has_parts:
        return found[0][0]
    return ", ".join(f"{isolated(answer)} \u00d7{seeds}" for answer, seeds in found)


def _correct(member: ScoredCell) -> NDArray[np.float64]:
    """``(seeds, examples)``: 1 where scores of right and wrong say that an example is right, else 0."""
    # Where lower is better, a score of 1 is an error.
    return (
        member.own_scores if of_examples(member.metric).higher_is_better else 1 - member.own_scores
    )


def _drawn(group: Group, example: ExampleDescription, place: int) -> Drawn:
    predictions = []
    for member in group.members:
        found = Counter(of_seed[place] for of_seed in member.predictions)
        right = float(_correct(member)[:, place].mean()) > 0.5
        predictions.append((member.encoder, _counted(found, group.question), right))
    trees = _drawings(example)
    return Drawn(
        example.text,
        example.label,
        tuple(predictions),
        svg="".join(tree.svg() for tree in trees),
        # A scene is measured in points.
        width=math.ceil(max((tree.scene.width for tree in trees), default=0) * 4 / 3),
    )
