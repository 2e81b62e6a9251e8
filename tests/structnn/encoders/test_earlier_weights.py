"""Weights that version 0.1.0 saved load, and give the states that they gave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from structnn import Batch, Sentence, Tree, build_encoder

FILE = Path(__file__).parent / "encoders-0.1.0.safetensors"
SENTENCES = [
    Sentence(
        ["dogs", "chase", "old", "cats"],
        dependencies=Tree([1, -1, 3, 1], labels=["nsubj", "root", "amod", "obj"]),
    ),
    Sentence(["stop"], dependencies=Tree([-1], labels=["root"])),
    Sentence(
        ["birds", "that", "sing", "fly"],
        dependencies=Tree([3, 2, 0, -1], labels=["nsubj", "nsubj", "acl:relcl", "root"]),
    ),
]

with safe_open(FILE, "pt") as _file:
    SAVED = {key: _file.get_tensor(key) for key in _file.keys()}  # noqa: SIM118 (not a mapping)
    OPTIONS = json.loads(_file.metadata()["options"])


@pytest.mark.parametrize("name", OPTIONS)
def test_saved_weights_give_the_same_states(name):
    encoder = build_encoder(name, 3, 4, **OPTIONS[name]).eval()
    prefix = f"{name}/weights/"
    weights = {k.removeprefix(prefix): v for k, v in SAVED.items() if k.startswith(prefix)}
    encoder.load_state_dict(weights)
    with torch.no_grad():
        encoding = encoder(SAVED["x"], Batch.from_sentences(SENTENCES))
    for kind in ("tokens", "sentence"):
        states = getattr(encoding, kind)
        # Processors round in other ways, and a layer norm of four numbers can enlarge that.
        torch.testing.assert_close(states, SAVED[f"{name}/{kind}"], rtol=1e-5, atol=1e-5)
