"""Names that users give, as names of folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.folders import encoder_folder, folder_name


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("trec", "trec"),
        ("data/my file.csv", "data_my file.csv"),
        ("../../x/a.jsonl", ".._.._x_a.jsonl"),
        ("/home/me/Fragen über.tsv", "_home_me_Fragen über.tsv"),
        ("x" * 251 + ".csv", "x" * 251 + ".csv"),
        ("über" * 50 + ".csv", "über" * 50 + ".csv"),
    ],
)
def test_ordinary_names_stay_what_earlier_versions_made_of_them(name, folder):
    assert folder_name(name) == folder


@pytest.mark.parametrize(
    ("encoder", "folder"),
    [
        ("gat", "gat"),
        ("bilstm(layers=2) > gat", "bilstm(layers=2)+gat"),
        ("gat(heads=4, readout='mean+max')", "gat(heads=4,readout='mean+max')"),
        ('bilstm(readout="max")', 'bilstm(readout="max")'),
    ],
)
def test_encoders_stay_too(encoder, folder):
    assert encoder_folder(encoder) == folder


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_name_is_one_step_down(one, other):
    folders = [folder_name(one), folder_name(other)]
    for folder in folders:
        assert Path(folder).name == folder
        assert folder not in ("", ".", "..")
        assert len(folder.encode()) <= 255
        assert folder.isprintable() or not set(folder) & set(map(chr, range(32)))
    if one.replace("/", "_") != other.replace("/", "_"):
        assert folders[0] != folders[1]


def test_what_can_be_no_folder_ends_in_a_digest():
    long = [">".join(["lstm"] * count) for count in (80, 81)]
    assert len({encoder_folder(name) for name in long}) == 2
    assert encoder_folder(long[0]).startswith("lstm+lstm+")
    for name in ("..", ".", "", "a\0b", "a\nb", "..\\x", "a\udcffb"):
        assert folder_name(name)[-17] == "-"
    assert len(folder_name("x" * 300 + ".csv", longest=239)) <= 239
