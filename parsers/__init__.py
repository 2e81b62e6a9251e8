"""Text to structure: parsers, a parse cache, file formats, control structures, and drawings.

Each name is imported when it is first used, so that reading a file imports neither Stanza nor
matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from structnn.lazy import lazy_names

if TYPE_CHECKING:
    from parsers.cache import CachedParser as CachedParser
    from parsers.cache import CacheError as CacheError
    from parsers.cache import Parser as Parser
    from parsers.controls import STRUCTURES as STRUCTURES
    from parsers.controls import grouped as grouped
    from parsers.controls import narrowed as narrowed
    from parsers.controls import parse_noise as parse_noise
    from parsers.controls import with_structure as with_structure
    from parsers.drawing import Drawing as Drawing
    from parsers.drawing import draw as draw
    from parsers.drawing import draw_pair as draw_pair
    from parsers.drawing import text_tree as text_tree
    from parsers.explorer import CorpusStatistics as CorpusStatistics
    from parsers.explorer import Hit as Hit
    from parsers.explorer import Query as Query
    from parsers.explorer import QueryError as QueryError
    from parsers.explorer import explore as explore
    from parsers.explorer import search as search
    from parsers.explorer import statistics_of as statistics_of
    from parsers.formats.brackets import BracketsError as BracketsError
    from parsers.formats.brackets import from_nltk as from_nltk
    from parsers.formats.brackets import iter_brackets as iter_brackets
    from parsers.formats.brackets import read_brackets as read_brackets
    from parsers.formats.brackets import to_brackets as to_brackets
    from parsers.formats.brackets import to_nltk as to_nltk
    from parsers.formats.brackets import write_brackets as write_brackets
    from parsers.formats.conllu import ConlluError as ConlluError
    from parsers.formats.conllu import iter_conllu as iter_conllu
    from parsers.formats.conllu import read_conllu as read_conllu
    from parsers.formats.conllu import write_conllu as write_conllu
    from parsers.formats.enhanced import enhanced_graph as enhanced_graph
    from parsers.formats.networkx import from_networkx as from_networkx
    from parsers.formats.networkx import to_networkx as to_networkx
    from parsers.formats.stored import StoredSentences as StoredSentences
    from parsers.formats.stored import on_disk as on_disk
    from parsers.spans import path_between as path_between
    from parsers.spans import rerooted as rerooted
    from parsers.spans import span_head as span_head
    from parsers.stanza.parser import StanzaParser as StanzaParser
    from parsers.streams import parse_each as parse_each

_MODULES = {
    "cache": "CacheError CachedParser Parser",
    "controls": "STRUCTURES grouped narrowed parse_noise with_structure",
    "drawing": "Drawing draw draw_pair text_tree",
    "explorer": "CorpusStatistics Hit Query QueryError explore search statistics_of",
    "formats.brackets": "BracketsError from_nltk iter_brackets read_brackets to_brackets to_nltk "
    "write_brackets",
    "formats.conllu": "ConlluError iter_conllu read_conllu write_conllu",
    "formats.enhanced": "enhanced_graph",
    "formats.networkx": "from_networkx to_networkx",
    "formats.stored": "StoredSentences on_disk",
    "spans": "path_between rerooted span_head",
    "stanza.parser": "StanzaParser",
    "streams": "parse_each",
}

if not TYPE_CHECKING:  # a type checker would take any other name for one of the package
    __all__, __getattr__, __dir__ = lazy_names(__name__, _MODULES)
