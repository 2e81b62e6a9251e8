"""Columns of the words of a treebank as tags."""

from __future__ import annotations

import gzip

import pytest

from tasks.data.datasets import load_dataset
from tasks.data.examples import DataError
from tasks.data.files import read_table
from tasks.data.options import DataOptions
from tasks.data.parsing import with_given
from tasks.data.questions import Question

WORDS = [
    "# sent_id = one",
    "# label = good",
    "1 dogs dog NOUN _ Number=Plur|Case=Nom 2 nsubj _ _",
    "2-3 won't _ _ _ _ _ _ _ SpaceAfter=No",
    "2 wo will AUX _ _ 4 aux _ _",
    "3 n't not PART _ _ 4 advmod _ _",
    "4 bark bark VERB _ Number=Plur 0 root _ SpaceAfter=No|Gloss=b",
    "",
    "# label = bad",
    "1 Stop stop _ _ _ 0 root _ _",
    "",
]


def treebank(path):
    text = "".join(
        (line if line.startswith("#") else line.replace(" ", "\t")) + "\n" for line in WORDS
    )
    # The dogs' tree: heads of a tree with one root.
    text = text.replace("\t2\tnsubj", "\t4\tnsubj")
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize(
    ("column", "answers"),
    [
        ("UPOS", ["NOUN AUX PART VERB", "_"]),
        ("DEPREL", ["nsubj aux advmod root", "root"]),
        ("FEATS", ["Number=Plur|Case=Nom _ _ Number=Plur", "_"]),
        ("Number", ["Plur _ _ Plur", "_"]),
        ("SpaceAfter", ["_ _ _ No", "_"]),
        ("Gloss", ["_ _ _ b", "_"]),
    ],
)
@pytest.mark.parametrize("name", ["a.conllu", "a.conllu.gz"])
def test_any_column_of_the_words_is_tags(tmp_path, name, column, answers):
    path = treebank(tmp_path / name)
    table = read_table(path, DataOptions(label_column=column))
    assert table.question == Question("tokens")
    assert [example.label for example in table.examples] == answers
    first = table.examples[0]
    assert first.text == ("dogs", "wo", "n't", "bark")
    assert first.sentence.dependencies.parents == (3, 3, 3, -1)  # of --structure given
    # No other column of the words goes along with the example: the tree has words and relations.
    assert first.sentence.tags is None
    assert first.sentence.columns == {}
    assert first.columns["label"] == "good"
    assert first.source == f"{path}:1"


def test_comments_are_labels_of_sentences_as_before(tmp_path):
    table = read_table(treebank(tmp_path / "a.conllu"))
    assert table.question == Question()
    assert [example.label for example in table.examples] == ["good", "bad"]
    named = read_table(treebank(tmp_path / "a.conllu"), DataOptions(label_column="label"))
    assert named.question == Question()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("XPOS", r"a\.conllu: the column XPOS is empty \(_\) for every word; choose another"),
        ("LEMMA", r"LEMMA is no tag but a word, .* choose UPOS, XPOS, FEATS, DEPREL, or a key"),
        ("HEAD", "HEAD is no tag but the number of another word"),
        ("Tense", r"no comment 'Tense', .* the keys 'Number', 'Case', 'SpaceAfter', 'Gloss'"),
    ],
)
def test_what_is_no_tag_is_told(tmp_path, column, message):
    with pytest.raises(DataError, match=message):
        read_table(treebank(tmp_path / "a.conllu"), DataOptions(label_column=column))


def test_one_label_can_not_be_that_of_words(tmp_path):
    options = DataOptions(label_column="UPOS", reads="pair")
    with pytest.raises(DataError, match="takes the column 'text2'"):
        read_table(treebank(tmp_path / "a.conllu"), options)


def test_tags_stand_beside_enhanced_dependencies(tmp_path):
    lines = [
        "1 she _ PRON _ _ 2 nsubj 2:nsubj|2.1:nsubj _",
        "2 sings _ VERB _ _ 0 root 0:root _",
        "2.1 dances _ VERB _ _ _ _ 2:conj _",
        "",
    ]
    text = "\n".join(lines).replace(" ", "\t") + "\n"
    datasets = {}
    for name, content in (("a", text), ("b", text.replace("2:nsubj|2.1:nsubj", "2:nsubj"))):
        path = tmp_path / f"{name}.conllu"
        path.write_text("".join(content.replace("she", f"she{n}") for n in range(20)))
        datasets[name] = load_dataset(path, DataOptions(label_column="UPOS"))
    first = datasets["a"].dev[0]
    assert first.label == "PRON VERB"
    graph = with_given(first.sentence, first.source, "enhanced").graph
    assert graph.names == ("", "", "dances")
    assert graph.edges == ((1, 0), (1, 2), (2, 0))
    # As that of earlier versions, which had no such column there.
    assert datasets["a"].fingerprint == datasets["b"].fingerprint
