"""Sentence classification: embedding, encoder, readout and head."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from structnn.data.batch import Batch
from structnn.encoders import Encoder
from structnn.ops.dropout import Dropout

__all__ = ["SentenceClassifier"]


class SentenceClassifier(nn.Module):
    r"""Scores for each class: a linear layer on the encoder's sentence vector.

    .. math:: y = W \, \mathrm{dropout}(\mathrm{sentence}(\mathrm{encoder}(\mathrm{dropout}(x)))) + b

    Args:
        embedding: Gives each token its vector, as :class:`~structnn.WordEmbedding` does.
        encoder: Any encoder as wide as the embedding; its readout makes the sentence vector.
        labels: The classes, in the order of the scores.
        dropout: Dropout rate of word vectors and of the sentence vector.

    Shapes:
        - output: ``(sentences, classes)``, before the softmax

    Raises:
        ValueError: The widths differ, or there are fewer than two classes.
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
                f"the embedding gives vectors {width} wide, but the encoder expects "
                f"input_dim={encoder.input_dim}: build it with input_dim=embedding.dim"
            )
        if len(labels) < 2:
            raise ValueError(f"a classifier needs at least two labels, but got {list(labels)}")
        self.embedding = embedding
        self.encoder = encoder
        self.labels = tuple(labels)
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(encoder.sentence_dim, len(self.labels))

    def forward(self, batch: Batch, *, nodes: bool = False) -> Tensor:
        """The scores of each class.

        Args:
            batch: The sentences.
            nodes: Score each node of the structure, by the same head, instead of each sentence.
                Where trees are labelled throughout (Socher et al. 2013), training on these uses all
                labels; at the roots they are the scores of the sentences with the readout ``"root"``.

        Returns:
            ``(sentences, classes)``, or ``(nodes, classes)``, before the softmax.

        Raises:
            ValueError: Nodes are asked for, and the sentence vector is not as wide as their states.
        """
        if nodes and self.encoder.sentence_dim != self.encoder.output_dim:
            raise ValueError(
                f"the head reads sentence vectors {self.encoder.sentence_dim} wide, but nodes have "
                f"states {self.encoder.output_dim} wide: to score nodes, take readout='root'"
            )
        encoding = self.encoder(self.dropout(self.embedding(batch)), batch)
        states = encoding.nodes if nodes else encoding.sentence
        scores: Tensor = self.head(self.dropout(states))
        return scores
