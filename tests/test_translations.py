"""The Chinese documents say what the English ones say: the same code, names, figures and shape."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path

import pytest

from structnn import ENCODERS, READOUTS
from structnn.catalogue import catalogue, encoder_table

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(page.stem for page in (DOCS / "zh").glob("*.md"))
ENGLISH_ALONE = {"results"}  # long, and new with every measurement
WRITTEN = [name for name in PAGES if name != "encoders"]  # whose English page is generated
README = "README.zh.md"
NOTEBOOKS = [file.relative_to(ROOT).as_posix() for file in sorted(ROOT.glob("course/zh/*.ipynb"))]
OTHER_TERMS = {  # what pages have called a thing that has another name
    "汇聚": "池化",
    "词丢弃": "词 dropout",
    "未决": "未定",
    "多词标记": "多词词元",
    "n 元组": "n-gram",
    "系词": "系动词",
    "已知答案": "答案已知",
    "内置的分析器": "自带的分析器",
    "房间": "文件夹或模块",
    "对照树": "对照结构",
}
CODE = r"^```.*?^```"
LINK = r"\[[^]]*\]\(([^)\s]+)\)"


def read(page: str) -> str:
    """A page; of a notebook its text."""
    text = (ROOT / page).read_text(encoding="utf-8")
    if page.endswith(".ipynb"):
        cells = json.loads(text)["cells"]
        return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] != "code")
    return text


def prose(page: str) -> str:
    return re.sub(CODE, "", read(page), flags=re.M | re.S)


def both(name: str) -> tuple[str, str]:
    return prose(f"docs/{name}.md"), prose(f"docs/zh/{name}.md")


def blocks(page: str) -> list[str]:
    return re.findall(CODE, read(page), flags=re.M | re.S)


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ ", text, flags=re.M)


def inline_code(text: str) -> set[str]:
    return {re.sub(r"\s+", " ", code) for code in re.findall(r"`([^`]+)`", text)}


def figures(text: str) -> set[str]:
    """Numbers outside of code and of the targets of links."""
    return set(re.findall(r"\d+(?:[.,]\d+)*", re.sub(r"`[^`]+`|\]\([^)]*\)", "", text)))


def columns(text: str) -> list[int]:
    """How many columns each row of each table has."""
    return [len(re.findall(r"(?<!\\)\|", row)) for row in re.findall(r"^\|.*$", text, flags=re.M)]


def led_to(page: str, links: str = LINK) -> Iterator[str]:
    """The files that a page links to, as paths from the root; Chinese ones as the English ones."""
    for target in re.findall(links, prose(page)):
        path = target.partition("#")[0]
        if path and not re.match(r"\w+:", path):
            file = (ROOT / page).parent.joinpath(path).resolve()
            yield file.relative_to(ROOT).as_posix().replace("/zh/", "/").replace(".zh.", ".")


def test_every_page_is_there_in_chinese():
    """README.zh.md names those that aren't."""
    assert set(PAGES) == {page.stem for page in DOCS.glob("*.md")} - ENGLISH_ALONE
    for name in ENGLISH_ALONE:
        assert f"](docs/{name}.md)" in read(README)


@pytest.mark.parametrize("page", [README, *(f"docs/zh/{name}.md" for name in PAGES), *NOTEBOOKS])
def test_a_thing_has_one_name(page):
    text = prose(page)
    assert {other: term for other, term in OTHER_TERMS.items() if other in text} == {}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_and_its_translation_lead_to_each_other(name):
    english, chinese = (text.split("\n\n")[1] for text in both(name))
    assert english == f"[中文](zh/{name}.md)"
    assert chinese == f"[English](../{name}.md)"


@pytest.mark.parametrize("name", PAGES)
def test_the_code_is_the_same(name):
    assert blocks(f"docs/zh/{name}.md") == blocks(f"docs/{name}.md"), f"copy those of {name}.md"


@pytest.mark.parametrize("name", WRITTEN)
def test_the_text_has_the_same_names_and_figures(name):
    english, chinese = both(name)
    assert inline_code(english) <= inline_code(chinese)
    assert inline_code(chinese) <= inline_code(english) | {"Sentence"}  # "a sentence", in English
    assert figures(chinese) == figures(english)


@pytest.mark.parametrize("name", WRITTEN)
def test_the_text_has_the_same_shape(name):
    english, chinese = both(name)
    assert headings(chinese) == headings(english)
    assert columns(chinese) == columns(english)
    pages = [f"docs/{name}.md", f"docs/zh/{name}.md"]
    assert len({tuple(sorted(led_to(page, rf"!{LINK}"))) for page in pages}) == 1  # pictures
    assert len({frozenset(led_to(page)) for page in pages}) == 1


def rows(text: str) -> Iterator[tuple[str, set[str]]]:
    """The name and the options of each encoder and readout, in the order of the tables."""
    for name, *_, options in re.findall(r"^\| (`\w+`) \|(.*)\|(.*)\|$", text, flags=re.M):
        yield name, inline_code(options)


def test_the_tables_of_encoders_and_readouts_have_their_names_and_options():
    page = read("docs/zh/encoders.md")
    assert list(rows(page)) == list(rows(catalogue()))
    graphs = [line for line in encoder_table().splitlines() if "those of every graph" in line]
    assert page.count("各图编码器共有的选项 |") == len(graphs)


def test_every_option_of_an_encoder_is_explained():
    page = read("docs/zh/encoders.md")
    explained = set(re.findall(r"^- `(\w+)`\uff1a", page, flags=re.M))
    options = {option for name in ENCODERS.names() for option in ENCODERS.options(name)}
    options |= {option for name in READOUTS.names() for option in READOUTS.options(name)}
    assert explained == options - {"k"} | {"input_dim", "hidden_dim"}  # k_max says what k is


def test_defaults_of_graph_encoders_are_theirs():
    """Those that the table doesn't have."""
    _, _, graphs = read("docs/zh/encoders.md").partition("\n## 图\n")
    told = dict(re.findall(r"^- `(\w+)`\uff1a.*\u9ed8\u8ba4 `(.*)`\u3002$", graphs, flags=re.M))
    options = ENCODERS.options("gcn")
    assert {name: literal_eval(default) for name, default in told.items()} == {
        name: options[name].default for name in told
    }
    own = {"relations", "bases", "normalisation", "layers", "dropout", "readout"}  # told elsewhere
    assert set(told) == set(options) - own


def test_the_readme_has_the_code_and_the_shape_of_the_english_one():
    english, chinese = prose("README.md"), prose(README)
    assert blocks(README) == blocks("README.md"), "copy those of README.md"
    assert figures(chinese) == figures(english)
    assert headings(chinese) == headings(english)
    assert columns(chinese) == columns(english)


@pytest.mark.parametrize("page", [README, *(f"docs/zh/{name}.md" for name in PAGES), *NOTEBOOKS])
def test_chinese_leads_to_chinese(page):
    """But for the link to the same page in English."""
    own = page.replace("/zh/", "/").replace(".zh.", ".")
    for target in re.findall(LINK, prose(page)):
        path = target.partition("#")[0]
        if not path or re.match(r"\w+:", path):
            continue
        file = (ROOT / page).parent.joinpath(path).resolve().relative_to(ROOT).as_posix()
        if re.fullmatch(rf"docs/({'|'.join(PAGES)})\.md|README\.md|course/[^/]*\.ipynb", file):
            assert file == own, target
