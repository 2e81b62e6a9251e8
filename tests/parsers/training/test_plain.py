"""Plain sentences: the grammar, the hundred to evaluate, and what a recipe and scores make of them."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from parsers import read_conllu
from parsers.stanza.models import SHIPPED_MODELS
from parsers.training.plain import EVALUATION, interleaved, plain_sentences
from parsers.training.plain.generate import _productions, _sentence, _word
from parsers.training.plain.grammar import GRAMMAR, KINDS
from parsers.training.plain.words import NOUNS, VERBS, inflections, plural
from parsers.training.score import as_table, conll_scores, main, score_raw_text
from parsers.training.treebank import (
    Block,
    TreebankError,
    folds,
    raw_text,
    read_treebank,
    word_forms,
    write_blocks,
)

UPOS = {
    "det": {"DET"},
    "case": {"ADP", "PART"},
    "mark": {"SCONJ", "PART"},
    "aux": {"AUX"},
    "aux:pass": {"AUX"},
    "cop": {"AUX"},
    "cc": {"CCONJ"},
    "punct": {"PUNCT"},
    "amod": {"ADJ"},
    "nummod": {"NUM"},
    "advmod": {"ADV", "PART"},
    "discourse": {"INTJ"},
    "nsubj": {"NOUN", "PRON", "PROPN"},
    "nsubj:pass": {"NOUN", "PRON", "PROPN"},
    "expl": {"PRON"},
    "obj": {"NOUN", "PRON", "PROPN"},
    "iobj": {"NOUN", "PRON", "PROPN"},
    "obl:agent": {"NOUN", "PRON", "PROPN"},
    "nmod:poss": {"NOUN", "PRON", "PROPN"},
    "compound": {"NOUN"},
    "flat": {"PROPN"},
    "acl": {"VERB"},
    "csubj": {"VERB", "NOUN", "ADJ"},
}
"""The parts of speech that a relation may have here."""


def rows(block: Block) -> list[list[str]]:
    """The words of a sentence: number, form, ..., tags, head and relation."""
    found = [line.split("\t") for line in block if not line.startswith("#")]
    return [row for row in found if row[0].isdigit()]


def check(block: Block) -> None:
    """A tree in which each relation has words that can have it, and no word has two subjects."""
    words = rows(block)
    seen = Counter((row[6], row[7].split(":")[0]) for row in words)
    for row in words:
        assert row[3] in UPOS.get(row[7], {row[3]}), (row, word_forms([block]))
        head = words[int(row[6]) - 1][3] if row[6] != "0" else ""
        assert head not in {"DET", "ADP", "AUX", "PART", "SCONJ", "CCONJ", "PUNCT"}, row
    for (head, relation), count in seen.items():
        if relation in {"nsubj", "csubj", "obj", "iobj", "cop", "det", "case", "root"}:
            assert count == 1, (head, relation, word_forms([block]))


def test_the_hundred_sentences_are_whole() -> None:
    blocks = read_treebank(EVALUATION).blocks
    kinds = Counter(line for block in blocks for line in block if line.startswith("# kind = "))
    assert len(blocks) == len({tuple(word_forms([block])) for block in blocks}) == 100
    assert {*kinds.values()} == {4, 5}
    for block, sentence in zip(blocks, read_conllu(EVALUATION), strict=True):
        check(block)
        assert f"# text = {raw_text([block]).strip()}" in block
        assert sentence.dependencies is not None


@pytest.fixture(scope="module")
def generated() -> list[Block]:
    return plain_sentences(3000)


def test_generated_sentences_are_trees_that_agree(generated: list[Block], tmp_path: Path) -> None:
    blocks = generated[:500]
    assert len(read_conllu(write_blocks(blocks, tmp_path / "plain.conllu"))) == 500
    assert blocks == read_treebank(tmp_path / "plain.conllu").blocks
    present = {"VBZ", "VBP"}
    agreeing = 0
    for block in blocks:
        check(block)
        words = rows(block)
        finite = {row[6] if row[3] == "AUX" else row[0]: row for row in words if row[4] in present}
        for row in words:
            if row[7].startswith("nsubj") and row[4] in {"NN", "NNS"} and row[6] in finite:
                if any(other[6] == row[0] and other[7] == "conj" for other in words):
                    continue
                assert (row[4] == "NN") == (finite[row[6]][4] == "VBZ"), word_forms([block])
                agreeing += 1
            if row[1].lower() in {"he", "she", "it"} and row[7] == "nsubj" and row[6] in finite:
                assert finite[row[6]][4] == "VBZ", word_forms([block])
    assert agreeing > 50


def test_no_sentence_comes_twice_or_is_evaluated(generated: list[Block]) -> None:
    texts = [" ".join(word_forms([block])).lower() for block in generated]
    evaluated = {" ".join(word_forms([b])).lower() for b in read_treebank(EVALUATION).blocks}
    assert len({*texts}) == 3000
    assert not evaluated & {*texts}
    assert plain_sentences(50) == generated[:50] != plain_sentences(50, seed=2)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_sentence_varies(kind: str) -> None:
    draw = random.Random(0)
    made = [_sentence(kind, draw) for _ in range(40)]
    assert len({tuple(word_forms([block])) for block in made}) > 20
    assert {rows(block)[-1][1] for block in made} == {KINDS[kind]}


def test_each_symbol_of_the_grammar_becomes_words() -> None:
    written = _productions()
    assert set(KINDS) <= set(GRAMMAR)
    used = {symbol for productions in written.values() for row in productions for _, symbol in row}
    for symbol in used - set(written):
        assert _word(symbol, random.Random(0)).form, symbol
    unused = {re.sub(r"@.*", "", name) for name in set(written) - used - set(KINDS)}
    assert unused <= {re.sub(r"@.*", "", name) for name in used}
    for row in (row for productions in written.values() for row in productions):
        assert [relation for relation, _ in row].count("*") == 1, row


def test_bark_is_noun_and_verb(generated: list[Block]) -> None:
    found = {
        (row[1].lower(), row[3])
        for block in generated
        for row in rows(block)
        if row[1].lower() in {"bark", "watch", "play", "walk"}
    }
    assert found == {(word, tag) for word, _ in found for tag in ("NOUN", "VERB")}
    assert len(found) == 8


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("bark", "bark barks barked barked barking"),
        ("carry", "carry carries carried carried carrying"),
        ("play", "play plays played played playing"),
        ("smile", "smile smiles smiled smiled smiling"),
        ("agree", "agree agrees agreed agreed agreeing"),
        ("watch", "watch watches watched watched watching"),
        ("go", "go goes went gone going"),
        ("run", "run runs ran run running"),
    ],
)
def test_inflections(verb: str, forms: str) -> None:
    made = inflections(verb)
    assert [made[tag] for tag in ("VB", "VBZ", "VBD", "VBN", "VBG")] == forms.split()
    assert made["VBP"] == made["VB"]


def test_the_lists_of_words_have_no_word_twice() -> None:
    for lists, form in ((NOUNS, plural), (VERBS, str)):
        for name, words in lists.items():
            assert len({*words}) == len(words), name
            assert all(form(word).isalpha() for word in words), name
    assert [plural(word) for word in ("fly", "box", "city", "man", "dog")] == [
        "flies", "boxes", "cities", "men", "dogs",
    ]  # fmt: skip


def test_each_fold_has_its_share() -> None:
    blocks = [[f"1\tw{number}"] for number in range(100)]
    more = [[f"1\tp{number}"] for number in range(30)]
    mixed = interleaved(blocks, more)
    assert [block for block in mixed if block[0][2] == "w"] == blocks
    assert [block for block in mixed if block[0][2] == "p"] == more
    for _, part in folds(mixed, 4):
        assert 6 <= sum(block[0][2] == "p" for block in part) <= 9
    assert interleaved(blocks, []) == blocks
    assert interleaved([], more) == more


class Predicted:
    """What :func:`conll_scores` formats as CoNLL-U: gold itself."""

    def __init__(self, blocks: list[Block]) -> None:
        self.text = "\n\n".join("\n".join(block) for block in blocks)

    def __format__(self, _: str) -> str:
        return self.text


def test_columns_that_gold_leaves_empty_are_not_scored() -> None:
    blocks = read_treebank(EVALUATION).blocks[:3]
    scores = conll_scores(blocks, Predicted(blocks))
    assert scores["LAS"] == scores["UPOS"] == 100
    assert "XPOS" not in scores
    assert "UFeats" not in scores
    table = as_table({"plain": {"raw text": scores, "gold tokens": scores}})
    assert "| plain | raw text | 100.00 | 100.00 | 100.00 | 100.00 | - | - | 100.00" in table


def test_tokens_that_lose_characters_are_not_scored() -> None:
    blocks = read_treebank(EVALUATION).blocks[:3]
    lost = [
        [line.replace(blocks[0][-1].split("\t")[1], "<UNK>") for line in blocks[0]],
        *blocks[1:],
    ]
    with pytest.raises(TreebankError, match=r"(?s)not the characters of the text .*<UNK>.*-steps"):
        score_raw_text(lambda text: Predicted(lost), blocks)


def test_a_sentence_without_the_comment_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "one.conllu"
    path.write_text(EVALUATION.read_text().replace("# kind = imperatives", "# mood = imperative"))
    assert main([str(path), "--models", str(SHIPPED_MODELS), "--by", "kind"]) == 2
    assert "sentence 6 has no comment '# kind = ...' for --by kind" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(
    not (SHIPPED_MODELS / "resources.json").is_file(), reason="the shipped models are not here"
)
def test_scores_by_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = [
        ["# kind = a", *block[-3:]] for block in read_treebank(EVALUATION).blocks[:2]
    ]  # Dogs bark. Prices rise.
    wrong = [[line.replace("\tnsubj\t", "\tobj\t") for line in blocks[1]]]
    wrong[0][0] = "# kind = b"
    path = write_blocks([blocks[1], *wrong], tmp_path / "two.conllu")
    assert main([str(path), "--models", str(SHIPPED_MODELS), "--by", "kind"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("| kind | sentences | words | UPOS | UAS | LAS | trees | raw UPOS |")
    assert lines[2] == "| a | 1 | 3 | 100.0 | 100.0 | 100.0 | 1 | 100.0 | 100.0 | 100.0 |"
    assert lines[3] == "| b | 1 | 3 | 100.0 | 100.0 | 66.7 | 0 | 100.0 | 100.0 | 66.7 |"
    assert lines[4].startswith("| all | 2 | 6 | 100.0 | 100.0 | 83.3 | 1 |")
