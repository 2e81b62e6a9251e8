from __future__ import annotations

import pytest
import torch

from tasks.storage import (
    StorageError,
    read_json,
    read_json_lines,
    write_json,
    write_json_lines,
    write_text,
)
from tasks.tensors import read_tensors, write_tensors


def test_round_trips(tmp_path):
    write_json(tmp_path / "deep" / "a.json", {"ü": [1, None]})
    assert read_json(tmp_path / "deep" / "a.json") == {"ü": [1, None]}
    write_json_lines(tmp_path / "a.jsonl", [{"text": "two\nlines"}, {"text": "🙂"}])
    assert list(read_json_lines(tmp_path / "a.jsonl")) == [{"text": "two\nlines"}, {"text": "🙂"}]
    write_tensors(tmp_path / "a.safetensors", {"x": torch.arange(3)}, {"epoch": 2})
    tensors, note = read_tensors(tmp_path / "a.safetensors")
    assert tensors["x"].tolist() == [0, 1, 2]
    assert note == {"epoch": 2}


def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(StorageError, match=r"a\.txt can't be written: .*surrogates not allowed"):
        write_text(tmp_path / "a.txt", "new \ud800")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_damaged_files_are_named(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(StorageError, match=r"a\.json is damaged"):
        read_json(tmp_path / "a.json")
    (tmp_path / "a.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(StorageError, match=r"a\.safetensors is damaged"):
        read_tensors(tmp_path / "a.safetensors")
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n{"a"')
    with pytest.raises(StorageError, match=r"a\.jsonl:2 is damaged"):
        list(read_json_lines(tmp_path / "a.jsonl"))
    with pytest.raises(StorageError, match="not there"):
        list(read_json_lines(tmp_path / "none.jsonl"))
    with pytest.raises(StorageError, match="not there"):
        read_json(tmp_path / "none.json")
    with pytest.raises(StorageError, match="not there"):
        read_tensors(tmp_path / "none.safetensors")
