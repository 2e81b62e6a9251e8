"""Files that hold checksums of themselves and of others."""

from __future__ import annotations

import json

import pytest

from tasks.sealing import read_sealed, write_sealed
from tasks.storage import StorageError

CONTENT = {"b": [1.5, None, {"c": "ü"}], "a": True, "tuple": (1, 2), "nan": 1e-17}


def seal(folder):
    (folder / "one.txt").write_text("one")
    (folder / "deep").mkdir()
    (folder / "deep" / "two.bin").write_bytes(b"\0\1")
    write_sealed(folder / "s.json", CONTENT, ["one.txt", "deep/two.bin", "absent.txt"])


def test_a_sealed_file_is_read_back(tmp_path):
    seal(tmp_path)
    content, found = read_sealed(tmp_path / "s.json", "mend it")
    assert content == {**CONTENT, "tuple": [1, 2]}
    assert set(found.checksums) == {"one.txt", "deep/two.bin"}
    found.check("one.txt", "deep/two.bin", "absent.txt")


def test_its_layout_may_change_and_its_values_may_not(tmp_path):
    seal(tmp_path)
    file = tmp_path / "s.json"
    whole = json.loads(file.read_text())
    file.write_text(json.dumps(dict(reversed(whole.items())), indent=None))
    read_sealed(file, "mend it")
    for change in ({"a": False}, {"new": 1}, {"sha256": {}}, {"sha256": 3}, {"b": [1.5]}):
        file.write_text(json.dumps({**whole, **change}))
        with pytest.raises(StorageError, match=r"s\.json is damaged: .*; mend it"):
            read_sealed(file, "mend it")


def test_other_files_are_checked_when_they_are_read(tmp_path):
    seal(tmp_path)
    _, found = read_sealed(tmp_path / "s.json", "mend it")
    (tmp_path / "one.txt").write_text("two")
    with pytest.raises(StorageError, match=r"one\.txt is damaged: its SHA-256 is .*; mend it"):
        found.check("deep/two.bin", "one.txt")
    (tmp_path / "one.txt").unlink()
    with pytest.raises(
        StorageError, match=r"one\.txt is missing, though s\.json lists it; mend it"
    ):
        found.check("one.txt")
    (tmp_path / "absent.txt").write_text("here")
    with pytest.raises(
        StorageError, match=r"absent\.txt is not one of the files that s\.json lists"
    ):
        found.check("absent.txt")


def test_a_file_without_checksums_is_read_as_it_is(tmp_path):
    file = tmp_path / "s.json"
    for content in ({"a": 1}, [1], None):
        file.write_text(json.dumps(content))
        found, seal = read_sealed(file, "mend it")
        assert found == content
        seal.check("anything")


def test_what_is_nested_too_deeply_is_damaged(tmp_path):
    file = tmp_path / "s.json"
    for depth in (100_000, 980, 900, 500):
        file.write_text('{"sha256": {}, "x": ' + "[" * depth + "]" * depth + "}")
        with pytest.raises(StorageError, match="is damaged"):
            read_sealed(file, "mend it")
