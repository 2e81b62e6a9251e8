"""Sentence classification: an embedding, an encoder with its readout, and a linear layer."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders import Encoder
from structnn.ops.dropout import Dropout

__all__ = ["SentenceClassifier"]


class SentenceClassifier(nn.Module):
    r"""A linear layer over the encoder's sentence vector.

    .. math:: y = W \, \mathrm{dropout}(\mathrm{sentence}(\mathrm{encoder}(\mathrm{dropout}(x)))) + b

    Args:
        embedding: Maps a batch to ``(tokens, dim)``, as :class:`~structnn.WordEmbedding` does; has an
            attribute ``dim``.
        encoder: Any encoder with ``input_dim=embedding.dim``; its readout makes the sentence vector.
        labels: The names of the classes, in the order of the scores.
        dropout: The dropout rate of word vectors and of the sentence vector.

    Shapes:
        - output: ``(sentences, classes)``, logits

    Raises:
        ValueError: ``encoder.input_dim`` is not ``embedding.dim``, or there are fewer than two classes.
    """

    def __init__(
        self,
        embedding: nn.Module,
        encoder: Encoder,
        labels: Sequence[str],
        *,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        width = getattr(embedding, "dim", None)
        if width != encoder.input_dim:
            raise ValueError(
                f"the embedding has dim={width}, but the encoder has "
                f"input_dim={encoder.input_dim}: build it with input_dim=embedding.dim"
            )
        if len(labels) < 2:
            raise ValueError(f"a classifier needs at least two labels, but got {list(labels)}")
        self.embedding = embedding
        self.encoder = encoder
        self.labels = tuple(labels)
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(encoder.sentence_dim, len(self.labels))

    def extra_repr(self) -> str:
        return f"labels={self.labels}"

    def forward(self, batch: Batch, *, nodes: bool = False) -> Tensor:
        """The logits of each sentence, or of each node.

        Args:
            batch: The sentences.
            nodes: Apply the linear layer to the state of each node instead of to the sentence vectors,
                to train on trees with a label at every node (Socher et al. 2013). With the readout
                ``"root"`` the logits of a root are those of its sentence.

        Returns:
            ``(sentences, classes)``, or ``(nodes, classes)``.

        Raises:
            ValueError: ``nodes`` is set, and the sentence vector is not as wide as the nodes' states.
        """
        if nodes and self.encoder.sentence_dim != self.encoder.output_dim:
            raise ValueError(
                f"the linear layer reads sentence vectors of dimension {self.encoder.sentence_dim}, but "
                f"the nodes' states have {self.encoder.output_dim}: to score nodes, use readout='root'"
            )
        encoding = self.encoder(self.dropout(self.embedding(batch)), batch)
        states = encoding.nodes if nodes else encoding.sentence
        scores: Tensor = self.head(self.dropout(states))
        return scores
