"""The trees that benchmarks run on, and batches of them that are never the same twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from parsers import read_conllu, with_structure
from structnn import Sentence, Tree, Vocabulary
from structnn.data.corpus import Corpus

__all__ = [
    "DEFAULT_CONLLU",
    "SYNTHETIC",
    "Draw",
    "Indices",
    "Portion",
    "Portions",
    "all_left_chains",
    "corpus_of",
    "draws",
    "random_tree",
    "synthetic",
    "tree_of",
    "treebank",
]

Indices = np.ndarray[Any, np.dtype[np.int64]]

DEFAULT_CONLLU = Path(__file__).parents[2] / "shared/ud/en_ewt/en_ewt-ud-dev.conllu"
"""UD English EWT's dev set, if a folder ``shared`` with it lies beside the repository."""

# For each name in the tables the structure and the number of nodes.
SYNTHETIC = {
    "chains of 12": ("left_chain", 12),
    "chains of 64": ("left_chain", 64),
    "balanced, 63": ("balanced", 63),
    "stars of 64": ("flat", 64),
}


def treebank(path: Path | None) -> list[Sentence] | None:
    """The sentences of a CoNLL-U file that have more than one word, the only ones every peer takes.

    Args:
        path: The file; by default UD English EWT's dev set, None where it isn't there.

    Raises:
        ValueError: It is not CoNLL-U, or has no such sentence.
    """
    if path is None:
        if not DEFAULT_CONLLU.exists():
            return None
        path = DEFAULT_CONLLU
    sentences = [sentence for sentence in read_conllu(path) if len(sentence) > 1]
    if not sentences or any(sentence.dependencies is None for sentence in sentences):
        raise ValueError(f"{path} has no sentences of more than one word, or some without heads")
    return sentences


def synthetic(structure: str, size: int, count: int) -> list[Sentence]:
    """Sentences of one length with a tree of one shape, as ``parsers.with_structure`` names it."""
    words = [f"w{position}" for position in range(size)]
    return with_structure([Sentence(words)] * count, structure)


def all_left_chains(sentences: Iterable[Sentence]) -> bool:
    """Whether on these trees a child-sum Tree-LSTM is an LSTM."""
    shapes = {tuple(tree_of(sentence).parents) for sentence in sentences}
    return all(parents == (*range(1, len(parents)), -1) for parents in shapes)


def random_tree(size: int, seed: int = 0) -> Sentence:
    """One tree in which each node's parent is drawn evenly from the nodes before it.

    Its depth grows with the logarithm of its size, as that of parses does.
    """
    parents = np.random.default_rng(seed).integers(0, np.maximum(np.arange(size), 1))
    return Sentence(["w"] * size, dependencies=Tree([-1, *parents[1:].tolist()]))


def tree_of(sentence: Sentence) -> Tree:
    """The sentence's dependency tree, or its constituency tree where it has no other."""
    tree = sentence.dependencies or sentence.constituency
    if tree is None:
        raise ValueError(f"{' '.join(sentence.tokens[:8])!r} has no tree")
    return tree


def corpus_of(sentences: Sequence[Sentence]) -> Corpus:
    """The sentences as the flat arrays that batches are gathered from."""
    vocabulary = Vocabulary.from_tokens(sentence.tokens for sentence in sentences)
    structure = "dependencies" if sentences[0].dependencies else "constituency"
    return Corpus(sentences, structure=structure, vocabulary=vocabulary)


@dataclass(frozen=True)
class Portion:
    """A batch: which sentences, a vector for each of their words, and the gradients of their states.

    Attributes:
        chosen: ``(sentences,)``, their indices.
        x: ``(words, input)``.
        grad: ``(nodes, hidden)``.
    """

    chosen: Indices
    x: Tensor
    grad: Tensor


class Portions:
    """Makes batches of a corpus, with random vectors.

    Args:
        corpus: The sentences.
        input_dim: The width of the word vectors.
        hidden_dim: The width of the states.
    """

    def __init__(self, corpus: Corpus, input_dim: int, hidden_dim: int) -> None:
        self.words = corpus.lengths
        self.nodes = np.array([len(tree_of(sentence)) for sentence in corpus.sentences])
        self.input_dim = input_dim
        self.hidden_dim = hidden_dim

    def of(self, chosen: Indices) -> Portion:
        """The batch of the sentences of these indices."""
        words, nodes = int(self.words[chosen].sum()), int(self.nodes[chosen].sum())
        return Portion(
            chosen, torch.randn(words, self.input_dim), torch.randn(nodes, self.hidden_dim)
        )


@dataclass(frozen=True)
class Draw:
    """What all contenders are given in one repeat.

    Attributes:
        mixed: Sentences at random.
        bucketed: As many sentences of about one length, for a contender that wants it.
    """

    mixed: Portion
    bucketed: Portion


def draws(
    corpus: Corpus, batch_size: int, input_dim: int, hidden_dim: int, seed: int = 0
) -> Iterator[Draw]:
    """Batches without end: the corpus in a new random order, again and again.

    The bucketed batch is that of the sentences nearest in length to a random *word's* sentence, so that
    each length comes up as often as words of such sentences do in an epoch.
    """
    generator = np.random.default_rng(seed)
    lengths = corpus.lengths
    batch_size = min(batch_size, len(corpus))
    portions = Portions(corpus, input_dim, hidden_dim)
    while True:
        shuffled = generator.permutation(len(corpus))
        by_length = shuffled[np.argsort(lengths[shuffled], kind="stable")]
        ends = np.cumsum(lengths[by_length])
        for begin in range(0, len(corpus) - batch_size + 1, batch_size):
            place = np.searchsorted(ends, generator.integers(ends[-1]), side="right")
            first = min(max(place - batch_size // 2, 0), len(corpus) - batch_size)
            yield Draw(
                mixed=portions.of(shuffled[begin : begin + batch_size]),
                bucketed=portions.of(by_length[first : first + batch_size]),
            )
