"""Entities of tags, counted by hand as conlleval does."""

from __future__ import annotations

import pytest

from tasks.data.entities import entities, mark_entities


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("", set()),
        ("O O", set()),
        ("B-PER", {("PER", 0, 1)}),
        ("B-PER I-PER O I-LOC", {("PER", 0, 2), ("LOC", 3, 4)}),
        ("B-PER B-PER", {("PER", 0, 1), ("PER", 1, 2)}),
        ("I-PER I-PER", {("PER", 0, 2)}),
        ("B-PER I-LOC I-LOC", {("PER", 0, 1), ("LOC", 1, 3)}),
        ("O B-PER I-PER", {("PER", 1, 3)}),
        ("S-LOC S-LOC", {("LOC", 0, 1), ("LOC", 1, 2)}),
        ("B-LOC I-LOC E-LOC I-LOC", {("LOC", 0, 3), ("LOC", 3, 4)}),
        ("U-LOC B-PER L-PER", {("LOC", 0, 1), ("PER", 1, 3)}),
        ("B-A-B I-A-B", {("A-B", 0, 2)}),
    ],
)
def test_entities_by_hand(tags, found):
    assert entities(tags.split()) == found


@pytest.mark.parametrize(
    ("tags", "marked"),
    [
        (["B-PER", "I-PER", "O"], True),
        (["B-PER", "E-PER", "S-LOC", "O"], True),
        (["B-PER", "I-PER"], False),  # nothing is outside
        (["I-PER", "O"], False),
        (["B-PER", "NOUN", "O"], False),
        (["NOUN", "VERB"], False),
        (["O"], False),
    ],
)
def test_tags_that_mark_entities(tags, marked):
    assert mark_entities(tags) == marked
