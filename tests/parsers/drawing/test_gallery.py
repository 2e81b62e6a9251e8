"""The gallery can be made, and the presets give what draw takes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from parsers import draw, read_brackets, read_conllu, text_tree
from parsers.drawing.gallery import make_gallery
from parsers.drawing.presets import attention, attribution, gates, sentiment
from structnn.sentence import Sentence, StructureError, Tree

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[3] / "docs"
STOP = Sentence(["stop", "that", "now"], dependencies=Tree([-1, 0, 0]))


@pytest.mark.filterwarnings("ignore:no installed font has")
def test_every_picture_of_the_gallery(tmp_path: Path) -> None:
    for name in ("sentences.conllu", "phrases.txt"):
        shutil.copy(DOCS / "gallery" / name, tmp_path)
    made = make_gallery(tmp_path)
    text = (DOCS / "gallery.md").read_text()
    for path in made:
        assert path.stat().st_size > (500 if path.suffix == ".tex" else 5000)
        assert f"gallery/{path.name}" in text


def test_the_text_tree_of_the_gallery_is_what_is_printed() -> None:
    sentences = read_conllu(DOCS / "gallery" / "sentences.conllu")
    dogs = next(one for one in sentences if one.metadata["sent_id"] == "dogs")
    assert text_tree(dogs) in (DOCS / "gallery.md").read_text()


def test_attention() -> None:
    options = attention([[0.5, 0.3, 0.2], [0.95, 0.0, 0.05], [0.0, 1.0, 0.0]])
    assert options["edge_values"] == {(1, 0): 0.3, (2, 0): 0.2, (0, 1): 0.95, (1, 2): 1.0}
    scene = draw(STOP, layout="arcs", **options).scene
    assert "attention (at least 0.1): 1" in [label.text for label in scene.labels]


def test_gates_and_attribution() -> None:
    options = gates(STOP, [0.0, 0.25, 0.75])
    assert options["edge_values"] == {(0, 1): 0.25, (0, 2): 0.75}
    assert attribution([0.5, -2.0, 0.0])["node_range"] == (-2.0, 2.0)
    assert draw(STOP, **options, **attribution([0.5, -2.0, 0.0])).png()
    with pytest.raises(StructureError, match="no dependencies"):
        gates(Sentence(["a"]), [1.0])


def test_sentiment() -> None:
    (review,) = read_brackets(["(4 (2 a) (4 delight))"])
    assert sentiment(review)["node_values"] == {0: 4, 1: 2, 2: 4}
    assert sentiment(review, predicted={0: 3})["node_values"] == {0: 3}
    with pytest.raises(StructureError, match="no sentiments 0 to 4"):
        sentiment(read_brackets(["(S a)"])[0])
