"""LaTeX: every edge and word is there, what is special is escaped, and LaTeX takes it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import draw, draw_pair
from parsers.drawing.fonts import wanted_family
from parsers.drawing.tikz import LAYOUTS, escaped
from structnn.sentence import Sentence, Tree
from tests.parsers.sentence_strategies import anything, constituency_trees, dependency_trees

DOGS = Sentence(
    ["dogs", "chase", "cats"],
    dependencies=Tree([1, -1, 1], labels=["nsubj", "root", "obj"]),
    constituency=Tree([-1, 0, 0, 2, 2], [-1, 0, -1, 1, 2], ["S", "NP", "VP", "V", "NP"]),
    tags=["NOUN", "VERB", "NOUN"],
)
NASTY = Sentence(
    [
        "<b>",
        "$x_1$",
        "a&b",
        "[",
        "",
        "]",
        "--",
        "100%",
        "\\foo{",
        "~^#",
        "|x|",
        "a,b=c",
        "\t",
        "café",
    ],
    dependencies=Tree([-1] + [0] * 13, labels=["nsubj:pa_ss&"] * 14),
    constituency=Tree([-1] + [0] * 14, [-1, *range(14)], ["S"] + ["[&"] * 14),
)


def balanced(text: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text.replace(r"\\", "")):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def test_arcs() -> None:
    tex = draw(DOGS, layout="arcs").tex()
    assert r"\usepackage{tikz-dependency}" in tex
    assert r"    {dogs} \& {chase} \& {cats} \\" in tex
    assert r"    {\scriptsize NOUN} \& {\scriptsize VERB} \& {\scriptsize NOUN} \\" in tex
    assert re.findall(r"\\(dep\w+)\[.*\](.*)", tex) == [
        ("depedge", "{2}{1}{nsubj}"),
        ("deproot", "{2}{root}"),
        ("depedge", "{2}{3}{obj}"),
    ]


def test_numbers() -> None:
    numbers = {(1, 0): 1.0, (1, 2): 0.0, (0, 2): 0.5}
    tex = draw(DOGS, layout="arcs", edge_values=numbers, node_values={1: 2.0}).tex()
    assert r"edge style={line width=2.40pt}]{2}{1}{nsubj}" in tex
    assert r"\definecolor{treea}{HTML}{" in tex
    assert r"{\colorbox{treeb}{\textcolor{treea}{\strut chase}}}" in tex
    (below,) = re.findall(r"edge below.*", tex)
    assert below.endswith("]{1}{3}{}")
    assert "\\draw[->, tree" in draw(DOGS, layout="tree", edge_values=numbers).tex()


@pytest.mark.parametrize("layout", ["tree", "constituency"])
def test_both_ends_of_a_line_have_a_name(layout: str) -> None:
    numbers = {(0, 1): 1.0, (1, 0): 0.5, (2, 1): 0.5, (0, 2): 0.5}
    tex = draw(DOGS, layout=layout, edge_values=numbers).tex()
    ends = {int(node) for node in re.findall(r"\(n(\d)\)", tex)}
    assert ends == {0, 1, 2}
    assert ends == {int(node) for node in re.findall(r"name=n(\d)", tex)}


def test_trees_from_right_to_left() -> None:
    tree = Tree([1, -1, 1])
    tex = draw(Sentence(["الطفل", "يحب", "الكلب"], dependencies=tree)).tex()
    assert re.findall(r"toleft (.+?)\}", tex) == ["يحب", "الكلب", "الطفل"]
    phrases = Tree([-1, 0, 0], [-1, 0, 1], ["S", "A", "B"])
    tex = draw(Sentence(["يحب", "الطفل"], constituency=phrases)).tex()
    assert tex.index("الطفل") < tex.index("يحب")


def test_phrases() -> None:
    tex = draw(DOGS, layout="constituency").tex()
    body = tex[tex.index("[{S}") : tex.index(r"\end{forest}")]
    assert re.sub(r"\s+", "", body) == (
        "[{S}[{NP}[{dogs},tier=word]][{VP}[{V}[{chase},tier=word]][{NP}[{cats},tier=word]]]]"
    )


def test_two_sentences_are_in_one_document(tmp_path: Path) -> None:
    draw_pair(DOGS, DOGS, tmp_path / "pair.tex", layout="arcs")
    assert (tmp_path / "pair.tex").read_text(encoding="utf-8").count(r"\begin{dependency}") == 2


def test_words_from_right_to_left_and_their_font() -> None:
    tex = draw(Sentence(["يحب", "الطفل"], dependencies=Tree([-1, 0])), layout="arcs").tex()
    word = r"{{\treeNotoSansArabic\treetoleft %s}}"
    assert rf"{word % 'الطفل'} \& {word % 'يحب'}" in tex
    assert r"\depedge[edge height=3ex]{2}{1}{}" in tex
    assert "lualatex or xelatex" in tex
    font = r"\newfontfamily\treeNotoSansArabic{Noto Sans Arabic}[Script=Arabic]"
    assert rf"\IfFontExistsTF{{Noto Sans Arabic}}{{{font}}}{{}}" in tex
    assert "lualatex or xelatex" not in draw(DOGS).tex()


@pytest.mark.parametrize("layout", ["aligned", "kamada_kawai"])
def test_other_layouts_are_refused(layout: str, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"can't show the layout .*it takes arcs, tree, constituency"
    ):
        draw(DOGS, tmp_path / "a.tex", layout=layout)
    assert not (tmp_path / "a.tex").exists()


def test_each_script_has_its_own_font() -> None:
    words = ["שלום", "北京", "Москва", "नमस्ते", "so"]
    tree = Tree([-1, 0, 0, 0, 0], labels=["root", "nsubj", "obj", "obl", "punct"])
    for layout in ("tree", "arcs"):
        tex = draw(Sentence(words, dependencies=tree), layout=layout).tex()
        fonts = dict(re.findall(r"\\newfontfamily(\S+?)\{(.*?)\}", tex))
        assert list(fonts.values()) == [
            *("Noto Sans Hebrew", "Noto Sans CJK SC", "Noto Sans", "Noto Sans Devanagari")
        ]
        # Relations and Latin words stay in the font of the document.
        for command, word in zip(fonts, words, strict=False):
            assert re.search(re.escape(command) + r"(\\treetoleft)? " + word, tex)
        assert re.search(r"\{so\}", tex)
        assert "setmainfont" not in tex
    known = map(wanted_family, ("so", "n\u0303o", "ə", "αβ", "→", "مرحبا so"))
    assert list(known) == [
        *(None, ("Combining", "Noto Sans"), ("Latin", "Noto Sans"), ("Greek", "Noto Sans")),
        *(("Rightwards", "Noto Sans"), ("Arabic", "Noto Sans Arabic")),
    ]


def test_what_a_paper_inputs_needs_nothing_of_the_preamble() -> None:
    sentence = Sentence(["يحب", "الطفل"], dependencies=Tree([-1, 0]))
    for layout in ("tree", "arcs"):
        tex = draw(sentence, layout=layout, node_values={1: 2.0}, edge_values={(0, 1): 1.0}).tex()
        body = tex[tex.index(r"\begin{document}") :]
        used = set(re.findall(r"\\tree\w+", body)) - {r"\treetoleft"}
        assert used == set(re.findall(r"\\providecommand(\\tree\w+)\{\}%", body))
        colors = set(re.findall(r"\\definecolor\{(\w+)\}.*%", body))
        assert colors
        assert set(re.findall(r"\{(tree\w+)\}", body)) == colors


def test_special_characters() -> None:
    assert escaped("100 % of $x_1$ & {y}") == r"100 \% of \$x\_1\$ \symbol{38} \{y\}"
    assert escaped("---") == "-{}-{}-"


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_edge_and_word_of_any_tree(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 8))
    words = data.draw(st.lists(anything, min_size=size, max_size=size))
    sentence = Sentence(
        words,
        dependencies=data.draw(dependency_trees(size)),
        constituency=data.draw(constituency_trees(size)),
    )
    for layout in LAYOUTS:
        tex = draw(sentence, layout=layout).tex()
        assert balanced(tex)
        assert tex.count(r"\begin") == tex.count(r"\end{")
        if layout == "arcs":
            assert len(re.findall(r"^  \\depedge", tex, flags=re.MULTILINE)) == size - 1
            assert tex.count(r"  \deproot") == 1
            assert tex.count(r" \& ") == size - 1
        else:
            lines = tex.splitlines()
            nodes = [line for line in lines if re.match(r" +\[", line)]
            closed = [line for line in lines if line.endswith("]") and line[0] == " "]
            assert len(nodes) == len(closed)
            assert len(nodes) >= size


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_latex_takes_it(layout: str, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("needs LaTeX on the PATH")
    for package in ("tikz-dependency", "forest", "standalone"):
        if subprocess.run(["kpsewhich", f"{package}.sty"], capture_output=True).returncode:
            pytest.skip(f"needs the LaTeX package {package}")
    numbers = {(0, 2): 0.5, (2, 1): -1.0, (0, 1): 1.0}
    draw(
        NASTY, tmp_path / "a.tex", layout=layout, edge_values=numbers, node_values={3: 1.0, 1: 2.0}
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-1500:]
