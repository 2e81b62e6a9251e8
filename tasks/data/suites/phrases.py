"""Phrases of a formal language: from one nested description to tokens and both gold trees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import nltk

from structnn.sentence import Sentence, Tree

__all__ = ["Part", "Phrase", "phrase_of", "sentence_of"]


@dataclass(frozen=True)
class Phrase:
    """Words and phrases in a row, one of which is the head.

    Args:
        parts: At least two words (strings) and phrases, in order.
        head: The index of the part that heads the others; a word, or a phrase with a head of its own.
        relations: For each part its relation to the head, one of Universal Dependencies, so that
            every encoder of relations has weights for it; that of the head itself is not looked at.
    """

    parts: tuple[Part, ...]
    head: int
    relations: tuple[str, ...]

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """All words, in order."""
        words: list[str] = []
        for part in self.parts:
            words += (part,) if isinstance(part, str) else part.tokens
        return tuple(words)

    def with_tokens(self, tokens: Sequence[str]) -> Phrase:
        """The same phrase with other words."""
        return self._take(iter(tokens))

    def _take(self, words: Iterator[str]) -> Phrase:
        parts = (next(words) if isinstance(part, str) else part._take(words) for part in self.parts)
        return replace(self, parts=tuple(parts))


Part = str | Phrase


def phrase_of(text: str) -> Phrase:
    """The phrase of a line in brackets: words ``form/relation``, the head ``form*``, and phrases.

    Args:
        text: What the phrase consists of. A phrase in it is in brackets and begins with its relation.

    Example:
        >>> phrase_of("(nsubj the/det dog*) barked* again/advmod").tokens
        ('the', 'dog', 'barked', 'again')
    """
    return _phrase(nltk.Tree.fromstring(f"(root {text})"))


def _phrase(tree: nltk.Tree) -> Phrase:
    parts: list[Part] = []
    relations: list[str] = []
    head = 0
    for child in tree:
        if isinstance(child, str):
            slot, _, relation = child.partition("/")
            if slot.endswith("*"):
                head = len(parts)
            parts.append(slot.removesuffix("*"))
            relations.append(relation)
        else:
            parts.append(_phrase(child))
            relations.append(child.label())
    return Phrase(tuple(parts), head, tuple(relations))


def sentence_of(phrase: Phrase, label: str = "S") -> Sentence:
    """The sentence of a phrase, with gold dependencies and constituents.

    *Dependencies*: the head word of each part hangs on the head word of its phrase. *Constituents*:
    each phrase is binary and branches to the left, as in the ListOps data: ``(((a b) c) d)``, so that
    an encoder with places for two children can read it; the nodes are in preorder.

    Args:
        phrase: The phrase.
        label: The label of every constituent, words included. It says nothing on purpose: an encoder
            that reads labels must not find the answer in them.
    """
    heads: list[int] = []
    relations: list[str] = []
    root = _attach(phrase, heads, relations)
    heads[root], relations[root] = -1, "root"
    parents: list[int] = []
    tokens: list[int] = []
    _branch(phrase.parts, -1, parents, tokens)
    return Sentence(
        phrase.tokens,
        dependencies=Tree(heads, labels=relations),
        constituency=Tree(parents, _numbered(tokens), [label] * len(parents)),
    )


def _attach(part: Part, heads: list[int], relations: list[str]) -> int:
    """Add the words of a part to the dependency tree; returns the index of its head word."""
    if isinstance(part, str):
        heads.append(-1)
        relations.append("")
        return len(heads) - 1
    found = [_attach(inner, heads, relations) for inner in part.parts]
    for place, relation in zip(found, part.relations, strict=True):
        if place != found[part.head]:
            heads[place], relations[place] = found[part.head], relation
    return found[part.head]


def _branch(parts: Sequence[Part], parent: int, parents: list[int], tokens: list[int]) -> None:
    """Add a row of parts to the constituency tree, as one binary node that branches to the left."""
    if len(parts) == 1 and isinstance(parts[0], Phrase):
        parts = parts[0].parts
    node = len(parents)
    parents.append(parent)
    tokens.append(len(parts) == 1)
    if len(parts) > 1:
        _branch(parts[:-1], node, parents, tokens)
        _branch(parts[-1:], node, parents, tokens)


def _numbered(is_word: Sequence[int]) -> list[int]:
    """The token of each node: words are numbered in order, other nodes have -1."""
    numbers = iter(range(len(is_word)))
    return [next(numbers) if word else -1 for word in is_word]
