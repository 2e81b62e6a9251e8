"""Structures made for spans: the head of a span, and a tree that hangs from it."""

from __future__ import annotations

from structnn.sentence import Sentence, StructureError, Tree

__all__ = ["rerooted", "span_head"]


def span_head(tree: Tree, span: tuple[int, int]) -> int:
    """The token that heads a span: the first of those whose head is outside of it.

    Args:
        tree: A dependency tree.
        span: Where the span begins, and the token after its last.

    Raises:
        StructureError: The span is empty, or not in the sentence.
    """
    begin, end = span
    if not 0 <= begin < end <= len(tree):
        raise StructureError(
            f"the span from {begin} to {end} is not in a sentence of {len(tree)} tokens"
        )
    return next(token for token in range(begin, end) if not begin <= tree.parents[token] < end)


def rerooted(sentence: Sentence, span: tuple[int, int]) -> Sentence:
    """A sentence whose dependency tree hangs from a span.

    The head of the span becomes the root: the edges between it and the root of the parse are turned
    round, and keep their relations; all others stay as they are. So the vector of the root is that of
    what is asked about, and words are as deep as they are far from it, as in the trees of Wang et al.
    (2020), *Relational graph attention network for aspect-based sentiment analysis*.

    Args:
        sentence: A sentence with dependencies.
        span: Where the span begins, and the token after its last.

    Raises:
        StructureError: The sentence has no dependencies, or the span is not in it.

    Example:
        >>> tree = Tree([1, -1, 1], labels=["nsubj", "root", "obj"])
        >>> rerooted(Sentence(["dogs", "chase", "cats"], dependencies=tree), (2, 3)).dependencies
        Tree(parents=(1, 2, -1), tokens=(0, 1, 2), labels=('nsubj', 'obj', 'root'))
    """
    tree = sentence.dependencies
    if tree is None:
        raise StructureError(
            f"{' '.join(sentence.tokens)[:60]!r} has no dependencies to hang from a span; parse it first"
        )
    parents = list(tree.parents)
    labels = None if tree.labels is None else list(tree.labels)
    above, label = -1, "root" if labels is None else labels[tree.root]
    token = span_head(tree, span)
    while token >= 0:
        following = parents[token]
        parents[token] = above
        if labels is not None:
            labels[token], label = label, labels[token]
        above, token = token, following
    return sentence.replace(dependencies=Tree(parents, labels=labels))
