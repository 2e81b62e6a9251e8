"""Worker processes end with the process that started them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from parsers.workers import interrupted_once
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


INTERRUPTED = """
import os, signal, time
from pathlib import Path
from parsers import CachedParser
from structnn import Sentence, Tree

class Slow:
    fingerprint = "slow"
    def parse(self, texts):
        Path({started!r}, str(os.getpid())).touch()
        time.sleep(1)
        return [Sentence(["a"], dependencies=Tree([-1]))]

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    cached = CachedParser(Slow(), {cache!r}, chunk=1, workers=2)
    try:
        cached.parse([str(number) for number in range(40)])
    except KeyboardInterrupt:
        print("interrupted", len(cached._load([_key(str(number)) for number in range(40)])))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there Ctrl-C can't be sent to one process")
@pytest.mark.parametrize("pause", [0, 0.01, 0.2])
def test_ctrl_c_pressed_twice_is_one(tmp_path, pause):
    """The workers finish and save what they do, and the process ends by itself."""
    started = tmp_path / "started"
    started.mkdir()
    script = tmp_path / "script.py"
    script.write_text(
        "from parsers.cache import _key\n"
        + INTERRUPTED.format(started=str(started), cache=str(tmp_path / "cache"))
    )
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        while len(list(started.iterdir())) < 2:
            time.sleep(0.02)
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(pause)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert err == ""
    assert process.returncode == 0
    what, saved = out.split()
    assert what == "interrupted"
    assert 2 <= int(saved) < 40


@pytest.fixture
def ctrl_c():
    """Ctrl-C as in a terminal: it is ignored where tests run in the background."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_is_heard_again_afterwards():
    def twice():
        with interrupted_once():
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGINT)  # not heard

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        twice()
    assert signal.getsignal(signal.SIGINT) is before


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
