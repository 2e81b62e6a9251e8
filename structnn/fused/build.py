"""Compiles the operators and loads them."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch

__all__ = ["SWITCH", "load"]

SWITCH = "STRUCTNN_FUSED"
"""The environment variable that turns the operators off, with the value 0."""

_SOURCES = Path(__file__).parent

# What torch calls a processor, and how a compiler is told of it. The operators are written for wide
# vectors: without them PyTorch is faster. Naming the features rather than "this processor" makes the
# cache right for a home folder that several machines share.
_FEATURES = {
    "AVX2": ("-mavx2", "-mfma"),
    "AVX512": ("-mavx2", "-mfma", "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"),
}
# Peeling unrolls the blocks of registers; all that -O3 adds to it is time to compile.
_FLAGS = (
    *("-O2", "-fpeel-loops", "-ffp-contract=fast", "-fno-math-errno"),
    *("-std=c++17", "-shared", "-fPIC"),
)

# A library for each type of number, made when it is wanted: it takes half the time to compile.
_NUMBERS = {torch.float32: "float", torch.float64: "double"}

_log = logging.getLogger(__name__)


def load(name: str, dtype: torch.dtype = torch.float32) -> ctypes.CDLL | None:
    """The operator of this name for numbers of this type, compiled from ``name.cpp`` unless cached.

    The compiler is ``$CXX``, or else the first of ``c++``, ``g++`` and ``clang++``. The cache is the
    folder ``structnn/fused`` in ``$XDG_CACHE_HOME``, or else in ``~/.cache``; the name of a file in
    it says from which source, by which compiler and with which flags it was made, so nothing stale
    is ever loaded. Processes that start at once each compile for themselves, and the last one wins.

    Returns:
        The library; None where the environment variable ``STRUCTNN_FUSED`` is 0, numbers are neither
        float32 nor float64, the processor has no AVX2, there is no compiler that works, or the cache
        cannot be written. The reason is logged at level INFO.
    """
    number = _NUMBERS.get(dtype)
    return None if number is None or os.environ.get(SWITCH) == "0" else _load(name, number)


@cache
def _load(name: str, number: str) -> ctypes.CDLL | None:
    features = _FEATURES.get(torch.backends.cpu.get_cpu_capability())
    if features is None:
        _log.info("operator %s: the processor has no AVX2; PyTorch computes instead", name)
        return None
    compiler = _find_compiler()
    if compiler is None:
        _log.info("operator %s: there is no C++ compiler; PyTorch computes instead", name)
        return None
    for threads in (["-fopenmp"], []):  # a compiler may lack OpenMP: one thread, then
        try:
            command = [*compiler, *_FLAGS, *features, *threads, f"-DSTRUCTNN_NUMBER={number}"]
            return ctypes.CDLL(str(_build(name, command)))
        except (OSError, subprocess.SubprocessError) as error:
            reason = getattr(error, "stderr", None) or error
            _log.info("operator %s could not be built: %s", name, reason)
    return None


def _find_compiler() -> list[str] | None:
    chosen = os.environ.get("CXX")
    if chosen:
        return shlex.split(chosen)
    found = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    return [found] if found else None


def _build(name: str, command: Sequence[str]) -> Path:
    """The compiled library, made unless it is in the cache.

    Raises:
        OSError: The compiler does not start, or the cache cannot be written.
        subprocess.SubprocessError: It does not compile.
    """
    source = _SOURCES / f"{name}.cpp"
    version = _run([command[0], "--version"])
    identity = hashlib.sha256(repr([version, *command]).encode())
    for file in (source, *sorted(_SOURCES.glob("*.h"))):
        identity.update(file.read_bytes())
    folder = _cache_folder()
    library = folder / f"{name}-{identity.hexdigest()[:20]}.so"
    if not library.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            made = Path(scratch) / library.name
            _run([*command, str(source), "-o", str(made)])
            made.replace(library)  # whole or not at all, whoever else is at it
    return library


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "structnn" / "fused"


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return done.stdout
