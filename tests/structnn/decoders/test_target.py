from __future__ import annotations

from structnn import TargetVocabulary


def test_words():
    target = TargetVocabulary.from_texts(["a b  a", "c a"])
    assert target.encode(" a   d c ") == [1, 0, 3, 4]
    assert target.decode([1, 0, 3]) == "a <unknown> c"
    assert (len(target), target.end, target.longest) == (5, 4, 3)
    assert target.encode("") == [4]
    assert repr(target) == "TargetVocabulary(3 words)"


def test_characters():
    target = TargetVocabulary.from_texts(["ab a", "a"], unit="characters")
    assert target.decode(target.encode("ba b")[:-1]) == "ba b"
    assert target.longest == 4


def test_rare_pieces_are_left_out():
    assert TargetVocabulary.from_texts(["a b", "a"], min_count=2).encode("a b") == [1, 0, 2]


def test_words_to_copy():
    target = TargetVocabulary.from_texts(["a"])
    source = ["x", "a", "y", "x"]
    assert target.numbers_of(source) == [3, 1, 4, 3]
    assert target.encode("y z a x", source) == [4, 0, 1, 3, 2]
    assert target.decode([4, 1, 3], source) == "y a x"


def test_saved_and_read():
    target = TargetVocabulary.from_texts(["ab a", "a"], unit="characters")
    again = TargetVocabulary.from_json(target.to_json())
    assert again.to_json() == target.to_json()
    assert again.encode("ba") == target.encode("ba")
