"""Drawings of trees and graphs, for files, notebooks, browsers and terminals.

Each name is imported when it is first used: a tree in the terminal needs no matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from parsers.drawing.drawing import Drawing as Drawing
    from parsers.drawing.drawing import draw as draw
    from parsers.drawing.drawing import draw_pair as draw_pair
    from parsers.drawing.drawing import html_of as html_of
    from parsers.drawing.drawing import svg_of as svg_of
    from parsers.drawing.terminal import text_tree as text_tree

_MODULES = {"drawing": "Drawing draw draw_pair html_of svg_of", "terminal": "text_tree"}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'parsers.drawing' has no attribute {name!r}")
    value = getattr(import_module(f"parsers.drawing.{_MODULE_OF[name]}"), name)
    globals()[name] = value  # so that the next access finds it
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
