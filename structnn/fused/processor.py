"""What the processor can do that the operators make use of, in the words of a compiler."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from pathlib import Path

import torch

__all__ = ["features"]

# What torch calls a processor, and how a compiler is told of it. The operators are written for wide
# vectors: without them PyTorch is faster. Naming the features rather than "this processor" makes the
# cache right for a home folder that several machines share.
_VECTORS = {
    "AVX2": ("-mavx2", "-mfma"),
    "AVX512": ("-mavx2", "-mfma", "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"),
}
_MATRIX_UNIT = ("-mamx-tile", "-mamx-bf16")
_NAMES_OF_MATRIX_UNIT = {"amx_tile", "amx_bf16"}  # as Linux calls them

# Numbers of Linux: the call "arch_prctl", its request "let me use", and the tiles' registers.
_ARCH_PRCTL, _REQUEST, _TILES = 158, 0x1023, 18


def features() -> list[tuple[str, ...]]:
    """Options of a compiler that name what the processor has, the best ones first.

    What comes behind is for compilers that do not know the first ones. Nothing is in the list where the
    processor has no AVX2. The environment variable ``ATEN_CPU_CAPABILITY``, by which PyTorch can be
    kept to a processor's older half (``avx2``, ``avx512``), is heeded: with it the matrix unit is not
    used either.
    """
    vectors = _VECTORS.get(torch.backends.cpu.get_cpu_capability())
    if vectors is None:
        return []
    with_unit = vectors is _VECTORS["AVX512"] and "ATEN_CPU_CAPABILITY" not in os.environ
    return [(*vectors, *_MATRIX_UNIT), vectors] if with_unit and _has_matrix_unit() else [vectors]


@cache
def _has_matrix_unit() -> bool:
    """Whether there are Intel's AMX tiles, and Linux lets this process use them."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    try:
        described = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    flags = next((line for line in described.splitlines() if line.startswith("flags")), "")
    if not set(flags.split()) >= _NAMES_OF_MATRIX_UNIT:
        return False
    call = ctypes.CDLL(None).syscall
    call.restype = ctypes.c_long
    number, request, tiles = map(ctypes.c_long, (_ARCH_PRCTL, _REQUEST, _TILES))
    return bool(call(number, request, tiles) == 0)
