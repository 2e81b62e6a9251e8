"""Sentences as lines of JSON: nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from parsers.formats.json import sentence_from_json, sentence_to_json
from structnn.sentence import Sentence, StructureError
from tests.parsers.sentence_strategies import sentences


@settings(deadline=None)
@given(sentences())
def test_json_keeps_all_that_a_sentence_holds(sentence: Sentence) -> None:
    line = sentence_to_json(sentence)
    assert "\n" not in line
    assert sentence_from_json(line) == sentence


def test_a_line_that_is_no_sentence() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        sentence_from_json("dogs")
    with pytest.raises(StructureError, match="at least one token"):
        sentence_from_json('{"tokens": []}')
