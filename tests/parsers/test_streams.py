from __future__ import annotations

from parsers import parse_each
from structnn import Sentence


class Recording:
    """A parser that splits at white space, and keeps how much it was given at once."""

    fingerprint = "white space"

    def __init__(self):
        self.sizes = []

    def parse(self, texts):
        self.sizes.append(len(texts))
        return [Sentence(text.split() if isinstance(text, str) else text) for text in texts]


def test_texts_are_read_when_they_are_needed():
    read = []

    def texts():
        for number in range(7):
            read.append(number)
            yield f"dog {number}" if number % 2 else ("dog", str(number))

    parser = Recording()
    sentences = parse_each(parser, texts(), at_once=3)
    assert next(sentences).tokens == ("dog", "0")
    assert read == [0, 1, 2]
    assert [one.tokens[1] for one in sentences] == ["1", "2", "3", "4", "5", "6"]
    assert parser.sizes == [3, 3, 1]
    assert list(parse_each(parser, [])) == []
