"""What the README shows must run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from structnn import ENCODERS

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


def test_the_table_names_every_encoder():
    table = README[README.index("| family |") : README.index("Papers, equations")]
    assert set(re.findall(r"`(\w+)`", table)) == set(ENCODERS)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
