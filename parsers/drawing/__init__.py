"""Drawings of trees and graphs, for files, notebooks, browsers and terminals.

Each name is imported when it is first used: a tree in the terminal needs no matplotlib.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from structnn.lazy import lazy_names

if TYPE_CHECKING:
    from parsers.drawing.drawing import Drawing as Drawing
    from parsers.drawing.drawing import draw as draw
    from parsers.drawing.drawing import draw_pair as draw_pair
    from parsers.drawing.drawing import html_of as html_of
    from parsers.drawing.drawing import svg_of as svg_of
    from parsers.drawing.terminal import text_tree as text_tree

_MODULES = {"drawing": "Drawing draw draw_pair html_of svg_of", "terminal": "text_tree"}

if not TYPE_CHECKING:  # a type checker would take any other name for one of the package
    __all__, __getattr__, __dir__ = lazy_names(__name__, _MODULES)
