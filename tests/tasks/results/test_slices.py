"""Slices against counts by hand on a few sentences, and against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.data.questions import Question
from tasks.results.records import ExampleDescription
from tasks.results.slices import divide, dividing_columns, gaps, opposed
from tests.tasks.made_up import make_examples


def example(text: str, heads: list[int] | None = None, relations: list[str] | None = None, **more):
    tokens = text.split()
    if heads is None:
        heads = [0, *range(1, len(tokens))]
    row = {"source": "here:1", "text": text, "label": "a", "columns": {}, "tokens": tokens}
    row |= {"heads": heads, "relations": relations or ["dep"] * len(tokens), "tags": None}
    return ExampleDescription(**row | {"unknown_share": 0.0, "overlap": False} | more)


def slices_of(rows, name: str) -> dict[str, tuple[int, ...]]:
    found = {dimension.name: dimension for dimension in divide(rows)}
    return {part.name: part.members for part in found[name].slices} if name in found else {}


def test_length_in_four_parts_of_about_the_same_size():
    rows = [example(" ".join("x" * size)) for size in (1, 2, 3, 4, 5, 6, 7, 8)]
    assert slices_of(rows, "sentence length") == {
        "1 to 2 tokens": (0, 1),
        "3 to 4 tokens": (2, 3),
        "5 to 6 tokens": (4, 5),
        "7 to 8 tokens": (6, 7),
    }


def test_equal_lengths_stay_together():
    rows = [example(" ".join("x" * size)) for size in (3, 1, 3, 3, 3, 3, 3, 9)]
    assert slices_of(rows, "sentence length") == {
        "1 to 3 tokens": (0, 1, 2, 3, 4, 5, 6),
        "9 tokens": (7,),
    }


def test_one_length_divides_nothing():
    assert slices_of([example("a b"), example("c d")], "sentence length") == {}


def test_depth_and_place_of_the_root():
    chain = example("a b c d e")  # the root is first, 4 edges deep
    middle = example("a b c d e", [3, 3, 0, 3, 3])
    rows = [chain, middle, chain, middle]
    assert slices_of(rows, "tree depth") == {"1 edge": (1, 3), "4 edges": (0, 2)}
    assert slices_of(rows, "place of the root") == {
        "in the middle (up to 1/3)": (1, 3),
        "near an end (over 2/3)": (0, 2),
    }


def test_clauses_and_coordination_are_counted_whatever_the_subtype():
    def with_relations(*relations):
        return example(" ".join("x" * (len(relations) + 1)), None, ["root", *relations])

    rows = [with_relations("obj", "det"), with_relations("acl:relcl", "conj")]
    rows += [with_relations("advcl", "xcomp", "conj", "conj")] * 5
    expected = {"0": (0,), "1": (1,), "2 or more": (2, 3, 4, 5, 6)}
    assert slices_of(rows, "subordinate clauses") == slices_of(rows, "coordinations") == expected
    # Too few with two make no slice of their own.
    assert slices_of(rows[:5], "coordinations") == {"0": (0,), "1 or more": (1, 2, 3, 4)}


def test_relations_overlap_and_those_of_all_sentences_are_left_out():
    rows = [
        example("x y z", None, ["root", "obj", "det" if number % 2 else "obj"])
        for number in range(20)
    ] + [example("x y", None, ["root", "det"]) for _ in range(5)]
    found = slices_of(rows, "relations")
    assert found == {
        "with obj": tuple(range(20)),
        "with det": (*range(1, 20, 2), *range(20, 25)),
    }


@pytest.mark.parametrize(
    "text", ["I do n't know", "I don't know", "I don\u2019t know", "NOBODY came", "neither is new"]
)
def test_negation(text):
    rows = [example(text), example("a nothingness known to all")]
    assert slices_of(rows, "negation") == {"negated": (0,), "not negated": (1,)}


def test_question_words_are_those_of_questions():
    rows = [
        example("Who came when ?"),
        example("He knows who came ."),
        example("In which town ?"),
        example("Is it ?"),
    ]
    assert slices_of(rows, "question word") == {
        "who": (0,),
        "which": (2,),
        "none": (3,),
        "not a question": (1,),
    }


@pytest.mark.parametrize("reads", ["tokens", "arcs", "nodes"])
def test_unknown_words_of_questions_about_tokens(reads):
    """A sentence has its place by the share of its words that train lacks, whatever its answers are."""
    rows = [example("a b", unknown_share=share, label="X Y") for share in (0, 0.5, 0.2)]
    found = {dimension.name: dimension for dimension in divide(rows, Question(reads))}
    members = {part.name: part.members for part in found["unknown words"].slices}
    assert members == {"none": (0,), "up to 25 %": (2,), "over 25 %": (1,)}
    assert "label" not in found


def test_unknown_words_and_overlap():
    rows = [example("a b", unknown_share=share, overlap=share == 0) for share in (0, 0.1, 0.2, 0.5)]
    assert slices_of(rows, "unknown words") == {
        "none": (0,),
        "up to 10 %": (1,),
        "up to 25 %": (2,),
        "over 25 %": (3,),
    }
    assert slices_of(rows, "overlap with train") == {
        "new text": (1, 2, 3),
        "text occurs in train": (0,),
    }


def test_columns_of_names_of_numbers_and_of_remarks():
    rows = [
        example(
            "a b",
            columns={"genre": "news" if i % 2 else "", "year": str(1990 + i), "id": f"x{i}"},
        )
        for i in range(40)
    ]
    assert dividing_columns(rows) == ["genre", "year"]
    assert slices_of(rows, "column genre") == {
        "empty": tuple(range(0, 40, 2)),
        "news": tuple(range(1, 40, 2)),
    }
    assert list(slices_of(rows, "column year")) == [
        "1990 to 1999",
        "2000 to 2009",
        "2010 to 2019",
        "2020 to 2029",
    ]


def test_no_value_is_not_the_value_empty():
    rows = [example("a b", columns={"glass": ("", "empty", "full")[i % 3]}) for i in range(30)]
    assert slices_of(rows, "column glass") == {
        "empty": tuple(range(1, 30, 3)),
        "full": tuple(range(2, 30, 3)),
        "left empty": tuple(range(0, 30, 3)),
    }


def test_rare_values_are_joined():
    rows = [example("a b", label="rare" if i < 2 else "xy"[i % 2]) for i in range(40)]
    found = slices_of(rows, "label")
    assert list(found) == ["x", "y", "others"]
    assert found["others"] == (0, 1)


def test_a_value_may_be_called_as_the_joined_ones_are():
    rows = [example("a b", label="x" if i < 2 else ("others", "y")[i % 2]) for i in range(40)]
    found = slices_of(rows, "label")
    assert list(found) == ["others", "y", "all others"]
    assert found["all others"] == (0, 1)
    rows = [
        example("a b", label="all others" if i % 4 == 3 else row.label)
        for i, row in enumerate(rows)
    ]
    assert list(slices_of(rows, "label")) == ["all others", "others", "y", "all all others"]


def test_without_parses_only_what_needs_none():
    rows = [example("a b"), replace(example("a b c"), heads=None, relations=None)]
    names = {dimension.name for dimension in divide(rows)}
    assert "sentence length" in names
    assert not names & {"tree depth", "place of the root", "relations"}


def test_every_example_is_in_one_slice_of_each_dimension_but_relations():
    rows = [ExampleDescription(**row) for row in make_examples(97)]
    found = divide(rows)
    assert len(found) >= 8
    for dimension in found:
        members = sorted(i for part in dimension.slices for i in part.members)
        if dimension.name != "relations":
            assert members == list(range(97)), dimension.name
        assert all(part.members for part in dimension.slices)


def test_opposed_against_a_plain_loop():
    rng = np.random.default_rng(0)
    correct = {name: rng.random((3, 400)) < 0.5 for name in "abcd"}
    found = opposed(correct, ["a", "b"], ["c", "d"])
    expected = [
        place
        for place in range(400)
        if all(correct[name][:, place].sum() >= 2 for name in "ab")
        and all(correct[name][:, place].sum() <= 1 for name in "cd")
    ]
    assert sorted(found) == expected
    assert len(found) > 5

    def gap(place):
        return sum(correct[n][:, place].mean() * (1 if n in "ab" else -1) for n in "abcd")

    assert [round(gap(place), 6) for place in found] == sorted(
        (round(gap(place), 6) for place in found), reverse=True
    )


def test_nothing_is_opposed_to_nobody():
    assert opposed({"a": [[1, 1]]}, ["a"], []) == []


def test_gaps_by_hand():
    correct = {"a": [[1, 1, 0], [1, 0, 0]], "b": [[1, 1, 1]], "c": [[0, 1, 1], [0, 1, 0]]}
    # Of a and b: 1, 3/4, 1/2; of c: 0, 1, 1/2.
    assert gaps(correct, ["a", "b"], ["c"]) == [(0, 1.0), (2, 0.0), (1, -0.25)]


def test_targets():
    """Their length, how many the text has, and how often train has asked about them."""
    texts = ["[[a]] b", "a [[b]]", "[[a b]] c", "[[a b c]]", "[[A]] x", "x [[z]] z"]
    rows = [
        example(text, target_count=n) for text, n in zip(texts, (0, 1, 5, 6, 99, 0), strict=True)
    ]
    found = {dimension.name: dimension for dimension in divide(rows, Question("span"))}

    def slices(name):
        return {part.name: part.members for part in found[name].slices}

    assert slices("length of the target") == {
        "1 word": (0, 1, 4, 5),
        "2 words": (2,),
        "3 words": (3,),
    }
    assert slices("target in train") == {
        "unseen": (0, 5),
        "rare (up to 5 times)": (1, 2),
        "frequent (over 5 times)": (3, 4),
    }
    assert slices("targets of the text") == {"1 target": (4, 5), "2 targets": (0, 1, 2, 3)}
    earlier = [example(text) for text in texts]  # of a folder that doesn't count them
    assert "target in train" not in {one.name for one in divide(earlier, Question("span"))}
    assert "target in train" not in {one.name for one in divide(rows, Question())}
