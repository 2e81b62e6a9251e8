"""Sentences written in brackets, with the head of each word: both gold trees follow from one line.

A phrase is ``(relation part part ...)``, its parts words or phrases; one part has no relation of its own
and is the phrase's head: a word with a star, or a phrase whose relation is ``*``. All other parts depend
on it. A word is ``form/relation``. What depends on a word of another phrase names it: ``form*#x`` gives
the name *x*, and ``>x`` behind a relation attaches to it::

    (root (nsubj the/det dog*) (* met* (obj the/det cat*#c) again/advmod
          (acl:relcl>c who/nsubj slept*)) ./punct)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import nltk

from structnn.sentence import Sentence, Tree

__all__ = ["sentence_of", "slots_of"]

CONSTITUENTS = {
    "root": "S",
    "*": "VP",
    "nsubj": "NP",
    "nsubj:pass": "NP",
    "obj": "NP",
    "nmod": "PP",
    "obl": "PP",
    "obl:agent": "PP",
    "xcomp": "VP",
    "conj": "CONJP",
    "acl:relcl": "SBAR",
    "ccomp": "SBAR",
    "advcl": "SBAR",
    "advmod": "ADVP",
}
"""The label of a constituent, by its relation."""


@dataclass(frozen=True)
class _Word:
    form: str
    relation: str
    name: str


def _word(text: str) -> _Word:
    form, _, name = text.partition("#")
    if form.endswith("*"):
        return _Word(form.removesuffix("*"), "*", name)
    form, _, relation = form.rpartition("/")
    return _Word(form, relation, name)


def slots_of(line: str) -> list[str]:
    """The words of a line, in order."""
    return [_word(leaf).form for leaf in nltk.Tree.fromstring(line).leaves()]


def sentence_of(line: str, fill: Callable[[Sequence[str]], Sequence[str]] = tuple) -> Sentence:
    """The sentence of a line, with dependencies and constituents.

    Args:
        line: A phrase in brackets.
        fill: Gives the words, all at once, in place of those of the line.

    Raises:
        ValueError: A phrase has no head, or several.
    """
    root = nltk.Tree.fromstring(line)
    size = len(root.leaves())
    heads, relations = [-1] * size, ["root"] * size
    names: dict[str, int] = {}
    elsewhere: list[tuple[int, str]] = []
    parents: list[int] = []
    tokens: list[int] = []
    labels: list[str] = []
    forms: list[str] = []

    def node(parent: int, token: int, label: str) -> int:
        parents.append(parent)
        tokens.append(token)
        labels.append(label)
        return len(parents) - 1

    def visit(phrase: nltk.Tree, parent: int) -> int:
        """Adds a phrase to both trees; the token that heads it."""
        label = phrase.label().partition(">")[0]
        above = node(parent, -1, CONSTITUENTS[label])
        found: list[tuple[int, str]] = []
        for part in phrase:
            if isinstance(part, nltk.Tree):
                found.append((visit(part, above), part.label()))
                continue
            word = _word(part)
            token = len(forms)
            forms.append(word.form)
            node(above, token, "W")
            if word.name:
                names[word.name] = token
            found.append((token, word.relation))
        tops = [token for token, relation in found if relation == "*"]
        if len(tops) != 1:
            raise ValueError(f"a phrase has {len(tops)} heads in place of one: {phrase}")
        for token, relation in found:
            if token != tops[0]:
                heads[token] = tops[0]
                relations[token], _, name = relation.partition(">")
                if name:
                    elsewhere.append((token, name))
        return tops[0]

    visit(root, -1)
    for token, name in elsewhere:
        heads[token] = names[name]
    return Sentence(
        tuple(fill(forms)),
        dependencies=Tree(heads, labels=relations),
        constituency=Tree(parents, tokens, labels),
    )
