"""A parsed corpus as one HTML page, and a search in it by patterns."""

from parsers.explorer.explorer import CorpusStatistics, explore, statistics_of
from parsers.explorer.query import Hit, Query, QueryError, search

__all__ = [
    "CorpusStatistics",
    "Hit",
    "Query",
    "QueryError",
    "explore",
    "search",
    "statistics_of",
]
