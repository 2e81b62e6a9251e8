"""Word vectors from text files and from the wordllama package."""

from __future__ import annotations

import contextlib
import gzip
import importlib.util
import tempfile
import tracemalloc
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from structnn import Vocabulary
from tasks.data.examples import DataError
from tasks.models.vectors import read_vectors, vector_width, wordllama_vectors

PARTS = [
    b"dog",
    b" ",
    b"\n",
    b"1 2 3",
    b"1e999",
    b"nan",
    b"2 3\n",
    b"dog 1 2 3\n",
    b"9" * 5000,
    b"\t",
]

GLOVE = """the 0.5 -1 2e-1
dog 1 2 3
. . . 4 5 6
Dog 7 8 9
dog 0 0 0
caf\u00e9 1 1 1
a\u00a0b 2 2 2
"""


def write(folder: Path, content: str | bytes, name: str = "vectors.txt") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


class TestReadVectors:
    def test_exact_form_first_then_lower_case(self, tmp_path):
        words = ["dog", "Dog", "DOG", "The", "cat", "café", ". . .", "a\u00a0b"]
        table = read_vectors(write(tmp_path, GLOVE), words)
        assert table.vectors.dtype == torch.float32
        assert table.vectors.tolist()[:3] == [[1, 2, 3], [7, 8, 9], [1, 2, 3]]
        assert torch.allclose(table.vectors[3], torch.tensor([0.5, -1, 0.2]))
        assert table.vectors.tolist()[4:] == [[0, 0, 0], [1, 1, 1], [4, 5, 6], [2, 2, 2]]
        assert table.found.tolist() == [True, True, True, True, False, True, True, True]
        assert table.coverage == 7 / 8
        assert str(table).startswith("7 of 8 words (87.5%) found in ")
        assert str(table).endswith("vectors.txt, 2 of them in lower case")

    @pytest.mark.parametrize(
        "content",
        [
            "7 3\n" + GLOVE,
            "\ufeff" + GLOVE,
            GLOVE.replace("\n", " \n"),
            GLOVE.replace("\n", "\r\n"),
            GLOVE.replace(" 1 2 3", "\t1\t2\t3"),
            GLOVE + "\n\n",
        ],
        ids=["header", "byte order mark", "fastText", "CRLF", "tabs", "blank lines"],
    )
    def test_dialects(self, tmp_path, content):
        table = read_vectors(write(tmp_path, content), ["dog", ". . ."])
        assert table.vectors.tolist() == [[1, 2, 3], [4, 5, 6]]

    def test_gzip(self, tmp_path):
        path = write(tmp_path, gzip.compress(GLOVE.encode()), "vectors.txt.gz")
        assert read_vectors(path, ["dog"]).vectors.tolist() == [[1, 2, 3]]

    def test_numbers_are_words_too(self, tmp_path):
        table = read_vectors(write(tmp_path, "the 1 2\n1984 3 4\n"), ["1984"])
        assert table.vectors.tolist() == [[3, 4]]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "the file is empty"),
            ("the\n", r":1: 'the' is not a word with numbers"),
            ("the 1 2 3\ncat 1 2\n", r":2: 'cat 1 2' is not a word with 3 numbers"),
            ("the 1 2 3\ncat 1 2 3 4\n", r":2: 'cat 1 2 3 4' is not a word with 3 numbers"),
            ("the 1 2 3\ncat 1 x 3\n", r":2: .*not a number.*x"),
            ("the 1 2 3\ndog 1 x 3\n", r":2: .*not a number.*x"),
            ("the 1 2 3\ndog 1 2.2.2 3\n", r":2: .*not a number.*2\.2\.2"),
            ("the 1 2 3\ncat nan 2 3\n", r":2: .*finite"),
            ("2 3\nthe 1 2 3\ncat 1 2\n", r":3: 'cat 1 2' is not a word with 3 numbers"),
            ("2 3\nthe 1 2 3 4\n", r":2: 'the 1 2 3 4' is not a word with 3 numbers"),
            ("9 3\nthe 1 2 3\n", r"first line promises 9 vectors, but it has 1"),
            (b"2 3\nthe \x00\x01\xff\x80\x90", r":2: .*must be text"),
            ("cat 1 2 3\n", r"none of the 2 words is in it, 'dog' for example"),
        ],
    )
    def test_faults_name_file_and_line(self, tmp_path, content, message):
        path = write(tmp_path, content)
        with pytest.raises(DataError, match=f"vectors.txt.*{message}"):
            read_vectors(path, ["dog", "the "])

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (
                " 9 9 9\n",
                "1 of 8 lines are malformed, the first: .*:8: ' 9 9 9' is not a word with 3",
            ),
            ("  9 9 9\n", "1 of 8 lines are malformed"),
            ("\u00a0 9 9 9\n", None),
            ("New York 9 9 9\n", None),
            ("at 1984 9 9 9\n", "1 of 8 lines are malformed"),
            (
                "cat\ncat 1\ncat 1 2 x\ncat 1 2 inf\n",
                "4 of 11 lines are malformed, the first: .*:8: ",
            ),
            ("dog x\n" * 20, "20 of 27 lines are malformed"),
        ],
    )
    def test_malformed_lines_are_counted_and_passed_over(self, tmp_path, content, message):
        expected = contextlib.nullcontext() if message is None else pytest.warns(match=message)
        with expected:
            table = read_vectors(write(tmp_path, GLOVE + content), ["dog", "New York"])
        assert table.vectors[0].tolist() == [1, 2, 3]
        assert table.found[1] == ("New York" in content)

    @pytest.mark.parametrize("count", [6, 8])
    def test_a_count_that_is_off_is_told(self, tmp_path, count):
        with pytest.warns(match=f"first line promises {count} vectors, but it has 7"):
            table = read_vectors(write(tmp_path, f"{count} 3\n{GLOVE}"), ["dog"])
        assert table.vectors.tolist() == [[1, 2, 3]]

    def test_the_width_is_that_of_most_lines(self, tmp_path):
        path = write(tmp_path, "New 1984 1 2 3\n. . . 1 2 3\n\n9 1 2 3\nthe 4 5 6\n")
        assert vector_width(path) == 3
        with pytest.warns(match="1 of 4 lines are malformed"):
            assert read_vectors(path, ["the", ". . ."]).vectors.tolist() == [[4, 5, 6], [1, 2, 3]]

    @pytest.mark.parametrize("header", ["9" * 5000 + " 3", "3 " + "9" * 5000, "7 999999999999"])
    def test_impossible_first_lines(self, tmp_path, header):
        path = write(tmp_path, f"{header}\n{GLOVE}")
        if header.startswith("7"):
            with pytest.raises(
                DataError, match="no usable vector in it: 7 of 7 lines are malformed"
            ):
                read_vectors(path, ["dog"])
        else:
            with pytest.warns(match="1 of 8 lines are malformed"):
                assert read_vectors(path, ["dog"]).vectors.tolist() == [[1, 2, 3]]

    @settings(deadline=None)
    @given(st.lists(st.sampled_from(PARTS) | st.binary(max_size=5), max_size=25).map(b"".join))
    def test_whatever_the_bytes_there_are_vectors_or_the_error_of_data(self, content):
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
            for name in ("v.txt", "v.txt.gz"):
                packed = gzip.compress(content) if name == "v.txt.gz" else content
                with contextlib.suppress(DataError):
                    table = read_vectors(write(Path(folder), packed, name), ["dog", "", "\ud800"])
                    assert torch.isfinite(table.vectors).all()
                with contextlib.suppress(DataError):
                    assert vector_width(Path(folder) / name) > 0

    def test_files_that_cannot_be_read(self, tmp_path):
        with pytest.raises(DataError, match="No such file"):
            read_vectors(tmp_path / "nothing.txt", ["dog"])
        whole = gzip.compress(GLOVE.encode() * 100)
        for content in (whole[:-20], whole[:20] + b"xxxx" + whole[24:], GLOVE.encode()):
            with pytest.raises(DataError, match=r"v.txt.gz: can't be read"):
                read_vectors(write(tmp_path, content, "v.txt.gz"), ["dog"])

    def test_memory_is_for_the_words_in_use(self, tmp_path):
        numbers = " ".join(["0.12345"] * 100)
        path = write(tmp_path, "".join(f"word{i} {numbers}\n" for i in range(20_000)))
        assert path.stat().st_size > 15e6
        tracemalloc.start()
        try:
            table = read_vectors(path, ["word7", "Word19999"])
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert table.found.all()
        assert peak < 1e6

    def test_no_words(self, tmp_path):
        table = read_vectors(write(tmp_path, GLOVE), [])
        assert table.vectors.shape == (0, 3)
        assert table.coverage == 1

    def test_as_vocabulary(self, tmp_path):
        counted = Vocabulary(["cat", "dog", "the"], {"cat": 5, "dog": 2, "the": 9})
        table = read_vectors(write(tmp_path, GLOVE), counted.words[1:])
        vocabulary, ordered = table.as_vocabulary(counted)
        assert vocabulary.words[1:] == ("dog", "the")
        assert vocabulary.counts == (0, 2, 9)
        assert ordered.coverage == table.coverage == 2 / 3
        assert ordered.vectors[1:].equal(table.vectors[1:])
        assert torch.allclose(ordered.vectors[0], table.vectors[1:].mean(0))


class TestWordLlama:
    def test_says_how_to_install_it(self, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(DataError, match=r"pip install 'structnn\[wordllama\]'"):
            wordllama_vectors(["dog"])

    def test_damaged_files_of_the_package_are_told(self, monkeypatch, tmp_path):
        pytest.importorskip("tokenizers", reason="the extra wordllama isn't installed")
        names = (
            "weights/l2_supercat_256.safetensors",
            "tokenizers/l2_supercat_tokenizer_config.json",
        )
        for name in names:
            (tmp_path / name).parent.mkdir()
            (tmp_path / name).write_bytes(b"\0" * 50)
        found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
        for table in (
            b"\0" * 50,
            save({"x": torch.ones(2)}),
            save({"embedding.weight": torch.ones(2)}),
        ):
            (tmp_path / names[0]).write_bytes(table)
            with pytest.raises(
                DataError, match=r"wordllama in .* can't be read \(.*install it again"
            ):
                wordllama_vectors(["dog"])

    def test_a_word_is_the_mean_of_its_pieces(self):
        pytest.importorskip("tokenizers", reason="the extra wordllama isn't installed")
        spec = importlib.util.find_spec("wordllama")
        if spec is None:
            pytest.skip("the extra wordllama isn't installed")
        from safetensors.torch import load_file

        folder = Path(spec.submodule_search_locations[0])
        weights = load_file(folder / "weights" / "l2_supercat_256.safetensors")["embedding.weight"]
        table = wordllama_vectors(["dog", "serfdom", "\U0001f642"])
        assert table.vectors.shape == (3, 256)
        assert table.found.all()
        # The numbers of Llama 2's pieces for these words: one, and "ser" "f" "dom".
        assert torch.equal(table.vectors[0], weights[11203].float())
        assert torch.allclose(table.vectors[1], weights[[724, 29888, 3129]].float().mean(0))
        assert wordllama_vectors([]).vectors.shape == (0, 256)
