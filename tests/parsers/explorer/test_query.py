"""The language of queries: what it finds, by a slow reading of it, and what it refuses."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import Query, QueryError, read_conllu, search
from parsers.explorer.query import EXAMPLES
from structnn.sentence import Sentence, Tree
from tests.parsers.explorer.queries import Made, queries, tagged_sentences

# The old dog chased cats that had never barked .
SENTENCE = Sentence(
    ["The", "old", "dog", "chased", "cats", "that", "had", "never", "barked", "."],
    dependencies=Tree(
        [2, 2, 3, -1, 3, 8, 8, 8, 4, 3],
        labels="det amod nsubj root obj nsubj aux advmod acl:relcl punct".split(),
    ),
    tags="DET ADJ NOUN VERB NOUN PRON AUX ADV VERB PUNCT".split(),
    lemmas="the old dog chase cat that have never bark .".split(),
    columns={
        "feats": [
            *("Definite=Def|PronType=Art", "Degree=Pos", "Number=Sing", "Tense=Past"),
            *("Number=Plur", "PronType=Int,Rel", "Tense=Past", "_", "Tense=Past", "_"),
        ]
    },
)


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("NOUN", ["dog", "cats"]),
        ("noun", []),
        ("DOG", ["dog"]),
        ("cat", ["cats"]),
        ("cat|dog", ["dog", "cats"]),
        ("*ed", ["chased", "barked"]),
        ('"."', ["."]),
        ("NOUN[Number=Plur]", ["cats"]),
        ("NOUN[Number!=Plur]", ["dog"]),
        ("[Tense=*, upos!=AUX]", ["chased", "barked"]),
        ("[PronType=Rel]", ["that"]),
        ('[PronType="Int,Rel"]', ["that"]),
        ("[PronType=*, PronType!=Rel]", ["The"]),
        ("VERB -nsubj-> NOUN", ["chased dog"]),
        ("NOUN <-nsubj- VERB", ["dog chased"]),
        ("VERB -nsubj|obj-> NOUN", ["chased dog", "chased cats"]),
        ("VERB -!nsubj-> NOUN", ["chased cats"]),
        ("NOUN -acl-> *", []),
        ("NOUN -acl*-> *", ["cats barked"]),
        ("VERB -nsubj-> n:*; n: -> ADJ", ["chased dog old"]),
        ("v:VERB -nsubj-> *; v: -obj-> *", ["chased dog cats"]),
        ("v:VERB; !v: -obj-> *", ["barked"]),
        ("v:VERB; !v:chase", ["barked"]),
        ("never <<- NOUN", ["never cats"]),
        ("NOUN ->> *[deprel=advmod]", ["cats never"]),
        ("ADJ . NOUN", ["old dog"]),
        ("AUX . VERB", []),
        ("AUX < VERB", ["had barked"]),
        ("AUX . ADV . VERB", ["had never barked"]),
        ("NOUN; VERB < PUNCT", ["dog chased .", "dog barked .", "cats chased .", "cats barked ."]),
        ("!INTJ", [""]),
        ("!NOUN", []),
        ("  \n VERB;", ["chased", "barked"]),
    ],
)
def test_what_is_found(query, matches):
    found = [
        " ".join(SENTENCE.tokens[i] for i in match) for match in Query(query).matches(SENTENCE)
    ]
    assert found == matches


@settings(deadline=None, max_examples=100)
@given(queries(), st.lists(tagged_sentences(5), min_size=1, max_size=2))
def test_as_a_slow_reading_finds_it(made: Made, sentences: list[Sentence]) -> None:
    expected = [tuple(made.matches(sentence)) for sentence in sentences]
    found = {hit.place: hit.matches for hit in search(sentences, made.text())}
    assert [found.get(place, ()) for place in range(len(sentences))] == expected


def test_examples_can_be_read_and_are_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "explore.md").read_text(encoding="utf-8")
    for query, meaning in EXAMPLES.items():
        Query(query)
        row = f"| `{query.replace('|', chr(92) + '|')}` | {meaning} |"
        assert row in page
    for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
        exec(compile(block, "explore.md", "exec"), {})


WRONG = {
    "": (0, "there is no query"),
    " ": (1, "there is no query"),
    "VERB -nsubj NOUN": (5, "'-nsubj' is no arrow; write -> or <- with spaces"),
    "NOUN <-nsubj VERB": (5, "'<-nsubj' is no arrow"),
    "VERB -nsubj->": (13, "a word is due here, but there is the end"),
    "new york": (4, "an arrow, <, . or ; is due here, but there is 'york'"),
    "NOUN)": (4, "an arrow, <, . or ; is due here, but there is ')'"),
    "well-known": (4, "'-known' is no arrow"),
    "[lema=be]": (1, "there is no column lema;"),
    "[]": (1, "the name of a column or feature is due here, but there is ']'"),
    "[Number]": (7, "= or != is due here, but there is ']'"),
    "[Number=]": (8, "a value is due here, but there is ']'"),
    "[Number=Plur": (12, "] or a comma is due here, but there is the end"),
    "v: -> *": (0, "no word is named v:; name one elsewhere, as v:VERB"),
    "!v:VERB; v: -> *": (9, "no word is named v:"),
    "v:VERB -> v:": (10, "v: would be linked to itself"),
    "NOUN|dog": (5, "'dog' is of another kind than what is before it"),
    "dog|": (4, "a word is due here"),
    'form "dogs': (5, "an arrow, <, . or ; is due here"),
    '"dogs': (0, "the quotes are not closed"),
    '[form="dogs]': (6, "the quotes are not closed"),
    "🐶 -> ;": (5, "a word is due here, but there is ';'"),
}


@pytest.mark.parametrize("query", WRONG)
def test_what_is_wrong_and_where(query):
    place, problem = WRONG[query]
    with pytest.raises(QueryError) as raised:
        Query(query)
    assert raised.value.place == place
    assert problem in raised.value.problem
    assert f"character {place + 1}: " in str(raised.value)
    assert vars(pickle.loads(pickle.dumps(raised.value))) == vars(raised.value)


def test_an_error_is_there_before_anything_is_searched() -> None:
    with pytest.raises(QueryError):
        search([], "[")


def test_values_with_any_characters_are_quoted() -> None:
    (sentence,) = read_conllu(
        line.replace(" ", "\t") for line in ['1 " _ _ `` _ 2 punct _ _', "2 a;b _ _ _ _ 0 root _ _"]
    )
    assert list(Query('"""" <- "a;b"').matches(sentence)) == [(0, 1)]
    assert list(Query("[xpos=``]").matches(sentence)) == [(0,)]


LETTERS = Sentence(["Cafe\u0301", "caf\u00e9", "ΟΣΟ", "ΟΔΟΣ", "οδος", "cafe"])


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("caf\u00e9", [0, 1]),
        ("CAFE\u0301", [0, 1]),
        ("[form=caf\u00e9|x]", [0, 1]),
        ("cafe", [5]),
        (
            "ΟΣ*",
            [2],
        ),  # in lower case a sigma has another form at the end, where the star is no letter
        ("*Σ", [3, 4]),
        ("οδοσ", [3, 4]),
    ],
)
def test_the_same_letters_are_found_however_they_are_encoded(query: str, places: list[int]) -> None:
    assert list(Query(query).matches(LETTERS)) == [(place,) for place in places]


def test_where_a_column_is_missing_only_its_negation_holds() -> None:
    bare = Sentence(["dogs", "bark"])
    for name in ("lemma", "upos", "xpos", "deprel", "Number"):
        assert not list(Query(f"[{name}=*]").matches(bare))
        assert len(list(Query(f"[{name}!=x]").matches(bare))) == 2
    assert not list(Query("* -> *").matches(bare))
    assert list(Query("dogs . bark").matches(bare)) == [(0, 1)]
