"""The minimal pairs: what makes a sentence acceptable is read off the words, not off the templates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tasks.data.examples import Dataset, Example
from tasks.data.suites.minimal_pairs import LEXICON, PHENOMENA, SHARED, TEMPLATES, generate

PARTS = ("train", "dev", "test")
SINGULAR, PLURAL = {"this", "every"}, {"these", "many"}


@pytest.fixture(scope="module")
def data() -> Dataset:
    return generate(train=600, dev=100, test=400)


def pairs(data: Dataset, phenomenon: str) -> Iterator[Example]:
    for part in PARTS:
        for example in getattr(data, part):
            if example.columns["phenomenon"] == phenomenon:
                yield example


def child(example: Example, head: int, relation: str) -> int:
    tree = example.sentence.dependencies
    (found,) = (node for node in tree.children[head] if tree.labels[node] == relation)
    return found


def subject_number(example: Example, predicate: int) -> str:
    determiner = example.text[child(example, child(example, predicate, "nsubj"), "det")]
    assert determiner in SINGULAR | PLURAL
    return "singular" if determiner in SINGULAR else "plural"


def test_every_noun_agrees_with_its_determiner(data):
    for part in PARTS:
        for example in getattr(data, part):
            for one, other in zip(example.text, example.text[1:], strict=False):
                if one in PLURAL:
                    assert other.removesuffix("s") in LEXICON["NOUN"]
                    assert other.endswith("s")
                elif one in SINGULAR and example.label == "acceptable":
                    assert other in [*LEXICON["NOUN"], *SHARED["MODIFIER"]]


def test_agreement(data):
    singular, plural = {"is", "was", "has"}, {"are", "were", "have"}
    for example in pairs(data, "agreement"):
        (verb,) = (i for i, token in enumerate(example.text) if token in singular | plural)
        predicate = example.sentence.dependencies.parents[verb]
        wanted = singular if subject_number(example, predicate) == "singular" else plural
        assert (example.text[verb] in wanted) == (example.label == "acceptable")


def test_reflexives(data):
    for example in pairs(data, "reflexives"):
        (object_,) = (i for i, word in enumerate(example.text) if word in ("himself", "themselves"))
        verb = example.sentence.dependencies.parents[object_]
        wanted = {"singular": "himself", "plural": "themselves"}[subject_number(example, verb)]
        assert (example.text[object_] == wanted) == (example.label == "acceptable")


def test_polarity(data):
    for example in pairs(data, "polarity"):
        verb = example.sentence.dependencies.parents[example.text.index("ever")]
        determiner = child(example, child(example, verb, "nsubj"), "det")
        assert (example.text[determiner] == "no") == (example.label == "acceptable")
        assert example.text.count("no") == 1


def test_filler_and_gap(data):
    """A clause after *what* lacks its object, and one after *that* has it."""
    verbs = LEXICON["VERB"]
    for example in pairs(data, "filler-gap"):
        right = []
        for place, word in enumerate(example.text):
            if word in ("what", "that"):
                verb = next(i for i in range(place, len(example.text)) if example.text[i] in verbs)
                has_object = example.text[verb + 1] == "the"
                right.append(has_object == (word == "that"))
        assert len(right) == 2
        assert set(right) == {example.label == "acceptable"}


def test_word_order(data):
    """Two neighbours are swapped."""
    for part in PARTS:
        found = getattr(data, part)
        for one, other in zip(found[::2], found[1::2], strict=True):
            if one.columns["phenomenon"] == "word order":
                unlike = [
                    i
                    for i, pair in enumerate(zip(one.text, other.text, strict=True))
                    if len({*pair}) > 1
                ]
                assert len(unlike) == 2
                assert unlike[1] == unlike[0] + 1


def test_what_is_swapped_is_known_from_train(data):
    """With both words unknown, no encoder with learned vectors could tell which way round they are."""
    train = {token for example in data.train for token in example.text}
    for one, other in zip(data.test[::2], data.test[1::2], strict=True):
        unlike = {
            word
            for pair in zip(one.text, other.text, strict=True)
            if len({*pair}) > 1
            for word in pair
        }
        assert unlike & train


def test_words_of_the_splits_are_disjoint(data):
    def content(part: str) -> set[str]:
        words = {token for example in getattr(data, part) for token in example.text}
        return {
            word for words_ in LEXICON.values() for word in words_ if {word, word + "s"} & words
        }

    train, dev, test = map(content, PARTS)
    assert not train & dev
    assert not train & test
    assert not dev & test
    assert len(train) > 2 * len(test) > 30


def test_all_other_words_of_test_occur_in_train(data):
    content = {word for words in LEXICON.values() for word in words}
    train, test = (
        {token for example in getattr(data, part) for token in example.text}
        for part in ("train", "test")
    )
    others = {word for word in test - train if not {word, word.removesuffix("s")} & content}
    assert others == {"who", "but"}


def test_no_word_is_in_two_lists():
    words = Counter(word for words in LEXICON.values() for word in words)
    assert max(words.values()) == 1


def test_templates_are_disjoint(data):
    def templates(part: str, split: str) -> set[str]:
        return {e.columns["template"] for e in getattr(data, part) if e.columns["split"] == split}

    train, dev = templates("train", "train"), templates("dev", "dev")
    new = templates("test", "new templates")
    assert templates("test", "new words") <= train
    assert not train & dev
    assert not train & new
    assert not dev & new


def test_phenomena_are_equally_frequent(data):
    for part in PARTS:
        counts = Counter((e.columns["split"], e.columns["phenomenon"]) for e in getattr(data, part))
        assert {phenomenon for _, phenomenon in counts} == set(PHENOMENA) == set(TEMPLATES)
        assert len(set(counts.values())) == 1
