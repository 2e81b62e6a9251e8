"""How the time of a Tree-LSTM grows with the number of nodes, and with depth alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tree_contenders import Ours
from benchmarks.tree_data import Indices, Portions, corpus_of, random_tree
from parsers.drawing.theme import blend
from structnn import Sentence
from structnn.encoders.tree.child_sum import ChildSumTreeLSTM
from tasks.palette import colour_of

__all__ = ["draw_growth", "measure_growth"]

INPUT_DIM, HIDDEN_DIM = 100, 50  # a million nodes shall fit into the memory of a laptop
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)


def measure_growth(
    sentences: Sequence[Sentence] | None, largest: int = SIZES[-1]
) -> list[dict[str, Any]]:
    """The time of one batch, from a thousand to a million nodes.

    Args:
        sentences: A treebank; a batch has as many sentences of it, drawn at random, as make up the
            nodes. None for none.
        largest: Sizes above it are left out.

    Returns:
        For each size, of the treebank and of one random tree, seconds of collation, of the forward
        pass, and of forward and backward: the least of three.
    """
    results = []
    for size in (size for size in SIZES if size <= largest):
        one_tree = [random_tree(size)]
        batches: dict[str, tuple[Sequence[Sentence], Indices]] = {
            "one tree": (one_tree, np.zeros(1, dtype=np.int64))
        }
        if sentences is not None:
            generator = np.random.default_rng(size)
            mean = sum(map(len, sentences)) / len(sentences)
            chosen = generator.integers(len(sentences), size=round(size / mean))
            batches["treebank"] = (sentences, chosen)
        for name, (trees, chosen) in batches.items():
            results.append({"trees": name, **_times(trees, chosen)})
    return results


def _times(trees: Sequence[Sentence], chosen: Indices) -> dict[str, Any]:
    corpus = corpus_of(trees)
    contender = Ours(corpus, ChildSumTreeLSTM(INPUT_DIM, HIDDEN_DIM))
    batch = Portions(corpus, INPUT_DIM, HIDDEN_DIM).of(chosen)
    data = contender.collate(chosen)
    with torch.no_grad():
        forward = _least(lambda: contender.forward(batch.x, data))
    return {
        "nodes": len(batch.grad),
        "levels": len(data.schedule.levels),
        "collation": _least(lambda: contender.collate(chosen)),
        "forward": forward,
        "forward + backward": _least(lambda: contender.train(batch.x, batch.grad, data)),
    }


def _least(run: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def draw_growth(results: Sequence[dict[str, Any]], path: Path) -> None:
    """Seconds against nodes, both on logarithmic scales: a slope of one is linear growth."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    own = colour_of("child_sum_tree_lstm")
    shades = (own, blend((own, "#ffffff"), 0.5), blend((own, "#000000"), 0.6))
    for style, name in (("-", "treebank"), ("--", "one tree")):
        rows = [row for row in results if row["trees"] == name]
        for color, what in zip(shades, ("forward + backward", "forward", "collation"), strict=True):
            if rows:
                nodes, seconds = [row["nodes"] for row in rows], [row[what] for row in rows]
                label = f"{what}, {name}"
                axes.loglog(nodes, seconds, style, color=color, marker="o", ms=3, label=label)
    axes.set_xlabel("nodes in the batch")
    axes.set_ylabel("seconds")
    axes.set_title(f"Child-sum Tree-LSTM, {INPUT_DIM} to {HIDDEN_DIM}, one thread", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, handlelength=4)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
