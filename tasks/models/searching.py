"""Options of the search for a sequence with a saved run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from tasks.options import OptionError, Options, Range, cli_option

if TYPE_CHECKING:  # torch is slow to import, and a tree from the cache is drawn without
    from structnn import Search

__all__ = ["SearchOptions"]


@dataclass(frozen=True, kw_only=True)
class SearchOptions(Options):
    """How to search, see :class:`structnn.Search`; what is None is as the run has it."""

    beam: Annotated[
        int | None,
        Range(least=1, most=1000),
        cli_option(
            "Sequences",
            "How many are kept in the search; 1 is greedy. By default as the run was trained.",
        ),
    ] = None
    n_best: Annotated[
        int | None,
        Range(least=1, most=1000),
        cli_option("Sequences", "How many are written for each text, best first; at most --beam."),
    ] = None
    length_penalty: Annotated[
        float | None,
        Range(least=0),
        cli_option(
            "Sequences",
            "A beam compares sequences by log p / length^a, where a is this number: 0 prefers short "
            "ones. By default 1.",
        ),
    ] = None
    min_length: Annotated[
        int | None, Range(least=0), cli_option("Sequences", "The least number of pieces.")
    ] = None
    max_length: Annotated[
        int | None,
        Range(least=1),
        cli_option(
            "Sequences",
            "The largest number of pieces; a longer sequence is cut. By default twice the longest of "
            "train, or ten more than twice the length of the text if that is longer, but no less than "
            "the least number.",
        ),
    ] = None
    top_p: Annotated[
        float | None,
        Range(above=0, most=1),
        cli_option(
            "Sequences",
            "Draw each piece, from the likeliest that have this probability together, and don't search.",
        ),
    ] = None
    temperature: Annotated[
        float | None,
        Range(above=0),
        cli_option(
            "Sequences", "Of what is drawn: below 1 likely pieces become likelier. Takes --top-p."
        ),
    ] = None
    draw_seed: Annotated[
        int | None, Range(least=0), cli_option("Sequences", "Random seed of what is drawn.")
    ] = None

    def search(self, own: Search | None) -> Search | None:
        """The search that is asked for.

        Args:
            own: How the run searches; None for one that writes no sequences.

        Returns:
            None where nothing is asked for, so that all is as the run has it.

        Raises:
            OptionError: The run writes no sequences.
            ValueError: Options don't go together.
        """
        given: dict[str, Any] = {
            name: value
            for name in SearchOptions.__dataclass_fields__
            if (value := getattr(self, name)) is not None
        }
        if not given:
            return None
        if own is None:
            raise OptionError(
                next(iter(given)), "is for runs that write sequences, and this run writes none"
            )
        if "draw_seed" in given:
            given["seed"] = given.pop("draw_seed")
        if self.top_p is not None:
            given.setdefault("beam", 1)  # a run that searches with a beam can draw as well
        return replace(own, **given)
