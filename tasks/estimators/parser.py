"""A dependency parser, in the manner of scikit-learn's estimators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from structnn import Tree
from structnn.arcs import arcs_of
from tasks.data.questions import Question
from tasks.estimators.answers import Trees, Values
from tasks.estimators.base import StructuredEstimator
from tasks.estimators.columns import Column
from tasks.estimators.parts import share_right

__all__ = ["StructuredParser"]


@dataclass(eq=False, repr=False)
class StructuredParser(StructuredEstimator):
    """An encoder with a biaffine head (Dozat & Manning 2017), trained on token lists and their trees.

    ``X`` are lists of tokens or sentences, or rows with columns ``tokens``, ``heads`` and
    ``relations``; answers are trees with relations. Without ``y`` they are the dependencies of the
    sentences, or those columns. A folder of :meth:`save` is a parser for the others:
    ``StructuredClassifier(parser=folder)``, ``structnn train --parser FOLDER``.

    All arguments but this are those of :class:`StructuredEstimator`.

    Args:
        structure: What tree and graph encoders read in place of the tree that is asked for: a control
            structure, such as ``"left_chain"`` or ``"balanced"``, or ``"parse"``, the trees of another
            parser.

    Example:
        >>> texts = [["dogs", "bark", str(n)] for n in range(20)]
        >>> trees = [Tree([1, -1, 1], labels=["nsubj", "root", "obj"])] * 20
        >>> parser = StructuredParser("bilstm", epochs=1).fit(texts, trees)
        >>> [len(tree) for tree in parser.predict([["cats", "bark"]])]
        [2]
    """

    _: KW_ONLY
    structure: str = "left_chain"

    _values_kind: ClassVar[type[Values]] = Trees

    def predict(self, X: Column) -> list[Tree]:
        """The best tree of each text."""
        found: list[Tree] = self._answers(X)
        return found

    def score(self, X: Column, y: Sequence[Tree], sample_weight: Column | None = None) -> float:
        """The share of tokens whose head and relation are right (LAS).

        Args:
            X: The token lists or sentences.
            y: The tree of each.
            sample_weight: ``(texts,)``, the weight of the tokens of each.
        """
        gold = map(arcs_of, Trees.read(y, "y"))
        return share_right(gold, list(map(arcs_of, self.predict(X))), sample_weight)

    @classmethod
    def _answered(cls, question: Question) -> bool:
        return question.reads == "arcs"

    def _asked(self) -> tuple[str | None, str | None]:
        return "arcs", None
