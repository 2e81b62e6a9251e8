"""Suites with known answers: data sets that are generated, each with a gold tree for every example.

Each suite is a module with a function ``generate(train, dev, test, seed)``.
"""

from __future__ import annotations

from importlib import import_module

from tasks.data.examples import Dataset

__all__ = ["SUITES", "generate"]

SUITES = {
    "listops": "nested list operations, 10 values (generated)",
    "logic": "formulas of propositional logic, true or false (generated)",
    "logic-pairs": "pairs of formulas, one of seven relations (generated)",
    "arithmetic": "nested sums, differences and products modulo 5 (generated)",
    "dyck": "strings of two kinds of brackets, well formed or not (generated)",
    "copy": "sequences of symbols, to be written again (generated)",
    "reversal": "sequences of symbols, to be written in reverse (generated)",
    "scan": "commands, to be written as actions (generated)",
    "postfix": "arithmetic, to be written with operators behind operands (generated)",
    "passive": "active sentences, to be written in the passive (generated)",
    "minimal-pairs": "pairs of English sentences, acceptable or not (generated)",
}
"""The names of the suites, and what they stand for."""


def generate(name: str, seed: int = 0, **sizes: int) -> Dataset:
    """The suite of this name; one seed gives one data set.

    Args:
        name: One of :data:`SUITES`.
        seed: The random seed.
        sizes: The number of examples of ``train``, ``dev`` and ``test``; by default its usual ones.
    """
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    dataset: Dataset = module.generate(seed=seed, **sizes)
    return dataset
