"""Files that are there whole or not at all: written beside their place, and then moved to it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["alone", "is_stream", "replacing", "workplace"]

_PREFIX = ".structnn-"


def is_stream(path: Path) -> bool:
    """Whether a path is of a pipe or a device, whose reader would not see a file put in its place."""
    return path.exists() and not (path.is_file() or path.is_dir())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file that replaces another one when all of it has been written.

    Args:
        path: The file. Its folder is made if there is none; of a link the file that it leads to is
            replaced.

    Yields:
        The path of the new file, which is there and empty.

    Raises:
        OSError: It can't be written; a full disk, too, is told with the name of the file.
    """
    try:
        with _replacing(path) as new:
            yield new
    except OSError as error:
        # As when an open file is written; without a number, the message alone is shown.
        if error.filename is None and error.errno is not None:
            error.filename = str(path)
        raise


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with workplace(path.parent) as folder:
        new = folder / f"{path.name}.part"  # no name that is looked for in folders
        new.touch()
        mode = stat.S_IMODE(new.stat().st_mode)
        yield new
        if stat.S_IMODE(new.stat().st_mode) != mode:  # who writes may make a file of its own
            new.chmod(mode)
        os.replace(new, path)


@contextmanager
def workplace(folder: Path) -> Iterator[Path]:
    """A new folder in another one for files that are not whole yet; it goes with all that is left there.

    What a process that was killed left so goes with the next workplace in the same folder. It is told
    from that of a process at work by a lock, which ends with its process however that ends; where
    folders can't be locked, it stays.

    Args:
        folder: The folder of the files when they are whole; it must be there.

    Yields:
        The new folder.
    """
    _sweep(folder)
    place = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    with alone(place):
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process is in such a block with the same folder, where folders can be locked.

    Args:
        folder: The folder; it is made if there is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = _lock(folder, wait=True)
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _sweep(folder: Path) -> None:
    """Delete the workplaces of processes that are no more."""
    for place in list(folder.glob(f"{_PREFIX}*/")):
        lock = None if place.is_symlink() else _lock(place, wait=False)
        if lock is not None:
            # An empty one may be so new that it isn't locked yet.
            if os.listdir(lock):
                shutil.rmtree(place, ignore_errors=True)
            os.close(lock)


def _lock(folder: Path, *, wait: bool) -> int | None:
    """Lock a folder until the descriptor that is returned is closed; None if that can't be."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # Windows; or the folder is gone
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process holds it; or some network file systems
        os.close(descriptor)
        return None
    return descriptor
