"""The beginnings of a sentence, each with the part of its tree that lies within it."""

from __future__ import annotations

from collections.abc import Iterator

from structnn.sentence import Sentence, Tree

__all__ = ["END", "prefixes_of"]

END = "<end>"
"""The end of a text; it also stands before the first word."""

_UNATTACHED = "root"
"""The relation of a word whose head is not read yet, and of the root, which isn't known to be it."""


def prefixes_of(sentence: Sentence) -> Iterator[Sentence]:
    """The beginnings of a sentence, from none of its words to all of them, with the end before each.

    Where the sentence has a dependency tree, so has each beginning: of the edges those both of whose
    words it has. All other words hang from the end symbol, with one relation for all, which tells
    nothing of what follows.

    Args:
        sentence: The sentence.

    Example:
        >>> tree = Tree([1, -1, 1], labels=["nsubj", "root", "obj"])
        >>> *_, two, three = prefixes_of(Sentence(["dogs", "chase", "cats"], dependencies=tree))
        >>> two.tokens, two.dependencies.parents
        (('<end>', 'dogs', 'chase'), (-1, 2, 0))
        >>> three.dependencies.labels
        ('root', 'nsubj', 'root', 'obj')
    """
    tree = sentence.dependencies
    for length in range(len(sentence) + 1):
        tokens = (END, *sentence.tokens[:length])
        if tree is None:
            yield Sentence(tokens)
            continue
        parents, labels = [-1], [_UNATTACHED]
        given = tree.labels or [""] * len(tree)
        for head, label in zip(tree.parents[:length], given, strict=False):
            inside = 0 <= head < length
            parents.append(head + 1 if inside else 0)
            labels.append(label if inside else _UNATTACHED)
        yield Sentence(tokens, dependencies=Tree(parents, labels=labels))
