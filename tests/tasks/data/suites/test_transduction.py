"""Suites that are answered by a sequence: what is right, and what each split is like."""

from __future__ import annotations

import pytest

from structnn import Sentence
from tasks.data.structure_test.words import OPEN, SHARED
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


def value(pieces: list[str]) -> int:
    """What operators behind their operands say, with a stack."""
    operations = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}
    stack: list[int] = []
    for piece in pieces:
        if piece in operations:
            right, left = stack.pop(), stack.pop()
            stack.append(operations[piece](left, right))
        else:
            stack.append(int(piece))
    (result,) = stack
    return result


def test_operators_behind_operands():
    """Both notations have one value, and their digits one order; the second has no brackets."""
    data = generate("postfix", train=300, dev=60, test=300)
    for example in (*data.train, *data.dev, *data.test):
        written = example.label.split()
        assert value(written) == eval(" ".join(example.text))  # digits, operators and brackets
        digits = [piece for piece in example.text if piece.isdigit()]
        assert [piece for piece in written if piece.isdigit()] == digits
        assert len(written) == 2 * len(digits) - 1
        assert (len(written) >= 17) == (example.columns["split"] == "longer")
    assert {example.columns["split"] for example in data.test} == {
        "same lengths",
        "longer",
        "deeper",
    }


def passive_of(sentence: Sentence) -> str:
    """The passive, from the gold tree: the object with all below it, the verb, and the subject."""
    tree, words = sentence.dependencies, sentence.tokens

    def below(node: int) -> list[int]:
        return sorted([node, *(n for child in tree.children[node] for n in below(child))])

    verb = tree.labels.index("ccomp") if "ccomp" in tree.labels else tree.root
    of_verb = {tree.labels[n]: n for n in range(len(tree)) if tree.parents[n] == verb}
    subject, obj = (below(of_verb[relation]) for relation in ("nsubj", "obj"))
    auxiliaries = [words[n] for n in range(subject[-1] + 1, verb)]
    number = "were" if words[obj[0]] in SHARED["PLURAL"] else "was"
    found = [
        *words[: subject[0]],
        *(words[n] for n in obj),
        *([*auxiliaries, "been"] if auxiliaries else [number]),
        words[verb],
        "by",
        *(words[n] for n in subject),
        *words[obj[-1] + 1 :],
    ]
    return " ".join(found)


def test_the_passive_follows_from_the_tree():
    data = generate("passive", train=400, dev=60, test=300)
    for example in (*data.train, *data.dev, *data.test):
        assert example.label == passive_of(example.sentence)


def test_splits_of_the_passive():
    data = generate("passive", train=1500, dev=60, test=300)
    known = {word for example in data.train for word in example.text}
    open_words = {f"{noun}{s}" for noun in OPEN["NOUN"] for s in ("", "s")}
    open_words |= {f"{verb}ed" for verb in OPEN["VERB"]}
    templates = {example.columns["template"] for example in data.train}
    assert {example.columns["split"] for example in (*data.train, *data.test)} == {
        "same",
        "new words",
        "new templates",
    }
    for example in (*data.dev, *data.test):
        split = example.columns["split"]
        if split == "new words":
            assert not known & open_words & set(example.text)
        if split == "new templates":
            assert example.columns["template"] not in templates
        # All that train lacks, but for forms of few words, stands in the source too.
        assert set(example.label.split()) <= {*example.text, "was", "were", "been", "by"}
        assert {*example.text} - open_words <= known
