"""Data sets, training, comparison and the ``structnn`` command.

What is used from Python is here: the estimators :class:`StructuredClassifier`,
:class:`StructuredRegressor`, :class:`StructuredTagger`, :class:`StructuredNodeClassifier`,
:class:`StructuredParser` and :class:`StructuredTransducer`, :class:`EncoderTransformer`, and
:func:`compare_encoders`. Each is loaded when it is first used, so that the command answers at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from structnn.lazy import lazy_names
from structnn.shadowing import require

if TYPE_CHECKING:
    from tasks.estimators import EncoderComparison as EncoderComparison
    from tasks.estimators import EncoderTransformer as EncoderTransformer
    from tasks.estimators import StructuredClassifier as StructuredClassifier
    from tasks.estimators import StructuredEstimator as StructuredEstimator
    from tasks.estimators import StructuredNodeClassifier as StructuredNodeClassifier
    from tasks.estimators import StructuredParser as StructuredParser
    from tasks.estimators import StructuredRegressor as StructuredRegressor
    from tasks.estimators import StructuredTagger as StructuredTagger
    from tasks.estimators import StructuredTransducer as StructuredTransducer
    from tasks.estimators import compare_encoders as compare_encoders

require("parsers")

_MODULES = {
    "estimators": "EncoderComparison EncoderTransformer StructuredClassifier StructuredEstimator "
    "StructuredNodeClassifier StructuredParser StructuredRegressor StructuredTagger "
    "StructuredTransducer compare_encoders",
}

if not TYPE_CHECKING:  # a type checker would take any other name for one of the package
    __all__, __getattr__, __dir__ = lazy_names(__name__, _MODULES)
