"""Suites that are answered by a sequence: what is right, and what each split is like."""

from __future__ import annotations

import pytest

from tasks.data.suites import generate
from tasks.data.suites.scan import meaning


@pytest.mark.parametrize(("name", "step"), [("copy", 1), ("reversal", -1)])
def test_symbols(name, step):
    data = generate(name)
    assert data.question.is_sequence
    for example in (*data.train, *data.dev, *data.test):
        assert example.label.split() == list(example.text)[::step]
        longest = 30 if example.columns["split"] == "longer" else 20
        assert (2 if longest == 20 else 21) <= len(example.text) <= longest
    assert {example.columns["split"] for example in data.test} == {"same lengths", "longer"}
    # Each symbol hangs on the one before it.
    assert data.test[0].sentence.dependencies.parents == tuple(
        range(-1, len(data.test[0].text) - 1)
    )


@pytest.mark.parametrize(
    ("command", "actions"),
    [
        ("jump", "JUMP"),
        ("turn left", "LEFT"),
        ("walk opposite left", "LEFT LEFT WALK"),
        ("turn opposite right twice", "RIGHT RIGHT RIGHT RIGHT"),
        ("turn around left", "LEFT LEFT LEFT LEFT"),
        ("look around right", "RIGHT LOOK RIGHT LOOK RIGHT LOOK RIGHT LOOK"),
        ("jump left and run twice", "LEFT JUMP RUN RUN"),
        ("walk after run thrice", "RUN RUN RUN WALK"),
    ],
)
def test_commands_mean_what_the_paper_says(command, actions):
    found = [action.removeprefix("I_").removeprefix("TURN_") for action in meaning(command.split())]
    assert found == actions.split()


def test_splits_of_commands():
    data = generate("scan")
    for example in (*data.train, *data.dev, *data.test):
        words, split = " ".join(example.text), example.columns["split"]
        assert example.label.split() == meaning(example.text)
        somewhere = any(f"jump {way}" in words for way in ("left", "right", "opposite", "around"))
        assert somewhere == (split == "jump")
        count = len(example.label.split())
        assert count >= 24 if split == "longer" else count <= 22
    assert sum("jump" in example.text for example in data.train) > 100
    tree = next(e for e in data.test if e.text[:3] == ("walk", "opposite", "left")).sentence
    assert tree.dependencies.parents[:3] == (-1, 2, 0) or tree.dependencies.parents[1:3] == (2, 0)
