"""A tagger, in the manner of scikit-learn's estimators: a tag for each token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tasks.data.questions import Reads
from tasks.estimators.answers import Tags
from tasks.estimators.parts import PartsClassifier

__all__ = ["StructuredTagger"]


@dataclass(eq=False, repr=False)
class StructuredTagger(PartsClassifier):
    """An encoder with a softmax layer for each token, trained on token lists and lists of tags.

    Texts are lists of tokens or sentences; a string is divided at white space. Rows have columns
    ``tokens`` (or ``text``) and ``tags``. Tags are strings, numbers, or any other objects that can be
    hashed and have no white space in their names.

    All arguments but these are those of :class:`StructuredEstimator`.

    Args:
        class_weight: Weight of each tag in the loss: None for equal ones, ``"balanced"``, or a
            mapping from tags to weights, 1 for those that are not in it.
        focus: Exponent of the focal loss; 0 is cross-entropy.

    Attributes:
        classes_: The tags, sorted.

    Example:
        >>> texts = [["dogs", "bark"], ["cats", "purr"]] * 10
        >>> texts = [[*words, str(n)] for n, words in enumerate(texts)]
        >>> tagger = StructuredTagger("bilstm", epochs=1).fit(texts, [["NOUN", "VERB", "NUM"]] * 20)
        >>> [len(tags) for tags in tagger.predict([["dogs", "purr"]])]
        [2]
    """

    _parts: ClassVar[Reads] = "tokens"
    _values_kind: ClassVar[type[Tags]] = Tags
