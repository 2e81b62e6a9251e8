"""Control structures: trees that are not the parse, to see what the parse is worth."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from structnn.sentence import Sentence, StructureError, Tree

__all__ = [
    "STRUCTURES",
    "balanced",
    "flat",
    "grouped",
    "left_chain",
    "narrowed",
    "parse_noise",
    "random_tree",
    "right_chain",
    "shuffled",
    "with_structure",
]


def with_structure(sentences: Iterable[Sentence], name: str, seed: int = 0) -> list[Sentence]:
    """Give every sentence the named structure as its dependencies.

    Every control is a tree of tokens alone, so every encoder of trees and of graphs takes it.

    Args:
        sentences: The sentences.
        name: ``parse`` (as given), ``left_chain``, ``right_chain``, ``balanced``, ``flat``,
            ``random`` or ``shuffled``.
        seed: For ``random`` and ``shuffled``. What a sentence gets depends on the seed and on its own
            tokens alone, so the order of sentences is immaterial.

    Returns:
        Copies of the sentences with other ``dependencies``.

    Raises:
        ValueError: An unknown name.
        StructureError: ``shuffled`` where a sentence has no parse.
    """
    if name not in _CONTROLS:
        raise ValueError(f"unknown structure {name!r}; the structures are {', '.join(STRUCTURES)}")
    control = _CONTROLS[name]
    if control is None:
        return list(sentences)
    return [sentence.replace(dependencies=control(sentence, seed)) for sentence in sentences]


def left_chain(sentence: Sentence) -> Tree:
    """Each token is the child of the next; the last is the root.

    Read upwards, this is the sentence from left to right: a child-sum Tree-LSTM on it is an LSTM.
    """
    size = len(sentence)
    return _tree([*range(1, size), -1])


def right_chain(sentence: Sentence) -> Tree:
    """Each token is the child of the one before; the first is the root: from right to left."""
    return _tree(range(-1, len(sentence) - 1))


def flat(sentence: Sentence) -> Tree:
    """All tokens are children of the first, as Universal Dependencies has it for ``flat``."""
    return _tree([-1] + [0] * (len(sentence) - 1))


def balanced(sentence: Sentence) -> Tree:
    """The binary search tree of the positions: the middle token is the root, and so on in each half.

    Of two middle tokens the left one is taken. The tree is projective, and no deeper than need be.
    """
    parents = [-1] * len(sentence)
    spans = [(0, len(sentence), -1)]
    while spans:
        first, last, parent = spans.pop()
        if first < last:
            middle = (first + last - 1) // 2
            parents[middle] = parent
            spans += [(first, middle, middle), (middle + 1, last, middle)]
    return _tree(parents)


def random_tree(sentence: Sentence, seed: int = 0) -> Tree:
    """A tree drawn evenly from all rooted trees over the tokens (n to the n-1 of them, by Cayley).

    A Prüfer sequence drawn evenly gives the tree without its root, and the root is any token. Most
    such trees are neither projective nor shallow.
    """
    size = len(sentence)
    generator = _generator("random", sentence, seed)
    neighbours: list[list[int]] = [[] for _ in range(size)]
    for one, other in _edges_of_prufer([generator.randrange(size) for _ in range(size - 2)], size):
        neighbours[one].append(other)
        neighbours[other].append(one)
    root = generator.randrange(size)
    parents = [-1] * size
    stack = [root]
    while stack:
        node = stack.pop()
        for child in neighbours[node]:
            if child != parents[node]:
                parents[child] = node
                stack.append(child)
    return _tree(parents)


def shuffled(sentence: Sentence, seed: int = 0) -> Tree:
    """The parse, its relations with it, on the wrong words: its nodes are dealt out anew, evenly.

    Raises:
        StructureError: The sentence has no parse.
    """
    tree = _parse(sentence, "shuffled")
    places = list(range(len(sentence)))  # the token that each node of the parse falls to
    _generator("shuffled", sentence, seed).shuffle(places)
    parents = [-1] * len(places)
    labels = [""] * len(places)
    for node, parent in enumerate(tree.parents):
        parents[places[node]] = places[parent] if parent != -1 else -1
        labels[places[node]] = tree.labels[node] if tree.labels is not None else ""
    return Tree(parents, labels=labels if tree.labels is not None else None)


def parse_noise(sentences: Iterable[Sentence], rate: float, seed: int = 0) -> list[Sentence]:
    """Put errors into parses: with probability ``rate`` each token gets another head.

    Tokens are visited in a random order. The new head is drawn evenly from the tokens to which
    the token can be attached with no cycle, its head so far excepted; where there is none, nothing
    changes. For the root, another token becomes the root in its place (their relations change
    places), and the old root is attached at random below it. Relations stay with their tokens.

    Args:
        sentences: Sentences that have parses.
        rate: The probability, from 0 to 1.
        seed: What a sentence gets depends on this and on its own tokens alone.

    Returns:
        Copies of the sentences with other ``dependencies``, each of them a tree.

    Raises:
        ValueError: A rate out of range.
        StructureError: A sentence that has no parse.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must be a probability from 0 to 1, but is {rate}")
    return [sentence.replace(dependencies=_noisy(sentence, rate, seed)) for sentence in sentences]


def narrowed(tree: Tree, arity: int) -> Tree:
    """The tree with at most so many children at each node: one too many hangs on its left sibling.

    For encoders that have a place for each of so many children. All nodes stay, each with its word
    and its label; what is below a node stays below it; a tree that is narrow enough stays as it is.

    Args:
        tree: Any tree.
        arity: How many children a node may have.

    Raises:
        ValueError: Less than one.
    """
    if arity < 1:
        raise ValueError(f"arity must be at least 1, but is {arity}")
    if all(len(below) <= arity for below in tree.children):
        return tree
    children = list(map(list, tree.children))
    order = [tree.root]
    for node in order:  # the list grows while it is read
        children[node].sort()
        while len(children[node]) > arity:
            surplus = children[node].pop()
            children[children[node][-1]].append(surplus)
        order += children[node]
    parents = [-1] * len(tree)
    for node, below in enumerate(children):
        for child in below:
            parents[child] = node
    return Tree(parents, tree.tokens, tree.labels)


def grouped(tree: Tree, arity: int) -> Tree:
    """The tree with at most so many children at each node: the last ones go under a new node.

    For constituency trees, as :func:`narrowed` is for dependencies. New nodes have no word, and an
    empty label; the nodes are numbered in preorder. With ``arity=2`` these are the right-factored
    binary trees of NLTK's ``chomsky_normal_form``. A tree that is narrow enough stays as it is.

    Args:
        tree: Any tree.
        arity: How many children a node may have.

    Raises:
        ValueError: Less than two.
    """
    if arity < 2:
        raise ValueError(f"arity must be at least 2 to group children, but is {arity}")
    if all(len(below) <= arity for below in tree.children):
        return tree
    assert tree.tokens is not None
    parents: list[int] = []
    tokens: list[int] = []
    labels: list[str] = []
    # Each entry is a node, or children that want a node of their own; and the parent, in the new tree.
    stack: list[tuple[int | tuple[int, ...], int]] = [(tree.root, -1)]
    while stack:
        node, parent = stack.pop()
        index = len(parents)
        parents.append(parent)
        if isinstance(node, int):
            children = tree.children[node]
            tokens.append(tree.tokens[node])
            labels.append(tree.labels[node] if tree.labels is not None else "")
        else:
            children = node
            tokens.append(-1)
            labels.append("")
        below: list[int | tuple[int, ...]] = list(children)
        if len(children) > arity:
            below = [*children[: arity - 1], children[arity - 1 :]]
        stack.extend((child, index) for child in reversed(below))
    return Tree(parents, tokens, labels if tree.labels is not None else None)


def _noisy(sentence: Sentence, rate: float, seed: int) -> Tree:
    tree = _parse(sentence, "parse_noise")
    generator = _generator("noise", sentence, seed)
    parents = list(tree.parents)
    labels = list(tree.labels) if tree.labels is not None else None
    for token in generator.sample(range(len(parents)), len(parents)):
        if generator.random() >= rate:
            continue
        below = _descendants(parents, token)
        if parents[token] != -1:
            heads = [head for head in range(len(parents)) if head not in below]
            heads.remove(parents[token])
            if heads:
                parents[token] = generator.choice(heads)
        elif len(parents) > 1:
            new_root = generator.choice([other for other in range(len(parents)) if other != token])
            parents[new_root] = -1
            parents[token] = generator.choice(sorted(_descendants(parents, new_root)))
            if labels is not None:
                labels[token], labels[new_root] = labels[new_root], labels[token]
    return Tree(parents, labels=labels)


def _descendants(parents: Sequence[int], top: int) -> set[int]:
    """``top`` and all below it."""
    children: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents):
        if parent != -1:
            children[parent].append(node)
    found = [top]
    for node in found:  # the list grows while it is read
        found.extend(children[node])
    return set(found)


def _edges_of_prufer(sequence: list[int], size: int) -> list[tuple[int, int]]:
    """The edges of the labelled tree that a Prüfer sequence stands for, in linear time."""
    if size < 2:
        return []
    degrees = [1] * size
    for node in sequence:
        degrees[node] += 1
    edges = []
    scanned = leaf = degrees.index(1)
    for node in sequence:
        edges.append((leaf, node))
        degrees[node] -= 1
        if degrees[node] == 1 and node < scanned:
            leaf = node  # a new leaf that the scan has passed
        else:
            scanned = leaf = degrees.index(1, scanned + 1)
    edges.append((leaf, size - 1))
    return edges


def _tree(parents: Sequence[int]) -> Tree:
    # Universal Dependencies' own labels, so that encoders of relations know them.
    return Tree(parents, labels=["root" if parent == -1 else "dep" for parent in parents])


def _generator(purpose: str, sentence: Sentence, seed: int) -> random.Random:
    # From a string Python seeds by SHA-512, the same in every process.
    return random.Random(repr((purpose, seed, *sentence.tokens)))


def _parse(sentence: Sentence, purpose: str) -> Tree:
    if sentence.dependencies is None:
        raise StructureError(
            f"{purpose} needs a parse, but {' '.join(sentence.tokens)[:60]!r} has no dependencies; "
            "parse it first, or choose a structure that needs none: left_chain, right_chain, "
            "balanced, flat or random"
        )
    return sentence.dependencies


_CONTROLS: dict[str, Callable[[Sentence, int], Tree] | None] = {
    "parse": None,
    "left_chain": lambda sentence, seed: left_chain(sentence),
    "right_chain": lambda sentence, seed: right_chain(sentence),
    "balanced": lambda sentence, seed: balanced(sentence),
    "flat": lambda sentence, seed: flat(sentence),
    "random": random_tree,
    "shuffled": shuffled,
}

STRUCTURES = tuple(_CONTROLS)
"""The names that :func:`with_structure` takes."""
