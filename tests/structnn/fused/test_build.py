"""The compiled operators: that they are built, cached and done without."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import warnings

import pytest
import torch

from structnn.fused import build, processor, store

needs_compiler = pytest.mark.skipif(
    build.load("child_sum") is None, reason="needs a C++ compiler and AVX2"
)


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """An empty cache, and a loader that has loaded nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    forget()
    yield tmp_path / "cache" / "structnn" / "fused"
    forget()


def forget():
    for function in (build._load, build._version, build._warn, build._fastest_first):
        function.cache_clear()


GOOD = """
extern "C" {
int vector_bytes() { return 32; }
void forward() {}
void backward() {}
}
"""
LACKING = 'extern "C" void forward() {}'
FOREIGN = f"""
#include <cstdlib>
#include <fcntl.h>
{GOOD}
__attribute__((constructor)) void run() {{ open(getenv("MARKER"), O_CREAT | O_WRONLY, 0600); }}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder of libraries that compile in no time: a good one, and two that must not be used."""
    folder = tmp_path_factory.mktemp("small")
    for name, source in (("good", GOOD), ("lacking", LACKING), ("foreign", FOREIGN)):
        (folder / f"{name}.cpp").write_text(source)
        command = ["c++", "-shared", "-fPIC", f"{name}.cpp", "-o", f"{name}.so"]
        subprocess.run(command, cwd=folder, check=True)
    return folder


@pytest.fixture
def compiler(monkeypatch, tmp_path, small):
    """Sets ``$CXX`` to a script whose commands are given; ``$made`` is the file that it shall make."""

    def set_compiler(compiling, answering="echo 1.0"):
        script = tmp_path / "compiler"
        script.write_text(
            "#!/bin/sh\n"
            f'if [ "$1" = --version ]; then {answering}; exit; fi\n'
            f"for made; do :; done\ncd {shlex.quote(str(small))}\n{compiling}\n"
        )
        script.chmod(0o700)
        monkeypatch.setenv("CXX", shlex.quote(str(script)))
        forget()

    # What it makes cannot be measured.
    monkeypatch.setattr(build.choice, "fastest_first", lambda ways, *_: [*ways])
    return set_compiler


@needs_compiler
def test_an_operator_is_built_once(fresh, compiler):
    compiler('cp good.so "$made"')
    assert build.load("child_sum") is not None
    library, checksum = sorted(fresh.glob("child_sum*"))
    assert checksum.name == f"{library.name}.sha256"
    made = {file: file.stat().st_mtime_ns for file in fresh.iterdir()}
    forget()
    assert build.load("child_sum") is not None
    assert {file: file.stat().st_mtime_ns for file in fresh.iterdir()} == made


@pytest.mark.slow
@pytest.mark.skipif(len(processor.features()) < 2, reason="needs AVX-512")
def test_the_fastest_instructions_are_chosen(fresh):
    assert build.instructions() in processor.features()
    kept, *more = fresh.glob("fastest-*.json")
    assert not more
    assert all(0 < time < 1 for time in json.loads(kept.read_text()))
    # As on a processor with wide vectors that are slow.
    *wide, narrow = processor.features()
    kept.write_text(json.dumps([2.0] * len(wide) + [1.0]))
    forget()
    assert build.instructions() == narrow
    assert build.load("child_sum").vector_bytes() == 32


@needs_compiler
@pytest.mark.parametrize("name", build._FUNCTIONS)
def test_every_operator_has_its_functions(name):
    assert build.load(name) is not None


@pytest.mark.slow
@needs_compiler
def test_processes_that_build_at_once(fresh, compiler):
    compiler('cp good.so "$TMPDIR/it"; sleep 0.5; cp "$TMPDIR/it" "$made"')
    command = "from structnn.fused.build import load; assert load('child_sum') is not None"
    environment = {**os.environ, "XDG_CACHE_HOME": str(fresh.parent.parent)}
    processes = [subprocess.Popen([sys.executable, "-c", command], env=environment) for _ in "ab"]
    assert [process.wait() for process in processes] == [0, 0]
    library, _ = sorted(fresh.glob("child_sum*"))
    assert store.is_whole(library)


# Of a library in each cache that is given, spoilt as is said; a process of its own, for it may die.
SPOIL = """
import json, os, sys
from pathlib import Path
from structnn.fused import build

for base, kind, offset in json.loads(sys.argv[1]):
    os.environ["XDG_CACHE_HOME"] = base
    folder = Path(base, "structnn", "fused")
    file, = folder.glob("*.so")
    content = bytearray(file.read_bytes())
    if kind == "cut":
        del content[offset * len(content) // 1000 :]
    else:
        content[offset * len(content) // 1000] ^= 1 << offset % 8
    file.write_bytes(content)
    build._load.cache_clear()
    print(build.load("child_sum").vector_bytes(), flush=True)
"""


@pytest.mark.slow
@needs_compiler
def test_a_library_that_is_cut_or_flipped_is_built_again(fresh, small, compiler, monkeypatch):
    compiler('cp good.so "$made"')
    assert build.load("child_sum") is not None
    kept = {file.name: file.read_bytes() for file in fresh.iterdir()}
    base = fresh.parent.parent
    attempts = [
        *((str(base / f"cut-{offset}"), "cut", offset) for offset in (0, 1, 3, 130, 333, 700, 999)),
        *((str(base / f"flip-{offset}"), "flip", offset) for offset in range(0, 1000, 83)),
    ]
    for attempt, _, _ in attempts:
        shutil.copytree(fresh, f"{attempt}/structnn/fused")
    done = subprocess.run(
        [sys.executable, "-c", SPOIL, json.dumps(attempts)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.split()) == (0, ["32"] * len(attempts)), done.stderr
    for attempt, _, _ in attempts:
        found = (fresh.parent.parent / attempt / "structnn" / "fused").iterdir()
        assert {file.name: file.read_bytes() for file in found} == kept


@needs_compiler
@pytest.mark.parametrize("checksum", ["missing", "of another file"])
def test_a_library_that_is_not_ours_is_not_executed(
    fresh, small, compiler, monkeypatch, tmp_path, checksum
):
    marker = tmp_path / "marker"
    monkeypatch.setenv("MARKER", str(marker))
    compiler('cp good.so "$made"')
    assert build.load("child_sum") is not None
    library, beside = sorted(fresh.iterdir())
    library.unlink()
    shutil.copy(small / "foreign.so", library)
    if checksum == "missing":
        beside.unlink()
    build._load.cache_clear()
    assert build.load("child_sum") is not None
    assert not marker.exists()
    assert library.read_bytes() == (small / "good.so").read_bytes()
    load_it = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    subprocess.run([sys.executable, "-c", load_it, str(small / "foreign.so")], check=True)
    assert marker.exists()  # as it would have been


@needs_compiler
@pytest.mark.skipif(not store._HAS_OWNERS, reason="files have no owners here")
@pytest.mark.parametrize("which", ["folder", "file"])
def test_what_others_can_write_is_not_executed_and_told_once(
    fresh, small, compiler, monkeypatch, tmp_path, which
):
    marker = tmp_path / "marker"
    monkeypatch.setenv("MARKER", str(marker))
    compiler('cp good.so "$made"')
    assert build.load("child_sum") is not None
    library, _ = sorted(fresh.iterdir())
    with store.scratch(fresh) as scratch:  # with a checksum that is right
        shutil.copy(small / "foreign.so", f"{scratch}/made.so")
        store.publish(fresh / scratch / "made.so", library)
    (fresh if which == "folder" else library).chmod(0o777)
    forget()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert build.load("child_sum") is None
        assert which == "file" or build.load("nary") is None
        assert which == "file" or build.load("child_sum", torch.float64) is None
    (warning,) = caught
    for part in ("PyTorch computes instead", str(fresh if which == "folder" else library), "run `"):
        assert part in str(warning.message)
    assert warning.category is RuntimeWarning
    assert not marker.exists()


def test_the_switch(monkeypatch):
    monkeypatch.setenv(build.SWITCH, "0")
    assert build.load("child_sum") is None


@pytest.mark.parametrize(
    "command", ["no-such-compiler", shutil.which("false"), '"', "/", "yes --", "cat -- /dev/zero"]
)
def test_without_a_compiler_that_works(fresh, monkeypatch, caplog, command):
    monkeypatch.setenv("CXX", command)
    caplog.set_level("INFO", build.__name__)
    assert build.load("child_sum") is None
    assert caplog.records or not processor.features()


@needs_compiler
@pytest.mark.parametrize(
    "compiling",
    [
        "true",  # and makes nothing
        ': > "$made"',
        'echo garbage > "$made"',
        'head -c 4000 good.so > "$made"',
        'cp lacking.so "$made"',
        'mkdir "$made"',
        'cp good.so "$made"; exit 1',
        "printf '\\377\\n'; exit 1",
        "kill -SEGV $$",
        "yes",
        "yes >&2",
    ],
)
def test_a_compiler_that_makes_no_library(fresh, compiler, caplog, compiling):
    caplog.set_level("INFO", build.__name__)
    compiler(compiling)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert build.load("child_sum") is None
    assert list(fresh.iterdir()) == []
    # For each set of features with OpenMP, and without.
    assert len(caplog.records) == 2 * len(processor.features())
    compiler('cp good.so "$made"')
    assert build.load("child_sum") is not None


@needs_compiler
def test_a_compiler_without_openmp(fresh, compiler):
    compiler('case "$*" in *-fopenmp*) exit 1;; esac; cp good.so "$made"')
    assert build.load("child_sum") is not None


@needs_compiler
@pytest.mark.parametrize("hanging", ["answering", "compiling"])
def test_a_compiler_that_hangs_is_ended_with_what_it_started(
    fresh, compiler, monkeypatch, tmp_path, hanging
):
    started = tmp_path / "started"
    hang = f"sleep 1000 & echo $! >> {shlex.quote(str(started))}; wait"
    monkeypatch.setattr(
        build, "_TIME_TO_ANSWER" if hanging == "answering" else "_TIME_TO_COMPILE", 0.5
    )
    compiler(**{"compiling": 'cp good.so "$made"', hanging: hang})
    before = time.monotonic()
    assert build.load("child_sum") is None
    if hanging == "answering":
        assert build.load("nary") is None  # which does not wait for it again
    assert time.monotonic() - before < 20
    (number,) = map(int, started.read_text().split())
    assert ends(number)
    assert not fresh.exists() or list(fresh.iterdir()) == []


def ends(number, seconds=10.0):
    """Whether a process ends, or only waits for whoever shall ask how it ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True
        )
        if done.stdout.strip()[:1] in ("", "Z"):
            return True
        time.sleep(0.05)
    return False


@needs_compiler
def test_what_a_compiler_leaves_behind_is_gone(fresh, compiler, tmp_path):
    where = tmp_path / "where"
    compiler(
        f'touch "$TMPDIR/left.s"; echo "$TMPDIR" > {shlex.quote(str(where))}; cp good.so "$made"'
    )
    assert build.load("child_sum") is not None
    assert where.read_text().startswith(str(fresh))
    assert len(list(fresh.iterdir())) == 2


@needs_compiler
def test_a_cache_that_cannot_be_written(fresh, monkeypatch):
    fresh.parent.parent.mkdir()
    fresh.parent.write_text("a file where the folder should be")
    assert build.load("child_sum") is None


@needs_compiler
@pytest.mark.parametrize("call", ["fsync", "replace", "mkdir"])
def test_a_disk_that_is_full(fresh, compiler, monkeypatch, call):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    compiler('cp good.so "$made"')
    with monkeypatch.context() as context:
        context.setattr(os, call, full)
        assert build.load("child_sum") is None
    assert not fresh.exists() or list(fresh.iterdir()) == []
    build._load.cache_clear()
    assert build.load("child_sum") is not None


FULL = """
import os, resource
from structnn.fused import build

resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
raise SystemExit(build.load("child_sum") is not None)
"""


@pytest.mark.slow
@needs_compiler
def test_a_limit_on_the_size_of_files(fresh, compiler):
    compiler('cp good.so "$made"')
    done = subprocess.run([sys.executable, "-c", FULL], capture_output=True, text=True)
    assert (done.returncode, list(fresh.iterdir())) == (0, []), done.stderr


@needs_compiler
def test_without_a_home_folder(fresh, monkeypatch, tmp_path):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(store.Path, "home", homeless)
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
