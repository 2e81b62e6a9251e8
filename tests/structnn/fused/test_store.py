"""Compiled libraries in the cache: whole, and written by nobody else."""

from __future__ import annotations

import errno
import os
import pwd
import re
import stat
import time

import pytest

from structnn.fused import store

CONTENT = b"a library"
needs_owners = pytest.mark.skipif(not store._HAS_OWNERS, reason="files have no owners here")


@pytest.fixture
def base(monkeypatch, tmp_path):
    """A folder for caches in which there is nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def library(base):
    """A library that is in the cache."""
    folder = store.open_folder()
    place = folder / "operator.so"
    with store.scratch(folder) as scratch:
        made = folder / scratch / "made.so"
        made.write_bytes(CONTENT)
        store.publish(made, place)
    return place


def disown(monkeypatch, path):
    """Let a file belong to somebody else."""
    if os.geteuid() == 0:
        os.chown(path, 54321, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)


def test_what_is_published_is_whole_and_closed_to_others(base):
    before = os.umask(0)
    try:
        folder = store.open_folder()
        assert folder == base / "structnn" / "fused"
        with store.scratch(folder) as scratch:
            made = folder / scratch / "made.so"
            made.write_bytes(CONTENT)
            store.publish(made, folder / "operator.so")
    finally:
        os.umask(before)
    library, checksum = sorted(folder.iterdir())
    assert store.is_whole(library)
    assert re.fullmatch(r"[0-9a-f]{64}  operator\.so\n", checksum.read_text())
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (base, base / "structnn", folder)]
    assert modes == [0o700] * 3
    assert [stat.S_IMODE(file.stat().st_mode) for file in (library, checksum)] == [0o644] * 2


@pytest.mark.parametrize("suffix", ["", ".sha256"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped", "longer", "pipe", "link"])
def test_a_damaged_library_is_not_whole(library, suffix, damage):
    file = library.with_name(library.name + suffix)
    content = file.read_bytes()
    file.unlink()
    if damage == "pipe":
        os.mkfifo(file)
    elif damage == "link":
        file.symlink_to("/dev/zero")
    elif damage != "missing":
        flipped = bytes([content[0] ^ 4]) + content[1:]
        spoilt = {"empty": b"", "cut": content[:-1], "flipped": flipped, "longer": content + b"\0"}
        file.write_bytes(spoilt[damage])
    assert not store.is_whole(library)


@needs_owners
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_can_write_is_refused(library, mode):
    library.parent.chmod(mode)
    with pytest.raises(store.UnsafeCacheError, match=rf"chmod 700 {library.parent}`, or set XDG"):
        store.open_folder()
    library.parent.chmod(0o755)
    assert store.open_folder() == library.parent


@needs_owners
def test_a_folder_that_everybody_can_replace_is_refused(base, library):
    base.chmod(0o777)
    with pytest.raises(store.UnsafeCacheError, match=rf"is in {base} .*chmod o-w {base}`, or set"):
        store.open_folder()
    base.chmod(0o1777)  # as /tmp: only who owns a folder there can replace it
    assert store.open_folder() == library.parent


@needs_owners
def test_a_link_to_a_folder_that_everybody_can_replace_is_refused(base, library, monkeypatch):
    link = base.parent / "link"
    link.symlink_to(base)
    monkeypatch.setenv("XDG_CACHE_HOME", str(link))
    assert store.open_folder() == link / "structnn" / "fused"
    (base / "structnn").chmod(0o777)
    with pytest.raises(store.UnsafeCacheError, match="every user can replace"):
        store.open_folder()


@needs_owners
@pytest.mark.parametrize("which", [".", ".."])
def test_a_folder_of_somebody_else_is_refused(library, monkeypatch, which):
    disown(monkeypatch, library.parent / which)
    with pytest.raises(store.UnsafeCacheError, match=r"another user .*: set XDG_CACHE_HOME"):
        store.open_folder()


@needs_owners
@pytest.mark.parametrize("suffix", ["", ".sha256"])
def test_a_file_that_others_can_write_is_refused(library, monkeypatch, suffix):
    file = library.with_name(library.name + suffix)
    file.chmod(0o664)
    with pytest.raises(store.UnsafeCacheError, match=rf"write {file} .*: run `rm {file}`"):
        store.is_whole(library)
    file.chmod(0o644)
    disown(monkeypatch, file)
    with pytest.raises(store.UnsafeCacheError, match="another user"):
        store.is_whole(library)


def test_a_folder_that_no_code_may_run_from_is_refused(base, monkeypatch):
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result([0] * 8 + [8, 255]))
    monkeypatch.setattr(os, "ST_NOEXEC", 8, raising=False)
    with pytest.raises(store.UnsafeCacheError, match="mounted with noexec: set XDG_CACHE_HOME"):
        store.open_folder()


def test_systems_without_owners(library, monkeypatch):
    library.parent.chmod(0o777)
    library.chmod(0o666)
    monkeypatch.setattr(store, "_HAS_OWNERS", False)
    monkeypatch.delattr(os, "geteuid")
    assert store.is_whole(store.open_folder() / library.name)


def test_a_relative_path_in_the_environment_is_ignored(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for given in ("caches", "", "~/caches"):
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert store.open_folder() == tmp_path / "home" / ".cache" / "structnn" / "fused"
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    monkeypatch.setenv("HOME", "home")
    with pytest.raises(RuntimeError, match="not an absolute path"):
        store.open_folder()


def test_without_a_home_folder(monkeypatch):
    def nobody(uid):
        raise KeyError(uid)

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(RuntimeError, match="home directory"):
        store.open_folder()


@pytest.mark.parametrize("given", ["/dev/null", "/proc/self", "/dev/null/further"])
def test_a_folder_that_cannot_be_made(monkeypatch, given):
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    with pytest.raises(OSError, match=given):
        store.open_folder()


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("succeeding", [0, 1])
def test_a_disk_that_is_full_leaves_nothing_that_seems_whole(base, monkeypatch, call, succeeding):
    real, calls = getattr(os, call), []

    def full(*arguments):
        calls.append(arguments)
        if len(calls) > succeeding:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments)

    folder = store.open_folder()
    monkeypatch.setattr(os, call, full)
    with store.scratch(folder) as scratch:
        made = folder / scratch / "made.so"
        made.write_bytes(CONTENT)
        with pytest.raises(OSError, match="No space"):
            store.publish(made, folder / "operator.so")
    assert not store.is_whole(folder / "operator.so")
    assert len(list(folder.iterdir())) == succeeding


def test_a_file_system_that_does_not_sync_folders(base, monkeypatch):
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    folder = store.open_folder()
    with store.scratch(folder) as scratch:
        made = folder / scratch / "made.so"
        made.write_bytes(CONTENT)
        store.publish(made, folder / "operator.so")
    assert store.is_whole(folder / "operator.so")


def test_what_killed_compilers_left_is_swept(library):
    folder = library.parent
    old, new, strange = (folder / name for name in ("compiling-old", "compiling-new", "tmp-old"))
    for left in (old, new, strange):
        left.mkdir()
        (left / "operator.so").write_bytes(CONTENT)
    for left in (old, strange):
        os.utime(left, (time.time() - 3700,) * 2)
    store.open_folder()
    assert (old.exists(), new.exists(), strange.exists()) == (False, True, True)
    assert store.is_whole(library)
