from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tasks.data.parsing import ParsedDataset
from tasks.report import run_report
from tasks.results.condition import Condition
from tests.tasks.made_up import make_examples, make_grid, with_phrases, write_experiment
from tests.tasks.toys import make_parsed


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def parsed() -> ParsedDataset:
    return make_parsed()


@pytest.fixture(scope="session")
def report_of_everything(tmp_path_factory) -> Path:
    """The folder of an experiment in which everything was varied, with its report."""
    encoders = ("bag", "bilstm", "child_sum_tree_lstm", "bilstm>gat")
    grid = make_grid(
        encoders=encoders,
        structures=("parse", "random"),
        noises=(0.0, 0.3),
        embeddings=("learned", "wordllama"),
        fractions=(0.25, 1.0),
    )
    # Of the second embedding the main cells alone.
    grid = [
        c
        for c in grid
        if c.embedding == "learned" or c == Condition("toys", c.encoder, embedding="wordllama")
    ]
    folder = write_experiment(
        tmp_path_factory.mktemp("everything"),
        {"toys": [with_phrases(row) for row in make_examples(48)]},
        grid,
        ordered=True,
        tuning={"bilstm": [0.7, 0.8, 0.75], "bilstm+gat": [0.6, 0.82, 0.79]},
        unfinished=[(Condition("toys", "bilstm", "flat"), "RuntimeError: out of luck")],
    )
    run_report(folder)
    return folder
