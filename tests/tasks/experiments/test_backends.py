"""Calls in processes of this machine, and on clusters where their extras are installed."""

from __future__ import annotations

import importlib.util

import pytest

from tasks.experiments.backends import check_backend, in_parallel

pytestmark = pytest.mark.slow


def double(number, nothing):
    return 2 * number


CALLS = [(number, None) for number in range(5)]


def test_every_call_is_made_once_here():
    assert sorted(in_parallel(double, CALLS, workers=2)) == [0, 2, 4, 6, 8]


def test_backends_that_can_not_be_used_are_told(monkeypatch):
    with pytest.raises(ValueError, match="choose from local, ray, dask"):
        check_backend("spark")
    with pytest.raises(ValueError, match="give --backend"):
        check_backend("local", "127.0.0.1:1")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'structnn\[dask\]'"):
        in_parallel(double, CALLS, workers=2, backend="dask")


@pytest.mark.skipif(not importlib.util.find_spec("distributed"), reason="needs the extra dask")
def test_every_call_is_made_once_on_a_dask_cluster():
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=""
    ) as up:
        address = up.scheduler_address
        found = in_parallel(double, CALLS, workers=2, backend="dask", address=address)
        assert sorted(found) == [0, 2, 4, 6, 8]
