"""What the documents for contributors say is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

import structnn
from structnn import Batch, Sentence, Tree, build_encoder

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", CONTRIBUTING, flags=re.DOTALL)


@pytest.mark.parametrize(("block", "name"), [*zip(BLOCKS, ["windows", "gated_sum"], strict=True)])
def test_encoders_of_the_guide_work(block, name):
    exec(compile(block, "CONTRIBUTING.md", "exec"), {"__name__": name})
    sentences = [
        Sentence(["dogs", "chase", "cats"], dependencies=Tree([1, -1, 1])),
        Sentence(["stop"], dependencies=Tree([-1])),
    ]
    encoder = build_encoder(name, 3, 4).double()
    x = torch.randn(4, 3, dtype=torch.float64)
    together = encoder(x, Batch.from_sentences(sentences))
    alone = [
        encoder(rows, Batch.from_sentences([one])).sentence
        for rows, one in zip(x.split([3, 1]), sentences, strict=True)
    ]
    torch.testing.assert_close(together.sentence, torch.cat(alone))
    assert encoder.steps(Batch.from_sentences(sentences[:1])).shape == (3, 3)


@pytest.mark.parametrize("document", [CONTRIBUTING, ARCHITECTURE], ids=["guide", "architecture"])
def test_named_files_exist(document):
    named = set(re.findall(r"`((?:structnn|parsers|tasks|tests)/[\w/.]*)`", document))
    assert named
    for path in named:
        assert (ROOT / path).exists(), path


def test_every_room_is_named():
    for package in ("structnn", "parsers", "tasks"):
        for folder in sorted((ROOT / package).iterdir()):
            if folder.is_dir() and not folder.name.startswith(("_", ".")):
                assert f"`{package}/{folder.name}/`" in ARCHITECTURE, folder


def test_functions_named_exist():
    for dotted in re.findall(r"`((?:structnn|parsers|tasks)\.[\w.]+)`", ARCHITECTURE):
        module, _, name = dotted.rpartition(".")
        assert _found(module, name), dotted


def _found(module: str, name: str) -> bool:
    from importlib import import_module

    try:
        return hasattr(import_module(module), name)
    except ModuleNotFoundError:  # a method: the class is the last part of the module's name
        outer, _, cls = module.rpartition(".")
        return hasattr(getattr(import_module(outer), cls), name)


def test_one_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {structnn.__version__}\n" in citation
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {structnn.__version__} " in changelog
