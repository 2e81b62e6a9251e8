"""Conversion of sentences: CoNLL-U, bracketed trees, networkx graphs and JSON."""
