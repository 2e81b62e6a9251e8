"""Layouts: labels don't overlap, nothing is cut off, and edges of projective trees don't cross."""

from __future__ import annotations

import cProfile
import math
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import read_brackets, read_conllu
from parsers.drawing.layouts.lines import Arc, Line, Side
from parsers.drawing.layouts.parts import MARGIN
from parsers.drawing.picture import LAYOUTS, WIDTH, picture
from parsers.drawing.theme import LIGHT
from parsers.explorer.explorer import is_projective
from structnn.sentence import Sentence, Tree
from tests.parsers.drawing.scenes import (
    cross,
    crossed_labels,
    label_boxes,
    measured_boxes,
    overlaps,
    within,
)
from tests.parsers.sentence_strategies import constituency_trees, dependency_trees

SHARED = Path(__file__).parents[3].parent / "shared"
EWT = SHARED / "ud" / "en_ewt" / "en_ewt-ud-dev.conllu"
SST = SHARED / "sst" / "trees" / "dev.txt"
needs_ewt = pytest.mark.skipif(
    not EWT.exists(), reason="needs UD English EWT in ../shared/ud/en_ewt"
)
needs_sst = pytest.mark.skipif(not SST.exists(), reason="needs the SST in ../shared/sst")

DEPENDENCY_LAYOUTS = ["tree", "aligned", "arcs"]
OTHER_LAYOUTS = ["kamada_kawai", "spring", "circular", "planar", "shell", "spectral", "bfs"]


@pytest.fixture(scope="module")
def treebank() -> list[Sentence]:
    return [sentence for sentence in read_conllu(EWT)[:250] if len(sentence) <= 40]


@pytest.mark.slow
@needs_ewt
@pytest.mark.parametrize("layout", DEPENDENCY_LAYOUTS)
def test_no_labels_overlap_in_a_treebank(treebank: list[Sentence], layout: str) -> None:
    for number, sentence in enumerate(treebank):
        scene = picture(sentence, layout=layout).scene
        assert not overlaps(label_boxes(scene)), sentence.text
        assert not crossed_labels(scene), sentence.text
        assert within(scene)
        if number % 60 == 0:  # the widths are those that matplotlib draws
            assert not overlaps(measured_boxes(scene)), sentence.text


@needs_ewt
@pytest.mark.parametrize("layout", OTHER_LAYOUTS)
def test_no_labels_overlap_in_layouts_of_networkx(treebank: list[Sentence], layout: str) -> None:
    for sentence in treebank[:3] + treebank[-3:]:
        scene = picture(sentence, layout=layout).scene
        assert not overlaps(label_boxes(scene)), sentence.text
        assert within(scene)


@pytest.mark.slow
@needs_sst
def test_no_labels_overlap_in_phrases() -> None:
    for number, sentence in enumerate(read_brackets(SST)[:100]):
        scene = picture(sentence).scene
        assert not overlaps(label_boxes(scene)), sentence.tokens
        if number % 50 == 0:
            assert not overlaps(measured_boxes(scene)), sentence.tokens


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_no_labels_overlap_in_any_tree(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 9))
    words = data.draw(
        st.lists(st.text("abWi中", min_size=1, max_size=9), min_size=size, max_size=size)
    )
    sentence = Sentence(
        words,
        dependencies=data.draw(dependency_trees(size)),
        constituency=data.draw(constituency_trees(size)),
    )
    numbers = {(0, size - 1): 1.0, (size - 1, 0): -1.0}
    for layout in [*LAYOUTS, "circular"]:
        edges = numbers if layout == "heatmap" else None
        scene = picture(sentence, layout=layout, edge_values=edges).scene
        assert not overlaps(label_boxes(scene)), layout
        assert not crossed_labels(scene, covered=layout == "circular"), layout
        assert within(scene)
        # What is not in the tree may run anywhere, and labels hide it.
        scene = picture(sentence, layout=layout, edge_values=numbers).scene
        assert not crossed_labels(scene, covered=True), layout


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_arcs_in_lines(data: st.DataObject) -> None:
    """Whatever the width, no label is on a foreign arc, and each arc can be followed."""
    size = data.draw(st.integers(1, 14))
    words = data.draw(
        st.lists(
            st.sampled_from(["a", "words", "incomprehensibility"]), min_size=size, max_size=size
        )
    )
    sentence = Sentence(words, dependencies=data.draw(dependency_trees(size)))
    width = data.draw(st.sampled_from([1.0, 120.0, 250.0, 400.0, math.inf]))
    token = st.integers(0, size - 1)
    extra = data.draw(st.dictionaries(st.tuples(token, token), st.floats(0.1, 1), max_size=size))
    scene = picture(sentence, layout="arcs", width=width, edge_values=extra or None).scene
    tree = sentence.dependencies
    assert tree is not None
    assert not overlaps(label_boxes(scene))
    assert not crossed_labels(scene)
    assert within(scene)
    rows = {chip.node: chip.y for chip in scene.chips}
    for node, parent in enumerate(tree.parents):
        pieces = [
            curve for curve in scene.curves if curve.node == node and curve.color == LIGHT.line
        ]
        broken = parent != -1 and rows[node] != rows[parent]
        assert len(pieces) == 1 + broken
        assert [curve.arrow for curve in pieces].count(True) == 1
        if broken:  # both pieces say where the other one is
            texts = [label.text for label in scene.labels if label.node == node]
            assert any(f"→ {words[node][:13]}" in text for text in texts)
            assert any(f"← {words[parent][:13]}" in text for text in texts)
    if width == math.inf:
        assert len(set(rows.values())) == 1


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_nested_arcs_do_not_cross_in_lines(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 12))
    tree = data.draw(dependency_trees(size).filter(is_projective))
    width = data.draw(st.sampled_from([150.0, 300.0, math.inf]))
    scene = picture(Sentence(["word"] * size, dependencies=tree), layout="arcs", width=width).scene
    for one, other in combinations(scene.curves, 2):
        assert not cross(one, other)


def test_a_sentence_is_broken_at_the_width_of_a_page() -> None:
    words = ["word"] * 68
    sentence = Sentence(words, dependencies=Tree([-1, *range(67)], labels=["nmod:poss"] * 68))
    assert picture(sentence, layout="arcs").scene.width <= WIDTH + 2 * MARGIN
    assert picture(sentence, layout="arcs", width=300).scene.width <= 300 + 2 * MARGIN
    assert picture(sentence, layout="arcs", width=math.inf).scene.width > 4000
    for width in (0, -5, math.nan):
        with pytest.raises(ValueError, match=r"width is .* points; give a number above 0"):
            picture(sentence, layout="arcs", width=width)
    with pytest.raises(ValueError, match="width breaks lines of arcs: choose layout='arcs'"):
        picture(sentence, width=300)


def test_a_long_label_of_the_root_stays_within_the_picture() -> None:
    relations = ("nmod:poss", *["nsubj"] * 5)
    sentence = Sentence(["W"] * 6, dependencies=Tree((-1, 0, 0, 0, 0, 0), labels=relations))
    scene = picture(sentence, layout="arcs").scene
    assert within(scene)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_edges_of_projective_trees_do_not_cross(data: st.DataObject) -> None:
    tree = data.draw(dependency_trees(data.draw(st.integers(2, 9))).filter(is_projective))
    scene = picture(Sentence(["w"] * len(tree), dependencies=tree), layout="tree").scene
    edges = [(*curve.points[0], *curve.points[-1]) for curve in scene.curves]
    for x1, y1, x2, _ in edges:
        for other_x1, other_y1, other_x2, _ in edges:
            if y1 == other_y1:  # in one row
                assert (x1 - other_x1) * (x2 - other_x2) >= 0


def test_labels_of_crossing_arcs_are_beside_the_crossings() -> None:
    sentence = Sentence(["a"] * 6, dependencies=Tree([-1, 4, 0, 0, 0, 2], labels=["dep"] * 6))
    scene = picture(sentence, layout="arcs").scene
    assert any(cross(one, other) for one, other in combinations(scene.curves, 2))
    assert not crossed_labels(scene)


def test_no_label_stands_on_the_legs_at_one_word() -> None:
    """A root with many dependents, and an arc over it that leaves no room beside its legs' middle."""
    tree = Tree((1, -1, 1, 0, *[1] * 8), labels=["nsubj"] * 12)
    scene = picture(Sentence(["a"] * 12, dependencies=tree), layout="arcs", width=400.0).scene
    assert not crossed_labels(scene)


PAIRS = st.tuples(st.integers(0, 12), st.integers(0, 12)).filter(lambda pair: pair[0] != pair[1])


@settings(deadline=None)
@given(st.lists(PAIRS), st.none() | st.integers(0, 12), st.integers(0, 11))
def test_arcs_are_crossed_where_a_plain_search_says(pairs, root, first) -> None:
    arcs = {name: Arc(*pair, "label") for name, pair in enumerate(pairs)}
    side = Side(arcs, root=None if root is None else (root, 99))
    for name, arc in arcs.items():
        legs = [
            (here, side.offset(other, here))
            for other, its in arcs.items()
            for here, there in ((its.start, its.end), (its.end, its.start))
            if arc.left < here < arc.right and not arc.left <= there <= arc.right
        ]
        legs += [(root, side.offset(99, root))] if arc.left < (root or 0) < arc.right else []
        offsets = {place: [o for at, o in legs if at == place] for place, _ in sorted(legs)}
        crossed = [(place, min(found), max(found)) for place, found in offsets.items()]
        assert side.bounds(name)[1:-1] == crossed
    line = Line(first, [float(place) for place in range(3)], 3.0)
    found = {piece.arc for piece in side.pieces(line, 3.0)}
    ends = {name: {arc.left, arc.right} for name, arc in arcs.items()}
    assert found == {name for name, own in ends.items() if own & {first, first + 1, first + 2}}


def test_arcs_of_thousands_of_words_take_few_calls() -> None:
    """Twelve times as many words take some twelve times as many calls, and not 144 times."""

    def calls(words: int) -> int:
        tree = Tree([-1, *(place // 8 * 8 for place in range(words - 1))], labels=["dep"] * words)
        sentence = Sentence(["word"] * words, dependencies=tree)
        profile = cProfile.Profile()
        profile.runcall(picture, sentence, layout="arcs")
        return sum(entry.callcount for entry in profile.getstats())

    calls(250)  # fonts are read once
    assert calls(3000) < 20 * calls(250)
