"""Where the nodes of a tree go, and how its edges run: a module for each kind of layout."""

from parsers.drawing.layouts.arcs import arcs_layout
from parsers.drawing.layouts.constituency import constituency_layout
from parsers.drawing.layouts.heatmap import heatmap_layout
from parsers.drawing.layouts.spread import spread_layout
from parsers.drawing.layouts.tree import aligned_layout, tree_layout
from parsers.drawing.layouts.view import Pair, Stroke, View, is_dense

__all__ = [
    "Pair",
    "Stroke",
    "View",
    "aligned_layout",
    "arcs_layout",
    "constituency_layout",
    "heatmap_layout",
    "is_dense",
    "spread_layout",
    "tree_layout",
]
