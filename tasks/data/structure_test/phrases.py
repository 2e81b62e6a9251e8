"""Phrases that know their heads: one description gives constituents and dependencies alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from structnn.sentence import Sentence, Tree

__all__ = ["Phrase", "phrase", "to_sentence", "word"]


@dataclass(frozen=True)
class Phrase:
    """A word or a phrase, and how it depends on the head of the phrase around it.

    Args:
        label: The phrase's category, or the word's part of speech.
        form: The word, or the slot for one; empty for a phrase.
        parts: What a phrase consists of. Exactly one part has no relation: it holds the head.
        relation: The relation to the head of the phrase around it; empty for that head itself.
        name: What other words call it that depend on it from outside, as a stranded preposition does.
        head: The name of the word it depends on, where that is not the head of the phrase around it.
    """

    label: str
    form: str = ""
    parts: tuple[Phrase, ...] = ()
    relation: str = ""
    name: str = ""
    head: str = ""

    def to(self, relation: str, head: str = "") -> Phrase:
        """The same, with this relation (to the word of this name)."""
        return replace(self, relation=relation, head=head)

    def called(self, name: str) -> Phrase:
        """The same, under a name."""
        return replace(self, name=name)

    @property
    def words(self) -> Iterator[Phrase]:
        """Its words, in order."""
        if self.form:
            yield self
        for part in self.parts:
            yield from part.words


def word(label: str, form: str) -> Phrase:
    """A word, or a slot."""
    return Phrase(label, form)


def phrase(label: str, *parts: Phrase | None) -> Phrase:
    """A phrase of these parts; what is None is left out.

    Raises:
        ValueError: No part is the head, or more than one.
    """
    kept = tuple(part for part in parts if part is not None)
    if [part.relation for part in kept].count("") != 1:
        relations = [(part.label, part.relation) for part in kept]
        raise ValueError(f"exactly one part of a phrase has no relation, but these are {relations}")
    return Phrase(label, parts=kept)


def to_sentence(root: Phrase, fill: Callable[[Iterable[str]], Sequence[str]]) -> Sentence:
    """The sentence of a phrase, with both trees.

    Args:
        root: The whole sentence.
        fill: Gives the words for its words and slots, in order.
    """
    words = list(root.words)
    tokens = fill(leaf.form for leaf in words)
    heads, relations = _dependencies(root, len(words))
    return Sentence(
        tokens,
        dependencies=Tree(heads, labels=relations),
        constituency=_constituency(root),
        tags=[leaf.label for leaf in words],
    )


def _constituency(root: Phrase) -> Tree:
    parents: list[int] = []
    tokens: list[int] = []
    labels: list[str] = []
    seen = 0
    stack = [(root, -1)]
    while stack:  # in preorder, so that children are in the order of the text
        node, parent = stack.pop()
        index = len(parents)
        parents.append(parent)
        labels.append(node.label)
        tokens.append(seen if node.form else -1)
        seen += bool(node.form)
        stack.extend((part, index) for part in reversed(node.parts))
    return Tree(parents, tokens, labels)


def _dependencies(root: Phrase, size: int) -> tuple[list[int], list[str]]:
    heads, relations = [-1] * size, ["root"] * size
    named: dict[str, int] = {}
    waiting: list[tuple[int, str]] = []  # words that depend on a name
    position = 0

    def visit(node: Phrase) -> int:
        """The token that is the head of ``node``, all else in it being attached."""
        nonlocal position
        if node.form:
            found = position
            position += 1
        else:
            tops = [visit(part) for part in node.parts]
            found = next(
                top for top, part in zip(tops, node.parts, strict=True) if not part.relation
            )
            for top, part in zip(tops, node.parts, strict=True):
                if part.relation:
                    heads[top], relations[top] = found, part.relation
                    if part.head:
                        waiting.append((top, part.head))
        if node.name:
            named[node.name] = found
        return found

    visit(root)
    for token, name in waiting:
        heads[token] = named[name]
    return heads, relations
