"""The folder of what is kept between commands."""

from __future__ import annotations

import pytest

from structnn.folders import cache_folder


def test_a_relative_path_in_the_environment_is_ignored(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for given in ("caches", "", "~/caches"):
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        assert cache_folder() == tmp_path / "home" / ".cache" / "structnn"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "structnn"


def test_so_is_no_home_folder(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "home")
    with pytest.raises(RuntimeError, match="home directory, home, is not an absolute path"):
        cache_folder()
