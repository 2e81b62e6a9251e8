"""The corpus page: it holds the whole corpus, counts it right, and needs nothing else."""

from __future__ import annotations

import base64
import gzip
import json
import re
import subprocess
from array import array
from pathlib import Path

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import explore, statistics_of, to_networkx
from parsers.explorer.explorer import is_projective
from structnn.sentence import Sentence, Tree
from tests.parsers.drawing.test_drawing import browser  # noqa: F401
from tests.parsers.sentence_strategies import dependency_trees

CORPUS = [
    Sentence(
        ["dogs", "chase", "cats"],
        dependencies=Tree([1, -1, 1], labels=["nsubj", "root", "obj"]),
        tags=["NOUN", "VERB", "NOUN"],
        lemmas=["dog", "chase", "cat"],
        metadata={"sent_id": "one"},
    ),
    Sentence(["</script>"]),
    Sentence(["a", "b", "c", "d"], dependencies=Tree([2, 3, -1, 2], labels=["x"] * 4)),
]


def test_statistics() -> None:
    counts = statistics_of(CORPUS)
    assert (counts.sentences, counts.tokens, counts.unparsed, counts.projective) == (3, 8, 1, 1)
    assert counts.lengths == {1: 1, 3: 1, 4: 1}
    assert counts.depths == {1: 1, 2: 1}
    assert counts.branching == {0: 4, 1: 1, 2: 2}
    assert counts.relations == {"x": 4, "nsubj": 1, "root": 1, "obj": 1}
    assert counts.tags == {"NOUN": 2, "VERB": 1}
    assert counts.mean_distance == (1 + 1 + 2 + 2 + 1) / 5
    assert counts.heads_on_the_left == 2 / 5


@settings(deadline=None)
@given(st.data())
def test_projective_means_that_no_word_below_another_is_cut_off(data: st.DataObject) -> None:
    tree = data.draw(dependency_trees(data.draw(st.integers(1, 8))))
    graph = to_networkx(Sentence(["w"] * len(tree), dependencies=tree))
    expected = all(
        between in networkx.descendants(graph, head)
        for head, tail in graph.edges
        for between in range(min(head, tail) + 1, max(head, tail))
    )
    assert is_projective(tree) == expected


def test_the_page_holds_the_corpus(tmp_path: Path) -> None:
    page = explore(CORPUS, tmp_path / "page.html", title="Dogs & <cats>").read_text()
    assert "<title>Dogs &amp; &lt;cats&gt;</title>" in page
    found = re.search(r'const packed = "(.*)";', page)
    assert found is not None
    head, _, rest = gzip.decompress(base64.b64decode(found[1])).partition(b"\n")
    strings, numbers = json.loads(head), array("I", rest)
    assert strings["names"] == ["one", "", ""]
    starts, depths, crossing = numbers[:4], numbers[4:7], numbers[7:10]
    assert (list(starts), list(depths), list(crossing)) == ([0, 3, 4, 8], [1, 0, 2], [0, 0, 1])
    words, heads = numbers[10:18], numbers[42:50]
    assert [strings["words"][word] for word in words] == [w for s in CORPUS for w in s.tokens]
    assert list(heads) == [2, 0, 2, 2**32 - 1, 3, 4, 0, 3]


def test_no_sentence_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no sentence"):
        explore([], tmp_path / "page.html")


def test_the_page_stands_alone(browser: list[str], tmp_path: Path) -> None:  # noqa: F811
    path = explore(CORPUS, tmp_path / "page.html")
    page = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?://[\w.]+", page) == []
    done = subprocess.run([*browser, path.as_uri()], capture_output=True, text=True, timeout=60)
    assert "CONSOLE" not in done.stderr
    assert "3 of 3 sentences" in done.stdout
    assert "chase" in done.stdout
