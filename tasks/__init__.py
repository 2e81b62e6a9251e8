"""Data sets, training, comparison and the ``structnn`` command."""
