"""What a model is asked once: one text or two, and the words in them that are asked about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from parsers import narrowed
from structnn import Sentence, Tree
from tasks.data.questions import Span
from tasks.data.setting import for_spans
from tasks.data.structures import structure_of
from tasks.models.model import SavedModel
from tasks.training.inputs import Inputs

__all__ = ["Case", "inputs_of", "places_of", "subtrees_of", "without"]


@dataclass(frozen=True)
class Case:
    """One text or two, and what of them is asked about.

    Tokens are counted through both texts: those of the second one follow those of the first.

    Args:
        sentences: The sentence of each text, with dependencies.
        spans: The spans of the first text that are asked about, in tokens.
        places: The tokens of the first text that what is explained is about, such as the one whose tag
            it is.
        least: How many tokens each text needs.
    """

    sentences: tuple[Sentence, ...]
    spans: tuple[Span, ...] = ()
    places: tuple[int, ...] = ()
    least: int = 1

    @property
    def tokens(self) -> tuple[str, ...]:
        """All tokens."""
        return tuple(token for sentence in self.sentences for token in sentence.tokens)

    @property
    def starts(self) -> list[int]:
        """Where each text begins among all tokens, and the end."""
        return list(accumulate(map(len, self.sentences), initial=0))

    @property
    def asked(self) -> frozenset[int]:
        """The tokens that are asked about."""
        inside = (token for begin, end in self.spans for token in range(begin, end))
        return frozenset((*inside, *self.places))

    def can_lose(self, deleted: Collection[int]) -> bool:
        """Whether there is still a question without these tokens.

        What is asked about stays, and of each text as many tokens as it needs.
        """
        if not self.asked.isdisjoint(deleted):
            return False
        starts = self.starts
        return not deleted or all(
            end - begin - sum(begin <= token < end for token in deleted) >= self.least
            for begin, end in pairwise(starts)
        )

    def without(self, deleted: Collection[int], model: SavedModel) -> Case:
        """The case with some tokens less, as a model reads it; see :func:`without`.

        Args:
            deleted: The tokens; :meth:`can_lose` holds for them.
            model: Its encoder may take few children, or a structure made for the spans.
        """
        arity, structure = model.classifier.encoder.arity, structure_of(model.structure)
        shorter = [
            without(sentence, {token - start for token in deleted if token >= start}, arity)
            for sentence, start in zip(self.sentences, self.starts, strict=False)
        ]

        def place(token: int) -> int:
            return token - sum(other < token for other in deleted)

        spans = tuple((place(begin), place(end)) for begin, end in self.spans)
        if structure.spans:
            shorter[0] = for_spans(structure, shorter[0], spans)
        places = tuple(map(place, self.places))
        return replace(self, sentences=tuple(shorter), spans=spans, places=places)


def inputs_of(model: SavedModel, cases: Sequence[Case]) -> Inputs:
    """Cases, as a model reads them."""
    first, *second = zip(*(case.sentences for case in cases), strict=True)
    return model.inputs(first, second[0] if second else (), [case.spans for case in cases])


def places_of(cases: Sequence[Case]) -> Tensor:
    """``(cases, places)``: the tokens of each that what is explained is about."""
    return torch.tensor([case.places for case in cases], dtype=torch.long).view(len(cases), -1)


def subtrees_of(tree: Tree) -> list[set[int]]:
    """For each node itself and all nodes below it."""
    below = [{node} for node in range(len(tree))]
    for node in reversed(tree.top_down[1:]):
        below[tree.parents[node]] |= below[node]
    return below


def without(sentence: Sentence, deleted: Collection[int], arity: int | None = None) -> Sentence:
    """A sentence with some tokens less, whose dependencies are a tree again.

    What hangs on a deleted token is attached to the nearest token above it that is left, and keeps
    its relation. Where none is left above, the first such token takes the place of the root, with its
    relation, and the others are attached to it.

    Args:
        sentence: It has dependencies.
        deleted: The tokens to delete; not all.
        arity: For encoders that take at most so many children: see :func:`parsers.narrowed`.
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
    shorter = Tree(parents, labels=labels)
    if arity is not None:
        shorter = narrowed(shorter, arity)

    def rest(values: Sequence[str] | None) -> list[str] | None:
        return None if values is None else [values[token] for token in kept]

    return Sentence(
        [sentence.tokens[token] for token in kept],
        dependencies=shorter,
        tags=rest(sentence.tags),
        lemmas=rest(sentence.lemmas),
    )
