"""``structnn demo``: generate data with gold trees, train, compare and draw."""

from __future__ import annotations

from pathlib import Path

from tasks.console import results, status
from tasks.data.parsing import parse_dataset
from tasks.data.structure_test import PHENOMENA, generate
from tasks.experiments.experiment import run_plan
from tasks.experiments.grid import plan
from tasks.experiments.options import ExperimentOptions
from tasks.models.ngrams import ngram_accuracy
from tasks.results.summary import Summary

__all__ = ["ENCODERS", "STRUCTURES", "run_demo"]

ENCODERS = ("bag", "bilstm", "child_sum_tree_lstm", "syntactic_gcn")

OPTIONS = tuple(f"{name}.readout=max" for name in ENCODERS if name != "bag")
"""One readout for all, so that they differ in what they read alone."""

STRUCTURES = ("given", "random")
"""The gold trees, and in their place random trees over the same words."""

LINEAR_RULES = {
    "ngrams": "one to three adjacent words",
    "triples": "three words in order, adjacent or not,",
}
"""Features of a logistic regression, and what they are in words."""

SENTENCE = "The doctor that the child helped yesterday was not late."


def run_demo(out: Path, seeds: int, epochs: int, pairs: int, data_seed: int = 0) -> Summary:
    """Compare four encoders on the structure test, with gold trees and with random ones; draw a parse.

    Args:
        out: Folder for the results.
        seeds: Number of runs of each encoder with each structure.
        epochs: Number of epochs; training is not stopped early.
        pairs: Pairs of sentences to train on, an even number.
        data_seed: Decides the data.

    Raises:
        ValueError: An odd number of pairs, or too few for all phenomena.
    """
    if pairs % 2 or pairs < 2 * len(PHENOMENA):
        raise ValueError(
            f"--pairs must be an even number of at least {2 * len(PHENOMENA)}, but is {pairs}"
        )
    from parsers import draw
    from tasks.models.parser import cached_parser

    status.print(
        "The structure test: four sentences at a time with the same words, two of them yes, so that a "
        "bag of words is right half the time. Words of test don't occur in train, and two of three test "
        "sentences have templates that don't either. All have gold trees; the tree and the graph "
        "encoder are run with random trees too."
    )
    dataset = generate(train=2 * pairs, seed=data_seed)
    options = ExperimentOptions(
        data=dataset.name,
        structure=",".join(STRUCTURES),
        option=list(OPTIONS),
        epochs=epochs,
        patience=epochs,
        batch_size=32,
        learning_rate=2e-3,
        embedding_dim=64,
        hidden_dim=64,
        dropout=0.2,
    )
    models = [options.model(name) for name in ENCODERS]
    runs = plan(models, seeds, options.training, structures=STRUCTURES)
    # Nothing is parsed: the gold trees come with the data, and random ones need no parse.
    summary = run_plan(runs, {"": parse_dataset(dataset, None)}, options, out)
    for features, words in LINEAR_RULES.items():
        right = ngram_accuracy(dataset.train, dataset.test, features).mean()
        results.print(f"- a logistic regression on {words} is right on {100 * right:.1f} % of test")
    picture = out / "tree.png"
    draw(cached_parser(options).parse([SENTENCE])[0], picture)
    results.print(f"- the parse of {SENTENCE!r} is drawn in {picture}")
    return summary
