"""The files beside the page."""

from __future__ import annotations

from itertools import pairwise

import pytest
from matplotlib.figure import Figure as Canvas

from tasks.report.canvas import WIDTH, Figure, thousands
from tasks.report.page import _apart, _write_figures
from tasks.report.sections import Part, Section


@pytest.mark.parametrize(
    ("low", "high"),
    [(1_450, 4_900), (9_000, 9_400), (900, 5_000), (200, 11_000), (300, 150_000), (3, 900_000)],
)
def test_numbers_below_an_axis_do_not_overlap(low, high):
    canvas = Canvas(figsize=(WIDTH, 3.4))
    axes = canvas.add_axes((0.2, 0.2, 0.5, 0.7))
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    thousands(axes)
    canvas.draw_without_rendering()
    boxes = [
        label.get_window_extent()
        for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
        if low <= place <= high
    ]
    assert len(boxes) > 1
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


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
