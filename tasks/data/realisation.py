"""Surface realisation as data: the words of a parsed sentence out of order, and the sentence.

As in the shallow track of the shared tasks (Mille et al. 2018): a dependency tree is given without the
order of its words, which is to be found. An encoder that sees the tree and not the order of tokens
reads all that is known; what a sequence encoder reads of shuffled words says nothing of their order.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from structnn import Sentence
from tasks.data.examples import DataError

__all__ = ["shuffled_rows"]


def shuffled_rows(
    sentences: Iterable[Sentence], *, lemmas: bool = False, seed: int = 0, name: str = "sentences"
) -> Iterator[dict[str, object]]:
    """The rows of a data set that asks for the order of words.

    Args:
        sentences: Sentences with dependency trees.
        lemmas: Give lemmas in place of words, so that their forms are to be found too.
        seed: Decides the order of each sentence's words.
        name: What the sentences are, for messages.

    Yields:
        For each sentence ``source``, its words (or lemmas) in random order; ``heads`` and
        ``relations``, its tree with the nodes in that order, as
        :func:`tasks.data.files.read_table` reads them; and ``target``, its words in their order. Blanks
        within a word become ``_``.

    Raises:
        DataError: A sentence lacks a tree, or the lemmas that are asked for.
    """
    for number, sentence in enumerate(sentences, start=1):
        tree = sentence.dependencies
        given = sentence.lemmas if lemmas else sentence.tokens
        if tree is None or given is None:
            what = "dependency tree: parse it first" if tree is None else "lemmas: give words"
            raise DataError(f"{name}: sentence {number} has no {what}")
        order = random.Random(f"{seed} {number}").sample(range(len(sentence)), len(sentence))
        place = {word: position for position, word in enumerate(order, start=1)}
        labels = tree.labels or ("dep",) * len(tree)
        yield {
            "source": ["_".join(given[word].split()) or "_" for word in order],
            "heads": [place.get(tree.parents[word], 0) for word in order],
            "relations": [labels[word] for word in order],
            "target": " ".join("_".join(word.split()) for word in sentence.tokens),
        }
