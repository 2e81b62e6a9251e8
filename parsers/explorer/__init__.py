"""A parsed corpus as one HTML page."""

from parsers.explorer.explorer import CorpusStatistics, explore, statistics_of

__all__ = ["CorpusStatistics", "explore", "statistics_of"]
