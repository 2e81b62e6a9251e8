"""How much memory a step takes at its peak, as PyTorch counts it and as the system does."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import sys
import tempfile
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

from torch.profiler import ProfilerActivity, profile

os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler tells of each start and stop

__all__ = ["peak_of_process", "peak_of_tensors"]


def peak_of_tensors(step: Callable[[], object]) -> int:
    """The most bytes that tensors made during the step hold at once.

    PyTorch's profiler sees every allocation and every release of its CPU allocator, whichever operator
    asks; what was allocated before the step does not count.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as trace:
        step()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        trace.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    changes: list[tuple[float, int]] = sorted(
        (event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == "[memory]"
    )
    return max(accumulate((change for _, change in changes), initial=0))


def peak_of_process(step: Callable[[], object]) -> int | None:
    """How far the step raises the process's resident memory at its peak; None where not on Linux.

    Memory that the C library keeps for later is given back to the system first, so that the step has
    to ask for its own.
    """
    if not sys.platform.startswith("linux"):
        return None
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except AttributeError:
        return None  # not the GNU C library
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    step()
    return _status("VmHWM") - before


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}")
