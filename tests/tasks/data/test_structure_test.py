"""The structure test: what no bag and no order of three words can see, and that the trees are right."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from structnn import UNIVERSAL_RELATIONS, Tree
from tasks.data.datasets import DataError, Dataset, Example, folds, load_dataset
from tasks.data.structure_test import PHENOMENA, generate
from tasks.data.structure_test.phenomena import TEMPLATES
from tasks.data.structure_test.phrases import phrase, to_sentence, word
from tasks.data.structure_test.words import OPEN, SHARED, inflected
from tasks.models.ngrams import ngram_accuracy

SPLITS = ("train", "dev", "test")
PARTS = ("new words", "new templates", "deeper")
DECIDING = ("new templates", "deeper")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return generate(train_pairs=320, dev_pairs=96, test_pairs=480)


def pairs(data: Dataset, *phenomena: str) -> Iterator[tuple[Example, Example]]:
    """All pairs of all splits, *yes* first."""
    for split in SPLITS:
        part = getattr(data, split)
        for yes, no in zip(part[::2], part[1::2], strict=True):
            if not phenomena or yes.columns["phenomenon"] in phenomena:
                yield (yes, no) if yes.label == "yes" else (no, yes)


def foursomes(examples: tuple[Example, ...]) -> list[list[Example]]:
    found = defaultdict(list)
    for example in examples:
        found[example.columns["foursome"]].append(example)
    return list(found.values())


def without_open_words(examples: tuple[Example, ...]) -> list[Example]:
    """The examples with a part of speech and an ending for each word that splits don't share."""
    shared = {"child", "one", "begun", "promised", "appeal"}
    shared |= {form for forms in SHARED.values() for form in forms}

    def known(token: str, tag: str) -> str:
        if tag not in ("NOUN", "VERB", "ADJ") or token in shared:
            return token
        ending = next((end for end in ("ing", "ed", "s") if token.endswith(end)), "")
        return tag + ("" if tag == "ADJ" else ending)

    return [
        replace(example, text=tuple(map(known, example.text, example.sentence.tags)))
        for example in examples
    ]


def test_pairs_have_the_same_words_and_opposite_labels(data):
    assert sum(1 for _ in pairs(data)) == 896
    for yes, no in pairs(data):
        assert (yes.label, no.label) == ("yes", "no")
        assert Counter(yes.text) == Counter(no.text)
        assert yes.text != no.text
        assert yes.columns == no.columns


def test_both_pairs_of_a_foursome_have_the_same_words(data):
    for part in (data.dev, data.test):
        for foursome in foursomes(part):
            assert len(foursome) == 4
            assert len({tuple(sorted(example.text)) for example in foursome}) == 1
            assert len({example.text for example in foursome}) == 4
    sizes = Counter(map(len, foursomes(data.train)))
    assert sizes[2] == 2 * sizes[4]


def test_no_sum_over_ordered_triples_ngrams_and_places_separates_a_foursome(data):
    """Each is as frequent in the *yes* as in the *no* sentences, and stands in as many of them."""

    def order(tokens: tuple[str, ...]) -> Counter[tuple[object, ...]]:
        size = len(tokens)
        found: Counter[tuple[object, ...]] = Counter(combinations(tokens, 3))
        found.update(combinations(tokens, 2))
        for length in (1, 2, 3):
            found.update(("adjacent", *tokens[i : i + length]) for i in range(size - length + 1))
        found.update(("from the beginning", i, token) for i, token in enumerate(tokens))
        found.update(("from the end", size - i, token) for i, token in enumerate(tokens))
        return found

    for foursome in foursomes((*data.dev, *data.test))[::3]:
        sums = {"yes": Counter(), "no": Counter()}
        present = {"yes": Counter(), "no": Counter()}
        for example in foursome:
            found = order(example.text)
            sums[example.label] += found
            present[example.label].update(found.keys())
        assert sums["yes"] == sums["no"], foursome[0].plain_text
        assert present["yes"] == present["no"], foursome[0].plain_text


@pytest.mark.parametrize("open_words", [True, False])
@pytest.mark.parametrize("features", ["bag", "ngrams", "pairs", "triples", "positions"])
def test_linear_rules_are_at_chance(data, features, open_words):
    """Fitted to train, for each phenomenon and each part that decides."""
    train, test = data.train, data.test
    if not open_words:
        train, test = without_open_words(train), without_open_words(test)
    right = ngram_accuracy(train, test, features)
    cells = defaultdict(list)
    for example, one in zip(data.test, right, strict=True):
        if example.columns["split"] in DECIDING:
            cells[example.columns["split"]].append(one)
            cells[example.columns["phenomenon"]].append(one)
    assert len(cells) == len(DECIDING) + len(PHENOMENA)
    for name, found in cells.items():
        assert 0.45 <= np.mean(found) <= 0.55, name
    if features == "bag":
        assert {np.mean(found) for found in cells.values()} == {0.5}


def test_the_first_and_the_last_words_say_nothing(data):
    """A rule for each that fits test best is right half the time in each phenomenon and part."""
    for place in (0, 1, 2, -2, -3, -4):
        labels = defaultdict(Counter)
        for example in data.test:
            columns = example.columns
            cell = columns["phenomenon"], columns["split"], columns["template"]
            labels[(*cell, columns["foursome"], example.text[place])][example.label] += 1
        assert all(found["yes"] == found["no"] for found in labels.values())


def test_open_words_of_the_splits_are_disjoint(data):
    forms = {form for name, words in OPEN.items() for base in words for form in _forms(name, base)}
    train, dev, test = (
        {token for example in getattr(data, split) for token in example.text} for split in SPLITS
    )
    assert not train & dev & forms
    assert not train & test & forms
    assert not dev & test & forms
    assert test - forms <= train
    assert len(train & forms) > 2 * len(test & forms) > 100


def test_open_words_are_open_once():
    every = [word for words in OPEN.values() for word in words]
    assert len(every) == len(set(every))
    forms = [form for name, words in OPEN.items() for base in words for form in _forms(name, base)]
    assert not {form for form in forms if any(form in shared for shared in SHARED.values())}


def test_templates_of_the_parts_are_disjoint(data):
    used = {
        "train": {example.columns["template"] for example in data.train},
        "dev": {example.columns["template"] for example in data.dev},
        **{
            part: {e.columns["template"] for e in data.test if e.columns["split"] == part}
            for part in PARTS
        },
    }
    whole = {name: {t.name for ts in TEMPLATES.values() for t in ts if t.part == name}
             for name in ("train", "dev", "new", "deeper")}  # fmt: skip
    assert used["train"] | used["new words"] <= whole["train"]
    assert used["dev"] <= whole["dev"]
    assert used["new templates"] <= whole["new"]
    assert used["deeper"] <= whole["deeper"]
    for one, other in combinations(whole.values(), 2):
        assert not one & other
    for templates in TEMPLATES.values():
        constructions = defaultdict(set)
        for template in templates:
            constructions[template.part].add(template.construction)
        assert constructions["deeper"] == constructions["train"]
        assert not constructions["train"] & (constructions["dev"] | constructions["new"])
        assert not constructions["dev"] & constructions["new"]


@pytest.mark.parametrize("phenomenon", PHENOMENA)
def test_deeper_is_deeper_than_the_same_construction_in_train(phenomenon):
    depths = defaultdict(lambda: defaultdict(set))
    for template in TEMPLATES[phenomenon]:
        if template.part in ("train", "deeper"):
            for _, root in template.sentences():
                sentence = to_sentence(root, list)
                for kind in ("dependencies", "constituency"):
                    found = max(getattr(sentence, kind).depths)
                    depths[template.construction, kind][template.part].add(found)
    for found in depths.values():
        assert min(found["deeper"]) > max(found["train"])


def test_no_sentence_comes_twice(data):
    texts = [e.text for split in SPLITS for e in getattr(data, split)]
    assert len(texts) == len(set(texts))


def test_phenomena_and_parts_are_equally_frequent(data):
    for split in SPLITS:
        counts = Counter(
            (e.columns["phenomenon"], e.columns.get("split")) for e in getattr(data, split)
        )
        assert {name for name, _ in counts} == set(PHENOMENA)
        assert {part for _, part in counts} == (set(PARTS) if split == "test" else {None})
        assert max(counts.values()) - min(counts.values()) <= 4


def test_pairs_and_templates_have_names_of_their_own(data):
    for split in SPLITS:
        counts = Counter(e.columns["pair"] for e in getattr(data, split))
        assert set(counts.values()) == {2}
        assert all(name.startswith(split) for name in counts)
    names = [template.name for templates in TEMPLATES.values() for template in templates]
    assert len(names) == len(set(names))
    assert all(e.columns["template"] in names for e in data.test)


def test_relations_are_universal(data):
    for yes, no in pairs(data):
        for example in (yes, no):
            tree = example.sentence.dependencies
            assert tree.labels[tree.root] == "root"
            assert all(UNIVERSAL_RELATIONS[label] for label in tree.labels)
            for label, tag in zip(tree.labels, example.sentence.tags, strict=True):
                assert (label == "punct") == (tag == "PUNCT")
                assert (label == "det") == (tag == "DET")
                assert (label in ("amod", "acl:relcl")) <= (tag in ("ADJ", "VERB", "NOUN", "ADV"))


def test_constituents_cover_all_tokens_in_order(data):
    for yes, no in pairs(data):
        for example in (yes, no):
            tree = example.sentence.constituency
            assert example.sentence.tokens == example.text
            assert tree.labels[tree.root] == "S"
            assert [token for token in tree.tokens if token != -1] == list(range(len(example.text)))


def test_trees_of_a_passive_relative_clause():
    """As Universal Dependencies has it: a stranded preposition belongs to the pronoun."""
    template = next(
        t for t in TEMPLATES["roles"] if t.part == "train" and t.construction == "subject/-"
    )
    (_, root), *_ = template.sentences()
    sentence = to_sentence(root, list)
    tree = sentence.dependencies
    tokens = " ".join(sentence.tokens)
    assert (
        tokens
        == "the child that the NOUN other PREPOSITION the NOUN had GUARD been VERB by had VERB "
        "the NOUN ."
    )
    relations = tree.labels
    places = {token: place for place, token in enumerate(sentence.tokens)}
    by, that = places["by"], places["that"]
    assert (relations[by], tree.parents[by]) == ("case", that)
    assert (relations[that], sentence.tokens[tree.parents[that]]) == ("obl:agent", "VERB")
    assert relations[places["NOUN other"]] == "nsubj:pass"
    assert relations[places["been"]] == "aux:pass"
    assert relations[tree.parents[that]] == "acl:relcl"
    assert tree.parents[tree.parents[that]] == places["child"]


def test_a_phrase_has_one_head():
    noun, det = word("NOUN", "dog"), word("DET", "the").to("det")
    assert phrase("NP", det, None, noun).parts == (det, noun)
    with pytest.raises(ValueError, match="exactly one part"):
        phrase("NP", noun, noun)
    with pytest.raises(ValueError, match="exactly one part"):
        phrase("NP", det)


def test_agreement_is_that_of_each_verb_with_its_subject(data):
    for yes, no in pairs(data, "agreement"):
        for example in (yes, no):
            tree, tokens = example.sentence.dependencies, example.text
            agree = []
            for token, (label, head) in enumerate(zip(tree.labels, tree.parents, strict=True)):
                if label in ("aux", "cop") and tokens[token] in ("is", "are", "has", "have"):
                    subject = next(c for c in tree.children[head] if tree.labels[c] == "nsubj")
                    plural = tokens[tree.children[subject][0]] in SHARED["PLURAL"]
                    agree.append(plural == (tokens[token] in ("are", "have")))
            assert len(agree) == 2
            assert set(agree) == {example.label == "yes"}, example.plain_text


def test_roles_are_read_off_the_relations(data):
    """The adverb stands in the clause that is asked about."""
    for yes, no in pairs(data, "roles"):
        for example in (yes, no):
            tree, tokens = example.sentence.dependencies, example.text
            verb = next(
                tree.parents[i] for i, token in enumerate(tokens) if token in SHARED["GUARD"]
            )
            (subject,) = (
                c for c in tree.children[verb] if tree.labels[c] in ("nsubj", "nsubj:pass")
            )
            active = tree.labels[subject] == "nsubj"
            assert ((tokens[subject] == "child") == active) == (example.label == "yes")


def test_the_negated_one_is_the_subject_of_what_is_negated(data):
    for yes, no in pairs(data, "negation"):
        for example in (yes, no):
            tree, tokens = example.sentence.dependencies, example.text
            negated = tree.parents[tokens.index("not")]
            assert (_subject(tree, negated, tokens) == tokens.index("child")) == (
                example.label == "yes"
            ), example.plain_text


@pytest.mark.parametrize("phenomenon", ["attachment", "coordination"])
def test_the_adverb_is_of_what_the_marked_one_does(data, phenomenon):
    for yes, no in pairs(data, phenomenon):
        for example in (yes, no):
            tree, tokens = example.sentence.dependencies, example.text
            acted = next(
                tree.parents[i] for i, token in enumerate(tokens) if token in SHARED["ADVERB"]
            )
            marked = next(
                tree.parents[i] if token != "child" else i
                for i, token in enumerate(tokens)
                if token == "child" or token in SHARED["MODIFIER"]
            )
            assert (_subject(tree, acted, tokens) == marked) == (example.label == "yes")


@pytest.mark.parametrize("phenomenon", ["adjuncts", "comparison"])
def test_the_subject_acts_in_the_adjunct_and_the_object_in_the_complement(data, phenomenon):
    for yes, no in pairs(data, phenomenon):
        for example in (yes, no):
            tree, tokens = example.sentence.dependencies, example.text
            moving = "often" if phenomenon == "comparison" else SHARED["ADVERB"]
            act = next(tree.parents[i] for i, token in enumerate(tokens) if token in moving)
            mark = next(tokens[c] for c in tree.children[act] if tree.labels[c] == "mark")
            child = tree.labels[tokens.index("child")]
            expected = "nsubj" if mark in SHARED["ADJUNCT"] else "obj"
            assert (child == expected) == (example.label == "yes"), example.plain_text


def test_control_is_decided_by_the_verb_above(data):
    subject_acts = {"promised", *SHARED["RAISING"]}
    for yes, no in pairs(data, "control"):
        for example in (yes, no):
            tree, tokens = example.sentence.dependencies, example.text
            acts = next(
                token
                for token, label in enumerate(tree.labels)
                if label == "xcomp"
                and "xcomp" not in [tree.labels[c] for c in tree.children[token]]
            )
            above = tree.parents[acts]
            subject = _subject(tree, above, tokens)
            child_is_subject = subject == tokens.index("child")
            assert (child_is_subject == (tokens[above] in subject_acts)) == (
                example.label == "yes"
            ), example.plain_text


def test_one_seed_gives_one_set_and_seeds_differ():
    sizes = {"train_pairs": 32, "dev_pairs": 32, "test_pairs": 48}
    one, again, other = (generate(**sizes, seed=seed) for seed in (1, 1, 2))
    assert one.fingerprint == again.fingerprint != other.fingerprint
    for example, counterpart in zip(one.test, other.test, strict=True):
        for column in ("phenomenon", "split", "pair"):
            assert example.columns[column] == counterpart.columns[column]


def test_by_name(monkeypatch):
    monkeypatch.setattr("tasks.data.structure_test.generate", lambda seed: f"set {seed}")
    assert load_dataset("structure-test", split_seed=3) == "set 3"


def test_folds_keep_foursomes_together(data):
    for fold in folds(data, 4):
        whole = [
            {example.columns["foursome"] for example in part}
            for part in (fold.train, fold.dev, fold.test)
        ]
        for one, other in combinations(whole, 2):
            assert not one & other


def test_sizes():
    data = generate(train_pairs=17, dev_pairs=16, test_pairs=50)
    assert [len(part) for part in (data.train, data.dev, data.test)] == [34, 32, 100]
    with pytest.raises(DataError, match="at least 16 dev pairs, not 3"):
        generate(dev_pairs=3)
    with pytest.raises(DataError, match="at least 48 test pairs, not 40"):
        generate(test_pairs=40)


def _forms(name: str, base: str) -> set[str]:
    if name == "NOUN":
        return {base, inflected(base, name, "plural")}
    if name == "ADJECTIVE":
        return {base}
    return {base, inflected(base, name), inflected(base, name, "gerund")}


def _subject(tree: Tree, verb: int, tokens: tuple[str, ...]) -> int:
    """The noun that is the subject of a verb, of its own or through a coordination."""
    for child in tree.children[verb]:
        if tree.labels[child] == "nsubj":
            # A relative pronoun stands for the noun that its clause belongs to.
            return tree.parents[verb] if tokens[child] in ("who", "that") else child
    assert tree.labels[verb] in ("conj", "xcomp")
    return _subject(tree, tree.parents[verb], tokens)
