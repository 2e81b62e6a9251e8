"""What is asked of a text: what the question is about, and what answers it has."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "ANSWERS",
    "PLAIN_QUESTION",
    "NO_LABEL",
    "READS",
    "ROW_SEPARATOR",
    "SEPARATOR",
    "Answers",
    "Question",
    "Reads",
    "Span",
    "in_one_string",
    "number_in",
    "offsets_of",
    "token_span",
    "with_marks",
    "without_marks",
]

Reads: TypeAlias = Literal["sentence", "pair", "span", "spans", "tokens", "nodes", "arcs"]
Answers: TypeAlias = Literal["label", "labels", "score", "scale", "sequence"]

READS: tuple[Reads, ...] = ("sentence", "pair", "span", "spans", "tokens", "nodes", "arcs")
ANSWERS: tuple[Answers, ...] = ("label", "labels", "score", "scale", "sequence")

Span: TypeAlias = tuple[int, int]
"""Where a part of a text begins and ends, in characters (in tokens, if the text is tokens); the end is
behind its last one."""

SEPARATOR = "|"
"""Stands between the labels of an answer that has several."""

ROW_SEPARATOR = " "
"""Stands between the answers of an example that has several, such as one for each token."""

NO_LABEL = "_"
"""Stands for a node without a class in the answer of a tree."""

_MARKED = re.compile(r"\[\[(.+?)\]\]", re.DOTALL)

_ABOUT: dict[Reads, str] = {
    "sentence": "a text",
    "pair": "text and text2",
    "span": "a target in a text",
    "spans": "a subject and an object in a text",
    "tokens": "each token of a sentence",
    "nodes": "each node of a given tree",
    "arcs": "the dependency tree of a sentence",
}


@dataclass(frozen=True)
class Question:
    """What is asked of each example of a data set.

    Args:
        reads: What the question is about: a ``"sentence"``; a ``"pair"`` of two; one ``"span"`` of a
            sentence, such as the target of an opinion; two ``"spans"``, such as the subject and the
            object of a relation; each of its ``"tokens"``, such as their parts of speech; each of the
            ``"nodes"`` of a tree that is given, such as the sentiments of its phrases; or the ``"arcs"``
            of its dependency tree. In the last three the answer of an example is the answers to its
            tokens or nodes, with a space between them: of nodes in preorder, and :data:`NO_LABEL` for
            one without a class; of arcs as :func:`structnn.arcs.arc_of` reads them, where the labels
            are the relations.
        answer: What answers it: one ``"label"``; any number of ``"labels"``; a number (``"score"``);
            a number on a ``"scale"`` of whole numbers, predicted as the mean of a distribution
            over them (Tai et al. 2015); or a ``"sequence"``, another text that is written word by word.
    """

    reads: Reads = "sentence"
    answer: Answers = "label"

    @property
    def spans(self) -> int:
        """How many spans an example has."""
        return {"span": 1, "spans": 2}.get(self.reads, 0)

    @property
    def has_parts(self) -> bool:
        """Whether an example has several answers, such as one for each token."""
        return self.reads in ("tokens", "nodes", "arcs")

    @property
    def part(self) -> str:
        """What has an answer: an ``"example"``, or each ``"token"`` or ``"node"`` of it."""
        return {"tokens": "token", "arcs": "token", "nodes": "node"}.get(self.reads, "example")

    @property
    def usual_structure(self) -> str:
        """What tree and graph encoders read unless another structure is chosen."""
        return {"arcs": "left_chain", "nodes": "constituency"}.get(self.reads, "parse")

    @property
    def is_one_label(self) -> bool:
        """Whether the answer of an example is one label."""
        return self.answer == "label" and not self.has_parts

    @property
    def is_number(self) -> bool:
        """Whether the answer is a number."""
        return self.answer in ("score", "scale")

    @property
    def is_sequence(self) -> bool:
        """Whether the answer is a text that is written word by word."""
        return self.answer == "sequence"

    def labels_in(self, answer: str) -> tuple[str, ...]:
        """The labels that an answer, as the data have it, consists of; none of a number or a text."""
        if self.is_number or self.is_sequence:
            return ()
        if self.reads == "arcs":
            return tuple(arc.partition(":")[2] for arc in self.parts_of(answer))
        if self.reads == "nodes":
            return tuple(label for label in self.parts_of(answer) if label != NO_LABEL)
        if self.has_parts:
            return self.parts_of(answer)
        if self.answer == "label":
            return (answer,)
        return tuple(filter(None, (label.strip() for label in answer.split(SEPARATOR))))

    def parts_of(self, answer: str) -> tuple[str, ...]:
        """The answers that the answer of an example consists of: one for each thing asked about."""
        return tuple(answer.split(ROW_SEPARATOR)) if self.has_parts else (answer,)

    def compared(self, gold: str, prediction: str) -> list[tuple[str, str]]:
        """What is right and what is predicted of each part of an example that has a right answer."""
        pairs = zip(self.parts_of(gold), self.parts_of(prediction), strict=True)
        return [pair for pair in pairs if self.reads != "nodes" or pair[0] != NO_LABEL]

    def masked(self, gold: str, prediction: str) -> str:
        """What is predicted of an example, without what is said of nodes that have no class."""
        if self.reads != "nodes":
            return prediction
        pairs = zip(self.parts_of(gold), self.parts_of(prediction), strict=True)
        return ROW_SEPARATOR.join(NO_LABEL if one == NO_LABEL else other for one, other in pairs)

    def everywhere(self, label: str, answer: str) -> str:
        """The answer that has one label wherever another answer has one."""
        return ROW_SEPARATOR.join([label] * len(self.parts_of(answer)))

    def in_short(self, labels: Collection[str]) -> str:
        """The number of labels, where one label for a sentence is asked for; else :meth:`in_words`."""
        return f"{len(labels)} labels" if self == Question() else self.in_words(labels)

    def in_words(self, labels: Collection[str]) -> str:
        """The question in words: ``"pair (text and text2), label (3 classes)"``."""
        answer = {
            "label": f"label ({len(labels)} classes)",
            "labels": f"any number of {len(labels)} labels",
            "score": "score (a number)",
            "scale": "scale (a number, as the mean of a distribution)",
            "sequence": "sequence (a text, word by word)",
        }[self.answer]
        if self.reads == "arcs":
            answer = f"a head for each token, and one of {len(labels)} relations"
        return f"{self.reads} ({_ABOUT[self.reads]}), {answer}"


PLAIN_QUESTION = Question()
"""One label for one sentence."""


def number_in(answer: str) -> float:
    """The number that an answer is.

    Raises:
        ValueError: It is none, or not finite.
    """
    number = float(answer)
    if not math.isfinite(number):
        raise ValueError(f"{answer!r} is not a finite number")
    return number


def in_one_string(text: str | Sequence[str]) -> str:
    """A text; tokens are joined by spaces."""
    return text if isinstance(text, str) else " ".join(text)


def without_marks(text: str) -> tuple[str, tuple[Span, ...]]:
    """A text without the ``[[`` and ``]]`` that mark spans in it, and the spans.

    Example:
        >>> without_marks("The [[food]] was good.")
        ('The food was good.', ((4, 8),))
    """
    pieces, spans, at, length = [], [], 0, 0
    for found in _MARKED.finditer(text):
        before, inside = text[at : found.start()], found[1]
        begin = length + len(before)
        pieces += [before, inside]
        length = begin + len(inside)
        spans.append((begin, length))
        at = found.end()
    return "".join([*pieces, text[at:]]), tuple(spans)


def with_marks(text: str | Sequence[str], spans: Sequence[Span]) -> str:
    """A text with its spans between ``[[`` and ``]]``; tokens are joined by spaces."""
    marks, ends = Counter(begin for begin, _ in spans), Counter(end for _, end in spans)
    if isinstance(text, str):
        places = sorted({0, len(text), *marks, *ends})
        return "".join(
            "]]" * ends[place] + "[[" * marks[place] + text[place:following]
            for place, following in zip(places, [*places[1:], len(text)], strict=True)
        )
    return " ".join(
        "[[" * marks[place] + token + "]]" * ends[place + 1] for place, token in enumerate(text)
    )


def token_span(span: Span, offsets: Sequence[Span]) -> tuple[Span, bool]:
    """The tokens that a span of characters lies in, and whether it begins and ends where they do.

    Args:
        span: In characters.
        offsets: Where each token begins and ends in the text: see :func:`offsets_of`.
    """
    begin, end = span
    inside = [place for place, (first, last) in enumerate(offsets) if first < end and last > begin]
    if not inside:  # between two tokens: the nearest
        nearest = min(range(len(offsets)), key=lambda place: abs(offsets[place][0] - begin))
        return (nearest, nearest + 1), False
    first, last = inside[0], inside[-1]
    exact = (offsets[first][0], offsets[last][1]) == (begin, end)
    return (first, last + 1), exact


def offsets_of(text: str, tokens: Sequence[str]) -> list[Span]:
    """Where each token begins and ends in the text that it was made from, in characters.

    White space is passed over. Where the characters of tokens are not those of the text (the words of
    a multiword token, such as French *de* and *le* for *du*), a token gets those of its characters that
    can be aligned, or else the gap between its neighbours.

    Args:
        text: The text.
        tokens: Its tokens, in order.
    """
    places = [place for place, character in enumerate(text) if not character.isspace()]
    plain = "".join(text[place] for place in places)
    joined = "".join("".join(token.split()) for token in tokens)
    where = dict(_aligned(plain, joined))  # character of `joined` to character of `plain`
    found: list[Span | None] = []
    at = 0
    for token in tokens:
        size = len("".join(token.split()))
        own = [where[at + k] for k in range(size) if at + k in where]
        found.append((places[own[0]], places[own[-1]] + 1) if own else None)
        at += size
    return list(_filled(found, len(text)))


def _aligned(plain: str, joined: str) -> Iterator[tuple[int, int]]:
    """Pairs of places of equal characters, in order: ``(in joined, in plain)``."""
    if plain == joined:
        yield from zip(range(len(joined)), range(len(plain)), strict=True)
        return
    from difflib import SequenceMatcher

    matcher = SequenceMatcher(None, joined, plain, autojunk=False)
    for block in matcher.get_matching_blocks():
        for k in range(block.size):
            yield block.a + k, block.b + k


def _filled(found: Sequence[Span | None], length: int) -> Iterator[Span]:
    """Spans, with the gap between the neighbours for those that are not known."""
    for place, span in enumerate(found):
        if span is not None:
            yield span
            continue
        before = next((other[1] for other in reversed(found[:place]) if other is not None), 0)
        behind = next((other[0] for other in found[place + 1 :] if other is not None), length)
        yield before, max(before, behind)
