"""Functions called in parallel: in processes of this machine, or on a cluster of Ray or Dask."""

from __future__ import annotations

import importlib.util
import logging
import os
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from parsers.workers import end_with

__all__ = ["Backend", "check_backend", "in_parallel"]

T = TypeVar("T")

Backend = Literal["local", "ray", "dask"]
"""Processes of this machine, or a cluster."""

_RETRIES = 5  # of a call whose machine was lost
_SECONDS = 20  # that a cluster has to answer


def in_parallel(
    function: Callable[..., T],
    calls: Sequence[tuple[Any, ...]],
    *,
    workers: int,
    backend: Backend = "local",
    address: str | None = None,
) -> Iterator[T]:
    """Call a function with several lists of arguments, in parallel; yields each result when it is there.

    If a cluster loses a machine, the calls in progress there are made again on another. Processes of
    this machine end within seconds when this process does, even if it is killed (except on Windows);
    those of a cluster belong to its daemons.

    Args:
        function: The function; it must be possible to pickle it.
        calls: The arguments of each call. Large ones that calls share are sent once.
        workers: Number of processes of this machine, also of a cluster that is started on it; one at an
            address has a number of its own.
        backend: ``"local"`` for processes of this machine, ``"ray"`` or ``"dask"``. The machines of a
            cluster must have structnn, and see files under the same paths.
        address: ``host:port`` of Ray's head node or of Dask's scheduler. Without it, Ray and Dask start
            a cluster on this machine.

    Raises:
        ValueError: As :func:`check_backend`.
        ImportError: As :func:`check_backend`; or the machines of the cluster lack structnn.
        ConnectionError: There is no cluster at the address.
        BrokenProcessPool: A process was killed from outside; on a cluster, each that was given the same
            call was.
    """
    check_backend(backend, address)
    if backend == "local":
        return _local(function, calls, workers)
    return {"ray": _ray, "dask": _dask}[backend](function, calls, workers, address)


def check_backend(backend: Backend, address: str | None = None) -> None:
    """Make sure that a backend can be used, before any work is done.

    Raises:
        ValueError: It is not known, or there is an address without a cluster.
        ImportError: Its extra is not installed.
    """
    if backend not in get_args(Backend):
        raise ValueError(f"unknown backend {backend!r}: choose from {', '.join(get_args(Backend))}")
    if backend == "local":
        if address is not None:
            raise ValueError("--address is that of a cluster: give --backend ray or dask with it")
        return
    package = {"ray": "ray", "dask": "distributed"}[backend]
    if importlib.util.find_spec(package) is None:
        raise ImportError(
            f"--backend {backend} needs an extra package: pip install 'structnn[{backend}]'"
        )


def _local(
    function: Callable[..., T], calls: Sequence[tuple[Any, ...]], workers: int
) -> Iterator[T]:
    processes = min(len(calls), workers)
    if processes == 1:
        yield from (function(*call) for call in calls)
        return
    from joblib import Parallel, delayed, dump

    parallel = Parallel(
        n_jobs=processes,
        backend="loky",  # whose workers are children of this process, as end_with expects
        return_as="generator_unordered",
        initializer=end_with,
        initargs=(os.getpid(),),
    )
    # Windows can't delete what a process still has mapped.
    scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    with scratch as folder, warnings.catch_warnings():
        # Not with each call: to pickle and unpickle data takes longer than some epochs on them, and
        # what is worked out of trees once, such as heights, is kept with those that are read.
        files: dict[int, Path] = {}
        for one in chain.from_iterable(calls):
            if id(one) not in files:
                files[id(one)] = Path(folder) / str(len(files))
                dump(one, files[id(one)])
        # A process whose memory has grown is replaced between two calls, which loses nothing.
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
        yield from parallel(
            delayed(_call)(function, [files[id(one)] for one in call]) for call in calls
        )


def _call(function: Callable[..., T], files: Sequence[Path]) -> T:
    """Call a function with arguments that are kept in files."""
    return function(*map(_read, files))


@lru_cache(maxsize=16)  # more than one call has, so that what all have in common stays
def _read(file: Path) -> Any:
    from joblib import load

    return load(file, mmap_mode="r")  # numbers are shared by all processes


def _ray(
    function: Callable[..., T], calls: Sequence[tuple[Any, ...]], workers: int, address: str | None
) -> Iterator[T]:
    # Not through joblib's adapter, which gives no result before all are there, and none at all if a
    # node is lost. Ray repeats its own tasks on other nodes.
    import ray
    from ray import exceptions

    try:
        if address is not None:
            _check_listening(address)
        # "local", since Ray would otherwise look for a cluster that happens to run here.
        where = {"address": address} if address else {"address": "local", "num_cpus": workers}
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as fault:
        if address is None:
            raise ConnectionError(f"Ray can't start a cluster on this machine ({fault})") from fault
        raise ConnectionError(
            f"there is no Ray cluster at {address} ({fault}); start one with `ray start --head`, or, if "
            "there is one that asks for a token, set RAY_AUTH_MODE=token"
        ) from fault
    try:
        task = ray.remote(num_cpus=1, max_retries=_RETRIES)(function)
        waiting = [task.remote(*arguments) for arguments in _sent(calls, ray.put)]
        while waiting:
            (done,), waiting = ray.wait(waiting)
            yield ray.get(done)
    except (
        exceptions.LocalRayletDiedError,
        exceptions.NodeDiedError,
        exceptions.OutOfMemoryError,
        exceptions.WorkerCrashedError,
    ) as fault:
        raise BrokenProcessPool(str(fault)) from fault
    except exceptions.RaySystemError as fault:
        cause = str(fault).strip().splitlines()[-1]
        raise ImportError(
            f"the machines of the cluster can't run it ({cause}): structnn must be installed there too"
        ) from fault
    finally:
        ray.shutdown()


def _sent(calls: Sequence[tuple[Any, ...]], send: Callable[[Any], Any]) -> Iterator[list[Any]]:
    """What a cluster knows the arguments of each call by, each of which is sent once."""
    sent: dict[int, Any] = {}
    for call in calls:
        for argument in call:
            if id(argument) not in sent:
                sent[id(argument)] = send(argument)
        yield [sent[id(argument)] for argument in call]


def _check_listening(address: str) -> None:
    """Make sure that something listens at ``host:port``, which Ray takes two minutes to find out.

    Raises:
        OSError: Nothing does.
    """
    host, _, port = address.rpartition(":")
    if port.isdecimal() and "/" not in host:  # "auto" and "ray://host:port" are left to Ray
        socket.create_connection((host, int(port)), _SECONDS).close()


def _dask(
    function: Callable[..., T], calls: Sequence[tuple[Any, ...]], workers: int, address: str | None
) -> Iterator[T]:
    from distributed import Client, KilledWorker, as_completed

    try:
        here = {"n_workers": workers, "threads_per_worker": 1}
        client = Client(address, timeout=_SECONDS) if address else Client(**here)
    except OSError as fault:
        raise ConnectionError(
            f"there is no Dask scheduler at {address} ({fault}); start one with `dask scheduler`"
        ) from fault

    def send(argument: Any) -> Any:
        # In a list, since the members of a collection would be sent one by one, and of an empty one
        # nothing can be.
        (sent,) = client.scatter([argument], broadcast=True, hash=False)
        return sent

    with client:
        waiting = [
            client.submit(function, *arguments, pure=False, retries=_RETRIES)
            for arguments in _sent(calls, send)
        ]
        try:
            for done in as_completed(waiting):
                yield done.result()
        except KilledWorker as fault:
            raise BrokenProcessPool(str(fault)) from fault
