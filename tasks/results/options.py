"""Options of what is said of results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tasks.options import Options, Range, cli_option

__all__ = ["VerdictOptions"]


@dataclass(frozen=True, kw_only=True)
class VerdictOptions(Options):
    """What differences are decided of, and which."""

    metric: Annotated[
        str | None,
        cli_option(
            "Verdicts",
            "What is compared on test. Labels: accuracy (the default), macro_f1, mcc (Matthews' "
            "correlation), or mean_absolute_error (labels that are a scale). Several labels: micro_f1, "
            "macro_f1, exact_match. Numbers: pearson, spearman, mse. Also macro_f1(without=Other) and "
            "micro_f1(without=no_relation); macro_f1(without=Other, directions=folded) is that of "
            "SemEval-2010 Task 8.",
        ),
    ] = None
    rope: Annotated[
        float,
        Range(above=0),
        cli_option(
            "Verdicts",
            "Encoders are equal if their difference is smaller than this: points of a percentage, "
            "hundredths of another metric.",
        ),
    ] = 1.0
    reference: Annotated[
        str | None,
        cli_option(
            "Verdicts",
            "Compare each encoder with this one alone, in place of every two: fewer questions, of "
            "which more can be answered.",
        ),
    ] = None

    @property
    def margin(self) -> float:
        """``rope`` in units of the scores."""
        return self.rope / 100
