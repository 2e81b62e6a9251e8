"""What a note may be is told where a reader looks for it."""

from __future__ import annotations

import re
from pathlib import Path

import structnn
from structnn import Note


def test_every_kind_that_is_noted_is_named():
    sources = Path(structnn.__file__).parent.rglob("*.py")
    text = "\n".join(file.read_text(encoding="utf-8") for file in sources)
    kinds = set(re.findall(r'\bnote\("([a-z ]+)"', text))
    assert {"attention", "forget gates", "span attention", "alignment"} <= kinds
    named = re.findall(r'``"([a-z ]+)"``', Note.__doc__ or "")
    assert kinds <= set(named)
