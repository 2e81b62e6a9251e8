"""Maximum spanning trees against all trees, and against Stanza's own function."""

from __future__ import annotations

import tracemalloc
from itertools import product

import numpy as np
import pytest
import torch

from structnn.ops.spanning_tree import best_tree, is_single_rooted_tree, maximum_spanning_tree


def random_scores(size: int, seed: int, spread: float = 3.0) -> np.ndarray:
    logits = torch.randn(size, size, generator=torch.Generator().manual_seed(seed)) * spread
    logits.fill_diagonal_(-torch.inf)
    return torch.log_softmax(logits, 1).numpy()


def brute_force(scores: np.ndarray) -> list[int]:
    size = len(scores)
    best, heads = -np.inf, None
    for candidate in product(range(size), repeat=size - 1):
        tree = np.array([0, *candidate])
        if is_single_rooted_tree(tree):
            total = sum(scores[node, tree[node]] for node in range(1, size))
            if total > best:
                best, heads = total, tree.tolist()
    assert heads is not None
    return heads


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("seed", range(10))
def test_maximum_spanning_tree_is_the_best_of_all_trees(size: int, seed: int) -> None:
    scores = random_scores(size, seed)
    assert maximum_spanning_tree(scores).tolist() == brute_force(scores)


@pytest.mark.parametrize("seed", range(40))
def test_both_decoders_agree_with_stanza_on_random_scores(seed: int) -> None:
    from stanza.models.common.chuliu_edmonds import chuliu_edmonds_one_root

    scores = random_scores(2 + seed, seed)
    expected = chuliu_edmonds_one_root(scores.copy()).tolist()
    assert maximum_spanning_tree(scores).tolist() == expected
    assert best_tree(torch.from_numpy(scores)).tolist() == expected


def test_no_more_is_kept_than_the_contracted_rows_of_a_path() -> None:
    """Copies of all scores, and of where each arc begins and ends, took seven times as much."""
    scores = random_scores(600, 3)
    tracemalloc.start()
    maximum_spanning_tree(scores)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 * scores.nbytes


def test_cycles_within_cycles_are_opened_again() -> None:
    """Each word's best heads are the next ones, so that cycle after cycle is contracted."""
    from stanza.models.common.chuliu_edmonds import chuliu_edmonds_one_root

    place = np.arange(40)
    distance = np.abs(place[:, None] - place[None, :])
    scores = (random_scores(40, 4, spread=0.01) - distance).astype(np.float32)
    expected = chuliu_edmonds_one_root(scores.copy()).tolist()
    assert maximum_spanning_tree(scores).tolist() == expected


def test_scores_are_left_as_they_were() -> None:
    scores = random_scores(12, 1)
    before = scores.copy()
    maximum_spanning_tree(scores)
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        ([0, 0], True),
        ([0, 2, 0, 2], True),
        ([0, 0, 0], False),  # two roots
        ([0, 2, 1], False),  # no root
        ([0, 0, 3, 2], False),  # a cycle beside the root
        ([0, 0, 1, 2, 3, 4, 5], True),
    ],
)
def test_single_rooted_tree(heads: list[int], expected: bool) -> None:
    assert is_single_rooted_tree(np.array(heads)) is expected
