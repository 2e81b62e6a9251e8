"""The compiled operators: that they are built, cached and done without."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys

import pytest
import torch

from structnn.fused import build

needs_compiler = pytest.mark.skipif(
    build.load("child_sum") is None, reason="needs a C++ compiler and AVX2"
)


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """An empty cache, and a loader that has loaded nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    build._load.cache_clear()
    yield tmp_path / "structnn" / "fused"
    build._load.cache_clear()


@pytest.mark.slow
@needs_compiler
def test_an_operator_is_built_once(fresh):
    assert build.load("child_sum") is not None
    (library,) = fresh.iterdir()
    made = library.stat().st_mtime_ns
    build._load.cache_clear()
    assert build.load("child_sum") is not None
    assert [file.stat().st_mtime_ns for file in fresh.iterdir()] == [made]


@pytest.mark.slow
@needs_compiler
def test_processes_that_build_at_once(fresh):
    command = "from structnn.fused.build import load; assert load('child_sum') is not None"
    environment = {**os.environ, "XDG_CACHE_HOME": str(fresh.parent.parent)}
    processes = [subprocess.Popen([sys.executable, "-c", command], env=environment) for _ in "ab"]
    assert [process.wait() for process in processes] == [0, 0]
    assert len(list(fresh.iterdir())) == 1


def test_the_switch(monkeypatch):
    monkeypatch.setenv(build.SWITCH, "0")
    assert build.load("child_sum") is None


@pytest.mark.parametrize("compiler", ["no-such-compiler", shutil.which("false")])
def test_without_a_compiler_that_works(fresh, monkeypatch, caplog, compiler):
    monkeypatch.setenv("CXX", compiler)
    caplog.set_level("INFO", build.__name__)
    assert build.load("child_sum") is None
    assert caplog.records or torch.backends.cpu.get_cpu_capability() not in build._FEATURES


@needs_compiler
def test_a_cache_that_cannot_be_written(fresh, monkeypatch):
    fresh.parent.parent.joinpath("structnn").write_text("a file where the folder should be")
    assert build.load("child_sum") is None


@needs_compiler
@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gates_are_exact_to_a_few_units_in_the_last_place(name, dtype):
    generator = torch.Generator().manual_seed(1)
    x = torch.cat(
        [scale * torch.randn(10_001, dtype=dtype, generator=generator) for scale in (1e-3, 1, 8)]
    )
    special = torch.tensor([0, 1e3, -1e3, torch.inf, -torch.inf, torch.nan], dtype=dtype)
    x = torch.cat([x, special])
    found = torch.empty_like(x)
    getattr(build.load("child_sum", dtype), f"{name}_of")(
        ctypes.c_void_p(x.data_ptr()), ctypes.c_void_p(found.data_ptr()), ctypes.c_int64(x.numel())
    )
    expected = getattr(torch, name)(x.double())
    tiny = torch.finfo(dtype).tiny
    torch.testing.assert_close(
        found.double(), expected, rtol=3 * torch.finfo(dtype).eps, atol=4 * tiny, equal_nan=True
    )
