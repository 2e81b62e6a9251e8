"""Processes that are killed, and what is left of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

__all__ = ["needs_proc", "survivors_of_kill"]

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"
)


def survivors_of_kill(
    script: Path, started: Path, *, workers: int, seconds: float = 10
) -> set[int]:
    """Run a script, kill it when its workers are at work, and give the processes that don't end.

    Args:
        script: A script of Python. Each worker of it makes a file named as its process id.
        started: The folder in which it does so.
        workers: How many there must be.
        seconds: How long processes have to end, once the script is killed.
    """
    marker = f"STRUCTNN_TEST={uuid.uuid4()}"
    name, value = marker.split("=")
    main = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, name: value},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while len(list(started.iterdir())) < workers:
            assert time.monotonic() < until, "the workers don't start"
            assert main.poll() is None, f"the script ended with status {main.returncode}"
            time.sleep(0.05)
        assert {int(file.name) for file in started.iterdir()} <= _marked(marker)
    finally:
        main.kill()
        main.wait()
    until = time.monotonic() + seconds
    while (left := _marked(marker)) and time.monotonic() < until:
        time.sleep(0.1)
    for process in left:
        os.kill(process, 9)
    return left


def _marked(marker: str) -> set[int]:
    """The processes with this in their environment; one that has ended has none."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if marker.encode() in (process / "environ").read_bytes().split(b"\0"):
                found.add(int(process.name))
        except OSError:  # it has ended meanwhile, or is somebody else's
            continue
    return found
