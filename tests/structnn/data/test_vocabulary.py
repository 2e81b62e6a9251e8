from __future__ import annotations

import json

import pytest

from structnn import UNIVERSAL_RELATIONS, Vocabulary


def test_counting_and_looking_up():
    sentences = [["The", "dog", "saw", "the", "cat"], ["the", "cat"]]
    vocabulary = Vocabulary.from_tokens(sentences, lowercase=True, min_count=2)
    assert vocabulary.words == ("<unknown>", "the", "cat")
    assert vocabulary.counts == (0, 3, 2)
    assert (vocabulary["THE"], vocabulary["dog"]) == (1, 0)
    assert "Cat" in vocabulary
    assert "dog" not in vocabulary
    cased = Vocabulary.from_tokens(sentences)
    assert cased["The"] != cased["the"] != 0
    assert next(iter(cased)) == "<unknown>"
    assert len(cased) == 6


def test_words_that_are_given_are_found_in_lower_case():
    vocabulary = Vocabulary(["Dogs", "bark"], {"Dogs": 3}, lowercase=True)
    assert (vocabulary["Dogs"], vocabulary["dogs"], vocabulary["BARK"]) == (1, 1, 2)
    assert (vocabulary.words[1:], vocabulary.counts[1:]) == (("dogs", "bark"), (3, 1))
    with pytest.raises(ValueError, match="'dogs' is repeated"):
        Vocabulary(["Dogs", "dogs"], lowercase=True)


def test_round_trip():
    vocabulary = Vocabulary.from_tokens([["b", "a", "b"]], lowercase=True)
    again = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert again.words == vocabulary.words
    assert again.counts == vocabulary.counts
    assert again.lowercase


def test_the_unknown_word_may_be_in_the_text():
    assert Vocabulary.from_tokens([["<unknown>", "a"]]).words == ("<unknown>", "a")


def test_a_count_below_0_is_told():
    with pytest.raises(ValueError, match="counts must be at least 0, but that of 'b' is -1"):
        Vocabulary(["a", "b"], {"b": -1})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("ab", "`words` must be a sequence of strings, but is the one string 'ab'"),
        (["a", 2], "`words` must hold strings, but entry 1 is 2"),
    ],
)
def test_what_is_no_list_of_strings_is_told(words, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary(words)


def test_repeated_words_are_told():
    with pytest.raises(ValueError, match="'a' is repeated"):
        Vocabulary(["a", "b", "a"])


def test_subtypes_of_relations():
    assert UNIVERSAL_RELATIONS["nsubj:pass"] == UNIVERSAL_RELATIONS["nsubj"] > 0
    assert UNIVERSAL_RELATIONS["nonsense"] == 0
    assert len(UNIVERSAL_RELATIONS) == 38


def test_repr():
    assert repr(Vocabulary(["dogs", "bark"])) == "Vocabulary(2 words)"
    words = map(str, range(8421))
    assert repr(Vocabulary(words, lowercase=True)) == "Vocabulary(8,421 words, lowercase)"
    assert repr(UNIVERSAL_RELATIONS) == "Vocabulary(37 words)"
