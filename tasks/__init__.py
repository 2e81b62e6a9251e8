"""Data sets, training, comparison and the ``structnn`` command."""

from structnn.shadowing import require

require("parsers")
