"""The page of explanations: what it says of every kind of encoder, and of which words."""

from __future__ import annotations

import dataclasses
import json
import re
from html import unescape
from html.parser import HTMLParser

import pytest
import torch

from parsers.drawing.theme import LIGHT
from structnn import Sentence, Tree
from tasks.explain import DeletionCheck, explain, in_words, save, save_all, to_html
from tasks.explain.along import edge_values, shares
from tasks.explain.heat import LEGIBLE, HeatRow, heat_rows, rounded
from tasks.explain.page import compared
from tasks.explain.quantities import percent
from tasks.explain.words import (
    completeness_words,
    decimals,
    deletion_words,
    prediction_words,
    quoted,
    shares_words,
    signed_column,
    subtree_words,
)
from tests.tasks.explain.test_explain import TEXT, make_predictor

__all__ = ["make_predictor"]  # a fixture

IG = "integrated gradients"


class Page(HTMLParser):
    """What the tests ask of a page: its ids, headings and tables, and whether its elements close."""

    VOID = frozenset("meta link img br input path rect polygon".split())

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
        elif tag in ("h1", "h2", "h3"):
            self.headings.append("")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        if {"h1", "h2", "h3"} & set(self.open):
            self.headings[-1] += data.strip()
        elif {"th", "td"} & set(self.open):
            self.tables[-1][-1][-1] += data.strip()

    def table(self, *header: str) -> list[list[str]]:
        """The rows of the table whose header begins like this."""
        (found,) = (rows for rows in self.tables if rows[0][: len(header)] == list(header))
        return found[1:]


ATTENTION = "The tree with attention, mean of all layers and heads"
HEADS = "Attention of each head to each word"
KINDS = {
    "bag": ["The tree"],
    "bilstm": ["The tree"],
    "self_attentive": ["What the readout takes of each word", "The tree"],
    "transformer": [ATTENTION, HEADS],
    "gat": [ATTENTION, HEADS],
    "tree_transformer": [ATTENTION, HEADS],
    "child_sum_tree_lstm": ["The tree with ChildSumTreeLSTM forget gates"],
    "attentive_tree_lstm": [
        "The tree with AttentiveTreeLSTM forget gates",
        "The tree with AttentiveTreeLSTM attention over children",
    ],
    "bilstm>gat": [ATTENTION, HEADS],
    "transformer>child_sum_tree_lstm": [
        "The tree with 2 ChildSumTreeLSTM forget gates",
        ATTENTION,
    ],
}  # fmt: skip


@pytest.mark.parametrize("encoder", KINDS)
def test_every_kind_of_encoder(make_predictor, encoder):
    explanation = explain(make_predictor(encoder), TEXT, "yes")
    text = explanation.to_html()
    page = Page(text)
    assert page.headings[0] == TEXT
    label = explanation.prediction.label
    for heading in (
        "Prediction", f"What each word adds to {label}", "Can this be believed?",
        "What each part of the tree does", "All numbers", *KINDS[encoder],
    ):  # fmt: skip
        assert heading in page.headings
    assert len(set(page.ids)) == len(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    fetched = re.sub(r'"data:[^"]*"|http://www.w3.org/2000/svg', "", text)
    assert re.findall(r"(?:https?:)?//[a-z.]+", fetched) == []
    numbers = page.table("word", "gradient x input")
    assert [row[0] for row in numbers] == TEXT.split()
    for method, column in (("gradient x input", 1), (IG, 2)):
        shown = [float(row[column]) for row in numbers]
        assert shown == pytest.approx(explanation.attributions[method], abs=5e-4)
    classes = page.table("class", "probability")
    assert sorted(row[0].removesuffix("right") for row in classes) == ["maybe", "no", "yes"]
    assert [row[0] for row in classes if row[0].endswith("right")] == ["yesright"]


def test_reading_up_and_down_the_tree_and_beside_it(make_predictor):
    for encoder, beside in (("gat", False), ("transformer", True)):
        explanation = explain(make_predictor(encoder), TEXT)
        page = Page(text := explanation.to_html())
        words, tree = TEXT.split(), explanation.sentence.dependencies
        mean = torch.stack([layer.weights.mean(0) for layer in explanation.attention]).mean(0)
        rows = page.tables[[rows[0][:1] for rows in page.tables].index(["word"])][1:]
        assert rows == [
            [words[n], tree.labels[n], words[head], f"{mean[n, head]:.3f}", f"{mean[head, n]:.3f}"]
            for n, head in enumerate(tree.parents)
            if head != -1
        ]
        picture = text[text.index("The tree with attention") :].split("</svg>")[0]
        # Lines with arrows of the legend aside: eight edges both ways.
        lines = re.findall(r'<path [^>]*stroke="(#\w+)"[^>]*/><polygon', picture)
        assert lines.count(LIGHT.accent_3) == 8
        assert lines.count(LIGHT.accent_2) == (4 if beside else 0)
        assert ("not an edge of the tree" in picture) is beside
        assert "stroke-dasharray" not in picture
        titles = re.findall(r"<title>(.*?)</title>", picture)
        first = next(n for n, head in enumerate(tree.parents) if head != -1)
        head = tree.parents[first]
        assert f"{words[head]} → {words[first]}: {mean[first, head]:.3g}" in titles
        assert ("it follows the tree alone" in text) is not beside


def test_shares_and_drawn_edges():
    tree = Tree([1, -1, 1, 2])
    weights = torch.tensor(
        [[0.1, 0.9, 0.0, 0.0], [0.3, 0.2, 0.5, 0.0], [0.0, 0.4, 0.2, 0.4], [0.0, 0.25, 0.75, 0.0]]
    )
    found = shares(weights, tree)
    assert (found.itself, found.up) == pytest.approx((0.5 / 4, (0.9 + 0.4 + 0.75) / 4))
    assert (found.down, found.elsewhere) == pytest.approx(((0.3 + 0.5 + 0.4) / 4, 0.25 / 4))
    drawn = edge_values(weights, tree, others=2)
    assert {edge: round(value, 4) for edge, value in drawn.items()} == {
        (1, 0): 0.9, (0, 1): 0.3, (1, 2): 0.4, (2, 1): 0.5, (2, 3): 0.75, (3, 2): 0.4, (1, 3): 0.25,
    }  # fmt: skip
    told = shares_words(found, 4)
    assert "51 % to their heads (reading up), 30 % to their dependents (reading down)" in told
    assert "and 6 % to words that no edge joins them with" in told
    assert "25 %, 19 %, 19 % and 38 %" in told


def test_heat_rows(make_predictor):
    explanation = explain(make_predictor("transformer", heads=2), TEXT)
    rows = heat_rows(explanation.texts[0])
    assert [row.name for row in rows] == [
        "mean of all layers",
        *("layer 1, head 1", "layer 1, head 2", "layer 1, mean"),
        *("layer 2, head 1", "layer 2, head 2", "layer 2, mean"),
    ]
    assert all(sum(row.received) == pytest.approx(1) for row in rows)
    assert rows[2].received[3] == pytest.approx(
        float(explanation.attention[0].weights[1, :, 3].mean())
    )
    page = Page(explanation.to_html())
    shown = page.table("head")
    assert [row[0] for row in shown] == [row.name for row in rows]
    assert float(shown[2][4]) == pytest.approx(rows[2].received[3], abs=0.005)
    detail = page.table("reads")
    assert float(detail[4][2]) == pytest.approx(float(rows[0].weights[4, 1]), abs=0.005)
    chain = "transformer(heads=1, layers=1)>gat(heads=1, layers=1)"
    chained = heat_rows(explain(make_predictor(chain), TEXT).texts[0])
    assert [row.name for row in chained][1:] == [
        "1 Transformer attention, layer 1", "2 GAT attention, layer 1",
    ]  # fmt: skip


def test_weights_are_not_rounded_twice():
    weights = torch.tensor([[0.1149, 0.8851], [0.5, 0.5]], dtype=torch.float64)
    ((first, _),) = rounded([HeatRow("head 1", weights, (), "")])
    assert [f"{value:.2f}" for value in first] == ["0.11", "0.89"]


def test_gates_are_on_the_edges_that_the_encoder_reads(make_predictor, monkeypatch):
    predictor = make_predictor("nary_tree_lstm")
    flat = Sentence(TEXT.split(), dependencies=Tree([-1] + [0] * 8, labels=["root"] + ["dep"] * 8))
    monkeypatch.setattr(type(predictor.parser), "parse", lambda self, texts: [flat])
    explanation = explain(predictor, TEXT)
    assert explanation.sentence.dependencies.parents == (-1,) + (0,) * 8
    assert explanation.tree.parents == (-1, 0, 0, 2, 3, 4, 5, 6, 7)
    text = explanation.to_html()
    assert "hang on the sibling before them" in text
    picture = text[text.index("The tree with NaryTreeLSTM") :].split("</svg>")[0]
    assert "not an edge of the tree" not in picture
    (gates,) = explanation.gates.values()
    assert f"<title>ugly → b: {gates[3]:.3g}</title>" in picture


CHECK = DeletionCheck({IG: (1,)}, {IG: 0.5}, tuple(number / 100 for number in range(20)), 0.6)


@pytest.mark.parametrize(
    ("drop", "random", "verdict", "told"),
    [
        (0.5, CHECK.random_drops, "yes", "Yes: integrated gradients finds words"),
        (0.15, CHECK.random_drops, "partly", "In part: many random words matter less"),
        (0.01, CHECK.random_drops, "no", "No: random words matter as much"),
        (-0.2, CHECK.random_drops, "no", "of maybe rises by 20 points, from 60 % to 80 %"),
        (0.004, (0.001, -0.002), "unmoved", "This can't be told"),
        # Of three choices none is better: more can't be found in so short a text.
        (0.3, (0.3, 0.1, 0.0), "yes", "of 3 random choices 67 % lower it less"),
    ],
)
def test_deletion_in_plain_words(make_predictor, drop, random, verdict, told):
    check = DeletionCheck({IG: (1, 4)}, {IG: drop}, random, 0.6)
    assert check.verdict(IG) == verdict
    explanation = explain(make_predictor("bag"), TEXT, label="maybe")
    explanation = dataclasses.replace(explanation, deletion=check)
    assert told in deletion_words(explanation, IG)
    assert "(“a”, “c”)" in deletion_words(explanation, IG)


def test_sums_in_plain_words(make_predictor):
    explanation = explain(make_predictor("bag"), TEXT)
    assert completeness_words(explanation).endswith(": the same, as it should be.")
    wrong = dataclasses.replace(explanation.completeness, total=explanation.completeness.total * 2)
    told = completeness_words(dataclasses.replace(explanation, completeness=wrong))
    assert told.endswith(": not the same, so these numbers can't be relied on.")


def test_words_of_numbers(make_predictor):
    assert list(map(percent, (0, 0.004, 0.5, 0.997, 1))) == [
        "0 %", "under 1 %", "50 %", "over 99 %", "100 %",
    ]  # fmt: skip
    predictor = make_predictor("bag")
    explanation = explain(predictor, TEXT)
    label = explanation.prediction.label
    other = next(name for name in ("no", "yes") if name != label)
    assert f"bag says {label}, with a probability of" in prediction_words(explanation)
    assert "right label" not in prediction_words(explain(predictor, TEXT, label))
    assert f"The right label is {other}." in prediction_words(explain(predictor, TEXT, other))
    with pytest.raises(
        ValueError, match=r"'good' is no label of .*; its labels are no, yes, maybe"
    ):
        explain(predictor, TEXT, "good")


def test_several_encoders_side_by_side(make_predictor, tmp_path):
    found = [
        explain(make_predictor(name), TEXT, "no") for name in ("bag", "gat", "gat", "tree_gru")
    ]
    page = Page(text := to_html(found, ["One was left out."]))
    assert "One was left out." in text
    names = ["bag", f"gat ({tmp_path}), 2", f"gat ({tmp_path}), 3", "tree_gru"]
    rows = page.table("encoder", "says", "sure", "right?")
    assert [row[0] for row in rows] == names
    assert [row[1] for row in rows] == [one.prediction.label for one in found]
    assert [row[3] for row in rows] == [
        "yes" if one.prediction.label == "no" else "no, no" for one in found
    ]
    words = page.table("word", "bag" + found[0].prediction.label)
    assert [row[0] for row in words] == TEXT.split()
    assert [float(row[4]) for row in words] == pytest.approx(found[3].attributions[IG], abs=0.005)
    assert len(set(page.ids)) == len(page.ids)
    data = json.loads(re.search(r"const explanations = (.*);", text)[1])
    assert [len(one["weights"]) for one in data.values()] == [0, 11, 11, 0]
    paths = save_all([found[0], found[3]], tmp_path / "why")
    assert (tmp_path / "why" / "explanation.html").read_text().startswith("<!DOCTYPE html>")
    assert {path.parent.name for path in paths} == {"bag", "tree_gru"}
    assert (tmp_path / "why" / "bag" / "explanation.json").exists()
    two = [
        dataclasses.replace(found[0], structure=structure) for structure in ("parse", "left_chain")
    ]
    assert {path.parent.name for path in save_all(two, tmp_path / "two")} == {
        "bag-on-parse",
        "bag-on-left_chain",
    }
    with pytest.raises(ValueError, match=r"explanations of the same text.*of 2 texts"):
        to_html([found[0], explain(make_predictor("bag"), "good a")])
    with pytest.raises(ValueError, match="of 0 texts"):
        to_html([])


def test_small_attributions_are_no_zeros(make_predictor):
    explanation = explain(make_predictor("bag"), TEXT, "no")
    (text,) = explanation.texts
    values = tuple(value / 1000 for value in text.attributions[IG])
    small = dataclasses.replace(text, attributions={**text.attributions, IG: values})
    page = to_html([dataclasses.replace(explanation, texts=(small,))])
    digits = decimals(max(map(abs, values)))
    assert digits > 3
    shown = [f"{round(value, digits) + 0:+.{digits}f}" for value in values]
    assert re.findall(r"<small>([-+][.\d]+)</small></li>", page) == shown
    assert [row[2] for row in Page(page).table("word", "gradient x input", IG)] == shown


def test_numbers_show_two_figures_of_the_largest():
    assert [decimals(most) for most in (0, 1e-9, 4.62, 0.1, 0.0996, 0.0013, -0.0013, 2e-5)] == [
        *(2, 2, 2, 2, 3, 4, 4, 6)
    ]
    assert signed_column([0.0013, None, -0.0004, -0.00001]) == ["+0.0013", "", "-0.0004", "+0.0000"]
    assert signed_column([2.0, -0.0004]) == ["+2.000", "+0.000"]
    assert signed_column([None]) == [""]


def test_small_changes_are_no_zeros_in_the_lines_of_the_command(make_predictor):
    explanation = explain(make_predictor("bag"), TEXT, "no")
    check = dataclasses.replace(explanation.completeness, total=-0.000012, expected=-0.000011)
    line = in_words(dataclasses.replace(explanation, completeness=check))[1]
    assert "to -0.000012," in line
    assert "by -0.000011 " in line


def test_small_effects_of_subtrees_are_no_zeros(make_predictor):
    explanation = explain(make_predictor("bag"), TEXT, "no")
    (text,) = explanation.texts
    effects = [None, 0.0042, *[0.0] * (len(TEXT.split()) - 2)]
    small = dataclasses.replace(text, subtree_effects=effects)
    (line,) = subtree_words(small, explanation.quantity)
    assert line.endswith("fall by 0.0042.")


def test_top_words_that_are_commas_can_be_told_from_those_between_words(make_predictor):
    explanation = explain(make_predictor("bag"), "good , bad", "no")
    (text,) = explanation.texts
    first = dataclasses.replace(text, attributions={**text.attributions, IG: (1.0, 2.0, 0.5)})
    table = compared([dataclasses.replace(explanation, texts=(first,))])
    assert "“,”, “good”, “bad”" in [entry.text for entry in table.rows[0]]
    (deleted,) = explanation.deletion.deleted[IG]
    assert f"({quoted(explanation.tokens[deleted])})" in in_words(explanation)[-1]


def test_a_level_that_rises_does_not_fall(make_predictor):
    explanation = explain(make_predictor("bag"), TEXT, "no")
    deletion = dataclasses.replace(
        explanation.deletion, drops={IG: -0.073}, random_drops=(-0.1, -0.02)
    )
    *_, line = in_words(dataclasses.replace(explanation, deletion=deletion))
    assert "changes by +0.073, against +0.060 ± " in line


def test_parsers_that_divide_the_text_differently(make_predictor, monkeypatch):
    predictor = make_predictor("bag")
    one = explain(predictor, "good a")
    whole = Sentence(["good a"], dependencies=Tree([-1]))
    monkeypatch.setattr(type(predictor.parser), "parse", lambda self, texts: [whole])
    text = to_html([one, explain(predictor, "good a")])
    assert "divide this text into different words" in text


def test_any_word_can_be_shown(make_predictor):
    explanation = explain(make_predictor("gat"), "<script>alert(1)</script> \"'& يحب الطفل good")
    text = explanation.to_html()
    assert text.count("<script>") == 1
    page = Page(text)
    assert page.table("reads")[0][0] == "<script>alert(1)</script>"
    assert "<sup>unk</sup>" in text
    assert "\u2068“" in text  # words from right to left, kept in their place


def test_one_word_and_many(make_predictor):
    predictor = make_predictor("gat")
    page = Page(alone := explain(predictor, "good").to_html())
    assert "there is only one word" in alone
    assert not [heading for heading in page.headings if "tree" in heading or "reads" in heading]
    many = explain(predictor, " ".join(["a good b"] * 21)).to_html()
    assert LEGIBLE < 63
    assert Page(many).table("head")
    assert 'class="large"' in many
    assert "reads whom: <" in many
    with pytest.raises(ValueError, match="has 257 tokens, and 256 at most"):
        explain(predictor, "a " * 257)


def test_notebooks_and_files(make_predictor, tmp_path):
    explanation = explain(make_predictor("bag"), TEXT)
    frame = re.fullmatch(
        r'<iframe title="explanation" srcdoc="(.*?)" .*></iframe>', explanation._repr_html_(), re.S
    )
    assert unescape(frame[1]) == explanation.to_html()
    save(explanation, tmp_path / "why")
    assert (tmp_path / "why" / "explanation.html").read_text() == explanation.to_html()
