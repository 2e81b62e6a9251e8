"""The structure test: what a bag of words can't see, and that nothing else gives the answer away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tasks.data.datasets import DataError, Dataset, Example, folds, load_dataset
from tasks.data.options import DataOptions
from tasks.data.structure_test import (
    ADJECTIVES,
    INTRANSITIVES,
    NOUNS,
    PHENOMENA,
    SHARED,
    TEMPLATE_GROUPS,
    VERBS,
    generate,
    templates,
)

CONTENT = {*NOUNS, *VERBS, *INTRANSITIVES, *ADJECTIVES}
SPLITS = ("train", "dev", "test")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return generate(train_pairs=400, dev_pairs=100, test_pairs=200)


def pairs(data: Dataset, phenomenon: str | None = None) -> Iterator[tuple[Example, Example]]:
    """All pairs of all splits, *yes* first."""
    for split in SPLITS:
        part = getattr(data, split)
        for yes, no in zip(part[::2], part[1::2], strict=True):
            if phenomenon in (None, yes.columns["phenomenon"]):
                yield yes, no


def content_words(part: tuple[Example, ...]) -> set[str]:
    words = {token for example in part for token in example.text}
    return {word for word in CONTENT if word in words or word + "s" in words}


def test_pairs_have_the_same_words_and_opposite_labels(data):
    assert sum(1 for _ in pairs(data)) == 700
    for yes, no in pairs(data):
        assert (yes.label, no.label) == ("yes", "no")
        assert Counter(yes.text) == Counter(no.text)
        assert yes.text != no.text
        assert yes.columns == no.columns


def test_a_bag_of_words_scores_one_half(data):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = CountVectorizer(token_pattern=r"\S+")
    x = vectorizer.fit_transform([example.plain_text for example in data.train])
    model = LogisticRegression(max_iter=200).fit(x, [example.label for example in data.train])
    for part in (data.dev, data.test):
        features = vectorizer.transform([e.plain_text for e in part])
        assert model.score(features, [e.label for e in part]) == 0.5


def test_words_of_the_splits_are_disjoint(data):
    train, dev, test = (content_words(getattr(data, split)) for split in SPLITS)
    assert not train & dev
    assert not train & test
    assert not dev & test
    assert len(train) > 2 * len(test) > 30


def test_all_other_words_of_test_occur_in_train(data):
    def others(part: tuple[Example, ...]) -> set[str]:
        words = {token for example in part for token in example.text}
        return {word for word in words if word not in CONTENT and word[:-1] not in NOUNS}

    assert others(data.test) - others(data.train) == {"it"}


def test_templates_of_train_and_test_are_disjoint(data):
    train, dev, test = ({e.columns["template"] for e in getattr(data, split)} for split in SPLITS)
    assert dev <= train
    assert not train & test
    assert min(len(train), len(test)) >= 20


def test_no_sentence_comes_twice(data):
    texts = [e.text for split in SPLITS for e in getattr(data, split)]
    assert len(texts) == len(set(texts))


def test_phenomena_are_equally_frequent(data):
    for split in SPLITS:
        counts = Counter(e.columns["phenomenon"] for e in getattr(data, split))
        assert set(counts) == set(PHENOMENA)
        assert len(set(counts.values())) == 1


@pytest.mark.parametrize("start", ["TRAIN", "TEST"])
def test_every_template_has_one_derivation_and_both_holes(start):
    for group in TEMPLATE_GROUPS:
        found = [" ".join(tree.leaves()) for tree in templates(group.grammar, start)]
        assert len(found) == len(set(found))
        for template in found:
            assert template.split().count("X") == template.split().count("Y") == 1


def test_agreement_is_that_of_the_first_noun_phrase_or_the_first_after_a_comma(data):
    plural_verbs = {"are", "were", "have"}
    for yes, no in pairs(data, "agreement"):
        for example in (yes, no):
            tokens = example.text
            subject = next(
                token
                for token in tokens[tokens.index(",") if "," in tokens else 0 :]
                if token in SHARED["SINGULAR"] + SHARED["PLURAL"]
            )
            agrees = (subject in SHARED["PLURAL"]) == bool(plural_verbs & set(tokens))
            assert agrees == (example.label == "yes"), example.plain_text


def test_roles_are_read_off_the_words_around_the_verb(data):
    for yes, no in pairs(data, "roles"):
        slots = yes.columns["template"].split()
        after_verb = slots[slots.index("VERB") + 1]
        if after_verb == "by":
            agent = slots[slots.index("by") + 1]
        elif after_verb == "Y":
            agent = "X"
        else:  # a relative clause without an object: its subject stands before the verb
            assert slots[slots.index("that") - 1] == "Y"
            agent = slots[slots.index("VERB") - 1]
        assert agent == "X"
        words_at_x = {e.label: e.text[_position(e, slots)] for e in (yes, no)}
        assert words_at_x["yes"] == "child" != words_at_x["no"]


@pytest.mark.parametrize("phenomenon", ["negation", "attachment"])
def test_the_word_that_moves_is_higher_in_a_yes_sentence(data, phenomenon):
    movable = {"not", *SHARED["MODIFIER"], *SHARED["ADVERB"]}
    for yes, no in pairs(data, phenomenon):
        depths = []
        for example in (yes, no):
            (position,) = (i for i, token in enumerate(example.text) if token in movable)
            tree = example.sentence.constituency
            depths.append(tree.depths[tree.tokens.index(position)])
        assert depths[0] < depths[1], yes.plain_text


def test_gold_trees_have_phrases_over_all_tokens(data):
    for yes, no in pairs(data):
        for example in (yes, no):
            tree = example.sentence.constituency
            assert example.sentence.tokens == example.text
            assert tree.labels[tree.root] == "S"
            assert not any("-" in label or label in ("TRAIN", "TEST") for label in tree.labels)


def test_one_seed_gives_one_set():
    sizes = {"train_pairs": 40, "dev_pairs": 20, "test_pairs": 20}
    prints = [generate(**sizes, seed=seed).fingerprint for seed in (1, 1, 2)]
    assert prints[0] == prints[1] != prints[2]


def test_by_name(monkeypatch):
    monkeypatch.setattr("tasks.data.structure_test.generate", lambda seed: f"set {seed}")
    assert load_dataset("structure-test", DataOptions(split_seed=3)) == "set 3"


def test_folds_keep_pairs_together(data):
    for fold in folds(data, 4):
        for part in (fold.train, fold.dev, fold.test):
            assert set(Counter(example.columns["pair"] for example in part).values()) == {2}


def test_sizes():
    data = generate(train_pairs=4, dev_pairs=5, test_pairs=6)
    assert [len(part) for part in (data.train, data.dev, data.test)] == [8, 10, 12]
    with pytest.raises(DataError, match="at least 4 dev pairs"):
        generate(dev_pairs=3)


def _position(example: Example, slots: list[str]) -> int:
    """Where the noun of hole X is: each hole is two words wide, every other slot one."""
    before = slots[: slots.index("X")]
    return len(before) + before.count("Y") + 1
