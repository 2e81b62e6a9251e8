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

FEATURE = "feature"
"""The relation of a feature to its word."""


def shuffled_rows(
    sentences: Iterable[Sentence],
    *,
    lemmas: bool = False,
    features: bool = False,
    seed: int = 0,
    name: str = "sentences",
) -> Iterator[dict[str, object]]:
    """The rows of a data set that asks for the order of words.

    Args:
        sentences: Sentences with dependency trees.
        lemmas: Give lemmas in place of words, so that their forms are to be found too.
        features: Give the morphological features of each word (the column FEATS), such as
            ``Number=Plur``: each is a node of its own, behind the word, and hangs from it by the
            relation ``feature``. What can be copied are then words and features.
        seed: Decides the order of each sentence's words.
        name: What the sentences are, for messages.

    Yields:
        For each sentence ``source``, its words (or lemmas) in random order, with features if asked for;
        ``heads`` and ``relations``, its tree with the nodes in that order, as
        :func:`tasks.data.files.read_table` reads them; and ``target``, its words in their order. Blanks
        within a word become ``_``.

    Raises:
        DataError: A sentence lacks a tree, or the lemmas that are asked for; or no word has features.
    """
    found = False  # words with features: a sentence may have none, as "?" alone
    for number, sentence in enumerate(sentences, start=1):
        tree = sentence.dependencies
        given = sentence.lemmas if lemmas else sentence.tokens
        if tree is None or given is None:
            what = "dependency tree: parse it first" if tree is None else "lemmas: give words"
            raise DataError(f"{name}: sentence {number} has no {what}")
        none = ("_",) * len(sentence)
        of_words = sentence.columns.get("feats", none) if features else none
        found = found or of_words != none
        order = random.Random(f"{seed} {number}").sample(range(len(sentence)), len(sentence))
        own = [[] if value == "_" else value.split("|") for value in of_words]
        place, position = {}, 1
        for word in order:
            place[word] = position
            position += 1 + len(own[word])
        labels = tree.labels or ("dep",) * len(tree)
        source: list[str] = []
        heads: list[int] = []
        relations: list[str] = []
        for word in order:
            source += ["_".join(given[word].split()) or "_", *own[word]]
            heads += [place.get(tree.parents[word], 0), *[place[word]] * len(own[word])]
            relations += [labels[word], *[FEATURE] * len(own[word])]
        yield {
            "source": source,
            "heads": heads,
            "relations": relations,
            "target": " ".join("_".join(word.split()) for word in sentence.tokens),
        }
    if features and not found:
        raise DataError(f"{name}: no word has features: leave them out")
