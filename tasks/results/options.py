"""Options of what is said of results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tasks.options import Options, Range, cli_option
from tasks.training.options import METRICS

__all__ = ["VerdictOptions"]


@dataclass(frozen=True, kw_only=True)
class VerdictOptions(Options):
    """What differences are decided of, and which."""

    metric: Annotated[
        str | None,
        cli_option(
            "Verdicts",
            f"What is compared on test. {METRICS}",
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
