"""Control structures: the shapes that their names promise, the same for the same sentence."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import read_brackets
from parsers.controls import (
    CONTROLS,
    STRUCTURES,
    grouped,
    narrowed,
    parse_noise,
    tree_of,
    with_structure,
)
from structnn.sentence import Sentence, StructureError, Tree
from tests.parsers.sentence_strategies import dependency_trees


def sentence_of(size: int, salt: str = "") -> Sentence:
    return Sentence(
        [f"word{salt}{position}" for position in range(size)],
        dependencies=Tree(range(-1, size - 1), labels=["root"] + ["dep"] * (size - 1)),
    )


def heads(size: int, name: str) -> list[int]:
    (sentence,) = with_structure([Sentence(["a"] * size)], name)
    assert sentence.dependencies is not None
    return list(sentence.dependencies.parents)


def test_shapes() -> None:
    assert heads(4, "left_chain") == [1, 2, 3, -1]
    assert heads(4, "right_chain") == [-1, 0, 1, 2]
    assert heads(4, "flat") == [-1, 0, 0, 0]
    assert heads(7, "balanced") == [1, 3, 1, -1, 5, 3, 5]
    assert heads(4, "balanced") == [1, -1, 1, 2]


@given(st.integers(1, 200))
def test_balanced_is_as_shallow_as_can_be(size: int) -> None:
    (sentence,) = with_structure([Sentence(["a"] * size)], "balanced")
    assert sentence.dependencies is not None
    assert max(sentence.dependencies.depths) == size.bit_length() - 1
    assert all(len(children) <= 2 for children in sentence.dependencies.children)


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_control_takes_every_length_and_only_changes_dependencies(name: str) -> None:
    for size in (1, 2, 3, 10, 1000):
        sentence = sentence_of(size).replace(text="t", tags=["X"] * size, metadata={"a": "b"})
        (changed,) = with_structure([sentence], name)
        assert changed.dependencies is not None
        assert changed.dependencies.labels is not None
        assert changed.dependencies.labels.count("root") == 1
        assert changed.replace(dependencies=None) == sentence.replace(dependencies=None)
    assert with_structure([], name) == []


@pytest.mark.parametrize("name", ["random", "shuffled"])
def test_chance_depends_on_seed_and_words_alone(name: str) -> None:
    sentences = [sentence_of(12, salt) for salt in "abcdef"]
    once = with_structure(sentences, name, seed=3)
    assert with_structure(reversed(sentences), name, seed=3) == once[::-1]
    assert all(
        one.dependencies != other.dependencies
        for one, other in zip(once, with_structure(sentences, name, seed=4), strict=True)
    )
    assert len({sentence.dependencies for sentence in once}) == len(once)


def test_random_trees_are_drawn_evenly() -> None:
    sentence = Sentence(["a", "b", "c"])
    trees = Counter(
        with_structure([sentence], "random", seed)[0].dependencies for seed in range(1800)
    )
    assert len(trees) == 9  # 3 ** 2 rooted trees over three tokens
    assert all(140 <= count <= 260 for count in trees.values())  # 200 each, four deviations


@given(st.data())
def test_shuffled_has_the_shape_of_the_parse(data: st.DataObject) -> None:
    tree = data.draw(dependency_trees(data.draw(st.integers(1, 9))))
    sentence = Sentence([str(position) for position in range(len(tree))], dependencies=tree)
    (changed,) = with_structure([sentence], "shuffled", data.draw(st.integers(0, 5)))
    assert changed.dependencies is not None

    def shape(tree: Tree, node: int) -> object:
        label = tree.labels[node] if tree.labels is not None else None
        return repr((label, sorted(str(shape(tree, child)) for child in tree.children[node])))

    assert shape(changed.dependencies, changed.dependencies.root) == shape(tree, tree.root)


@given(st.data())
def test_narrowed_trees_have_room_for_all(data: st.DataObject) -> None:
    tree = data.draw(dependency_trees(data.draw(st.integers(1, 12))))
    arity = data.draw(st.integers(1, 4))
    found = narrowed(tree, arity)
    assert max(map(len, found.children)) <= arity
    assert (found.root, found.tokens, found.labels) == (tree.root, tree.tokens, tree.labels)
    for node, parent in enumerate(tree.parents):  # what was below a node still is
        above = found.parents[node]
        while above not in (parent, -1):
            above = found.parents[above]
        assert above == parent
    if all(len(children) <= arity for children in tree.children):
        assert found is tree


def test_the_third_child_of_a_pair() -> None:
    assert narrowed(Tree([-1, 0, 0, 0, 0]), 2).parents == (-1, 0, 0, 2, 3)
    assert narrowed(Tree([1, -1, 1, 1]), 1).parents == (1, -1, 0, 2)
    phrase = Tree([3, 3, 3, -1], tokens=[0, 1, 2, -1], labels=["X", "Y", "Z", "S"])
    assert narrowed(phrase, 2) == Tree([3, 3, 1, -1], [0, 1, 2, -1], ["X", "Y", "Z", "S"])
    with pytest.raises(ValueError, match="arity must be at least 1, but is 0"):
        narrowed(phrase, 0)


@pytest.mark.parametrize("arity", [2, 3])
def test_grouped_constituents_are_those_of_nltk(arity: int) -> None:
    brackets = "(S (A a) (NP (B b) (C c) (D d) (E e)) (F f) (G (H h)) (I i))"
    tree = read_brackets([brackets])[0].constituency
    assert tree is not None
    found = grouped(tree, arity)
    assert max(map(len, found.children)) <= arity
    assert [token for token in found.tokens or () if token != -1] == list(range(8))
    assert sorted(label for label in found.labels or () if label) == sorted(tree.labels or ())
    assert grouped(found, arity) is found
    if arity == 2:
        binary = read_brackets([brackets], binarise="right")[0].constituency
        assert binary is not None
        assert (found.parents, found.tokens) == (binary.parents, binary.tokens)
    with pytest.raises(ValueError, match="arity must be at least 2"):
        grouped(tree, 1)


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"unknown structure 'tree'.*left_chain, right_chain"):
        with_structure([], "tree")
    with pytest.raises(StructureError, match=r"shuffled needs a parse, but 'a b'.*parse it first"):
        with_structure([Sentence(["a", "b"])], "shuffled")
    with pytest.raises(StructureError, match="parse_noise needs a parse"):
        parse_noise([Sentence(["a", "b"])], 0.5)
    with pytest.raises(ValueError, match=r"rate must be a probability from 0 to 1, but is 1\.5"):
        parse_noise([], 1.5)


@settings(deadline=None)
@given(st.data())
def test_noise_leaves_a_tree(data: st.DataObject) -> None:
    tree = data.draw(dependency_trees(data.draw(st.integers(1, 9))))
    sentence = Sentence([str(position) for position in range(len(tree))], dependencies=tree)
    rate, seed = data.draw(st.floats(0, 1)), data.draw(st.integers(0, 9))
    (noisy,) = parse_noise([sentence], rate, seed)  # the tree checks itself when made
    assert parse_noise([sentence], rate, seed) == [noisy]
    assert parse_noise([sentence], 0) == [sentence]
    assert noisy.dependencies is not None
    if tree.labels is not None:
        assert sorted(noisy.dependencies.labels or ()) == sorted(tree.labels)


def test_noise_changes_as_many_heads_as_asked() -> None:
    generator = random.Random(0)
    sentences = with_structure(
        [Sentence([str(generator.random()) for _ in range(20)]) for _ in range(200)], "random"
    )
    for rate in (0.1, 0.3):
        changed = 0
        for before, after in zip(sentences, parse_noise(sentences, rate), strict=True):
            assert before.dependencies is not None
            assert after.dependencies is not None
            changed += sum(
                one != other
                for one, other in zip(
                    before.dependencies.parents, after.dependencies.parents, strict=True
                )
            )
        assert changed / 4000 == pytest.approx(rate, rel=0.15)


def test_a_tree_by_the_name_of_its_structure() -> None:
    phrases = Tree([-1, 0, 0], tokens=[-1, 0, 1])
    sentence = Sentence(["dogs", "bark"], dependencies=Tree([1, -1]), constituency=phrases)
    assert tree_of(sentence, "dependencies") is tree_of(sentence, "parse") is sentence.dependencies
    assert tree_of(sentence, "constituency") is phrases
    for name in CONTROLS:
        (control,) = with_structure([sentence], name, 3)
        assert tree_of(sentence, name, 3) == control.dependencies
    with pytest.raises(
        ValueError, match=r"unknown structure 'tree'; .* dependencies, constituency"
    ):
        tree_of(sentence, "tree")
    with pytest.raises(StructureError, match="has no constituency tree"):
        tree_of(sentence.replace(constituency=None), "constituency")
