"""What a command loads for one answer: only what this answer needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from structnn import UNIVERSAL_RELATIONS, Vocabulary
from structnn.fused.build import load
from tasks.data.options import ParserOptions
from tasks.models.building import Task, build_model
from tasks.models.model import SavedModel, save_model
from tasks.models.options import ModelOptions

ROOT = Path(__file__).parents[3]

HEAVY = {
    "accelerate",
    "captum",
    "emoji",
    "joblib",
    "matplotlib",
    "networkx",
    "nltk",
    "pandas",
    "parsers.training",
    "peft",
    "requests",
    "scipy",
    "sklearn",
    "sympy",
    "tasks.estimators",
    "torch._dynamo",
    "torch._inductor",
    "torch_geometric",
    "transformers",
}

PROGRAM = """
import json, sys
from structnn.__main__ import main

try:
    main()
except SystemExit as end:
    assert not end.code
print(json.dumps(sorted(sys.modules)))
"""


def answer_and_modules(*arguments: str) -> tuple[str, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    *answer, modules = done.stdout.splitlines()
    return "\n".join(answer), set(json.loads(modules))


@pytest.mark.slow
@pytest.mark.parametrize("encoder", ["bilstm", "child_sum_tree_lstm", "gat"])
def test_a_label(tmp_path, encoder):
    if encoder == "gat" and load("graph_attention", torch.float32) is None:
        pytest.skip("there is no compiler for the operator, in whose place PyG computes")
    options = ModelOptions(encoder=encoder, hidden_dim=8, embedding_dim=6)
    task = Task(labels=("animal", "money"))
    classifier = build_model(options, task, Vocabulary(["dogs", "bark"]))
    run = SavedModel(
        classifier.eval(), options, UNIVERSAL_RELATIONS, "parse", ParserOptions(), task
    )
    save_model(tmp_path / "run", run)
    answer, modules = answer_and_modules("predict", str(tmp_path / "run"), "The dogs bark.")
    assert "animal" in answer
    assert "stanza" in modules, "it was parsed"
    assert not HEAVY & modules


@pytest.mark.slow
def test_a_tree(tmp_path):
    options = ("draw", "The dogs bark.", "--cache", str(tmp_path / "parses"))
    answer, modules = answer_and_modules(*options, "--text")
    assert "dogs" in answer
    assert "stanza" in modules, "it was parsed"
    assert not HEAVY & modules

    # A picture is measured with matplotlib's fonts; only PNG and PDF are drawn with it.
    _, modules = answer_and_modules(*options, "-o", str(tmp_path / "tree.svg"))
    assert "<svg" in (tmp_path / "tree.svg").read_text(encoding="utf-8")
    assert not {"stanza", "torch"} & modules, "its parse is in the cache"
    assert "matplotlib.font_manager" in modules
    assert "matplotlib.figure" not in modules
    answer_and_modules(*options, "-o", str(tmp_path / "tree.png"))
    assert (tmp_path / "tree.png").read_bytes().startswith(b"\x89PNG")
