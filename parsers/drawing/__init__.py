"""Drawings of trees and graphs, for files, notebooks, browsers and terminals."""

from parsers.drawing.drawing import Drawing, draw, draw_pair, html_of, svg_of
from parsers.drawing.terminal import text_tree

__all__ = ["Drawing", "draw", "draw_pair", "html_of", "svg_of", "text_tree"]
