from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from structnn import Schedule, Tree
from tests.structnn.examples import batch_of, trees


@given(st.lists(trees(), min_size=1, max_size=4))
def test_a_schedule_is_the_trees_sorted_by_height(forest):
    batch = batch_of(forest)
    schedule = batch.schedule
    parents = batch.parents.tolist()
    heights = [height for tree in forest for height in tree.heights]
    order = schedule.order.tolist()

    assert sorted(order) == list(range(batch.num_nodes))
    assert [schedule.rank[node] for node in order] == list(range(batch.num_nodes))
    assert [heights[node] for node in order] == sorted(heights)
    for height, (begin, end) in enumerate(schedule.levels):
        assert {heights[node] for node in order[begin:end]} == {height}
    assert schedule.num_leaves == heights.count(0)

    for rank, node in enumerate(order):
        parent = parents[node]
        expected = batch.num_nodes if parent < 0 else int(schedule.rank[parent])
        assert schedule.parent[rank] == expected

    leaves = schedule.num_leaves
    for inner in range(batch.num_nodes - leaves):
        begin, end = schedule.child_ptr[inner : inner + 2].tolist()
        node = order[leaves + inner]
        children = [order[child] for child in schedule.child[begin:end]]
        assert children == [child for child, parent in enumerate(parents) if parent == node]
        assert schedule.sibling[begin:end].tolist() == list(range(end - begin))
    for (begin, end), (first, last) in zip(schedule.levels, schedule.edges, strict=True):
        inside = schedule.parent[schedule.child[first:last]]
        assert ((inside >= begin) & (inside < end)).all()


def test_a_schedule_of_a_very_deep_tree():
    size = 40_000  # beyond 16-bit heights
    schedule = Schedule.from_parents(
        np.arange(-1, size - 1), np.arange(size - 1, -1, -1, dtype=np.int64)
    )
    assert schedule.order.tolist() == list(range(size - 1, -1, -1))
    assert len(schedule.levels) == size


def test_repr():
    assert repr(batch_of([Tree([1, -1, 1]), Tree([-1])]).schedule) == "Schedule(nodes=4, levels=2)"
