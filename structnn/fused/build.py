"""Compiles the operators and loads them."""

from __future__ import annotations

import ctypes
import hashlib
import itertools
import logging
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch

from structnn.fused import choice, processor, store

__all__ = ["SWITCH", "instructions", "load"]

SWITCH = "STRUCTNN_FUSED"
"""The environment variable that turns the operators off, with the value 0."""

_SOURCES = Path(__file__).parent

# Peeling unrolls the blocks of registers; all that -O3 adds to it is time to compile.
_FLAGS = (
    *("-O2", "-fpeel-loops", "-ffp-contract=fast", "-fno-math-errno"),
    *("-std=c++17", "-shared", "-fPIC"),
)

# A library for each type of number, made when it is wanted: it takes half the time to compile.
_NUMBERS = {torch.float32: "float", torch.float64: "double"}

_TREE = ("forward", "backward", "vector_bytes")
_LAYERS = ("gat", "gatv2", "transformer")
_FUNCTIONS = {
    "adamw": ("catch_up", "step"),
    "product": ("seconds",),
    "lstm": ("forward", "are_few", "pack", "packed_bytes"),
    "gru": _TREE,
    "windows": _TREE[:2],
    "attention": _TREE[:2],
    "dropout": ("drop",),
    "child_sum": _TREE,
    "nary": _TREE,
    "downward": _TREE,
    "graph_attention": tuple(f"{layer}_{way}" for layer in _LAYERS for way in _TREE[:2]),
}
"""What the callers call in each library."""

# Seconds; one or two are needed on an idle machine.
_TIME_TO_COMPILE = 300.0
_TIME_TO_ANSWER = 30.0
_LONGEST_OUTPUT = 1 << 16  # bytes

# What is measured, in some milliseconds: about as many words as 25 sentences have, their width, that of
# the states, and how many times.
_TRIED_PRODUCT = (320, 300, 150, 9)

# A crash ends a process that is there for this alone. That a library cannot be loaded is no crash.
_TRIAL = """
import ctypes, sys
try:
    ctypes.CDLL(sys.argv[1])
except OSError:
    pass
"""

_log = logging.getLogger(__name__)


def load(name: str, dtype: torch.dtype = torch.float32) -> ctypes.CDLL | None:
    """The operator of this name for numbers of this type, compiled from ``name.cpp`` unless cached.

    It is compiled for what the processor multiplies by fastest: a matrix unit, wide vectors or narrow
    ones, as a measurement of some milliseconds says, which is made once and kept beside the operators.
    The compiler is ``$CXX``, or else the first of ``c++``, ``g++`` and ``clang++``. The cache is the
    folder ``structnn/fused`` in ``$XDG_CACHE_HOME``, or else in ``~/.cache``; the name of a file in
    it says from which source, by which compiler and with which flags it was made, so nothing stale
    is ever loaded. Nor is anything that somebody else can have written, or that is damaged: that is
    made again. What is checked, and what that does not protect from, is told in
    :mod:`structnn.fused.store`. Processes that start at once each compile for themselves, and the
    last one wins.

    Returns:
        The library; None, and PyTorch computes instead, where the environment variable
        ``STRUCTNN_FUSED`` is 0, numbers are neither float32 nor float64, the processor has no AVX2,
        there is no compiler that works, or there is no cache that can be written (no home folder, a
        full or read-only disk). The reason is logged at level INFO. Where it is that somebody else
        can write the cache, or that it is mounted with ``noexec``, a warning says so once, and what
        to do.
    """
    number = _NUMBERS.get(dtype)
    return None if number is None or os.environ.get(SWITCH) == "0" else _load(name, number)


def instructions() -> tuple[str, ...]:
    """The compiler's options for what the operators make use of here; empty where there are none."""
    features, (compiler, version) = processor.features(), _compiler()
    if not features or version is None:
        return ()
    return _fastest_first(tuple(features), compiler, version)[0]


@cache
def _load(name: str, number: str) -> ctypes.CDLL | None:
    features = processor.features()
    if not features:
        _log.info("operator %s: the processor has no AVX2; PyTorch computes instead", name)
        return None
    compiler, version = _compiler()
    if version is None:
        _log.info(
            "operator %s: there is no C++ compiler that works; PyTorch computes instead", name
        )
        return None
    ways = _fastest_first(tuple(features), compiler, version)
    # A compiler may not know the newest features, or lack OpenMP: one thread, then.
    for own, threads in itertools.product(ways, (["-fopenmp"], [])):
        command = [*compiler, *_FLAGS, *own, *threads, f"-DSTRUCTNN_NUMBER={number}"]
        try:
            return _cached_or_compiled(name, command, version)
        except store.UnsafeCacheError as error:
            _warn(f"compiled operators are not used, PyTorch computes instead: {error}")
            return None
        # RuntimeError: there is no home folder, or no thread can be started.
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            reason = getattr(error, "output", None) or error
            _log.info("operator %s cannot be had: %s", name, reason)
            if isinstance(error, subprocess.TimeoutExpired):
                return None
    return None


@cache
def _fastest_first(
    features: tuple[tuple[str, ...], ...], compiler: tuple[str, ...], version: str
) -> list[tuple[str, ...]]:
    """The sets of features in the order in which they multiply, by a measurement that is kept."""

    def measure(own: tuple[str, ...]) -> float:
        try:
            library = _cached_or_compiled("product", commands[own], version)
        except subprocess.CalledProcessError:  # the compiler does not know them
            return math.inf
        library.seconds.restype = ctypes.c_double
        return float(library.seconds(*map(ctypes.c_int64, _TRIED_PRODUCT)))

    # The matrix unit multiplies float32; of wide vectors the same holds for float64.
    commands = {own: [*compiler, *_FLAGS, *own, "-DSTRUCTNN_NUMBER=float"] for own in features}
    try:
        if len(features) > 1:
            identity = _identity("product", [processor.model(), version, *commands.values()])
            kept = store.open_folder() / f"fastest-{identity}.json"
            return choice.fastest_first(features, measure, kept)
    except (store.UnsafeCacheError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        _log.info("which features are the fastest was not measured: %s", error)
    return [*features]


@cache
def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=2)  # once: the next operator is told the same


def _compiler() -> tuple[tuple[str, ...], str | None]:
    """The command that compiles, and what it says of itself: None where there is none that works."""
    command = _find_compiler()
    return command, _version(command) if command else None


def _find_compiler() -> tuple[str, ...]:
    """The command that compiles; empty where there is none."""
    try:
        chosen = shlex.split(os.environ.get("CXX", ""))
    except ValueError as error:  # a quotation mark that is not closed
        _log.info("CXX=%s is not a command: %s", os.environ["CXX"], error)
        return ()
    if chosen:
        return tuple(chosen)
    found = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    return (found,) if found else ()


@cache
def _version(compiler: tuple[str, ...]) -> str | None:
    """What a compiler says of itself; None if it does not answer, and it is not asked again."""
    try:
        return _run([*compiler, "--version"], _TIME_TO_ANSWER, errors=subprocess.DEVNULL)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        _log.info("%s does not work: %s", shlex.join(compiler), error)
        return None


def _cached_or_compiled(name: str, command: Sequence[str], version: str) -> ctypes.CDLL:
    """The library from the cache, or else made and left there.

    Raises:
        UnsafeCacheError: Somebody else can have written it, or no code may be run from the cache.
        OSError: The cache cannot be written, or the library cannot be loaded.
        RuntimeError: There is no home folder.
        subprocess.SubprocessError: It does not compile.
    """
    folder = store.open_folder()
    library = folder / f"{name}-{_identity(name, [version, *command])}.so"
    if store.is_whole(library):
        return _open(library, name)
    with store.scratch(folder) as scratch:
        made = Path(scratch) / library.name
        # What a compiler that is killed leaves behind is then swept with the folder.
        temporary = dict.fromkeys(("TMPDIR", "TMP", "TEMP"), scratch)
        source = str(_SOURCES / f"{name}.cpp")
        _run([*command, source, "-o", str(made)], _TIME_TO_COMPILE, temporary)
        # A compiler may claim success and yet write something that kills whoever loads it.
        _run([sys.executable, "-I", "-S", "-c", _TRIAL, str(made)], _TIME_TO_ANSWER, {SWITCH: "0"})
        opened = _open(made, name)
        store.publish(made, library)
    return opened


def _identity(name: str, circumstances: Sequence[object]) -> str:
    """Some digits that are others for each source of an operator, and in other circumstances."""
    identity = hashlib.sha256(repr(circumstances).encode())
    for file in (_SOURCES / f"{name}.cpp", *sorted(_SOURCES.glob("*.h"))):
        identity.update(file.read_bytes())
    return identity.hexdigest()[:20]


def _open(library: Path, name: str) -> ctypes.CDLL:
    """Load a library that has all functions of an operator; OSError if it has not."""
    opened = ctypes.CDLL(str(library))
    lacking = [function for function in _FUNCTIONS[name] if not hasattr(opened, function)]
    if lacking:
        raise OSError(f"{library} lacks the functions {', '.join(lacking)}")
    return opened


def _run(
    command: Sequence[str],
    seconds: float,
    environment: dict[str, str] | None = None,
    errors: int = subprocess.STDOUT,
) -> str:
    """What a program prints, which is given so much time.

    It is ended with all processes that it started when its time is up, when it prints without end,
    and when this process is interrupted.

    Raises:
        OSError: It does not start.
        subprocess.TimeoutExpired: Its time is up.
        subprocess.CalledProcessError: It fails.
    """
    started = time.monotonic()
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        env={**os.environ, **(environment or {})},
        process_group=0,
    ) as process:
        overdue = threading.Timer(seconds, _end, [process])
        try:
            overdue.start()
            assert process.stdout is not None
            output = process.stdout.read(_LONGEST_OUTPUT).decode(errors="replace")
            process.stdout.close()
            status = process.wait()
        finally:
            overdue.cancel()
            if process.returncode is None:
                _end(process)
    if time.monotonic() - started >= seconds:
        raise subprocess.TimeoutExpired(command, seconds, output)
    if status != 0:
        raise subprocess.CalledProcessError(status, command, output)
    return output


def _end(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
