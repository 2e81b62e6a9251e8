"""Sentence classification: an embedding, an encoder with its readout, and a linear layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from structnn.encoders import Encoder
from structnn.heads import Head, LabelAnswer, StructuredModel, build_head

__all__ = ["SentenceClassifier"]


class SentenceClassifier(StructuredModel[Head]):
    r"""A linear layer over the encoder's sentence vector.

    .. math:: y = W \, \mathrm{dropout}(\mathrm{sentence}(\mathrm{encoder}(\mathrm{dropout}(x)))) + b

    It is the short form of a :class:`~structnn.heads.StructuredModel` with the head
    ``build_head("sentence", LabelAnswer(labels), encoder)``.

    Args:
        embedding: Maps a batch to ``(tokens, dim)``, as :class:`~structnn.WordEmbedding` does; has an
            attribute ``dim``.
        encoder: Any encoder with ``input_dim=embedding.dim``; its readout makes the sentence vector.
        labels: The names of the classes, in the order of the scores.
        dropout: The dropout rate of word vectors and of the sentence vector.

    Shapes:
        - output: ``(sentences, classes)``, logits

    Raises:
        ValueError: ``encoder.input_dim`` is not ``embedding.dim``, or there are fewer than two classes,
            or one is there twice.

    Example:
        >>> from structnn import Batch, Sentence, Tree, Vocabulary, WordEmbedding, build_encoder
        >>> words = Vocabulary(["dogs", "bark"])
        >>> encoder = build_encoder("child_sum_tree_lstm", input_dim=5, hidden_dim=8)
        >>> model = SentenceClassifier(WordEmbedding(words, 5), encoder, ["no", "yes"])
        >>> sentence = Sentence(["dogs", "bark"], dependencies=Tree([1, -1]))
        >>> model(Batch.from_sentences([sentence], vocabulary=words)).shape
        torch.Size([1, 2])
    """

    __call__: Callable[..., Tensor]  # nn.Module's gives Any

    def __init__(
        self,
        embedding: nn.Module,
        encoder: Encoder,
        labels: Sequence[str],
        *,
        dropout: float = 0.0,
    ) -> None:
        head = build_head("sentence", LabelAnswer(labels), encoder, dropout=dropout)
        super().__init__(embedding, encoder, head, dropout=dropout)

    def extra_repr(self) -> str:
        """The labels."""
        return f"labels={self.labels}"
