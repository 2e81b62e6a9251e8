"""Options from a file: nothing is guessed, nothing silently changed."""

from __future__ import annotations

import pytest

from tasks.command.toml_options import read_options
from tasks.data.examples import DataError

KNOWN = ("data", "encoders", "seeds", "match_params", "dev_fraction", "option", "freeze")


def read(tmp_path, content):
    file = tmp_path / "a.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_options(file, KNOWN, ["option"], ["freeze"])


def test_values_are_as_on_the_command_line(tmp_path):
    found = read(
        tmp_path,
        'seeds = 5\nmatch-params = "300k"\nencoders = ["bag", "gat(heads=4, layers=2)"]\n'
        'dev_fraction = 0.25\noption = ["gat.heads=8"]\nfreeze = true\n',
    )
    assert found == {
        "seeds": "5",
        "match_params": "300k",
        "encoders": "bag,gat(heads=4, layers=2)",
        "dev_fraction": "0.25",
        "option": ["gat.heads=8"],
        "freeze": True,
    }


def test_a_file_of_windows_is_read(tmp_path):
    assert read(tmp_path, b"\xef\xbb\xbfseeds = 5\r\ndata = 'trec'\r\n") == {
        "seeds": "5",
        "data": "trec",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("seeds = ", "is not TOML"),
        (b"data = '\xff'", "is not TOML"),
        ("seeds = " + "9" * 5000, "is not TOML that can be read"),
        ("data = " + "[" * 10_000, "is not TOML"),
        ("data = " + "[" * 5000 + "]" * 5000, "is not TOML that can be read|or a list of such"),
        ("sedes = 1", r"no option 'sedes' .did you mean 'seeds'"),
        ("[data]\nname = 'trec'", "'data' is a table"),
        ("[[data]]\nname = 'trec'", "'data' must be a string or a number, or a list of such"),
        ("data = [['trec']]", "'data' must be a string or a number, or a list of such"),
        ("seeds = true", "'seeds' must be a string or a number, .* but holds true"),
        ("data = 2020-01-01", "'data' must be a string or a number"),
        ("freeze = 'no'", "'freeze' must be true or false, but is 'no'"),
        ("data = ['a,b.csv', 'c.csv']", "'a,b.csv' is not one name"),
        ("match_params = '1k'\nmatch-params = '2k'", "'match-params' is there twice"),
    ],
)
def test_what_can_not_be_is_told(tmp_path, content, message):
    with pytest.raises(DataError, match=rf"a\.toml: .*(?:{message})"):
        read(tmp_path, content)
