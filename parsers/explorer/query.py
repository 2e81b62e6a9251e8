"""A small language of patterns over dependency trees, and a search with it.

A query names words, and what holds between them::

    VERB -nsubj-> NOUN[Number=Plur]

is a verb whose subject is a noun in the plural. **Words:**

- ``VERB``: a universal part of speech; ``dog``: a word or lemma, in upper or lower case; ``run*``: one
  that begins so; ``"U.S."``: a word or lemma with any characters, where ``*`` is no wildcard; ``*``: any
  word. ``NOUN|PROPN`` is either.
- ``[lemma=be|have, Number=Plur, Case!=Nom]``: what else holds of the word, all of it. Names in lower
  case are ``form``, ``lemma``, ``upos``, ``xpos`` and ``deprel`` (the relation to its head); others are
  features of FEATS. ``=`` with ``*`` asks for any value; ``!=`` holds of words with no value too. A
  feature with several values, ``PronType=Int,Rel``, has each of them: ``PronType=Rel`` holds.
- ``v:VERB``: a word with a name. ``v:`` elsewhere is the same word. Words that aren't given one name are
  different words.

**Between two words**, on either side of it:

- ``-nsubj->``, ``<-nsubj-``: the arrow goes from the head to its dependent. ``-nsubj|obj->``: either;
  ``-nsubj*->``: with subtypes; ``-!punct->``: any other; ``->``, ``<-``: whatever the relation.
- ``->>``, ``<<-``: from a word to one anywhere below it.
- ``<``: before, anywhere in the sentence; ``.``: directly before.

**Several constraints** are joined by ``;`` and all hold. ``!`` before one says that it holds nowhere:
``v:VERB; !v: -nsubj-> *`` is a verb without a subject.

The page of :func:`parsers.explore` has the same language in JavaScript, with the tables of this module.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

from parsers.formats.conllu import items_of
from structnn.errors import InputError
from structnn.sentence import Sentence

__all__ = ["EXAMPLES", "LANGUAGE", "Hit", "Query", "QueryError", "search"]

TAGS = tuple(
    "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
)
FIELDS = ("form", "lemma", "upos", "xpos", "deprel")
ANY_CASE = ("word", "form", "lemma")
"""The fields in which upper and lower case are the same; ``word`` is the form or the lemma."""

_RELATIONS = r'(!?)([^ \t\r\n\[\]<>;"|!=,\-]+(?:\|[^ \t\r\n\[\]<>;"|!=,\-]+)*)'
TOKENS = {
    "space": r"[ \t\r\n]*",
    "name": r"[A-Za-z][A-Za-z0-9_]*:",
    "quoted": r'"(?:[^"]|"")*"',
    "bare": r'[^ \t\r\n\[\](){}<>;:"|!=,.\-]+',
    "value": r'[^ \t\r\n\[\]<>;"|!=,]+',
    "field": r"[A-Za-z][A-Za-z0-9]*(?:\[[A-Za-z0-9]+\])?",
    "down": rf"-{_RELATIONS}->(?!>)",
    "up": rf"<-{_RELATIONS}-(?!>)",
    "half": r"<-[^ \t\r\n]",
    "link": r"->>|->|<<-|<-|<|\.",
    "or": r"\|",
    "equals": r"!?=",
    "open": r"\[",
    "close": r"\]",
    "comma": ",",
    "not": "!",
    "join": ";",
    # What is wrong, for messages: a word, or a character.
    "found": r"[^ \t\r\n\[\];,]+|.",
}
"""The parts of queries, as regular expressions that Python and JavaScript read alike."""

LINKS = {
    "->": ("head", False),
    "<-": ("head", True),
    "->>": ("above", False),
    "<<-": ("above", True),
    "<": ("before", False),
    ".": ("next", False),
}
"""What each sign between two words means, and whether the word on its right is the first of the two."""

PROBLEMS = {
    "empty": "there is no query; write one, such as VERB -nsubj-> NOUN",
    "word": "a word is due here, but there is {found}; write a part of speech as NOUN, a word as dog, "
    "or * for any word, and put words with other characters into quotes",
    "quote": 'the quotes are not closed; write " at the end of the word too',
    "mixed": "{found} is of another kind than what is before it; alternatives are all parts of speech, "
    "as NOUN|PROPN, or all words, as dog|cat",
    "field": "the name of a column or feature is due here, but there is {found}; write as [lemma=be] or "
    "[Number=Plur]",
    "lower": "there is no column {found}; the columns are form, lemma, upos, xpos and deprel, and "
    "features begin with a capital, as Number",
    "equals": "= or != is due here, but there is {found}; write as [Number=Plur], or [Number=*] for "
    "any value",
    "value": "a value is due here, but there is {found}; write as [Number=Plur], and put values with "
    "other characters into quotes",
    "close": "] or a comma is due here, but there is {found}; write as [Number=Plur, Case=Nom]",
    "arrow": "{found} is no arrow; write -> or <- with spaces around them for any relation, and "
    "-nsubj-> or <-nsubj- for one",
    "link": "an arrow, <, . or ; is due here, but there is {found}; of two words write -> between head "
    "and dependent, < for before, . for directly before, ; for both in any order",
    "reference": "no word is named {found}; name one elsewhere, as {found}VERB, or write {found}* for "
    "any word",
    "itself": "{found} would be linked to itself; give the two words different names",
}
"""What can be wrong with a query, and how to mend it."""

SHOWN = {"lower": "field", "reference": "name", "itself": "name"}
"""What is named as wrong where that is not all that stands there; all else is put into quotes."""

EXAMPLES = {
    "VERB -nsubj-> NOUN[Number=Plur]": "a verb whose subject is a noun in the plural",
    "dog|cat": "a word or lemma, dog or cat",
    "run*": "a word or lemma that begins with run",
    '"U.S."': "a word with characters that mean something here",
    "[lemma=be, Tense=Past, deprel!=cop]": "be in the past that is no copula",
    "VERB -nsubj*-> PRON": "a pronoun as the subject, passive subjects (nsubj:pass) too",
    "v:VERB -nsubj-> *; v: -obj-> *": "a verb with a subject and an object",
    "v:VERB; !v: -nsubj-> *": "a verb without a subject",
    "VERB -obj-> n:NOUN; n: < VERB": "an object, with another verb after it",
    "ADJ . NOUN": "an adjective directly before a noun",
    "a:ADJ <-amod- n:NOUN; n: < a:": "an adjective after its noun",
    "not ->> *": "something below not",
    "[deprel=acl*] ->> [PronType=Rel]": "a relative pronoun below a clause that modifies a noun",
    "!PUNCT": "a sentence without punctuation",
}
"""Queries, and what each of them finds."""

LANGUAGE: Mapping[str, object] = {
    "tags": TAGS,
    "fields": FIELDS,
    "anyCase": ANY_CASE,
    "tokens": TOKENS,
    "links": LINKS,
    "problems": PROBLEMS,
    "shown": SHOWN,
    "examples": EXAMPLES,
}
"""The tables of the language, for the page."""

_TOKENS = {name: re.compile(expression, re.DOTALL) for name, expression in TOKENS.items()}
_UNBOUND = -1


class QueryError(InputError):
    """A query can't be read; the message says what is wrong, where, and how to mend it.

    Args:
        query: The query.
        place: The index of the character at which it is wrong.
        problem: What is wrong, and how to mend it.

    Attributes:
        query, place, problem: As given.
    """

    def __init__(self, query: str, place: int, problem: str) -> None:
        super().__init__(f"query {query!r}, character {place + 1}: {problem}")
        self.query = query
        self.place = place
        self.problem = problem

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.query, self.place, self.problem)


@dataclass(frozen=True)
class Hit:
    """A sentence that a query finds.

    Attributes:
        place: Its index among the sentences that were searched.
        sentence: The sentence.
        matches: For each way in which the query holds the indices of its words, in the order in which
            the query has them; a word that occurs in constraints with ``!`` alone has none.
    """

    place: int
    sentence: Sentence
    matches: tuple[tuple[int, ...], ...]


def search(sentences: Iterable[Sentence], query: str | Query) -> Iterator[Hit]:
    """Find the sentences in which a pattern of words and relations occurs.

    Args:
        sentences: The corpus, such as :func:`parsers.read_conllu` returns.
        query: The pattern, in the language of :mod:`parsers.explorer.query`.

    Returns:
        An iterator over the sentences with at least one match, in order.

    Raises:
        QueryError: The query can't be read.

    Example:
        >>> from structnn import Tree
        >>> tree = Tree([1, -1, 1], labels=["nsubj", "root", "obj"])
        >>> tags = ["NOUN", "VERB", "NOUN"]
        >>> corpus = [Sentence(["dogs", "chase", "cats"], dependencies=tree, tags=tags)]
        >>> [hit.matches for hit in search(corpus, "VERB -obj-> NOUN")]
        [((1, 2),)]
    """
    pattern = query if isinstance(query, Query) else Query(query)
    return _hits(sentences, pattern)


def _hits(sentences: Iterable[Sentence], pattern: Query) -> Iterator[Hit]:
    for place, sentence in enumerate(sentences):
        if matches := tuple(pattern.matches(sentence)):
            yield Hit(place, sentence, matches)


@dataclass(frozen=True)
class Test:
    """What must hold of a value: that it is one of these, or none of them.

    Args:
        field: One of ``FIELDS``, ``"word"`` or ``"relation"``, or the name of a feature.
        values: The values; each with whether ``*`` is a wildcard in it.
        negated: Whether it must be none of them.
    """

    field: str
    values: tuple[tuple[str, bool], ...]
    negated: bool = False

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        alternatives = (
            ".*".join(map(re.escape, self._folded(text).split("*")))
            if wildcards
            else re.escape(self._folded(text))
            for text, wildcards in self.values
        )
        return re.compile("|".join(f"(?:{one})" for one in alternatives), re.DOTALL)

    def _folded(self, text: str) -> str:
        return _folded(text) if self.field in ANY_CASE else text

    def holds(self, values: Iterable[str]) -> bool:
        """Whether it holds of a word that has these values."""
        found = any(self._expression.fullmatch(self._folded(value)) for value in values)
        return found != self.negated


def _folded(text: str) -> str:
    """A text in lower case, however its accents are encoded, and whether a sigma ends a word or not."""
    final, other = "\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}"
    return unicodedata.normalize("NFC", text.lower()).replace(final, other)


@dataclass(frozen=True)
class Link:
    """What must hold between two words, which are given by their numbers in the query."""

    kind: str
    first: int
    second: int
    relation: Test | None = None


@dataclass(frozen=True)
class Constraint:
    """Words, with what must hold of each, and links between them.

    Args:
        words: The numbers of the words in the query, in order, and what must hold of each.
        links: What must hold between them.
    """

    words: tuple[tuple[int, tuple[Test, ...]], ...]
    links: tuple[Link, ...]

    @cached_property
    def due(self) -> tuple[tuple[Link, ...], ...]:
        """For each word the links to it and to the words before it."""
        step = {number: step for step, (number, _) in enumerate(self.words)}
        return tuple(
            tuple(link for link in self.links if max(step[link.first], step[link.second]) == place)
            for place in range(len(self.words))
        )


class Query:
    """A pattern over dependency trees, in the language of :mod:`parsers.explorer.query`.

    Args:
        text: The query.

    Attributes:
        text: As given.
        wanted: What occurs, all constraints without ``!`` as one.
        unwanted: What does not occur.

    Raises:
        QueryError: It can't be read.

    Example:
        >>> Query("VERB -nsubj NOUN")
        Traceback (most recent call last):
        ...
        parsers.explorer.query.QueryError: query 'VERB -nsubj NOUN', character 6: '-nsubj' is no arrow; \
write -> or <- with spaces around them for any relation, and -nsubj-> or <-nsubj- for one
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.wanted, self.unwanted, self._size = _Reader(text).query()

    def __repr__(self) -> str:
        return f"Query({self.text!r})"

    def matches(self, sentence: Sentence) -> Iterator[tuple[int, ...]]:
        """The ways in which the query holds in a sentence.

        Args:
            sentence: The sentence. Without dependencies no arrow holds in it.

        Yields:
            The indices of the words, in the order in which the query has them.
        """
        view = _View(sentence)
        places = [_UNBOUND] * self._size
        for _ in view.bindings(self.wanted, places):
            if not any(
                any(True for _ in view.bindings(one, places.copy())) for one in self.unwanted
            ):
                yield tuple(places[number] for number, _ in self.wanted.words)


class _View:
    """A sentence, as constraints look at it."""

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        self._features: list[dict[str, str]] | None = None

    def bindings(self, constraint: Constraint, places: list[int], step: int = 0) -> Iterator[None]:
        """Put indices into ``places``, in each way in which a constraint holds.

        Args:
            constraint: The constraint.
            places: For each word of the query its index, or that it has none yet.
            step: How many words of the constraint have one.
        """
        if step == len(constraint.words):
            yield
            return
        number, tests = constraint.words[step]
        known = places[number]
        candidates = range(len(self.sentence)) if known == _UNBOUND else (known,)
        for token in candidates:
            if known == _UNBOUND and token in places:
                continue
            if not all(test.holds(self.values(test.field, token)) for test in tests):
                continue
            places[number] = token
            if all(self.linked(link, places) for link in constraint.due[step]):
                yield from self.bindings(constraint, places, step + 1)
            places[number] = known

    def linked(self, link: Link, places: Sequence[int]) -> bool:
        """Whether a link holds between two words that have their places."""
        first, second = places[link.first], places[link.second]
        if link.kind == "before":
            return first < second
        if link.kind == "next":
            return first + 1 == second
        tree = self.sentence.dependencies
        if tree is None:
            return False
        if link.kind == "head":
            return tree.parents[second] == first and (
                link.relation is None or link.relation.holds(self.values("deprel", second))
            )
        node = tree.parents[second]
        while node not in (first, -1):
            node = tree.parents[node]
        return node == first

    def values(self, name: str, token: int) -> tuple[str, ...]:
        """The values of a word under a name; what is unknown, ``_``, is none."""
        sentence = self.sentence
        if name == "form":
            return (sentence.tokens[token],)
        if name == "word":
            return (sentence.tokens[token], *self.values("lemma", token))
        column: Sequence[str] | None
        if name == "lemma":
            column = sentence.lemmas
        elif name == "upos":
            column = sentence.tags
        elif name == "xpos":
            column = sentence.columns.get("xpos")
        elif name == "deprel":
            column = sentence.dependencies.labels if sentence.dependencies is not None else None
        else:
            value = self.features[token].get(name)
            return () if value is None else (value, *value.split(","))
        return () if column is None or column[token] in ("", "_") else (column[token],)

    @property
    def features(self) -> list[dict[str, str]]:
        """The features of each word."""
        if self._features is None:
            column = self.sentence.columns.get("feats", ("_",) * len(self.sentence))
            self._features = [items_of(value) for value in column]
        return self._features


@dataclass
class _Word:
    """A word as it is written: its name, what holds of it, and where it is."""

    start: int
    name: str
    tests: tuple[Test, ...]
    defined: bool  # rather than mentioned by its name alone


@dataclass
class _Chain:
    """A constraint as it is written: words, with the links between them."""

    negated: bool
    words: list[_Word] = field(default_factory=list)
    links: list[tuple[str, bool, Test | None]] = field(default_factory=list)


class _Reader:
    """Reads a query from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def query(self) -> tuple[Constraint, tuple[Constraint, ...], int]:
        """What occurs, what does not, and the number of words in all."""
        self.skip()
        if self.at == len(self.text):
            self.fail("empty")
        chains = [self.chain()]
        while self.at < len(self.text):
            if not self.take("join"):
                self.fail("arrow" if self.text[self.at] == "-" else "link")
            if self.at < len(self.text):
                chains.append(self.chain())
        wanted = [chain for chain in chains if not chain.negated]
        numbers: dict[str, int] = {}
        constraint, size = self.constraint(wanted, numbers, 0)
        unwanted = []
        for chain in chains:
            if chain.negated:
                one, size = self.constraint([chain], dict(numbers), size, known=set(numbers))
                unwanted.append(one)
        return constraint, tuple(unwanted), size

    def constraint(
        self,
        chains: Sequence[_Chain],
        numbers: dict[str, int],
        size: int,
        known: Iterable[str] = (),
    ) -> tuple[Constraint, int]:
        """Number the words of chains, those of one name as one; also gives the next free number."""
        defined = {word.name for chain in chains for word in chain.words if word.defined}
        tests: dict[int, tuple[Test, ...]] = {}
        links = []
        for chain in chains:
            before: tuple[int, _Word] | None = None
            for place, word in enumerate(chain.words):
                if word.name and word.name not in defined and word.name not in known:
                    self.fail("reference", word.start)
                number = numbers.get(word.name, size)
                size += number == size
                if word.name:
                    numbers[word.name] = number
                tests[number] = (*tests.get(number, ()), *word.tests)
                if before is not None:
                    kind, mirrored, relation = chain.links[place - 1]
                    if before[0] == number:
                        self.fail("itself", word.start)
                    pair = (number, before[0]) if mirrored else (before[0], number)
                    links.append(Link(kind, *pair, relation))
                before = number, word
        return Constraint(tuple(tests.items()), tuple(links)), size

    def chain(self) -> _Chain:
        chain = _Chain(negated=bool(self.take("not")))
        chain.words.append(self.word())
        while (link := self.link()) is not None:
            chain.links.append(link)
            chain.words.append(self.word())
        return chain

    def link(self) -> tuple[str, bool, Test | None] | None:
        for token, mirrored in (("down", False), ("up", True)):
            if found := self.take(token):
                values = tuple((value, True) for value in found[2].split("|"))
                return "head", mirrored, Test("relation", values, negated=bool(found[1]))
        if _TOKENS["half"].match(self.text, self.at):
            self.fail("arrow")
        if found := self.take("link"):
            return *LINKS[found[0]], None
        return None

    def word(self) -> _Word:
        start = self.at
        name = self.take("name")
        tests = self.described()
        if tests is None and not name:
            self.fail("word")
        return _Word(start, name[0] if name else "", tests or (), tests is not None)

    def described(self) -> tuple[Test, ...] | None:
        """What holds of a word; None if nothing is said, not even that it is any word."""
        tests: list[Test] = []
        values: list[tuple[str, bool]] = []
        kind = ""
        start = self.at
        while (value := self.value("bare")) is not None:
            found = "upos" if value[1] and value[0] in TAGS else "word"
            if kind and kind != found:
                self.fail("mixed", start)
            kind = found
            values.append(value)
            if not self.take("or"):
                break
            start = self.at
        else:
            if values:
                self.fail("word")
        if values and ("*", True) not in values:
            tests.append(Test(kind, tuple(values)))
        bracket = self.take("open")
        if bracket:
            tests.append(self.test())
            while self.take("comma"):
                tests.append(self.test())
            if not self.take("close"):
                self.fail("close")
        return tuple(tests) if values or bracket else None

    def test(self) -> Test:
        start = self.at
        found = self.take("field")
        if not found:
            self.fail("field")
        name = found[0]
        if name[0].islower() and name not in FIELDS:
            self.fail("lower", start)
        equals = self.take("equals")
        if not equals:
            self.fail("equals")
        values = []
        while True:
            value = self.value("value")
            if value is None:
                self.fail("value")
            values.append(value)
            if not self.take("or"):
                break
        return Test(name, tuple(values), negated=equals[0] == "!=")

    def value(self, token: str) -> tuple[str, bool] | None:
        """A value, and whether it may have wildcards: those in quotes have none."""
        if self.text.startswith('"', self.at):
            start = self.at
            if not (quoted := self.take("quoted")):
                self.fail("quote", start)
            return quoted[0][1:-1].replace('""', '"'), False
        bare = self.take(token)
        return (bare[0], True) if bare else None

    def take(self, token: str) -> re.Match[str] | None:
        """The next part, if it is of this kind, and the space after it."""
        found = _TOKENS[token].match(self.text, self.at)
        if found:
            self.at = found.end()
            self.skip()
        return found

    def skip(self) -> None:
        space = _TOKENS["space"].match(self.text, self.at)
        assert space is not None
        self.at = space.end()

    def fail(self, problem: str, place: int | None = None) -> NoReturn:
        at = self.at if place is None else place
        found = _TOKENS[SHOWN.get(problem, "found")].match(self.text, at)
        named = found[0] if found else "the end"
        quoted = f"'{named}'" if found and problem not in SHOWN else named
        raise QueryError(self.text, at, PROBLEMS[problem].replace("{found}", quoted))
