"""Worker processes end with the process that started them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.processes import needs_proc, survivors_of_kill

PARSING = """
import os, time
from pathlib import Path
from parsers import CachedParser
from structnn import Sentence, Tree

class Slow:
    fingerprint = "slow"
    def parse(self, texts):
        if texts[0] == "the first":
            return [Sentence(["a"], dependencies=Tree([-1]))]
        Path({started!r}, str(os.getpid())).touch()
        time.sleep(60)

if __name__ == "__main__":
    CachedParser(Slow(), {cache!r}, chunk=1, workers=2).parse(["the first", "a", "b", "c"])
"""


@needs_proc
def test_parsing_processes_end_with_their_parent(tmp_path):
    started = tmp_path / "started"
    started.mkdir()
    script = tmp_path / "script.py"
    script.write_text(PARSING.format(started=str(started), cache=str(tmp_path / "cache")))
    assert survivors_of_kill(script, started, workers=2) == set()


@pytest.mark.skipif(sys.platform == "win32", reason="a parent that has ended keeps its id there")
def test_a_process_whose_parent_has_ended_already_ends_at_once():
    command = "import time; from parsers.workers import end_with; end_with(1 << 30); time.sleep(60)"
    assert subprocess.run([sys.executable, "-c", command], timeout=50).returncode == 1


def test_a_process_whose_parent_lives_goes_on():
    command = (
        "import os, time; from parsers.workers import end_with; end_with(os.getppid()); "
        "time.sleep(1.5); print('on')"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "on\n")
