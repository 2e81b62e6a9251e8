from __future__ import annotations

import pickle

import pytest
from hypothesis import given

from structnn import Sentence, StructureError, Tree
from tests.structnn.examples import phrase_trees, sentence_of, trees


@given(trees())
def test_heights_depths_and_orders_agree(tree):
    assert tree.depths[tree.root] == 0
    seen = set()
    for node in tree.top_down:
        parent = tree.parents[node]
        assert parent == -1 or parent in seen
        seen.add(node)
        if parent >= 0:
            assert tree.depths[node] == tree.depths[parent] + 1
            assert node in tree.children[parent]
        heights = [tree.heights[child] for child in tree.children[node]]
        assert tree.heights[node] == max(heights, default=-1) + 1
    assert seen == set(range(len(tree)))


def test_what_sentences_have_in_common_is_held_once():
    def made():
        tokens, labels = (["".join(letters) for letters in words] for words in (["dogs"], ["root"]))
        return Sentence(tokens, dependencies=Tree([-1], labels=labels))

    one, other = made(), made()
    assert one.tokens[0] is other.tokens[0]
    assert one.dependencies.labels[0] is other.dependencies.labels[0]
    assert one.dependencies.tokens is other.dependencies.tokens
    assert "children" not in vars(one.dependencies)


def test_strings_of_a_class_of_their_own_stay_what_they_are():
    class Word(str):
        lemma = "dog"

    assert Sentence([Word("dogs"), "bark"]).tokens[0].lemma == "dog"


@given(phrase_trees())
def test_words_of_phrase_trees(tree):
    sentence = sentence_of(tree)
    assert len(sentence) == sum(token >= 0 for token in tree.tokens)


@pytest.mark.parametrize(
    ("parents", "message"),
    [
        ([], "at least one node"),
        ([-1, -1], r"exactly one root, but nodes \[0, 1\]"),
        ([1, 0], "no node has parent -1"),
        ([-1, 5], "node 1 has parent 5, which is out of range: parents are 0 to 1"),
        ([-1, -2], "node 1 has parent -2"),
        ([-1, 2, 3, 1], "node 1 is its own ancestor"),
        ([-1, 1], "node 1 is its own ancestor"),
        (["a"], "must be a sequence of integers"),
        (3, "must be a sequence of integers"),
    ],
)
def test_ill_formed_trees(parents, message):
    with pytest.raises(StructureError, match=message):
        Tree(parents)


def test_trees_with_wrong_words_or_labels():
    with pytest.raises(StructureError, match="use each of 0 to 1 once"):
        Tree([-1, 0], tokens=[0, 0])
    with pytest.raises(StructureError, match="`tokens` has 1 entries for 2 nodes"):
        Tree([-1, 0], tokens=[0])
    with pytest.raises(StructureError, match="`labels` has 1 entries for 2 nodes"):
        Tree([-1, 0], labels=["root"])
    with pytest.raises(StructureError, match="one string 'root'"):
        Tree([-1], labels="root")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokens": []}, "at least one token"),
        ({"tokens": "dogs bark"}, "split it into tokens first"),
        ({"tokens": ["a", 1]}, "entry 1 is 1"),
        ({"tokens": ["a", "b"], "tags": ["X"]}, "`tags` has 1 entries for the 2 tokens of 'a b'"),
        ({"tokens": ["a", "b"], "dependencies": Tree([-1])}, "has 1 nodes, and 'a b' has 2 tokens"),
        ({"tokens": ["a"], "constituency": Tree([-1, 0])}, "words at 2 nodes, but 'a' has 1"),
        ({"tokens": ["a"], "dependencies": Tree([-1, 0], [-1, 0])}, "one node for each token"),
    ],
)
def test_ill_formed_sentences(arguments, message):
    with pytest.raises(StructureError, match=message):
        Sentence(**arguments)


def test_sentences_are_immutable_equal_and_travel():
    sentence = Sentence(["a", "b"], dependencies=Tree([-1, 0]), metadata={"id": "1"})
    assert pickle.loads(pickle.dumps(sentence)) == sentence
    assert len({sentence, sentence.replace()}) == 1
    with pytest.raises(AttributeError):
        sentence.tokens = ()
    with pytest.raises(TypeError):
        sentence.metadata["id"] = "2"
    assert sentence.replace(tags=["X", "Y"]).tags == ("X", "Y")
    with pytest.raises(StructureError, match="`tags` has 1"):
        sentence.replace(tags=["X"])


def test_a_deep_chain_needs_no_recursion():
    tree = Tree([-1, *range(5000)])
    assert tree.heights[0] == 5000
    assert tree.depths[5000] == 5000


def test_other_columns_are_kept_and_checked():
    columns = {"misc": ["SpaceAfter=No", "_"], "xpos": ("NNS", "VBP")}
    sentence = Sentence(["dogs", "bark"], columns=columns)
    assert dict(sentence.columns) == {"xpos": ("NNS", "VBP"), "misc": ("SpaceAfter=No", "_")}
    assert pickle.loads(pickle.dumps(sentence)) == sentence
    assert hash(sentence) == hash(Sentence(["dogs", "bark"]))
    assert sentence != Sentence(["dogs", "bark"])
    with pytest.raises(TypeError):
        sentence.columns["misc"] = ()
    with pytest.raises(StructureError, match="names are those of CoNLL-U: xpos, feats, deps, misc"):
        Sentence(["a"], columns={"upos": ["NOUN"]})
    with pytest.raises(StructureError, match="`xpos` has 2 entries for the 1 tokens"):
        Sentence(["a"], columns=columns)


def test_pickles_of_earlier_versions_have_fewer_fields():
    make, fields = Sentence(["dogs"], metadata={"sent_id": "1"}).__reduce__()
    assert callable(make)
    assert isinstance(fields, tuple)
    assert make(*fields[:-1]) == Sentence(["dogs"], metadata={"sent_id": "1"})


@pytest.mark.parametrize(
    "fields",
    [
        {"tags": 5},
        {"tags": [5]},
        {"text": 5},
        {"metadata": "ab"},
        {"metadata": {"a": 5}},
        {"metadata": {5: "a"}},
        {"columns": [("misc", ["_"])]},
        {"dependencies": [0]},
        {"constituency": "(S a)"},
    ],
)
def test_fields_of_the_wrong_type_are_an_error_of_the_structure(fields):
    with pytest.raises(StructureError, match="must"):
        Sentence(["a"], **fields)
