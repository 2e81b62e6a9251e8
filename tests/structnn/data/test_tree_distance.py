from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from structnn.data.tree_distance import ancestry
from tests.structnn.examples import batch_of, phrase_trees, trees


@given(st.lists(trees(), min_size=1, max_size=3) | st.lists(phrase_trees(), min_size=1, max_size=3))
def test_distances_are_those_of_shortest_paths(forest):
    batch = batch_of(forest)
    distances, depths = batch.tree_distances, batch.tree_depths
    related = ancestry(distances, depths)
    for index, tree in enumerate(forest):
        graph = nx.Graph()
        graph.add_nodes_from(range(len(tree)))
        graph.add_edges_from(
            (node, parent) for node, parent in enumerate(tree.parents) if parent >= 0
        )
        assert depths[index, : len(tree)].tolist() == list(tree.depths)
        for node, lengths in nx.all_pairs_shortest_path_length(graph):
            for other, length in lengths.items():
                assert distances[index, node, other] == length
        for node in range(len(tree)):
            above, ancestor = {node}, tree.parents[node]
            while ancestor >= 0:
                above.add(ancestor)
                ancestor = tree.parents[ancestor]
            for other in range(len(tree)):
                if other in above:
                    assert related[index, node, other]
                    assert related[index, other, node]
        total = sum(depth + 1 for depth in tree.depths)  # each node with itself and all above it
        assert related[index, : len(tree), : len(tree)].sum() == 2 * total - len(tree)
