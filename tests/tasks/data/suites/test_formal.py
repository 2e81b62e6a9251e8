"""The labels and trees of the formal suites, against evaluators that share no code with them."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from structnn import Tree
from tasks.data.examples import DataError, Dataset, Example
from tasks.data.parsing import parse_dataset
from tasks.data.setting import Setting, view
from tasks.data.suites import arithmetic, dyck, listops, logic, logic_pairs

PARTS = ("train", "dev", "test")


def examples(data: Dataset) -> Iterator[Example]:
    for part in PARTS:
        yield from getattr(data, part)


@pytest.fixture(scope="module")
def lists() -> Dataset:
    return listops.generate(train=300, dev=50, test=150)


@pytest.fixture(scope="module")
def sums() -> Dataset:
    return arithmetic.generate(train=300, dev=50, test=150)


@pytest.fixture(scope="module")
def formulas() -> Dataset:
    return logic.generate(train=300, dev=50, test=150)


@pytest.fixture(scope="module")
def pairs() -> Dataset:
    return logic_pairs.generate(train=140, dev=35, test=105)


@pytest.fixture(scope="module")
def brackets() -> Dataset:
    return dyck.generate(train=300, dev=50, test=150)


def operation_value(operator: str, values: list[int]) -> int:
    return {
        "MAX": max,
        "MIN": min,
        "MED": lambda found: int(statistics.median(found)),
        "SM": lambda found: sum(found) % 10,
    }[operator](values)


def list_value(expression: Any) -> int:
    """The value of a list operation that was read as JSON."""
    if isinstance(expression, int):
        return expression
    operator, *arguments = expression
    return operation_value(operator, list(map(list_value, arguments)))


def as_json(text: str) -> Any:
    return json.loads(re.sub(r"\[([A-Z]+)", r'["\1"', text).replace(" ]", "]").replace(" ", ", "))


def depth_of(expression: Any) -> int:
    return 0 if isinstance(expression, int) else 1 + max(map(depth_of, expression[1:]))


def dependency_value(
    tree: Tree, tokens: tuple[str, ...], node: int, apply: Callable[[str, list[Any]], Any]
) -> Any:
    """The value of a node, from those of its arguments in order; brackets are no arguments."""
    arguments = [
        dependency_value(tree, tokens, child, apply)
        for child in tree.children[node]
        if tree.labels[child] != "punct"
    ]
    return apply(tokens[node], arguments)


class TestListops:
    def test_labels(self, lists):
        for example in examples(lists):
            assert str(list_value(as_json(example.plain_text))) == example.label

    def test_depths(self, lists):
        for example in examples(lists):
            assert depth_of(as_json(example.plain_text)) == int(example.columns["depth"])
            assert as_json(example.plain_text)[0] == example.columns["operator"]

    @pytest.mark.parametrize("values", [[3, 1, 2], [4, 1], [9, 0, 9, 8], [5, 5, 1, 2, 9], [1, 2]])
    def test_median(self, values):
        assert listops.OPERATORS["[MED"](values) == int(statistics.median(values))

    def test_the_value_of_the_dependencies_is_the_label(self, lists):
        def apply(word: str, values: list[int]) -> int:
            return operation_value(word[1:], values) if values else int(word)

        for example in examples(lists):
            tree = example.sentence.dependencies
            assert str(dependency_value(tree, example.text, tree.root, apply)) == example.label

    def test_an_operation_is_a_constituent_that_branches_to_the_left(self, lists):
        trees = [e.sentence.constituency for e in examples(lists) if len(e.text) == 4]
        assert trees
        assert all(tree.parents == (-1, 0, 1, 2, 2, 1, 0) for tree in trees)

    def test_numbers_of_arguments(self, lists):
        found = {
            len(re.findall(r"\d", example.plain_text))
            for example in examples(lists)
            if example.columns["depth"] == "1"
        }
        assert found == {2, 3, 4, 5}


class TestArithmetic:
    def test_labels(self, sums):
        for example in examples(sums):
            assert str(eval(example.plain_text) % 5) == example.label

    def test_depths(self, sums):
        for example in examples(sums):
            assert bracket_depth(example.text) == int(example.columns["depth"])

    def test_the_dependencies_say_what_is_in_brackets(self, sums):
        def bracketed(word: str, values: list[str]) -> str:
            return f"({word.join(values)})" if values else word

        for example in examples(sums):
            tree = example.sentence.dependencies
            text = dependency_value(tree, example.text, tree.root, bracketed)
            assert text == "".join(example.text)

    def test_the_left_operand_is_the_subject(self, sums):
        for example in examples(sums):
            tree = example.sentence.dependencies
            for node, label in enumerate(tree.labels):
                if label in ("nsubj", "obj"):
                    assert (node < tree.parents[node]) == (label == "nsubj")


class TestLogic:
    def test_labels(self, formulas):
        for example in examples(formulas):
            given, formula = example.plain_text.split(" : ")
            words = given.split()
            values = {
                name: value == "true" for name, value in zip(words[::2], words[1::2], strict=True)
            }
            assert str(eval(formula, {}, values)).lower() == example.label

    def test_no_label_is_told_by_the_assignment(self, formulas):
        """Both labels occur under each of the eight assignments."""
        found = {(example.text[1:6:2], example.label) for example in examples(formulas)}
        assert len(found) == 16

    def test_depths(self, formulas):
        def depth(tree: Tree, node: int, tokens: tuple[str, ...]) -> int:
            below = (depth(tree, child, tokens) for child in tree.children[node])
            return max(below, default=0) + (tokens[node] in ("and", "or", "not"))

        for example in examples(formulas):
            tree = example.sentence.dependencies
            assert depth(tree, tree.root, example.text) == int(example.columns["depth"])

    def test_the_value_of_the_dependencies_is_the_label(self, formulas):
        def table(word: str, tables: list[Any]) -> Any:
            """Truth tables of phrases over p, q and r; what is assigned is the one row left."""
            rows = list(product((False, True), repeat=3))
            if word in ("true", "false"):
                return word == "true"
            if word == ":":
                *given, formula = tables
                return formula[rows.index(tuple(given))]
            if word in "pqr":
                return tables[0] if tables else [row["pqr".index(word)] for row in rows]
            if word == "not":
                return [not value for value in tables[0]]
            return [all(pair) if word == "and" else any(pair) for pair in zip(*tables, strict=True)]

        for example in examples(formulas):
            tree = example.sentence.dependencies
            value = dependency_value(tree, example.text, tree.root, table)
            assert str(value).lower() == example.label


class TestLogicPairs:
    def test_labels(self, pairs):
        """By sets of assignments to all six variables."""
        rows = [dict(zip("abcdef", row, strict=True)) for row in product((0, 1), repeat=6)]
        every = set(range(len(rows)))

        def where_true(text: tuple[str, ...]) -> set[int]:
            return {n for n, row in enumerate(rows) if eval(" ".join(text), {}, row)}

        def complement(found: set[int]) -> set[int]:
            return every - found

        for example in examples(pairs):
            one, other = where_true(example.text), where_true(example.text2)
            assert 0 < len(one) < 64
            assert 0 < len(other) < 64
            holds = {
                "equal": one == other,
                "entails": one < other,
                "entailed": one > other,
                "negation": one == complement(other),
                "exclusive": one < complement(other),
                "cover": one > complement(other),
            }
            assert [name for name, is_so in holds.items() if is_so] == (
                [] if example.label == "independent" else [example.label]
            )

    def test_what_is_always_true_has_no_relation(self):
        assert logic_pairs.relation(("(", "a", "or", "not", "a", ")"), ("b",)) is None
        assert logic_pairs.relation(("b",), ("(", "a", "and", "not", "a", ")")) is None

    def test_the_second_formula_has_its_own_trees(self, pairs):
        def text(word: str, parts: list[str]) -> str:
            if word == "not":
                return f"not {parts[0]}"
            return f"( {parts[0]} {word} {parts[1]} )" if parts else word

        for example in examples(pairs):
            tree = example.sentence2.dependencies
            found = dependency_value(tree, example.text2, tree.root, text)
            assert found == " ".join(example.text2)

    def test_an_experiment_reads_the_trees_of_both(self, pairs, tmp_path):
        seen = view(parse_dataset(pairs, None), Setting(structure="given"))
        for split in PARTS:
            for example, second in zip(getattr(pairs, split), seen.second[split], strict=True):
                assert second is example.sentence2
        chains = view(parse_dataset(pairs, None), Setting(structure="left_chain"))
        assert chains.second["dev"][0].dependencies.heights[0] == 0
        assert chains.second["dev"][0].tokens == pairs.dev[0].text2

    def test_another_second_tree_is_other_data(self, pairs):
        changed = replace(pairs.train[0], sentence2=pairs.train[1].sentence2)
        assert replace(pairs, train=(changed, *pairs.train[1:])).fingerprint != pairs.fingerprint

    def test_without_a_second_tree(self, pairs):
        bare = replace(pairs, dev=(replace(pairs.dev[0], sentence2=None), *pairs.dev[1:]))
        with pytest.raises(DataError, match=r"dev:0 \(second text\): this example has no"):
            parse_dataset(bare, None)


def bracket_depth(text: tuple[str, ...]) -> int:
    depth = most = 0
    for token in text:
        depth += (token in "([") - (token in ")]")
        most = max(most, depth)
    return most


def is_well_formed(text: str) -> bool:
    while "()" in text or "[]" in text:
        text = text.replace("()", "").replace("[]", "")
    return not text


class TestDyck:
    def test_labels(self, brackets):
        for example in examples(brackets):
            well = is_well_formed("".join(example.text))
            assert example.label == ("well-formed" if well else "ill-formed")

    def test_depths(self, brackets):
        for example in examples(brackets):
            assert bracket_depth(example.text) == int(example.columns["depth"])

    def test_five_brackets_in_a_row_tell_little(self):
        data = dyck.generate(train=600, dev=50, test=150)
        vectorizer = CountVectorizer(token_pattern=r"\S", ngram_range=(1, 5), min_df=5)
        x = vectorizer.fit_transform([example.plain_text for example in data.train])
        model = LogisticRegression(max_iter=300).fit(x, [e.label for e in data.train])
        found = vectorizer.transform([e.plain_text for e in data.test])
        assert model.score(found, [e.label for e in data.test]) < 0.6

    def test_two_pairs_do_not_match_and_distance_is_that_of_the_nearer(self, brackets):
        for example in examples(brackets):
            stack, unlike = [], []
            for place, token in enumerate(example.text):
                if token in "([":
                    stack.append(place)
                else:
                    first = stack.pop()
                    if example.text[first] + token not in ("()", "[]"):
                        unlike.append(place - first)
            assert len(unlike) == (0 if example.label == "well-formed" else 2)
            if unlike:
                assert min(unlike) == int(example.columns["distance"]) >= 7

    def test_what_closes_a_bracket_hangs_on_it(self, brackets):
        for example in examples(brackets):
            tree, stack = example.sentence.dependencies, []
            for place, token in enumerate(example.text):
                if token in "([":
                    outer = stack[-1] if stack else 0
                    assert tree.parents[place] == (outer if place else -1)
                    stack.append(place)
                else:
                    assert tree.parents[place] == stack.pop()
                    assert tree.labels[place] == "punct"


@pytest.mark.parametrize(
    "suite", [listops, arithmetic, logic, logic_pairs, dyck], ids=lambda suite: suite.__name__
)
def test_the_splits_of_test_are_longer_or_deeper_than_train(suite):
    data = suite.generate(train=200, dev=50, test=150)

    def ranges(split: str, part: str) -> list[tuple[int, int]]:
        chosen = [e.columns for e in getattr(data, part) if e.columns["split"] == split]
        values = ([int(found[column]) for found in chosen] for column in ("length", "depth"))
        return [(min(found), max(found)) for found in values]

    lengths, depths = ranges("same lengths", "train")
    assert ranges("longer", "test")[0][0] > lengths[1]
    assert ranges("longer", "test")[1][1] <= depths[1]
    assert ranges("deeper", "test")[1][0] > depths[1]
    bound = suite.SPLITS[0].lengths[1]
    assert ranges("deeper", "test")[0][1] <= bound
    assert ranges("same lengths", "test")[0][1] <= bound
