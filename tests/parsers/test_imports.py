"""What `import parsers` offers, and what it does not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import parsers


def test_import_is_cheap() -> None:
    code = (
        "import sys, parsers; heavy = {'stanza', 'torch', 'matplotlib', 'networkx', 'nltk'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_every_name_is_there() -> None:
    for name in parsers.__all__:
        if name != "StanzaParser":  # its module loads torch
            assert getattr(parsers, name) is not None
    assert set(parsers.__all__) <= set(dir(parsers))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        parsers.nonsense  # noqa: B018
