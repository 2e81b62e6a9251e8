"""Sentences as lines of JSON: nothing is lost."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.formats.json import sentence_from_json, sentence_to_json
from structnn.sentence import Sentence, StructureError, Tree
from tests.parsers.sentence_strategies import sentences

NAMES = ["tokens", "dependencies", "constituency", "tags", "metadata", "columns", "parents", "misc"]


@settings(deadline=None)
@given(sentences(graphs=True))
def test_json_keeps_all_that_a_sentence_holds(sentence: Sentence) -> None:
    line = sentence_to_json(sentence)
    assert "\n" not in line
    assert sentence_from_json(line) == sentence


def test_a_line_that_is_no_sentence() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        sentence_from_json("dogs")
    with pytest.raises(StructureError, match="at least one token"):
        sentence_from_json('{"tokens": []}')


values = st.recursive(
    st.none() | st.integers(-2, 3) | st.text(max_size=3) | st.booleans() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
)


@settings(deadline=None)
@given(values.map(json.dumps) | st.text())
def test_whatever_the_line_there_is_a_sentence_or_the_error_of_one(line: str) -> None:
    with contextlib.suppress(StructureError):
        assert sentence_from_json(sentence_to_json(sentence_from_json(line)))


@pytest.mark.parametrize(
    "line", ["[" * 100_000, "9" * 5000, "[]", '{"tokens": 5}', "{}", '{"x": 1}']
)
def test_hostile_lines(line: str) -> None:
    with pytest.raises(StructureError):
        sentence_from_json(line)


def test_a_line_of_version_0_2_0_is_read() -> None:
    line = '{"tokens":["a"],"dependencies":{"parents":[-1],"tokens":[0],"labels":null},"text":"a"}'
    assert sentence_from_json(line) == Sentence(["a"], dependencies=Tree([-1]), text="a")
