"""Layouts: labels don't overlap, nothing is cut off, and edges of projective trees don't cross."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import read_brackets, read_conllu
from parsers.drawing.picture import LAYOUTS, picture
from parsers.explorer.explorer import is_projective
from structnn.sentence import Sentence, Tree
from tests.parsers.drawing.scenes import label_boxes, measured_boxes, overlaps, within
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
    return [sentence for sentence in read_conllu(EWT)[:500] if len(sentence) <= 40]


@pytest.mark.slow
@needs_ewt
@pytest.mark.parametrize("layout", DEPENDENCY_LAYOUTS)
def test_no_labels_overlap_in_a_treebank(treebank: list[Sentence], layout: str) -> None:
    for number, sentence in enumerate(treebank):
        scene, _ = picture(sentence, layout=layout)
        assert not overlaps(label_boxes(scene)), sentence.text
        assert within(scene)
        if number % 60 == 0:  # the widths are those that matplotlib draws
            assert not overlaps(measured_boxes(scene)), sentence.text


@needs_ewt
@pytest.mark.parametrize("layout", OTHER_LAYOUTS)
def test_no_labels_overlap_in_layouts_of_networkx(treebank: list[Sentence], layout: str) -> None:
    for sentence in treebank[:3] + treebank[-3:]:
        scene, _ = picture(sentence, layout=layout)
        assert not overlaps(label_boxes(scene)), sentence.text
        assert within(scene)


@pytest.mark.slow
@needs_sst
def test_no_labels_overlap_in_phrases() -> None:
    for number, sentence in enumerate(read_brackets(SST)[:100]):
        scene, _ = picture(sentence)
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
    for layout in [*LAYOUTS, "circular"]:
        scene, _ = picture(sentence, layout=layout)
        assert not overlaps(label_boxes(scene)), layout
        assert within(scene)


def test_a_long_label_of_the_root_stays_within_the_picture() -> None:
    relations = ("nmod:poss", *["nsubj"] * 5)
    sentence = Sentence(["W"] * 6, dependencies=Tree((-1, 0, 0, 0, 0, 0), labels=relations))
    scene, _ = picture(sentence, layout="arcs")
    assert within(scene)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_edges_of_projective_trees_do_not_cross(data: st.DataObject) -> None:
    tree = data.draw(dependency_trees(data.draw(st.integers(2, 9))).filter(is_projective))
    scene, _ = picture(Sentence(["w"] * len(tree), dependencies=tree), layout="tree")
    edges = [(*curve.points[0], *curve.points[-1]) for curve in scene.curves]
    for x1, y1, x2, _ in edges:
        for other_x1, other_y1, other_x2, _ in edges:
            if y1 == other_y1:  # in one row
                assert (x1 - other_x1) * (x2 - other_x2) >= 0
