"""The table of structures: what each is, and the names that there are."""

from __future__ import annotations

import math

import pytest

from parsers.controls import CONTROLS
from tasks.data.structures import GIVEN_STRUCTURES, structure_of
from tasks.options import OptionError


@pytest.mark.parametrize(
    ("name", "field", "of_new_text"),
    [
        ("parse", "dependencies", True),
        *((control, "dependencies", True) for control in CONTROLS),
        ("given", "dependencies", True),
        ("constituency", "constituency", False),
        ("enhanced", "graph", False),
        ("graph", "graph", False),
        ("rerooted", "dependencies", True),
        ("path2", "graph", True),
    ],
)
def test_what_is_read_and_whether_new_text_has_it(name, field, of_new_text):
    structure = structure_of(name)
    assert (structure.name, structure.field) == (name, field)
    assert structure.of_new_text == of_new_text
    assert structure.is_graph == (field == "graph")
    assert structure.is_given == (name in GIVEN_STRUCTURES)
    if structure.is_syntax:  # a report speaks of it, and data may lack it
        assert structure.noun
        assert structure.plural


def test_what_is_made_for_spans():
    found = {name: structure_of(name) for name in ("rerooted", "path", "path1", "path_inf")}
    assert [structure.spans for structure in found.values()] == [1, 2, 2, 2]
    assert [structure.within for structure in found.values()] == [0, 0, 1, math.inf]
    assert not structure_of("parse").spans


@pytest.mark.parametrize("name", ["", "spiral", "pathological", "path01", "path-1", "path٣"])
def test_a_name_that_there_is_not(name):
    with pytest.raises(OptionError, match=r"must be one of parse, .*, constituency, .*, path_inf"):
        structure_of(name)
