"""Processes that work for another one, and end with it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["end_with", "interrupted_once"]

_WATCH_EVERY = 1.0  # seconds


def end_with(parent: int) -> None:
    """End this process when the one that started it has ended, however that came about.

    A worker whose parent is killed is told nothing: it computes what it was given, and then waits for
    more and keeps its memory. The kernel's own signal (``PR_SET_PDEATHSIG``) would be no cure: it
    comes when the *thread* that started the worker ends, which in a notebook or a server happens
    while results are still wanted.

    What a worker has started itself ends by itself: workers of its own watch it in the same way,
    those of PyTorch's ``DataLoader`` by PyTorch's, and a compiler is soon done.

    Args:
        parent: The id of the process that started this one. On Windows, where a parent keeps its id
            when it has ended, nothing is noticed.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_EVERY)
        # From this thread, and without cleaning up: nobody is left to read what this process gives,
        # and what it writes to files is whole at any time.
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


@contextmanager
def interrupted_once() -> Iterator[None]:
    """Within it Ctrl-C interrupts this process once, and what comes after that is not heard.

    Else a second one, pressed or passed on by another program, would interrupt the wait for workers
    that finish what they do, which leaves locks of Python held that the end of the process waits for.
    """
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield  # no other thread is interrupted
        return

    def once(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        usual(number, frame)

    signal.signal(signal.SIGINT, once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
