"""What the processor can do that the operators make use of, in the words of a compiler."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from pathlib import Path

import torch

__all__ = ["features", "model"]

# What torch calls a processor, and how a compiler is told of it, the widest vectors first. The operators
# are written for wide vectors: without them PyTorch is faster. Naming the features rather than "this
# processor" makes the cache right for a home folder that several machines share.
_VECTORS = {
    "AVX512": ("-mavx2", "-mfma", "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"),
    "AVX2": ("-mavx2", "-mfma"),
}
_MATRIX_UNIT = ("-mamx-tile", "-mamx-bf16")
_NAMES_OF_MATRIX_UNIT = {"amx_tile", "amx_bf16"}  # as Linux calls them

# Numbers of Linux: the call "arch_prctl", its request "let me use", and the tiles' registers.
_ARCH_PRCTL, _REQUEST, _TILES = 158, 0x1023, 18


def features() -> list[tuple[str, ...]]:
    """Options of a compiler that name what the processor has, from all of it to what is needed.

    A compiler may not know the first ones, nor need they be the fastest. The list is empty where the
    processor has no AVX2. The environment variable ``ATEN_CPU_CAPABILITY`` keeps PyTorch to a
    processor's older half (``avx2``, ``avx512``); with it that alone is in the list, without a matrix
    unit.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    if capability not in _VECTORS:
        return []
    if "ATEN_CPU_CAPABILITY" in os.environ:
        return [_VECTORS[capability]]
    names = [*_VECTORS]
    vectors = [_VECTORS[name] for name in names[names.index(capability) :]]
    if capability == "AVX512" and _has_matrix_unit():
        return [(*vectors[0], *_MATRIX_UNIT), *vectors]
    return vectors


def model() -> str:
    """What the processor is called."""
    return _described().get("model name") or platform.processor() or platform.machine()


@cache
def _described() -> dict[str, str]:
    """What Linux tells of the first processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


@cache
def _has_matrix_unit() -> bool:
    """Whether there are Intel's AMX tiles, and Linux lets this process use them."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    if not set(_described().get("flags", "").split()) >= _NAMES_OF_MATRIX_UNIT:
        return False
    call = ctypes.CDLL(None).syscall
    call.restype = ctypes.c_long
    number, request, tiles = map(ctypes.c_long, (_ARCH_PRCTL, _REQUEST, _TILES))
    return bool(call(number, request, tiles) == 0)
