from __future__ import annotations

import pytest

from structnn import StructureError, Tree
from structnn.arcs import arc_of, arcs_of, tree_of


def test_a_tree_there_and_back():
    tree = Tree([1, -1, 1], labels=["nsubj:pass", "root", "punct"])
    assert arcs_of(tree) == ["2:nsubj:pass", "0:root", "2:punct"]
    assert tree_of(arcs_of(tree)) == tree
    assert arc_of("2:nsubj:pass") == (2, "nsubj:pass")


def test_what_is_no_tree_is_told():
    for wrong in ("nsubj", ":nsubj", "x:nsubj", "-1:nsubj", "2:", "2", "\u0662:nsubj", ""):
        with pytest.raises(ValueError, match="is no arc"):
            arc_of(wrong)
    with pytest.raises(ValueError, match=r"^'9{57}\.\.\.' is no arc: write"):
        arc_of(f"{'9' * 5000}:x")
    with pytest.raises(ValueError, match="there are no arcs: give one for each token"):
        tree_of([])
    with pytest.raises(ValueError, match="no relations"):
        arcs_of(Tree([-1]))
    for wrong in (["0:root", "0:root"], ["2:a", "1:b"], ["0:root", "3:a"]):
        with pytest.raises(StructureError):
            tree_of(wrong)
