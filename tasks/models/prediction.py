"""Labels for new text, from a saved run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from parsers import Parser, with_structure
from structnn import Sentence
from tasks.data.examples import is_visible
from tasks.data.parsing import make_parser
from tasks.models.model import SavedModel, load_model
from tasks.storage import StorageError
from tasks.training.evaluation import predict_scores

__all__ = ["Prediction", "Predictor"]


@dataclass(frozen=True)
class Prediction:
    """The label that a model gives a text.

    Attributes:
        text: The text; tokens are joined by spaces.
        label: The most probable label.
        probabilities: The probability of each label.
    """

    text: str
    label: str
    probabilities: dict[str, float]


class Predictor:
    """A trained classifier, and the parser of its training data.

    Args:
        run: The folder of a run.
        parser: A parser to use in place of that one.

    Attributes:
        run: The folder.
        model: The classifier, with its options and vocabularies.
        parser: The parser.

    Raises:
        StorageError: There is no saved model in the folder; the message names those in folders below.
    """

    def __init__(self, run: str | Path, parser: Parser | None = None) -> None:
        self.run = Path(run)
        if not (self.run / "model.json").exists():
            below = sorted(str(found.parent) for found in self.run.glob("**/model.json"))
            hint = f"; there are models in {', '.join(below[:8])}" if below else ""
            raise StorageError(f"there is no saved model in {run}{hint}")
        self.model: SavedModel = load_model(self.run)
        self.parser = parser if parser is not None else make_parser(self.model.parser)

    def __repr__(self) -> str:
        return f"Predictor({str(self.run)!r}: {self.model!r})"

    def predict(self, texts: Sequence[str | Sequence[str]]) -> list[Prediction]:
        """The label and probabilities of each text, in order.

        Args:
            texts: Texts, or lists of tokens, which are kept one for one.

        Raises:
            ValueError: A text is empty, or the run can't be used on raw text.
        """
        return self.predict_sentences(texts, self.read(texts))

    def read(self, texts: Sequence[str | Sequence[str]]) -> list[Sentence]:
        """The sentence of each text, with the structure that the run reads.

        Args:
            texts: Texts, or lists of tokens, which are kept one for one.

        Raises:
            ValueError: A text is empty, or the run can't be used on raw text.
        """
        for number, text in enumerate(texts):
            if not any(map(is_visible, text)):  # its characters, or its tokens
                raise ValueError(f"text {number + 1} is empty; give it some words or leave it out")
        if self.model.structure == "constituency":
            raise ValueError(
                "this run was trained on constituency trees, which no parser here makes: it can't be "
                "used on raw text"
            )
        # New text has no given trees, so it is parsed.
        structure = "parse" if self.model.structure == "given" else self.model.structure
        return list(with_structure(self.parser.parse(list(texts)), structure))

    def predict_sentences(
        self, texts: Sequence[str | Sequence[str]], sentences: Sequence[Sentence]
    ) -> list[Prediction]:
        """The same, for texts and the sentences that :meth:`read` made of them."""
        if not texts:
            return []
        classifier = self.model.classifier
        scores = predict_scores(classifier, self.model.corpus(sentences)).softmax(1)
        return [
            Prediction(
                text if isinstance(text, str) else " ".join(text),
                classifier.labels[int(row.argmax())],
                dict(zip(classifier.labels, row.tolist(), strict=True)),
            )
            for text, row in zip(texts, scores, strict=True)
        ]
