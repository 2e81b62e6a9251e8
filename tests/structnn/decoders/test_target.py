from __future__ import annotations

import sys

import pytest

from structnn import TargetVocabulary, Vocabulary
from structnn.decoders.tokenizer import TokenizerPieces
from tests.structnn.decoders.common import tiny_tokenizer


def test_words():
    target = TargetVocabulary.from_texts(["a b  a", "c a"])
    assert target.encode(" a   d c ") == [1, 0, 3, 4]
    assert target.decode([1, 0, 3]) == "a <unknown> c"
    assert (len(target), target.end, target.longest) == (5, 4, 3)
    assert target.encode("") == [4]
    assert repr(target) == "TargetVocabulary(3 words)"


def test_a_longest_that_cannot_be_is_told():
    with pytest.raises(ValueError, match="longest must be at least 0, but is -1"):
        TargetVocabulary(Vocabulary(["a"]), longest=-1)


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


TEXTS = ["the dogs bark", "the dog barks", "lower lowest", "the lowest dog"]


def test_pieces_of_a_tokenizer():
    target = TargetVocabulary.from_texts(TEXTS, unit="tokenizer", tokenizer=tiny_tokenizer(TEXTS))
    for text in (*TEXTS, "the lower dogs"):
        assert target.decode(target.encode(text)[:-1]) == text
    assert target.encode("the dogs bark")[-1] == target.end
    assert 3 < target.longest < len("the dogs bark")
    assert target.decode([0, *target.encode("dogs")[:-1], 0]) == "<unknown> dogs <unknown>"
    assert repr(target) == f"TargetVocabulary({len(target) - 2} pieces of a tokenizer)"
    again = TargetVocabulary.from_json(target.to_json())
    assert again.to_json() == target.to_json()
    assert again.encode("the dogs") == target.encode("the dogs")


def test_special_tokens_are_not_added():
    tokenizers = pytest.importorskip("tokenizers")
    made = tokenizers.Tokenizer.from_str(tiny_tokenizer(TEXTS))
    made.add_special_tokens(["[CLS]"])
    number = made.token_to_id("[CLS]")
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A", special_tokens=[("[CLS]", number)]
    )
    assert made.encode("dog").tokens[0] == "[CLS]"
    assert TokenizerPieces(made.to_str()).divide("dog") == made.encode("dog").tokens[1:]


def test_tokenizers_that_can_not_be_used():
    tokenizers = pytest.importorskip("tokenizers")
    with pytest.raises(ValueError, match=r"it is no tokenizer\.json"):
        TargetVocabulary.from_texts(["a"], unit="tokenizer", tokenizer="{}")
    made = tokenizers.Tokenizer.from_str(tiny_tokenizer(TEXTS))
    made.normalizer = tokenizers.normalizers.Replace("dog", "cat")
    with pytest.raises(ValueError, match="it gives no target back: 'a dog' becomes"):
        TargetVocabulary.from_texts(["a dog"], unit="tokenizer", tokenizer=made.to_str())
    with pytest.raises(ValueError, match="the unit 'tokenizer' and the definition"):
        TargetVocabulary.from_texts(["a"], unit="tokenizer")
    with pytest.raises(ValueError, match="the unit 'tokenizer' and the definition"):
        TargetVocabulary.from_texts(["a"], tokenizer=made.to_str())


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match="need the package tokenizers: pip install tokenizers"):
        TokenizerPieces("{}")


def test_an_unknown_unit_is_told():
    with pytest.raises(ValueError, match=r"unit must be 'words', .*, but is 'x'"):
        TargetVocabulary.from_texts(["a"], unit="x")
