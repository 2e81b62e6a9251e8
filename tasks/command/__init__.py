"""The ``structnn`` command."""
