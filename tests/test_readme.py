"""What the README shows must run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from structnn import Batch, Sentence, Tree, build_encoder
from structnn.options import options_of
from tasks.experiments.plugins import load_plugins

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.partition("\n")[0])
def test_each_block_runs_alone(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(block, "README.md", "exec"), names)
    if "encoding" in names:
        assert tuple(names["encoding"].tokens.shape) == (4, 150)
        assert tuple(names["encoding"].sentence.shape) == (2, 150)
    if "draw(" in block:
        assert (tmp_path / "tree.png").exists()


def test_the_encoder_of_ones_own_is_a_plugin(tmp_path):
    (block,) = (block for block in BLOCKS if "register_encoder" in block)
    plugin = tmp_path / "heads.py"
    plugin.write_text(block, encoding="utf-8")
    load_plugins([str(plugin)])
    sentence = Sentence(["dogs", "bark"], dependencies=Tree([1, -1]))
    encoder = build_encoder("bilstm>heads", 3, 8, readout="mean+max")
    encoding = encoder(torch.randn(2, 3), Batch.from_sentences([sentence]))
    assert tuple(encoding.sentence.shape) == (1, 16)
    assert list(options_of(type(encoder.stages[-1]))) == ["readout"]


def test_the_table_of_encoders_is_in_step():
    from structnn.catalogue import encoder_table

    assert encoder_table() in README, "copy the table of docs/encoders.md into README.md"


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
