"""A parser that takes no time."""

from __future__ import annotations

from tests.tasks.toys import make_sentence


class ToyParser:
    """Splits at blanks, and counts what it parses; ``with_trees`` says how it was asked for."""

    fingerprint = "toy"

    def __init__(self):
        self.parsed = []
        self.with_trees = []

    def parse(self, texts):
        self.parsed += texts
        return [
            make_sentence(tuple(text.split() if isinstance(text, str) else text)) for text in texts
        ]
