"""Structures made for spans: the head of a span, a tree that hangs from it, the path between two."""

from __future__ import annotations

import math

from structnn.sentence import Sentence, StructureError, Tree, quoted
from structnn.sentence_graph import SentenceGraph

__all__ = ["path_between", "rerooted", "span_head"]


def span_head(tree: Tree, span: tuple[int, int]) -> int:
    """The token that heads a span: the first of those whose head is outside of it.

    Args:
        tree: A dependency tree.
        span: Where the span begins, and the token after its last.

    Raises:
        StructureError: The span is empty, or not in the sentence.

    Example:
        >>> span_head(Tree([1, 2, -1, 2]), (0, 2))  # "young dogs", of "young dogs bark loudly"
        1
    """
    _check_span(tree, span)
    begin, end = span
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
    tree = _tree_of(sentence, "to hang from a span")
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


def path_between(
    sentence: Sentence, one: tuple[int, int], other: tuple[int, int], *, within: float = 0
) -> Sentence:
    """A sentence whose graph is the part of its dependency tree that lies between two spans.

    That is the path-centric pruning of Zhang et al. (2018), *Graph convolution over pruned dependency
    trees improves relation extraction*: the words on the paths from every word of both spans to their
    lowest common ancestor, and those below it that hang from these paths by at most ``within`` edges.
    All other words take no part in the graph: they have no node.

    Args:
        sentence: A sentence with dependencies.
        one: Where a span begins, and the token after its last.
        other: The other span.
        within: *K* in the paper: 0 for the paths alone, 1 for all that hangs from them directly, and
            ``math.inf`` for all that is below the lowest common ancestor.

    Returns:
        The sentence with its ``graph``: the words that are kept, in order, the edges of the tree between
        them, labelled with the relations, and the lowest common ancestor as the root.

    Raises:
        StructureError: The sentence has no dependencies, or a span is not in it.
        ValueError: ``within`` is negative.

    Example:
        >>> tree = Tree([1, -1, 3, 1], labels=["nsubj", "root", "det", "obj"])
        >>> sentence = Sentence(["dogs", "chase", "the", "cats"], dependencies=tree)
        >>> path_between(sentence, (0, 1), (3, 4)).graph.tokens
        (0, 1, 3)
    """
    if not within >= 0:
        raise ValueError(f"within must be at least 0, but is {within}")
    tree = _tree_of(sentence, "to find the path between two spans in")
    above: list[set[int]] = []
    for span in (one, other):
        _check_span(tree, span)
        for token in range(*span):
            chain = [token]
            while tree.parents[chain[-1]] >= 0:
                chain.append(tree.parents[chain[-1]])
            above.append(set(chain))
    common = set.intersection(*above)
    lowest = max(common, key=lambda token: tree.depths[token])
    path = set.union(*above) - common | {lowest}
    distances = [0.0 if token in path else math.inf for token in range(len(tree))]
    for token in tree.top_down:
        if token not in path and tree.parents[token] >= 0:
            distances[token] = distances[tree.parents[token]] + 1
    # Infinitely far is what is not below the lowest common ancestor, however much is wanted.
    kept = [token for token, far in enumerate(distances) if far <= within and far < math.inf]
    node = {token: number for number, token in enumerate(kept)}
    below = [token for token in kept if token != lowest]
    graph = SentenceGraph(
        kept,
        [(node[tree.parents[token]], node[token]) for token in below],
        None if tree.labels is None else [tree.labels[token] for token in below],
        roots=[node[lowest]],
    )
    return sentence.replace(graph=graph)


def _tree_of(sentence: Sentence, purpose: str) -> Tree:
    if sentence.dependencies is None:
        raise StructureError(f"{quoted(sentence)} has no dependencies {purpose}; parse it first")
    return sentence.dependencies


def _check_span(tree: Tree, span: tuple[int, int]) -> None:
    begin, end = span
    if not 0 <= begin < end <= len(tree):
        raise StructureError(
            f"the span from {begin} to {end} is not in a sentence of {len(tree)} tokens"
        )
