"""Control structures: trees to compare the parse with, such as chains, balanced and random trees."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

from structnn.sentence import Sentence, StructureError, Tree, quoted

__all__ = [
    "CONTROLS",
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
    "tree_of",
    "with_structure",
]


def with_structure(sentences: Iterable[Sentence], name: str, seed: int = 0) -> list[Sentence]:
    """Replace the dependencies of each sentence by a control structure.

    A control structure has one node for each token, as a dependency tree has, so every tree and graph
    encoder reads it.

    Args:
        sentences: The sentences.
        name: ``"parse"`` (the sentences as they are), or one of :data:`CONTROLS`: ``"left_chain"``,
            ``"right_chain"``, ``"balanced"``, ``"flat"``, ``"random"`` or ``"shuffled"``.
        seed: The random seed of ``"random"`` and ``"shuffled"``. A sentence's tree depends on the seed
            and its own tokens alone, not on the other sentences.

    Returns:
        Copies of the sentences with the structure as their ``dependencies``.

    Raises:
        ValueError: The name is not known.
        StructureError: The name is ``"shuffled"``, and a sentence has no dependencies.

    Example:
        >>> (sentence,) = with_structure([Sentence(["dogs", "chase", "cats"])], "left_chain")
        >>> sentence.dependencies.parents
        (1, 2, -1)
    """
    if name == "parse":
        return list(sentences)
    if name not in _CONTROLS:
        raise ValueError(f"unknown structure {name!r}; the structures are {', '.join(STRUCTURES)}")
    control = _CONTROLS[name]
    return [sentence.replace(dependencies=control(sentence, seed)) for sentence in sentences]


def tree_of(sentence: Sentence, structure: str, seed: int = 0) -> Tree:
    """One tree of a sentence: one that it has, or a control structure.

    Args:
        sentence: The sentence.
        structure: ``"dependencies"`` (also called ``"parse"``, as in :data:`STRUCTURES`),
            ``"constituency"``, or one of :data:`CONTROLS`.
        seed: The random seed of ``"random"`` and ``"shuffled"``.

    Raises:
        ValueError: The structure is not known.
        StructureError: The sentence lacks the structure.
    """
    if structure in _CONTROLS:
        return _CONTROLS[structure](sentence, seed)
    trees = {
        "dependencies": sentence.dependencies,
        "parse": sentence.dependencies,
        "constituency": sentence.constituency,
    }
    if structure not in trees:
        raise ValueError(
            f"unknown structure {structure!r}; the structures are dependencies, constituency, "
            + ", ".join(CONTROLS)
        )
    tree = trees[structure]
    if tree is None:
        lacking = "constituency tree" if structure == "constituency" else "dependencies"
        raise StructureError(
            f"{quoted(sentence)} has no {lacking}; parse it first, or read it from "
            "a file that has them"
        )
    return tree


def left_chain(sentence: Sentence) -> Tree:
    """The tree in which each token is the child of the next one; the last token is the root.

    Upwards, it is read from left to right: on it a child-sum Tree-LSTM is an LSTM.
    """
    size = len(sentence)
    return _tree([*range(1, size), -1])


def right_chain(sentence: Sentence) -> Tree:
    """The tree in which each token is the child of the one before; the first token is the root."""
    return _tree(range(-1, len(sentence) - 1))


def flat(sentence: Sentence) -> Tree:
    """The tree in which all tokens are children of the first, as in the UD relation ``flat``."""
    return _tree([-1] + [0] * (len(sentence) - 1))


def balanced(sentence: Sentence) -> Tree:
    """The balanced binary search tree over positions: the middle token is the root of both halves.

    Of two middle tokens the left one is taken. The tree is projective, and of minimal depth among
    binary trees.
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
    """A tree drawn uniformly from all n^(n-1) rooted trees over the n tokens.

    A uniform Prüfer sequence gives the undirected tree, and the root is a uniform token. Most such
    trees are not projective.

    Args:
        sentence: The sentence.
        seed: The random seed; the tree depends on it and on the tokens alone.
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
    """The dependency tree with its tokens permuted at random; relations stay with their nodes.

    Args:
        sentence: A sentence with dependencies.
        seed: The random seed; the tree depends on it and on the tokens alone.

    Raises:
        StructureError: The sentence has no dependencies.
    """
    tree = _parse(sentence, "shuffled")
    places = list(range(len(sentence)))  # the new token of each node
    _generator("shuffled", sentence, seed).shuffle(places)
    parents = [-1] * len(places)
    labels = [""] * len(places)
    for node, parent in enumerate(tree.parents):
        parents[places[node]] = places[parent] if parent != -1 else -1
        labels[places[node]] = tree.labels[node] if tree.labels is not None else ""
    return Tree(parents, labels=labels if tree.labels is not None else None)


def parse_noise(sentences: Iterable[Sentence], rate: float, seed: int = 0) -> list[Sentence]:
    """Add errors to dependency trees: each token gets another head with probability ``rate``.

    Tokens are visited in random order. The new head is drawn uniformly from all tokens to which the
    token can be attached without a cycle, except its present head; where there is none, the token
    keeps its head. In place of the root, another token becomes the root: the two exchange their
    relations, and the old root is attached at random below the new one. All other relations stay with
    their tokens.

    Args:
        sentences: Sentences with dependencies.
        rate: The probability, from 0 to 1.
        seed: The random seed. A sentence's errors depend on it and on the sentence's tokens alone.

    Returns:
        Copies of the sentences with other ``dependencies``; each is a tree.

    Raises:
        ValueError: The rate is not from 0 to 1.
        StructureError: A sentence has no dependencies.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must be a probability from 0 to 1, but is {rate}")
    return [sentence.replace(dependencies=_noisy(sentence, rate, seed)) for sentence in sentences]


def narrowed(tree: Tree, arity: int) -> Tree:
    """Limit the number of children of each node, for encoders with a fixed arity.

    The last child of a node with too many becomes a child of the sibling before it, until the number
    fits. All nodes keep their tokens, labels and ancestors.

    Args:
        tree: Any tree.
        arity: The largest number of children that a node may have, at least 1.

    Returns:
        The new tree; ``tree`` itself where no node has too many children.

    Raises:
        ValueError: The arity is less than 1.

    Example:
        >>> narrowed(Tree([-1, 0, 0, 0]), arity=2).parents
        (-1, 0, 0, 2)
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
    """Limit the number of children of each node of a constituency tree, by more nodes.

    Of a node with too many children the first ``arity - 1`` stay, and the others get a new node, which
    is its last child; and so on below. New nodes have no word and an empty label. Nodes are numbered in
    preorder. With ``arity=2`` these are the right-factored binary trees of NLTK's
    ``chomsky_normal_form``.

    Args:
        tree: A constituency tree. For dependency trees, which have a node for each word and no other,
            see :func:`narrowed`.
        arity: The largest number of children that a node may have, at least 2.

    Returns:
        The new tree; ``tree`` itself where no node has too many children.

    Raises:
        ValueError: The arity is less than 2.

    Example:
        >>> grouped(Tree([-1, 0, 0, 0], tokens=[-1, 0, 1, 2]), arity=2).parents
        (-1, 0, 0, 2, 2)
    """
    if arity < 2:
        raise ValueError(f"arity must be at least 2 to group children, but is {arity}")
    if all(len(below) <= arity for below in tree.children):
        return tree
    parents: list[int] = []
    tokens: list[int] = []
    labels: list[str] = []
    # Each entry is a node, or the children of a new node; and the parent's number in the new tree.
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
    """A node and all its descendants."""
    children: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents):
        if parent != -1:
            children[parent].append(node)
    found = [top]
    for node in found:  # the list grows while it is read
        found.extend(children[node])
    return set(found)


def _edges_of_prufer(sequence: list[int], size: int) -> list[tuple[int, int]]:
    """The edges of the tree that a Prüfer sequence encodes, in linear time."""
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
            f"{purpose} needs a parse, but {quoted(sentence)} has no dependencies; "
            "parse it first, or choose a structure that needs none: left_chain, right_chain, "
            "balanced, flat or random"
        )
    return sentence.dependencies


_CONTROLS: dict[str, Callable[[Sentence, int], Tree]] = {
    "left_chain": lambda sentence, seed: left_chain(sentence),
    "right_chain": lambda sentence, seed: right_chain(sentence),
    "balanced": lambda sentence, seed: balanced(sentence),
    "flat": lambda sentence, seed: flat(sentence),
    "random": random_tree,
    "shuffled": shuffled,
}

CONTROLS = tuple(_CONTROLS)
"""The names of the control structures."""

STRUCTURES = ("parse", *CONTROLS)
"""The names that :func:`with_structure` takes: the parse, and the control structures."""
