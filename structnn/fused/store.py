"""Keeps compiled libraries, and tells which of them may be loaded.

A library is code: to load one is to run it. Two things are looked at before that.

- **Is it ours?** The folder and the files must belong to this user or to root, and nobody else may be
  able to write them; nor may everybody be able to replace the folder through one above it. Then
  nobody else can have put a library there, with whatever checksum.
- **Is it whole?** Beside each library stands its SHA-256, written after it. A process that maps a cut
  library is killed (SIGBUS), one that runs flipped bits computes anything.

The checksum protects from damage (a full disk, a crash, a flipped bit), and owner and mode from other
users. Neither protects from programs that run as this user or as root, from the owner of
``$XDG_CACHE_HOME`` or of a folder above it, from a group that may write in one of these, or from a disk
that changes a file between the check and the load. Windows has neither owners nor modes in this sense:
there they are not looked at.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from structnn.folders import cache_folder

__all__ = ["UnsafeCacheError", "is_whole", "open_folder", "publish", "scratch"]

_SCRATCH = "compiling-"
_ABANDONED = 3600.0  # seconds; a compiler is given a twelfth of it
_HAS_OWNERS = hasattr(os, "geteuid")
_ELSEWHERE = "set XDG_CACHE_HOME to a folder of your own"


class UnsafeCacheError(Exception):
    """Somebody else can have written the cache, or no code may be run from it."""


def open_folder() -> Path:
    """The cache folder, made with mode 0700 unless it is there, and what killed compilers left swept.

    It is ``fused`` in :func:`structnn.folders.cache_folder`.

    Raises:
        UnsafeCacheError: Somebody else can write it, or it is mounted with ``noexec``.
        OSError: It cannot be made.
        RuntimeError: There is no home folder.
    """
    folder = cache_folder() / "fused"
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    _check_folder(folder)
    _sweep(folder)
    return folder


def scratch(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """A new folder in the cache, to compile in; gone with the ``with`` block."""
    return tempfile.TemporaryDirectory(dir=folder, prefix=_SCRATCH, ignore_cleanup_errors=True)


def is_whole(library: Path) -> bool:
    """Whether a library and its checksum are there, and agree.

    Raises:
        UnsafeCacheError: Somebody else can have written one of them.
    """
    checksum = _checksum_of(library)
    for file in (library, checksum):
        try:
            found = file.lstat()
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(found.st_mode):
            return False
        _check_owner(file, found)
        _check_mode(file, found, f"run `{shlex.join(['rm', str(file)])}`; it is made again")
    try:
        with checksum.open("rb") as kept:
            said = kept.read(1024)
        return said == _line(library, library.name)
    except OSError:
        return False


def publish(made: Path, library: Path) -> None:
    """Move a compiled library to its place in the cache, and then its checksum.

    Either is there whole or not at all, whoever else does the same and wherever the machine stops:
    between the two the checksum is missing or an older one, and the library is made again.

    Raises:
        OSError: The disk is full, or cannot be written.
    """
    made.chmod(0o644)  # whatever the umask: a file that a group may write is not loaded
    checksum = made.with_name("checksum")
    checksum.write_bytes(_line(made, library.name))
    checksum.chmod(0o644)
    for file, place in ((made, library), (checksum, _checksum_of(library))):
        _to_disk(file)
        os.replace(file, place)
    with suppress(OSError):  # some systems cannot; if the names are lost, the library is made again
        _to_disk(library.parent)


def _checksum_of(library: Path) -> Path:
    return library.with_name(f"{library.name}.sha256")


def _line(file: Path, name: str) -> bytes:
    """What ``sha256sum`` prints of a file, so that ``sha256sum --check`` reads it."""
    with file.open("rb") as opened:
        return f"{hashlib.file_digest(opened, 'sha256').hexdigest()}  {name}\n".encode()


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_folder(folder: Path) -> None:
    if not _HAS_OWNERS:
        return
    _check_owner(folder.parent, folder.parent.stat())
    _check_owner(folder, folder.stat())
    _check_mode(
        folder, folder.stat(), f"run `{shlex.join(['chmod', '700', str(folder)])}`, or {_ELSEWHERE}"
    )
    for above in dict.fromkeys((*folder.parents, *folder.resolve().parents)):
        mode = above.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            remedy = shlex.join(["chmod", "o-w", str(above)])
            raise UnsafeCacheError(
                f"every user can replace what is in {above} (its mode is {stat.filemode(mode)}): "
                f"run `{remedy}`, or {_ELSEWHERE}"
            )
    if os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0):
        raise UnsafeCacheError(f"{folder} is mounted with noexec: {_ELSEWHERE}, mounted without it")


def _check_owner(path: Path, found: os.stat_result) -> None:
    if _HAS_OWNERS and found.st_uid not in (0, os.geteuid()):
        raise UnsafeCacheError(
            f"{path} belongs to another user (number {found.st_uid}): {_ELSEWHERE}"
        )


def _check_mode(path: Path, found: os.stat_result, remedy: str) -> None:
    if _HAS_OWNERS and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UnsafeCacheError(
            f"other users can write {path} (its mode is {stat.filemode(found.st_mode)}): {remedy}"
        )


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            if time.time() - left.lstat().st_mtime > _ABANDONED:
                shutil.rmtree(left)
