"""A corpus: sentences that are prepared once, and batched many times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from numpy.typing import ArrayLike
from torch.utils.data import Dataset, default_collate

from structnn.data.batch import Batch
from structnn.data.flat import Array, FlatSentences, Structure, structure_name
from structnn.data.vocabulary import UNIVERSAL_RELATIONS, Vocabulary
from structnn.sentence import Sentence

__all__ = ["Corpus"]


class Corpus(Dataset[Sentence]):
    """Sentences from which batches are made without a loop over sentences.

    Words and labels are looked up in their vocabularies, and heights of nodes computed, once, here;
    :meth:`batch` is then a few array operations, whatever the number of sentences.

    It is a ``torch.utils.data.Dataset`` of sentences, whose :meth:`collate_fn` makes batches.

    Args:
        sentences: The sentences; they may lack the structure as long as no encoder reads it.
            :class:`parsers.StoredSentences` stay in their files.
        structure: What of each sentence tree and graph encoders read: ``"dependencies"``,
            ``"constituency"``, or a function from a :class:`~structnn.Sentence` to a
            :class:`~structnn.Tree`; or ``"graph"``, which graph encoders alone can read.
        vocabulary: Gives each token its index, for an embedding; None if word vectors come from
            elsewhere.
        relations: Gives each node's label (of a graph, each edge's) its index. The default is the
            universal relations; trees with other labels (phrases, sentiments) need a vocabulary of
            those.

    Raises:
        ValueError: ``structure`` is not known.
        StructureError: The structure function returned a tree that does not fit its sentence.

    Example:
        >>> corpus = Corpus([Sentence(["dogs", "bark"]), Sentence(["stop"])])
        >>> corpus.batch([1, 0]).lengths
        tensor([1, 2])
        >>> from torch.utils.data import DataLoader
        >>> loader = DataLoader(corpus, batch_size=2, collate_fn=corpus.collate_fn)
        >>> [len(batch) for batch in loader]
        [2]
        >>> labelled = list(zip(corpus, [0, 1]))
        >>> ((batch, labels),) = DataLoader(labelled, batch_size=2, collate_fn=corpus.collate_fn)
        >>> labels
        tensor([0, 1])
    """

    def __init__(
        self,
        sentences: Iterable[Sentence],
        *,
        structure: Structure = "dependencies",
        vocabulary: Vocabulary | None = None,
        relations: Vocabulary = UNIVERSAL_RELATIONS,
    ) -> None:
        self._flat = FlatSentences(
            sentences, structure=structure, vocabulary=vocabulary, relations=relations
        )
        self._vocabulary = vocabulary
        self._relations = relations

    @property
    def sentences(self) -> Sequence[Sentence]:
        """The sentences."""
        return self._flat.sentences

    @property
    def structure(self) -> Structure:
        """Which tree of each sentence tree and graph encoders read."""
        return self._flat.structure

    @property
    def lengths(self) -> Array:
        """``(sentences,)``, a NumPy array: the number of tokens of each."""
        return self._flat.lengths

    @property
    def node_counts(self) -> Array:
        """``(sentences,)``, a NumPy array: the number of nodes of each tree or graph, 0 without one."""
        return self._flat.node_counts

    def __len__(self) -> int:
        return len(self.sentences)

    def __getitem__(self, index: int) -> Sentence:
        return self.sentences[index]

    def __iter__(self) -> Iterator[Sentence]:
        return iter(self.sentences)

    def __getitems__(self, indices: list[int]) -> Batch:
        """The batch of these sentences, which is what a ``DataLoader`` asks for at once."""
        return self.batch(indices)

    def collate_fn(self, items: Any) -> Any:
        """What a ``DataLoader`` calls to make a batch.

        Args:
            items: A :class:`Batch`, which is given back; sentences; or tuples or lists of a sentence and
                anything that PyTorch collates, such as a label.

        Returns:
            The batch of the sentences, made as those of this corpus are; of tuples or lists a tuple of
            it and what PyTorch makes of the rest.
        """
        if isinstance(items, Batch):
            return items
        if isinstance(items[0], tuple | list):
            sentences, *rest = zip(*items, strict=True)
            return (self._batch_of(sentences), *(default_collate(list(part)) for part in rest))
        return self._batch_of(items)

    def _batch_of(self, sentences: Iterable[Sentence]) -> Batch:
        return Batch.from_sentences(
            sentences,
            structure=self.structure,
            vocabulary=self._vocabulary,
            relations=self._relations,
        )

    def __repr__(self) -> str:
        flat = self._flat
        text = (
            f"Corpus(sentences={len(self)}, tokens={self.lengths.sum()}, nodes={flat.num_nodes}, "
            f"trees={structure_name(flat.structure)!r}"
        )
        return text + (f", without_tree={flat.num_without_tree})" if flat.num_without_tree else ")")

    def batch(self, indices: ArrayLike | None = None) -> Batch:
        """The batch of the sentences at these indices, in this order; of all of them by default.

        Args:
            indices: Their indices, which count from the end where they are below 0; or a truth value
                for each sentence, as ``corpus.lengths < 40``.

        Raises:
            IndexError: There is no such sentence.
            ValueError: No index is given, or what is none; or the corpus is empty.
        """
        return Batch(self._flat.select(indices))
