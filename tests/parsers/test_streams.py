from __future__ import annotations

import pytest

from parsers import CachedParser, StanzaParser, parse_each
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


def test_what_is_no_stream_of_texts_is_told():
    with pytest.raises(TypeError, match="not one string"):
        parse_each(Recording(), "dogs bark")
    with pytest.raises(ValueError, match="at_once must be at least 1, but is 0"):
        parse_each(Recording(), ["dogs bark"], at_once=0)


@pytest.mark.parametrize("cached", [False, True])
def test_an_error_has_the_number_that_the_text_has_among_all(cached, tmp_path):
    parser = StanzaParser("en")
    if cached:
        parser = CachedParser(parser, tmp_path / "cache.sqlite", chunk=1)
    sentences = parse_each(parser, ["Dogs bark.", "Dogs bark.", "Cats sleep.", " "], at_once=3)
    assert [len(next(sentences)) for _ in range(3)] == [3, 3, 3]
    with pytest.raises(ValueError, match="text 3 is empty"):
        next(sentences)
