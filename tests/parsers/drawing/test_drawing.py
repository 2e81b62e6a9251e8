"""Drawings: numbers, marks, fonts and colours are shown, and every kind of file can be written."""

from __future__ import annotations

import cProfile
import math
import re
import shutil
import subprocess
import warnings
from itertools import permutations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from parsers import draw, draw_pair, parse_noise
from parsers.drawing import html_of, raster, svg_of
from parsers.drawing.fonts import text_width
from parsers.drawing.picture import LAYOUTS, picture
from parsers.drawing.theme import DARK, LIGHT, blend, ink_on
from structnn.sentence import Sentence, StructureError, Tree
from structnn.sentence_graph import SentenceGraph
from tests.parsers.drawing.scenes import label_boxes, overlaps

DOGS = Sentence(
    ["dogs", "chase", "cats"],
    dependencies=Tree([1, -1, 1], labels=["nsubj", "root", "obj"]),
    constituency=Tree([-1, 0, 0, 2, 2], [-1, 0, -1, 1, 2], ["S", "NP", "VP", "V", "NP"]),
    tags=["NOUN", "VERB", "NOUN"],
)


@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.pdf", "a.html", "a.dot"])
@pytest.mark.parametrize("layout", [*LAYOUTS, "kamada_kawai"])
def test_every_layout_in_every_format(name: str, layout: str, tmp_path: Path) -> None:
    numbers = {"edge_values": {(0, 2): 1.0}} if layout == "heatmap" else {}
    draw(DOGS, tmp_path / name, layout=layout, dark=True, title="a <title>", **numbers)
    content = (tmp_path / name).read_bytes()
    start = {
        "png": b"\x89PNG",
        "svg": b"<?xml",
        "pdf": b"%PDF",
        "html": b"<!DOCTYPE",
        "dot": b"dig",
    }
    assert content.startswith(start[name[2:]])
    if name == "a.svg":
        ElementTree.fromstring(content)


def test_svg_files_hold_text(tmp_path: Path) -> None:
    """In any script, whatever fonts are installed, with nothing that an XML parser refuses."""
    words = ["千里", "القطط", "🎉", "naïve", "a\uffffb"]
    sentence = Sentence(words, dependencies=Tree([-1, 0, 0, 0, 0], labels=["root"] + ["obj"] * 4))
    drawing = draw(sentence, tmp_path / "words.svg", layout="arcs", title="🎉\x00")
    svg = (tmp_path / "words.svg").read_text(encoding="utf-8")
    texts = [element.text for element in nodes_of(svg, "text")]
    assert {"千里", "القطط", "🎉", "naïve", "a\ufffdb", "obj"} <= set(texts)
    assert drawing.svg() in svg
    assert "<use" not in svg  # glyphs as outlines
    fonts = ElementTree.fromstring(svg).get("font-family", "")
    assert fonts.startswith("'DejaVu Sans'")
    assert fonts.endswith("sans-serif")


def test_svg_is_never_wider_than_its_place() -> None:
    root = ElementTree.fromstring(draw(DOGS).svg())
    assert root.get("style") == "max-width: 100%; height: auto"
    assert root.get("viewBox")


def test_a_heat_map() -> None:
    numbers = {(0, 1): 0.5, (1, 0): 0.25, (2, 0): 1.0, (2, 2): 0.0}
    drawing = draw(DOGS, layout="heatmap", edge_values=numbers, edge_title="attention")
    titles = [element.text for element in nodes_of(drawing.svg(), "title")]
    assert titles == ["dogs → chase: 0.5", "chase → dogs: 0.25", "cats → dogs: 1", "cats → cats: 0"]
    cells = {chip.title: chip for chip in drawing.scene.chips if chip.title}
    assert cells["dogs → chase: 0.5"].y > cells["chase → dogs: 0.25"].y  # rows are where edges lead
    assert cells["dogs → chase: 0.5"].x < cells["chase → dogs: 0.25"].x
    assert cells["cats → dogs: 1"].fill == LIGHT.ramp[-1]
    assert cells["cats → cats: 0"].fill == LIGHT.ramp[0]
    outlined = [chip for chip in drawing.scene.chips if chip.stroke == LIGHT.accent]
    assert len(outlined) == 3  # both edges of the tree, one of which has no number, and the legend
    with pytest.raises(ValueError, match="give edge_values"):
        draw(DOGS, layout="heatmap")


def test_many_edges_are_a_heat_map_that_says_so() -> None:
    sentence = Sentence(["w"] * 6, dependencies=Tree([-1, 0, 0, 0, 0, 0]))
    pairs = list(permutations(range(1, 6), 2))

    def texts(**options: Any) -> list[str]:
        return [label.text for label in draw(sentence, **options).scene.labels]

    few = dict.fromkeys(pairs[:12], 1.0)
    many = dict.fromkeys(pairs[:13], 1.0)
    said = "a heat map, as 13 edges beside those of the tree are too many for lines"
    assert said in texts(edge_values=many)
    assert not any("heat map" in text for text in texts(edge_values=few))
    assert not any("heat map" in text for text in texts(edge_values=many, layout="arcs"))


def test_details_leave_out_what_has_no_value() -> None:
    sentence = DOGS.replace(columns={"misc": ["_"] * (len(DOGS) - 1) + ["SpaceAfter=No"]})
    *others, last = draw(sentence).scene.details.values()
    assert last["misc"] == "SpaceAfter=No"
    assert not any("misc" in one for one in others)


def test_pages_follow_the_preference_for_dark_pages() -> None:
    page = draw(DOGS).html()
    light, dark = page.split("@media screen and (prefers-color-scheme: dark)")
    assert f"--background: {LIGHT.background}" in light
    assert f"--background: {DARK.background}" in dark.partition("</style>")[0]
    assert "#" not in "".join(re.findall(r'(?:fill|stroke)="([^"]*)"', dark)).replace("none", "")
    assert "prefers-color-scheme" not in draw(DOGS, dark=True).html()
    pair = draw_pair(DOGS, DOGS).html()
    assert "prefers-color-scheme" in pair


def test_dot() -> None:
    dot = draw(Sentence(['"', "\\"], dependencies=Tree([-1, 0], labels=["root", "dep"]))).dot()
    assert r'n0_0 [label="\""];' in dot
    assert r'n0_1 [label="\\"];' in dot
    assert 'n0_0 -> n0_1 [label="dep"];' in dot


@pytest.mark.parametrize("dependencies", [None, Tree([-1, 0, 1, 2, 3])])
def test_a_graph_in_dot_has_the_names_of_nodes_without_words(
    dependencies: Tree | None, tmp_path: Path
) -> None:
    names = ["", "want-01", "go-02"]
    graph = SentenceGraph([1, -1, -1], [(1, 0), (1, 2), (2, 0)], ["ARG0", "ARG1", "ARG0"], names)
    words = "the boy wants to go".split()
    sentence = Sentence(
        words, dependencies, tags=["DET", "NOUN", "VERB", "PART", "VERB"], graph=graph
    )
    drawing = draw(sentence, tmp_path / "amr.dot", structure="graph")
    dot = (tmp_path / "amr.dot").read_text()
    assert all(
        f'n0_{node} [label="{name}"]' in dot for node, name in enumerate(["boy", *names[1:]])
    )
    assert 'n0_1 -> n0_2 [label="ARG1"]' in dot
    # The picture has the words and their own tags, and no edge that isn't in a tree.
    assert {node: drawing.scene.details[node]["tag"] for node in range(5)} == dict(
        enumerate(sentence.tags or ())
    )
    if dependencies is None:
        assert drawing.scene.curves == []
        with pytest.raises(ValueError, match=r"save it as \.dot"):
            drawing.save(tmp_path / "amr.svg")
    with pytest.raises(StructureError, match="no enhanced dependencies"):
        draw(sentence, structure="enhanced")
    columns = {"deps": ["2:det", "3:nsubj|5:nsubj", "0:root", "5:mark", "3:xcomp"]}
    enhanced = draw(sentence.replace(columns=columns), structure="enhanced").dot()
    assert 'n0_4 -> n0_1 [label="nsubj"]' in enhanced


def nodes_of(svg: str, tag: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg).iter(f"{{http://www.w3.org/2000/svg}}{tag}"))


@pytest.mark.parametrize(
    ("given", "theme_colors", "shares"),
    [
        ((0.0, 4.0), LIGHT.ramp, (0, 0.25, 1)),
        ((0.0, 2.0, 4.0), LIGHT.diverging, (0, 0.25, 1)),
        ((0.0, 1.0, 4.0), LIGHT.diverging, (0, 0.5, 1)),  # colours part at 1
        ((-1.0, 4.0), LIGHT.diverging, (0.5, 0.625, 1)),  # and at 0
        ((1.0, 1.0), LIGHT.ramp, (0, 0, 0)),  # of one point: all that is below has the first colour
    ],
)
def test_a_range_says_where_colours_end_and_where_they_part(given, theme_colors, shares) -> None:
    values = [0, 1, 1] if given == (1.0, 1.0) else [0, 1, 4]
    scene, *_ = picture(DOGS, layout="arcs", node_values=values, node_range=given)
    fills = {chip.node: chip.fill for chip in scene.chips}
    assert fills == {node: blend(theme_colors, share) for node, share in enumerate(shares)}


def test_a_pair_with_numbers_of_one_sign_has_colours_of_one_direction() -> None:
    drawn = draw_pair(DOGS, DOGS, node_values=([1, 2, 3], [2, 3, 5]))
    assert LIGHT.ramp[-1] in drawn.svg()
    assert LIGHT.diverging[-1] not in drawn.svg()


def test_a_pair_has_the_scale_of_the_numbers_that_are_drawn() -> None:
    # That of the root is of no edge; without any number there is no scale.
    drawn = draw_pair(DOGS, DOGS, edge_values=([1, math.nan, 2], [1, 900, 2]))
    assert "value of the edge: 2" in drawn.svg()
    assert draw_pair(DOGS, DOGS, edge_values=({}, {}), node_values=({}, {})).svg()
    assert "value of the edge: 1" in draw_pair(DOGS, DOGS, edge_values=({}, {(1, 0): 1.0})).svg()


@pytest.mark.parametrize("layout", ["tree", "heatmap"])
def test_an_edge_from_a_word_to_itself_counts_where_it_is_drawn(layout: str) -> None:
    values = {(1, 0): 2.0, (0, 2): 1.0, (1, 1): 900.0}
    for drawn in (
        draw(DOGS, layout=layout, edge_values=values),
        draw_pair(DOGS, DOGS, layout=layout, edge_values=(values, values)),
    ):
        assert ("900" in drawn.svg()) == (layout == "heatmap")
        assert ("value of the edge: 2" in drawn.svg()) == (layout == "tree")


def test_large_numbers_are_read_without_exponents() -> None:
    values = {(1, 0): 3000.0, (1, 2): -999.7}
    drawn = draw(DOGS, edge_values=values, node_values=[0, 12345.6, 4000]).svg()
    for text in ("value of the edge: 3,000", "1,500", "-1,000", "6,173", "12,346"):
        assert text in drawn
    assert "2.5e+07" in draw(DOGS, edge_values={(1, 0): 2.5e7}).svg()


def test_a_pair_without_a_named_structure_shows_what_one_sentence_would() -> None:
    phrases = DOGS.replace(dependencies=None)
    assert repr(draw_pair(phrases, phrases)).count("constituency") == 2
    assert repr(draw_pair(DOGS, DOGS, layout="constituency")).count("constituency") == 2
    other = DOGS.replace(dependencies=Tree([1, -1, 0]))
    for structure in (None, "parse", "dependencies"):
        assert "differs (head or relation)" in draw_pair(DOGS, other, structure=structure).svg()


def test_numbers_become_colours_and_widths() -> None:
    scene, legend, *_ = picture(
        DOGS,
        layout="arcs",
        node_values=[-1, 0, 1],
        node_title="gradient",
        edge_values={(1, 0): 2.0, (1, 2): -1.0, (0, 2): 1.0},
        edge_title="attention",
    )
    fills = {chip.node: chip.fill for chip in scene.chips}
    assert fills == {0: LIGHT.diverging[0], 1: blend(LIGHT.diverging, 0.5), 2: LIGHT.diverging[-1]}
    widths = {curve.node: curve.width for curve in scene.curves if curve.color == LIGHT.line}
    assert widths[0] > widths[2] > widths[1]
    assert [curve.dashed for curve in scene.curves if curve.node == 2] == [True, False]
    extra = [curve for curve in scene.curves if curve.color == LIGHT.accent_2]
    assert [curve.node for curve in extra] == [2]
    names = [name for _, name in legend]
    assert names == ["gradient", "attention: 2", "1", "below 0", "not an edge of the tree"]
    assert scene.details[0]["gradient"] == "-1"
    assert scene.details[2]["attention"] == "-1"


@pytest.mark.parametrize("layout", ["tree", "aligned", "arcs", "kamada_kawai", "constituency"])
def test_edges_down_up_and_beside_the_tree_are_told_apart(layout: str) -> None:
    (parent, child), other = ((0, 1), 3) if layout == "constituency" else ((1, 0), 2)
    values = {(parent, child): 1.0, (child, parent): 2.0, (child, other): 0.5, (other, child): -0.5}
    scene, legend, *_ = picture(DOGS, layout=layout, edge_values=values, edge_title="attention")
    numbered = {curve.title: curve for curve in scene.curves if curve.title}
    assert len(numbered) == 4
    down, up, beside, below_zero = numbered.values()
    if layout == "arcs":
        assert list(numbered) == [
            "chase → dogs: 1", "dogs → chase: 2", "dogs → cats: 0.5", "cats → dogs: -0.5",
        ]  # fmt: skip
    assert (down.color, up.color, beside.color) == (LIGHT.line, LIGHT.accent_3, LIGHT.accent_2)
    assert up.width > down.width > beside.width == below_zero.width
    assert down.arrow
    assert up.arrow
    assert beside.arrow
    # They are next to each other, and lead to opposite ends.
    (down_x, down_y), (up_x, up_y) = down.points[-1], up.points[0]
    assert 3 < math.hypot(down_x - up_x, down_y - up_y) < 20
    assert [curve for curve in scene.curves if curve.dashed] == [below_zero]
    assert [name for _, name in legend][-4:] == [
        "below 0", "from parent to child", "from child to parent", "not an edge of the tree",
    ]  # fmt: skip


@pytest.mark.parametrize("layout", ["tree", "aligned", "arcs", "kamada_kawai"])
def test_positive_numbers_are_never_dashed(layout: str) -> None:
    values = {(one, other): 0.3 for one in range(3) for other in range(3)}
    scene, legend, *_ = picture(DOGS, layout=layout, edge_values=values)
    assert not any(curve.dashed for curve in scene.curves)
    assert "below 0" not in [name for _, name in legend]


@pytest.mark.parametrize("layout", ["tree", "aligned", "kamada_kawai"])
def test_lines_that_are_not_in_the_tree_do_not_run_through_labels(layout: str) -> None:
    scene, *_ = picture(DOGS, layout=layout, edge_values={(0, 2): 1.0})
    captions = [label for label in scene.labels if label.text in ("nsubj", "root", "obj")]
    assert len(captions) == 3
    assert all(label.background == LIGHT.background for label in captions)


def test_numbers_of_edges_are_shown_on_hover() -> None:
    svg = draw(DOGS, edge_values={(1, 0): 0.25, (0, 1): 0.75}, edge_title="attention").svg()
    assert [title.text for title in nodes_of(svg, "title")] == [
        "chase → dogs: 0.25",
        "dogs → chase: 0.75",
    ]
    scene, *_ = picture(DOGS, edge_values={(1, 0): 0.25, (0, 1): 0.75}, edge_title="attention")
    assert scene.details[0]["attention"] == "0.25"
    assert scene.details[0]["attention, to the parent"] == "0.75"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "rescale"}, "unknown layout 'rescale'"),
        ({"layout": "hairball"}, r"unknown layout 'hairball'; the layouts are tree.*kamada_kawai"),
        ({"layout": "arcs", "structure": "constituency"}, "can't show .*choose constituency"),
        ({"structure": "nonsense"}, "unknown structure"),
        ({"node_values": [1.0]}, "1 numbers for 3 nodes"),
        ({"node_values": {7: 1.0}}, "node 7, but nodes are 0 to 2"),
        ({"edge_values": [1.0]}, "1 numbers for 3 nodes"),
        ({"edge_values": {(0, 9): 1.0}}, r"edge \(0, 9\)"),
        ({"edge_values": {1: 1.0}}, r"an edge is a pair of nodes"),
        ({"edge_values": {(1, 0): math.nan}}, r"edge \(1, 0\) is nan; give a finite number"),
        ({"edge_values": [math.inf, 0, 0]}, "the edge to node 0 is inf"),
        ({"node_values": [0.0, math.nan, 1.0]}, "node 1 is nan; give a finite number"),
        ({"node_values": {2: None}}, "node 2 is None"),
        ({"node_values": [0, 1, 2], "node_range": (0, math.nan)}, "node_range is nan"),
        ({"node_values": [0, 1, 2], "node_range": (0, 1, 2, 3)}, "node_range has 4 numbers"),
    ],
)
def test_errors(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(DOGS, **options)  # type: ignore[arg-type]


def test_what_cannot_be_drawn_or_saved(tmp_path: Path) -> None:
    with pytest.raises(StructureError, match="has no dependencies; parse it"):
        draw(Sentence(["a"]), layout="tree")
    with pytest.raises(ValueError, match=r"\.png, \.svg, \.pdf, \.html"):
        draw(DOGS, tmp_path / "a.doc")


def test_controls_are_drawn_too() -> None:
    assert draw(DOGS, structure="left_chain").scene.parents == {0: 1, 1: 2, 2: -1}


def test_repr() -> None:
    assert re.fullmatch(
        r"Drawing\('dogs chase cats', dependencies, \d+ x \d+ points\)", repr(draw(DOGS))
    )


def test_differences_are_marked() -> None:
    other = DOGS.replace(dependencies=Tree([1, -1, 0], labels=["nsubj", "root", "obj"]))
    drawing = draw_pair(DOGS, other, titles=("gold", "parser"), layout="arcs")
    marked = [curve for curve in drawing.scene.curves if curve.color == LIGHT.accent]
    assert len(marked) == 3  # in both pictures the edge to "cats", and the legend's line
    differing = [details for details in drawing.scene.details.values() if "differs" in details]
    assert [details["differs"] for details in differing] == [
        "there: obj of dogs",
        "there: obj of chase",
    ]
    assert {"gold", "parser"} <= {label.text for label in drawing.scene.labels}
    assert not overlaps(label_boxes(drawing.scene))
    (noisy,) = parse_noise([DOGS], 1.0)
    assert draw_pair(DOGS, noisy, node_values=([0, 1, 2], [3, 4, 5]), dark=True).png()


def test_notebooks() -> None:
    assert draw(DOGS)._repr_svg_() == svg_of(DOGS)
    words = [element.text for element in nodes_of(svg_of(DOGS), "text")]
    assert {"dogs", "chase", "cats", "nsubj", "obj"} <= set(words)
    assert svg_of(Sentence(["no", "tree"])).startswith("<svg")
    assert html_of(DOGS.replace(dependencies=None)).startswith("<!DOCTYPE html>")


NASTY = Sentence(
    ["<script>alert(1)</script>", "$x_1$", "a&b", "\t", "", "]]>", "x" * 300, "\ud83d"],
    dependencies=Tree([-1] + [0] * 7, labels=["</script>"] * 8),
)


@pytest.mark.parametrize("layout", ["tree", "aligned", "arcs"])
def test_any_word_can_be_drawn(layout: str, tmp_path: Path) -> None:
    drawing = draw(NASTY, tmp_path / "nasty.png", layout=layout)
    words = [element.text for element in nodes_of(drawing.svg(), "text")]
    assert "<script>alert(1)</script>" in words
    assert "\u2423" in words
    assert drawing.html().count("<script>") == 1
    one = Sentence(["Stop"], dependencies=Tree([-1]))
    assert draw(one, layout=layout).png().startswith(b"\x89PNG")


def test_words_go_from_right_to_left() -> None:
    arabic = Sentence(["يحب", "الطفل", "القطط"], dependencies=Tree([-1, 0, 0]))
    for layout in ("tree", "aligned", "arcs"):
        scene = picture(arabic, layout=layout).scene
        places = {label.text: label.x for label in scene.labels}
        assert places["يحب"] > places["الطفل"] > places["القطط"]


def test_a_missing_font_is_named() -> None:
    unknown = Sentence(["\U0001f9ff", "\ua000"], dependencies=Tree([-1, 0]))  # an emoji, and Yi
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        draw(unknown).png()
    messages = " ".join(str(warning.message) for warning in caught)
    from matplotlib import font_manager

    if not any("Emoji" in font.name for font in font_manager.fontManager.ttflist):
        assert re.search(r"no installed font has .*emoji.*install .*Noto Emoji", messages)
    assert "Glyph" not in messages


def test_a_picture_too_large_for_png_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raster, "_LARGEST_AREA", 10_000)
    with pytest.warns(UserWarning, match=r"too large to be legible as PNG; save it as \.svg"):
        draw(DOGS).png()


def test_colours_can_be_told_apart_and_read() -> None:
    def luminance(color: str) -> float:
        channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
        linear = (((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    def contrast(one: str, other: str) -> float:
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    for theme in (LIGHT, DARK):
        fills = [*theme.word_classes.values(), theme.plain]
        fills += [blend(ramp, k / 20) for ramp in (theme.ramp, theme.diverging) for k in range(21)]
        assert all(contrast(ink_on(fill), fill) >= 3.9 for fill in fills)
        assert contrast(theme.muted, theme.background) >= 4.5
        # Numbers can be read off the ramp without its hues, as in print or in colour blindness.
        steps = [luminance(color) for color in theme.ramp]
        assert steps in (sorted(steps), sorted(steps, reverse=True))


def test_a_tree_is_drawn_in_few_calls(tmp_path: Path) -> None:
    """Fonts, which take a million, are read once."""
    sentence = Sentence(["word"] * 25, dependencies=Tree([-1] + [k // 2 for k in range(24)]))
    draw(sentence, tmp_path / "first.png")
    profile = cProfile.Profile()
    profile.runcall(draw, sentence, tmp_path / "second.png")
    assert sum(entry.callcount for entry in profile.getstats()) < 150_000


def test_text_width_is_stable_whatever_matplotlib_did_to_its_fonts() -> None:
    before = text_width("measured", 12)
    text_width.cache_clear()
    draw(DOGS).png()
    assert text_width("measured", 12) == before


@pytest.fixture
def browser(tmp_path: Path) -> list[str]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium on the PATH")
    quiet = (
        "--disable-background-networking --disable-component-update --disable-sync --no-first-run"
    )
    return [
        program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", *quiet.split(),
        f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--dump-dom",
        "--virtual-time-budget=2000",
    ]  # fmt: skip


def test_the_page_stands_alone(browser: list[str], tmp_path: Path) -> None:
    draw(DOGS, tmp_path / "page.html", node_values=[1, 2, 3])
    page = (tmp_path / "page.html").read_text()
    assert re.findall(r"(?:https?:)?//[\w.]+", page.replace("http://www.w3.org/2000/svg", "")) == []
    done = subprocess.run(
        [*browser, (tmp_path / "page.html").as_uri()], capture_output=True, text=True, timeout=60
    )
    assert "CONSOLE" not in done.stderr
    assert re.search(r"transform: translate\(\d", done.stdout)  # the script has run


@pytest.mark.parametrize("size", ["600,700", "1400,900"])
def test_the_page_fits_the_window_where_it_can_be_read(
    browser: list[str], tmp_path: Path, size: str
) -> None:
    sentence = Sentence(["word"] * 30, dependencies=Tree([-1, *range(29)]))
    drawing = draw(sentence, tmp_path / "page.html", layout="arcs", width=math.inf)
    done = subprocess.run(
        [*browser, f"--window-size={size}", (tmp_path / "page.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
    )
    (placed,) = re.findall(
        r"transform: translate\(([-\d.e]+)px, ([-\d.e]+)px\) scale\(([\d.]+)\)", done.stdout
    )
    x, y, scale = map(float, placed)
    wide, high = map(int, size.split(","))
    assert x >= 0 <= y
    if scale == 0.8:  # less could not be read: it begins at its edge
        assert x == 0
        assert scale * drawing.scene.width > wide
    else:
        # The window has a frame of its own, so that there may be a little less than its size.
        assert 0.8 * wide < scale * drawing.scene.width <= wide + 1
    assert scale * drawing.scene.height <= high


def test_the_page_says_what_to_do_with_mouse_or_finger() -> None:
    page = draw(DOGS).html()
    assert '<span class="mouse">hover: details · click: fold' in page
    assert '<span class="touch">tap: details · tap again: fold' in page
    assert "@media (hover: none), (pointer: coarse)" in page


def test_a_matplotlib_that_does_not_join_letters_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("matplotlib.ft2font.__libraqm_version__", raising=False)
    with pytest.warns(UserWarning, match=r"draws Arabic letters apart.*matplotlib 3\.11"):
        draw(Sentence(["يحب"], dependencies=Tree([-1]))).png()


@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.html", "a.dot", "a.tex"])
def test_words_and_tags_of_any_characters(name: str, tmp_path: Path) -> None:
    odd = [
        "\ud800",
        "x" if name == "a.png" else "\ufffe",
        "a\x00b",
        "two\nlines",
        "\\",
        '"',
        "x" * 500,
    ]
    tree = Tree([-1, 0, 0, 0, 0, 0, 0], labels=odd)
    values = dict.fromkeys([(0, node) for node in range(1, 6)], 0.5)
    for layout in ("tree", "arcs"):
        sentence = Sentence(odd, tree, tags=odd)
        drawing = draw(
            sentence,
            tmp_path / name,
            layout=layout,
            edge_values=values,
            title="\ud800 a\nb",
            edge_title="\ud800 c\nd",
        )
        assert {"\ufffd a b", "\ufffd c d: 0.5"} <= {label.text for label in drawing.scene.labels}
        assert drawing.scene.width < 2000
    content = (tmp_path / name).read_bytes()
    assert name.endswith("png") or b"\0" not in content
    if name == "a.svg":
        texts = [text.text for text in ElementTree.fromstring(content).iter() if text.text]
        assert texts.count("two␣lines") == 3  # the word, its tag and its relation
