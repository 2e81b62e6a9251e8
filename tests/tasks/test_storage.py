from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tasks.storage import (
    StorageError,
    check_output_file,
    check_output_folder,
    read_json,
    read_json_lines,
    write_json,
    write_json_lines,
    write_text,
)
from tasks.tensors import read_tensors, write_tensors

ROOT = Path(__file__).parents[2]


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


@pytest.mark.parametrize("content", [b"[" * 100_000, b"{", b"\xff", b"1" * 5000, b"NaNs"])
def test_what_is_no_json_is_damaged(tmp_path, content):
    file = tmp_path / "a.json"
    file.write_bytes(content)
    with pytest.raises(StorageError, match=r"a\.json is damaged \(.*\); delete it all"):
        read_json(file, "delete it all")
    file.write_bytes(b"{}\n" + content + b"\n")
    with pytest.raises(StorageError, match=r"a\.json:2 is damaged \(.*\); delete it all"):
        list(read_json_lines(file, "delete it all"))


def test_a_folder_in_a_files_place_is_told(tmp_path):
    for read in (read_json, lambda path: list(read_json_lines(path)), read_tensors):
        with pytest.raises(StorageError, match="can't be read"):
            read(tmp_path)
    for write in (write_text, write_tensors):
        with pytest.raises(StorageError, match="can't be written"):
            write(tmp_path, {} if write is write_tensors else "")
    assert list(tmp_path.parent.glob(f".{tmp_path.name}*")) == []


def test_rows_without_a_last_line_feed_and_none(tmp_path):
    for content, rows in ((b"", []), (b"1\n2\n", [1, 2]), (b"1\r\n2", [1, 2])):
        (tmp_path / "a.jsonl").write_bytes(content)
        assert list(read_json_lines(tmp_path / "a.jsonl")) == rows


TYPES = (torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.uint8)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 2), (2, 0, 4)])
def test_tensors_of_all_kinds_are_checked(tmp_path, dtype, shape):
    file = tmp_path / "a.safetensors"
    tensor = torch.ones(shape).to(dtype)
    write_tensors(file, {"x": tensor, "y": torch.arange(6.0).reshape(2, 3).T})
    tensors, note = read_tensors(file)
    assert tensors["x"].dtype == dtype
    assert torch.equal(tensors["x"], tensor)
    assert torch.equal(tensors["y"], torch.arange(6.0).reshape(2, 3).T)
    assert note is None


def test_equal_tensors_make_equal_files(tmp_path):
    tensors = {name: torch.arange(3) for name in "abcdefgh"}
    for number in range(8):
        write_tensors(tmp_path / str(number), tensors, {"z": 1, "a": [2]})
    assert len({(tmp_path / str(number)).read_bytes() for number in range(8)}) == 1


def test_tensors_of_an_earlier_version_have_no_checksum(tmp_path):
    file = tmp_path / "a.safetensors"
    save_file({"x": torch.ones(2)}, file, {"note": "[1]"})
    assert read_tensors(file)[1] == [1]
    save_file({"x": torch.ones(2)}, file)
    assert read_tensors(file)[1] is None
    save_file({"x": torch.ones(2)}, file, {"sha255": "0"})
    with pytest.raises(StorageError, match=r"unknown metadata: sha255\); burn it"):
        read_tensors(file, "burn it")


def test_tensors_that_changed_places_are_noticed(tmp_path):
    file = tmp_path / "a.safetensors"
    write_tensors(file, {"x": torch.zeros(2), "y": torch.ones(2)})
    file.write_bytes(file.read_bytes().replace(b'"x"', b'"z"').replace(b'"y"', b'"x"'))
    with pytest.raises(StorageError, match="its checksum is that of another content"):
        read_tensors(file)


def test_a_full_disk_is_told_and_the_old_file_stays(tmp_path):
    """A limit on the size of files stands for the disk."""
    code = """
import resource, sys, torch
from pathlib import Path
from tasks.storage import StorageError, write_text
from tasks.tensors import write_tensors

folder = Path(sys.argv[1])
write_text(folder / "b.txt", "old")
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for write, file, content in (
    (write_tensors, folder / "a.safetensors", {"x": torch.ones(100_000)}),
    (write_text, folder / "b.txt", "x" * 100_000),
):
    try:
        write(file, content)
    except StorageError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, capture_output=True, text=True
    )
    first, second = done.stdout.splitlines()
    assert re.search(r"a\.safetensors can't be written: .*File too large", first)
    assert re.search(r"b\.txt can't be written: .*File too large", second)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("b.txt", "old")]


def test_outputs_are_checked_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path, tmp_path / "new", tmp_path / "new" / "deep", Path()):
        assert check_output_folder(folder) == folder
        assert check_output_file(folder / "a.txt") == folder / "a.txt"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]  # no folder was made
    for folder in (tmp_path / "file", tmp_path / "file" / "deep"):
        with pytest.raises(StorageError, match=f"written into {folder}: {tmp_path}/file is a file"):
            check_output_folder(folder)
    with pytest.raises(StorageError, match="is a folder: give the name of a file in it"):
        check_output_file(tmp_path)
    with pytest.raises(StorageError, match=r"written into .*: File name too long"):
        check_output_folder(tmp_path / ("x" * 300))


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "disk").mkdir()
    for write, content, name in (
        (write_text, "new", "a.txt"),
        (write_tensors, {"x": torch.ones(2)}, "a.safetensors"),
    ):
        target = tmp_path / "disk" / name
        for _ in range(2):  # first to a file that isn't there yet
            (tmp_path / name).unlink(missing_ok=True)
            (tmp_path / name).symlink_to(target)
            check_output_file(tmp_path / name)
            write(tmp_path / name, content)
            assert (tmp_path / name).is_symlink()
            assert target.stat().st_size


def test_a_link_into_a_folder_that_cannot_be_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "file" / "a.txt")
    with pytest.raises(StorageError, match=f"{tmp_path}/file is a file"):
        check_output_file(tmp_path / "link")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_written_into(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read())"
    for write, content, begin in (
        (write_text, "new", b"new"),
        (write_tensors, {"x": torch.ones(2)}, None),
    ):
        with subprocess.Popen([sys.executable, "-c", code, pipe], stdout=subprocess.PIPE) as reader:
            assert check_output_file(pipe) == pipe
            write(pipe, content)
            received = reader.communicate(timeout=20)[0]
        assert pipe.is_fifo()
        assert begin in (None, received)
        if begin is None:
            (tmp_path / "a").write_bytes(received)
            assert read_tensors(tmp_path / "a")[0]["x"].tolist() == [1, 1]


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="there are no files of descriptors")
def test_a_pipe_of_the_shell_is_taken(tmp_path):
    read, write = os.pipe()
    try:
        assert check_output_file(Path(f"/dev/fd/{write}")) == Path(f"/dev/fd/{write}")
        write_text(Path(f"/dev/fd/{write}"), "new")
        assert os.read(read, 100) == b"new"
    finally:
        os.close(read)
        os.close(write)


@pytest.mark.skipif(not hasattr(os, "umask"), reason="there is no umask")
def test_files_have_the_mode_of_others(tmp_path):
    old = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "")
        write_tensors(tmp_path / "a.safetensors", {"x": torch.ones(2)})
    finally:
        os.umask(old)
    modes = [oct(stat.S_IMODE(file.stat().st_mode)) for file in tmp_path.iterdir()]
    assert modes == ["0o640", "0o640"]


def test_a_kill_within_a_checkpoint_leaves_nothing_for_ever(tmp_path):
    pytest.importorskip("fcntl", reason="folders can't be locked")
    code = """
import os, signal, sys
from pathlib import Path
from tasks.storage import atomically

def killed(temporary):
    (Path(temporary).parent / ".tmp1").write_text("as safetensors does")
    os.kill(os.getpid(), signal.SIGKILL)

atomically(Path(sys.argv[1]), killed)
"""
    file = tmp_path / "checkpoint.safetensors"
    subprocess.run([sys.executable, "-c", code, file], cwd=ROOT, check=False)
    assert len(list(tmp_path.iterdir())) == 1
    write_tensors(file, {"x": torch.ones(2)})
    assert list(tmp_path.iterdir()) == [file]
