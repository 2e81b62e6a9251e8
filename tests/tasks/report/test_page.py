"""The files beside the page."""

from __future__ import annotations

from tasks.report.canvas import Figure
from tasks.report.page import _apart, _write_figures
from tasks.report.sections import Part, Section


def test_figures_of_long_or_equal_names_are_all_written(tmp_path):
    names = ["confusion-" + "bag-" * 80, "confusion-a-b", "confusion-a-b"]
    made = tuple(
        Figure(name, "", "", f"<svg>{place}</svg>", b"png", 1.0) for place, name in enumerate(names)
    )
    _write_figures([Section("", "", "", (Part(figures=made),))], tmp_path)
    written = [file.read_text() for file in tmp_path.glob("*.svg")]
    assert sorted(written) == [f"<svg>{place}</svg>" for place in range(3)]
    assert (tmp_path / "confusion-a-b.svg").read_text() == "<svg>1</svg>"


def test_the_name_of_the_only_group_is_left_out_of_titles():
    assert _apart("trec: tree depth", ["trec"]) == "Tree depth"
    assert _apart("trec", ["trec"]) == ""
    assert _apart("bag", ["trec"]) == "bag"
    assert _apart("trec: tree depth", ["trec", "mr"]) == "trec: tree depth"
