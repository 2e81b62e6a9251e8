"""Calls in processes of this machine, and on clusters where their extras are installed."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import threading
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from tasks.experiments import backends
from tasks.experiments.backends import check_backend, in_parallel
from tests.processes import needs_proc, survivors_of_kill

pytestmark = pytest.mark.slow


def double(number, nothing):
    return 2 * number


CALLS = [(number, ()) for number in range(5)]  # an empty collection is an argument like others


def test_every_call_is_made_once_here():
    assert sorted(in_parallel(double, CALLS, workers=2)) == [0, 2, 4, 6, 8]


def where(number, shared):
    return os.getpid(), id(shared)


def test_what_calls_share_is_read_once_in_each_process():
    shared = ["large"]
    found = set(in_parallel(where, [(number, shared) for number in range(6)], workers=2))
    assert len(found) == len({process for process, _ in found})
    assert os.getpid() not in {process for process, _ in found}


SCRIPT = """
import os, time
from pathlib import Path
from tasks.experiments.backends import in_parallel

def work(number):
    if number:  # one worker has been given something before
        Path({started!r}, str(os.getpid())).touch()
        time.sleep(60)

if __name__ == "__main__":
    list(in_parallel(work, [(number,) for number in range(5)], workers=2))
"""


@needs_proc
def test_workers_end_with_their_parent(tmp_path):
    started = tmp_path / "started"
    started.mkdir()
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(started=str(started)))
    assert survivors_of_kill(script, started, workers=2) == set()


def slowly_double(number):
    time.sleep(0.5)
    return 2 * number


def test_workers_do_not_end_with_the_thread_that_started_them():
    found = in_parallel(slowly_double, [(number,) for number in range(5)], workers=2)
    first = []
    thread = threading.Thread(target=lambda: first.append(next(found)))
    thread.start()
    thread.join()
    assert sorted([*first, *found]) == [0, 2, 4, 6, 8]


def test_one_worker_is_this_process_and_watches_nothing():
    assert sorted(in_parallel(double, CALLS, workers=1)) == [0, 2, 4, 6, 8]
    assert "end-with-parent" not in [thread.name for thread in threading.enumerate()]


def test_backends_that_can_not_be_used_are_told(monkeypatch):
    with pytest.raises(ValueError, match="choose from local, ray, dask"):
        check_backend("spark")
    with pytest.raises(ValueError, match="give --backend"):
        check_backend("local", "127.0.0.1:1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'structnn\[dask\]'"):
        in_parallel(double, CALLS, workers=2, backend="dask")


needs_dask = pytest.mark.skipif(
    not importlib.util.find_spec("distributed"), reason="needs the extra dask"
)
needs_ray = pytest.mark.skipif(not importlib.util.find_spec("ray"), reason="needs the extra ray")
clusters = pytest.mark.parametrize(
    "backend", [pytest.param("dask", marks=needs_dask), pytest.param("ray", marks=needs_ray)]
)


@needs_dask
def test_every_call_is_made_once_on_a_dask_cluster():
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as up:
        address = up.scheduler_address
        found = in_parallel(double, CALLS, workers=2, backend="dask", address=address)
        assert sorted(found) == [0, 2, 4, 6, 8]


def process(number):
    time.sleep(0.2)
    return os.getpid()


@clusters
@pytest.mark.filterwarnings("default")
def test_a_cluster_that_is_started_here_has_as_many_processes_as_asked_for(backend):
    found = set(
        in_parallel(process, [(number,) for number in range(6)], workers=1, backend=backend)
    )
    assert len(found) == 1
    assert os.getpid() not in found


@needs_ray
@pytest.mark.filterwarnings("default")  # those of Ray are its own
def test_every_call_is_made_once_on_a_ray_cluster():
    assert sorted(in_parallel(double, CALLS, workers=2, backend="ray")) == [0, 2, 4, 6, 8]


@clusters
def test_an_address_where_no_cluster_is_is_told(backend, monkeypatch):
    monkeypatch.setattr(backends, "_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(ConnectionError, match=f"no (Ray|Dask) (cluster|scheduler) at {address}"):
        list(in_parallel(double, CALLS, workers=2, backend=backend, address=address))


def kill_own_process():
    os.kill(os.getpid(), signal.SIGKILL)


@needs_ray
@needs_proc
@pytest.mark.filterwarnings("default")
def test_a_process_of_ray_that_is_killed_each_time_is_told(monkeypatch):
    monkeypatch.setattr(backends, "_RETRIES", 1)
    with pytest.raises(BrokenProcessPool):
        list(in_parallel(kill_own_process, [()], workers=1, backend="ray"))


@needs_dask
@needs_proc
def test_a_process_of_dask_that_is_killed_each_time_is_told():
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        pytest.raises(BrokenProcessPool),
    ):
        list(in_parallel(kill_own_process, [()], workers=1, backend="dask"))
