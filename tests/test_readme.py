"""What the README shows must run."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_python_blocks_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert tuple(names["encoding"].tokens.shape) == (4, 150)
    assert tuple(names["encoding"].sentence.shape) == (2, 150)
    assert (tmp_path / "tree.png").exists()

    from structnn import build_encoder

    encoder = build_encoder("bilstm>heads", 300, 8)
    assert tuple(encoder(names["torch"].randn(4, 300), names["batch"]).sentence.shape) == (2, 8)


def test_the_table_of_encoders_is_in_step():
    from structnn.catalogue import encoder_table

    assert encoder_table() in README, "copy the table of docs/encoders.md into README.md"


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


def test_commands_exist():
    from typer.main import get_command

    from tasks.command.cli import app

    commands = set(get_command(app).commands)
    shown = set(re.findall(r"^\$ structnn (\w+)", README, flags=re.MULTILINE))
    assert shown <= commands
