"""The main job on what ships with the package: generate, parse, train, compare, draw."""

from __future__ import annotations

from pathlib import Path

from tasks.console import parsed_data, results, status
from tasks.data.structure_test import generate
from tasks.experiments.compare import plan
from tasks.experiments.experiment import run_plan
from tasks.experiments.options import ExperimentOptions
from tasks.results.summary import Summary

__all__ = ["ENCODERS", "run_demo"]

ENCODERS = ("bag", "bilstm", "transformer", "child_sum_tree_lstm", "gat")

SENTENCE = "The doctor that the child helped yesterday was not late."


def run_demo(out: Path, seeds: int, epochs: int, pairs: int) -> Summary:
    """Compare five encoders on the structure test, and draw one parse.

    Args:
        out: The folder of the results.
        seeds: Runs of each encoder.
        epochs: At most this many for each run.
        pairs: Pairs of sentences to train on.
    """
    from parsers import draw
    from tasks.data.parsing import make_parser

    status.print(
        "The structure test: sentences in pairs with the same words and opposite labels, so that a "
        "bag of words is right half the time. Words and templates of test don't occur in train."
    )
    dataset = generate(
        train_pairs=pairs, dev_pairs=max(16, pairs // 8), test_pairs=max(48, pairs // 3)
    )
    options = ExperimentOptions(data=dataset.name, epochs=epochs, hidden_dim=64, learning_rate=1e-3)
    runs = plan([options.model(name) for name in ENCODERS], seeds, options.training())
    summary = run_plan(runs, {"": parsed_data(dataset, options)}, options, out)
    picture = out / "tree.png"
    draw(make_parser(options.parser()).parse([SENTENCE])[0], picture)
    results.print(f"- the parse of {SENTENCE!r} is drawn in {picture}")
    return summary
