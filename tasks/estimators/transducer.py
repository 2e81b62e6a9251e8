"""From texts to other texts, in the manner of scikit-learn's estimators."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from numpy.typing import NDArray

from tasks.data.questions import Question
from tasks.estimators.answers import Texts, Values, accuracy
from tasks.estimators.base import StructuredEstimator
from tasks.estimators.columns import Column
from tasks.models.options import ModelSettings
from tasks.training.options import TrainingOptions

__all__ = ["StructuredTransducer"]


@dataclass(eq=False, repr=False)
class StructuredTransducer(StructuredEstimator):
    """An encoder and a decoder, trained on texts and other texts: translations, commands and actions.

    Rows have columns ``source`` and ``target``. White space in targets counts once.

    All arguments but these are those of :class:`StructuredEstimator`.

    Args:
        decoder: The decoder, with options if wanted: see ``--decoder``.
        pieces: What targets consist of: ``"words"``, ``"characters"``, or ``"tokenizer:FILE"``, pieces
            of a ``tokenizer.json``.
        beam: Width of the beam of the search.
        label_smoothing: Share of the loss that is spread over all pieces.
        scheduled_sampling: How often the decoder reads its own pieces in training.

    Example:
        >>> texts = [["copy", word, str(n)] for n in range(10) for word in ("this", "that")]
        >>> made = StructuredTransducer("bilstm", epochs=1).fit(texts, ["this", "that"] * 10)
        >>> made.predict([["copy", "this"]]).shape
        (1,)
    """

    _: KW_ONLY
    decoder: str = ModelSettings.decoder
    pieces: str = ModelSettings.pieces
    beam: int = ModelSettings.beam
    label_smoothing: float = TrainingOptions.label_smoothing
    scheduled_sampling: float = TrainingOptions.scheduled_sampling

    _values_kind: ClassVar[type[Values]] = Texts

    def fit(  # type: ignore[override]  # the loss of sequences has no weights
        self,
        X: Column,
        y: Column | None = None,
        *,
        dev: tuple[Column, Column | None] | None = None,
    ) -> StructuredTransducer:
        """Train on texts and their targets.

        Args:
            X: The texts, or rows with columns.
            y: The target of each, a string or a list of words; None if they are a column of ``X``.
            dev: Texts and targets to choose the best epoch on, in place of a part of ``X``.

        Returns:
            This estimator.

        Raises:
            ValueError: A text or an option can't be used; the message says which, why, and how to mend
                it. Or training diverged.
        """
        return super().fit(X, y, dev=dev)

    def predict(self, X: Column) -> NDArray[Any]:
        """What is written for each text: strings, ``(texts,)``."""
        found: NDArray[Any] = self._answers(X)
        return found

    def score(self, X: Column, y: Column, sample_weight: Column | None = None) -> float:
        """The share of texts for which exactly the target is written."""
        wanted = [Texts.written(text) for text in Texts.read(y, "y")]
        return accuracy(wanted, self.predict(X), sample_weight)

    @classmethod
    def _answered(cls, question: Question) -> bool:
        return question.is_sequence

    def _asked(self) -> tuple[str | None, str | None]:
        return None, "sequence"
