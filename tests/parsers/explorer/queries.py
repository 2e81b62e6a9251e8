"""Random queries as data, their text, and a slow reading of what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from hypothesis import strategies as st

from structnn.sentence import Sentence, Tree
from tests.parsers.sentence_strategies import dependency_trees

FORMS = ("dogs", "Dogs", "cats", "bark", "U.S.", "İstanbul", "_", "*")
LEMMAS = ("dog", "cat", "bark", "_", "Dog")
TAGS = ("NOUN", "VERB", "PRON", "_")
XPOS = ("NN", "NNS", "-LRB-")
FEATS = ("_", "Number=Plur", "Case=Nom|Number=Sing", "Case=Acc,Nom", "Number[psor]=Sing")

Test = tuple[str, bool, tuple[str, ...]]
"""Column or feature, whether it is negated, and values as they are written."""


@dataclass(frozen=True)
class Made:
    """A query: what holds of each word, links that hold, and one constraint for each that does not."""

    words: tuple[tuple[Test, ...], ...]
    links: tuple[tuple[int, str, int], ...]
    # A link from a word of the query to another one of it, or (-1) to a further word with a test.
    absent: tuple[tuple[int, str, int, Test], ...]

    def text(self) -> str:
        """As it is written."""
        parts = [f"w{n}:*[{', '.join(map(written, tests))}]" for n, tests in enumerate(self.words)]
        parts += [f"w{first}: {sign} w{second}:" for first, sign, second in self.links]
        parts += [
            f"!w{first}: {sign} " + (f"w{second}:" if second >= 0 else f"*[{written(test)}]")
            for first, sign, second, test in self.absent
        ]
        return "; ".join(parts)

    def matches(self, sentence: Sentence) -> Iterator[tuple[int, ...]]:
        """All ways to choose different words, one after the other."""
        for chosen in permutations(range(len(sentence)), len(self.words)):
            if (
                all(
                    holds(sentence, token, test)
                    for token, tests in zip(chosen, self.words, strict=True)
                    for test in tests
                )
                and all(linked(sentence, chosen[a], sign, chosen[b]) for a, sign, b in self.links)
                and not any(self.occurs(sentence, chosen, *absent) for absent in self.absent)
            ):
                yield chosen

    def occurs(
        self, sentence: Sentence, chosen: tuple[int, ...], a: int, sign: str, b: int, test: Test
    ) -> bool:
        if b >= 0:
            return linked(sentence, chosen[a], sign, chosen[b])
        return any(
            linked(sentence, chosen[a], sign, token) and holds(sentence, token, test)
            for token in range(len(sentence))
            if token not in chosen
        )


def written(test: Test) -> str:
    name, negated, values = test
    return f"{name}{'!=' if negated else '='}{'|'.join(values)}"


def holds(sentence: Sentence, token: int, test: Test) -> bool:
    name, negated, values = test
    if name == "form":
        found = sentence.tokens[token]
    elif name in ("lemma", "upos", "xpos", "deprel"):
        columns = {
            "lemma": sentence.lemmas,
            "upos": sentence.tags,
            "xpos": sentence.columns.get("xpos"),
            "deprel": sentence.dependencies and sentence.dependencies.labels,
        }
        found = (columns[name] or {token: "_"})[token]
        if found == "_":
            return negated
    else:
        column = sentence.columns.get("feats", {token: "_"})[token]
        features = dict(pair.split("=") for pair in column.split("|") if "=" in pair)
        if name not in features:
            return negated
        one_of = (features[name], *features[name].split(","))
        return any(fits(value, one) for value in values for one in one_of) != negated
    if name in ("form", "lemma"):
        found, values = found.lower(), tuple(value.lower() for value in values)
    return any(fits(value, found) for value in values) != negated


def fits(value: str, found: str) -> bool:
    if value.startswith('"'):
        return found == value[1:-1]
    begin, star, end = value.partition("*")
    if not star:
        return found == value
    return len(found) >= len(begin + end) and found.startswith(begin) and found.endswith(end)


def linked(sentence: Sentence, first: int, sign: str, second: int) -> bool:
    if sign == "<<-":
        return linked(sentence, second, "->>", first)
    if sign.startswith("<-"):
        return linked(sentence, second, sign.removeprefix("<") + ">", first)
    if sign == "<":
        return first < second
    if sign == ".":
        return second == first + 1
    tree = sentence.dependencies
    if tree is None:
        return False
    if sign == "->>":
        return first in above(tree, second)
    if tree.parents[second] != first:
        return False
    match = re.fullmatch(r"-(!?)(.*)->", sign)
    if match is None:
        return True
    label = "_" if tree.labels is None else tree.labels[second]
    found = label != "_" and any(fits(value, label) for value in match[2].split("|"))
    return found != bool(match[1])


def above(tree: Tree, node: int) -> set[int]:
    found = set()
    while (node := tree.parents[node]) != -1:
        found.add(node)
    return found


@st.composite
def tests(draw: st.DrawFn) -> Test:
    name, values = draw(
        st.sampled_from(
            [
                ("form", ("dogs", "*s", '"U.S."', "İSTANBUL", '"*"', "_", "*")),
                ("lemma", ("DOG", "c*", "*", "d*g")),
                ("upos", ("NOUN", "VERB", "N*", "*")),
                ("xpos", ("NN", "NN*", "-LRB-")),
                ("deprel", ("nsubj", "nmod:poss", "n*", "*")),
                ("Number", ("Plur", "Sing", "*")),
                ("Case", ("Nom", "*")),
                ("Number[psor]", ("Sing",)),
            ]
        )
    )
    chosen = draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True))
    return name, draw(st.booleans()), tuple(chosen)


@st.composite
def queries(draw: st.DrawFn) -> Made:
    """A query of one to three words."""
    size = draw(st.integers(1, 3))
    sign = st.sampled_from(
        ["->", "<-", "->>", "<<-", "<", ".", "-nsubj->", "<-n*-", "-!obj->", "-nsubj|obj->"]
    )
    numbers = st.integers(0, size - 1)
    pairs = st.tuples(numbers, sign, numbers).filter(lambda link: link[0] != link[2])
    others = st.tuples(numbers, sign, numbers | st.just(-1), tests())
    return Made(
        tuple(tuple(draw(st.lists(tests(), min_size=1, max_size=2))) for _ in range(size)),
        tuple(draw(st.lists(pairs, max_size=2))) if size > 1 else (),
        tuple(draw(st.lists(others.filter(lambda one: one[0] != one[2]), max_size=2))),
    )


@st.composite
def tagged_sentences(draw: st.DrawFn, max_size: int = 6) -> Sentence:
    """A sentence whose columns have a few values each, or are missing."""
    size = draw(st.integers(1, max_size))

    def column(values: tuple[str, ...]) -> list[str] | None:
        some = draw(st.lists(st.sampled_from(values), min_size=size, max_size=size))
        return None if set(some) == {"_"} or draw(st.integers(0, 5)) == 0 else some

    forms = draw(st.lists(st.sampled_from(FORMS), min_size=size, max_size=size))
    columns = {"xpos": column(XPOS), "feats": column(FEATS)}
    return Sentence(
        forms,
        dependencies=draw(dependency_trees(size)) if draw(st.integers(0, 5)) else None,
        lemmas=column(LEMMAS),
        tags=column(TAGS),
        columns={name: values for name, values in columns.items() if values is not None},
    )
