from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from parsers import StoredSentences
from parsers.formats.atomic import replacing
from structnn import Sentence, Tree

pytest.importorskip("fcntl", reason="folders can't be locked")

ROOT = Path(__file__).parents[3]
WRITER = """
import sys
from pathlib import Path
from parsers.formats.atomic import replacing

with replacing(Path(sys.argv[1])) as new:
    new.write_text("half")
    print("half", flush=True)
    sys.stdin.readline()
    new.write_text("whole")
"""


@contextmanager
def writer(file):
    """A process that has written half of a file; it goes on at a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, file],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "half\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_what_a_killed_writer_left_goes_with_the_next_file(tmp_path):
    with writer(tmp_path / "a.txt"):
        pass
    assert [file.read_text() for file in tmp_path.rglob("*.part")] == ["half"]
    with replacing(tmp_path / "b.txt") as new:
        new.write_text("b")
    assert [file.name for file in tmp_path.iterdir()] == ["b.txt"]


def test_a_writer_at_work_is_left_alone(tmp_path):
    with writer(tmp_path / "a.txt") as process:
        for file in (tmp_path / "a.txt", tmp_path / "b.txt"):
            with replacing(file) as new:
                new.write_text("other")
        process.communicate("go on\n")
    assert process.returncode == 0
    found = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert found == {"a.txt": "whole", "b.txt": "other"}


def test_folders_of_others_stay(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("")
    (tmp_path / ".structnn-link").symlink_to(tmp_path / "kept")
    (tmp_path / ".structnn-new").mkdir()  # of a process that has made it and will lock it now
    with replacing(tmp_path / "a.txt"):
        pass
    assert (tmp_path / "kept" / "file").exists()
    assert (tmp_path / ".structnn-new").exists()


def test_stored_sentences_that_fail_leave_nothing(tmp_path):
    sentences = [Sentence(["a"], dependencies=Tree([-1]))]
    StoredSentences.write(tmp_path, sentences)
    before = {file.name for file in tmp_path.iterdir()}

    def fails():
        yield from sentences
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        StoredSentences.write(tmp_path, fails())
    assert {file.name for file in tmp_path.iterdir()} == before
    assert len(StoredSentences(tmp_path)) == 1


def test_a_full_disk_is_told_with_the_file_that_stays_as_it_was(tmp_path):
    """A limit on the size of files stands for the disk."""
    code = """
import resource, sys
from pathlib import Path
from parsers import draw, write_conllu
from structnn import Sentence, Tree

sentence = Sentence(["dogs", "bark"], dependencies=Tree([1, -1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
for write, name in (
    (lambda path: write_conllu([sentence] * 10_000, path), "a.conllu"),
    (lambda path: draw(sentence, path), "b.png"),
    (lambda path: draw(sentence, path), "c.svg"),
):
    path = Path(sys.argv[1], name)
    path.write_text("old")
    try:
        write(path)
    except OSError as error:
        print(error, path.read_text())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    for line, name in zip(lines, ("a.conllu", "b.png", "c.svg"), strict=True):
        assert line.endswith(f"File too large: '{tmp_path / name}' old")
    assert len(list(tmp_path.iterdir())) == 3
