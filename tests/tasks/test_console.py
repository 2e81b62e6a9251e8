"""What the console shows."""

from __future__ import annotations

import pytest

from tasks.console import progress, resumable


def test_an_interrupt_says_how_to_resume(capsys):
    with pytest.raises(KeyboardInterrupt), resumable():
        raise KeyboardInterrupt
    assert "the same command resumes" in capsys.readouterr().err


def test_no_bar_without_a_terminal(capsys):
    with progress("runs", 2) as show:
        show(1, 2)
        show(2, 2)
    said = capsys.readouterr()
    assert (said.out.strip(), said.err.strip()) == ("", "")
