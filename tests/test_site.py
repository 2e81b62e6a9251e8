"""The documentation as a site: each page is in the navigation, and links lead somewhere."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer.main
import yaml

from tasks.command.cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *(ROOT / name for name in ("README.md", "README.zh.md", "CONTRIBUTING.md")),
    *sorted(DOCS.rglob("*.md")),
]
ROOT_PAGES = {"index.md", "index.zh.md", "contributing.md", "changelog.md"}


class Loader(yaml.SafeLoader):
    """Leaves out functions of Python."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
CONFIG = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)


def listed(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from listed(part)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub and the site give the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", one.lower()).strip().replace(" ", "-") for one in headings}


def test_navigation_lists_every_page_and_notebook():
    there = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} | ROOT_PAGES
    there |= {book.relative_to(ROOT).as_posix() for book in (ROOT / "course").rglob("*.ipynb")}
    pages = list(listed(CONFIG["nav"]))
    assert len(set(pages)) == len(pages)
    assert set(pages) == there


def titles(nav: Any) -> Iterator[str]:
    """Of pages that the navigation names, which otherwise have that of their heading."""
    for part in nav if isinstance(nav, list) else ():
        if isinstance(part, dict):
            ((title, inside),) = part.items()
            yield from [title] if isinstance(inside, str) else titles(inside)


def test_titles_tell_pages_apart():
    """A browser shows each before the name of the site, which alone would be there twice."""
    given = list(titles(CONFIG["nav"]))
    assert "Overview" in given
    assert CONFIG["site_name"] not in given
    assert len(set(given)) == len(given)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if re.match(r"\w+:", target):
            continue
        file = page if not path else (page.parent / path)
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), target


def shown(page: str) -> Iterator[list[str]]:
    """The arguments of each ``structnn`` command of a page."""
    for block in re.findall(r"^```console\n(.*?)^```", page, flags=re.M | re.S):
        for command in re.findall(r"^\$ structnn (.*?[^\\])\n", block, flags=re.M | re.S):
            yield shlex.split(command, comments=True)


@pytest.fixture(scope="module")
def commands():
    return typer.main.get_command(app).commands


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if "zh" not in str(page.relative_to(ROOT))],  # these have the same
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_commands_are_whole(page, commands):
    """They exist, take the options that are shown, and lack none that is needed."""
    for name, *arguments in shown(page.read_text(encoding="utf-8")):
        command = commands[name]
        while hasattr(command, "commands"):  # as of `structnn lab`
            command = command.commands[arguments.pop(0)]
        context = command.context_class(command, info_name=name)
        given, _, _ = command.make_parser(context).parse_args(list(arguments))
        needed = {parameter.name for parameter in command.params if parameter.required}
        if given.get("experiment") or "$OPTIONS" in arguments:  # these may have the others
            needed &= {"out"}
        assert not [option for option in needed if given.get(option) in (None, ())], arguments


@pytest.mark.parametrize("page", sorted(DOCS.glob("api/*.md")), ids=lambda page: page.stem)
def test_documented_modules_exist(page):
    modules = re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), flags=re.M)
    assert modules
    for name in modules:
        assert name.startswith(page.stem)
        assert importlib.import_module(name).__doc__


SLOW = {"gallery", "how-to", "quick-start"}
ELSEWHERE = {"decoders", "python", "reliability"}  # tests/test_documents.py
WITH_CODE = {page.stem for page in DOCS.glob("*.md") if "```python" in page.read_text("utf-8")}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in sorted(WITH_CODE - ELSEWHERE)
    ],
)
def test_blocks_run(name, tmp_path, monkeypatch):
    (tmp_path / "docs").symlink_to(DOCS)  # as if in the root
    monkeypatch.chdir(tmp_path)
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
        exec(compile(block, f"{name}.md", "exec"), {"__name__": "block"})


@pytest.fixture(scope="module")
def hooks():
    """docs/site.py, where mkdocs and griffe are installed (``pip install 'structnn[site]'``)."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("griffe")
    spec = importlib.util.spec_from_file_location("docs_site", DOCS / "site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_site"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("place", "link", "found"),
    [
        ("index.md", "[a](docs/lab.md#alignment)", "[a](lab.md#alignment)"),
        ("index.md", "![a](docs/lab/start.png)", "![a](lab/start.png)"),
        ("index.md", "[model card](parsers/models/MODEL_CARD.md)", "model card"),
        ("lab.md", "[a](../structnn/ops/paths.py)", "a"),
        ("lab.md", "[a](encoders.md)", "[a](encoders.md)"),
        ("course/01-words-as-vectors.ipynb", "[a](../docs/lab.md)", "[a](../lab.md)"),
        (
            "course/zh/01-words-as-vectors.ipynb",
            "[a](../../README.zh.md)",
            "[a](../../index.zh.md)",
        ),
        ("lab.md", "[a](https://pypi.org)", "[a](https://pypi.org)"),
    ],
)
def test_links_of_the_site(hooks, place, link, found):
    page = SimpleNamespace(file=SimpleNamespace(src_uri=place))
    assert hooks.on_page_markdown(link, page) == found


def test_links_of_notebooks(hooks):
    place = "course/zh/01-words-as-vectors.ipynb"
    assert hooks.page_of(place, "../../docs/lab.md#alignment") == "lab.md#alignment"
    assert hooks.page_of(place, "../../README.zh.md") == "index.zh.md"
    assert hooks.page_of(place, place.rpartition("/")[2]) == place
    assert hooks.page_of(place, "../../structnn/ops/paths.py") == ""


def test_pages_show_what_github_shows(hooks):
    page = SimpleNamespace(file=SimpleNamespace(src_uri="zh/a.md"))
    for written, shown in {
        "<td><code>a\\|b</code></td><p>a\\|b</p>": "<td><code>a|b</code></td><p>a\\|b</p>",
        "<p>一行\uff0c\n又一\n行\n\uff08A\uff09\nB\nC</p>": "<p>一行\uff0c又一行\uff08A\uff09B\nC</p>",
        "<p>一行。\n<code>a</code>\n二</p>": "<p>一行。<code>a</code>\n二</p>",
        "<p>one,\nanother</p>": "<p>one,\nanother</p>",
    }.items():
        assert hooks.on_page_content(written, page, config=None, files=None) == shown


def test_formulas_need_no_network(hooks):
    """Formulas are MathML; in notebooks what stands between dollars, but for code."""
    config = SimpleNamespace(mdx_configs={"toc": {"slugify": None}})
    inside = r'<p>so <span class="arithmatex">\(a_i &lt; 1\)</span></p>'
    lines = r'<div class="arithmatex">\[\begin{split} a &amp;= b \end{split}\]</div>'
    page = SimpleNamespace(file=SimpleNamespace(src_uri="encoders.md"))
    html = hooks.on_page_content(inside + lines, page, config, None)
    assert html.count("<math") == html.count("</math>") == 2
    assert html.count('display="block"') == 1
    assert "arithmatex" not in html
    assert "begin" not in html
    assert "&</" not in html  # a sign of alignment is no letter
    assert "&#x0003C;" in html  # the sign, escaped once
    page = SimpleNamespace(file=SimpleNamespace(src_uri="course/05-attention.ipynb"), toc=[])
    html = hooks.on_page_content("<pre>$ a $</pre><p>$x$ and $$y$$</p>", page, config, None)
    assert html.startswith("<pre>$ a $</pre>")
    assert html.count("<math") == 2
    assert "$" not in html.removeprefix("<pre>$ a $</pre>")
    assert not CONFIG.get("extra_javascript"), "nothing is loaded from elsewhere"


@pytest.mark.parametrize(
    ("place", "language"),
    [("index.md", "en"), ("index.zh.md", "zh"), ("zh/lab.md", "zh"), ("course/zh/a.ipynb", "zh")],
)
def test_pages_say_their_language(hooks, place, language):
    page = SimpleNamespace(file=SimpleNamespace(src_uri=place))
    assert hooks.on_post_page('<html lang="en">', page) == f'<html lang="{language}">'


def test_headings_of_notebooks_have_anchors(hooks):
    """Of any script, and the table of contents has the same."""

    def slugify(text, sign):
        return text.lower().replace(" ", sign)

    titles = ["一个 <em>例子</em>", "A &amp; B", "接下来", "接下来"]
    html = "".join(
        f'<h2 id="">{title}<a class="anchor-link" href="#">¶</a></h2>' for title in titles
    )
    inner = SimpleNamespace(id="_2", children=[])
    contents = [SimpleNamespace(id="_1", children=[inner])]
    contents += [SimpleNamespace(id="_3", children=[]), SimpleNamespace(id="_4", children=[])]
    named = hooks.name_headings(html, contents, slugify)
    anchors = ["一个-例子", "a-&-b", "接下来", "接下来_1"]
    assert re.findall(r'<h2 id="([^"]*)">', named) == anchors
    assert re.findall(r'href="#([^"]*)"', named) == anchors
    assert [entry.id for entry in hooks.entries(contents)] == anchors


def test_docstrings_become_markdown(hooks):
    text = "Of :class:`~a.b.C`, ``x``\n\n.. math::\n    a &= b \\\\\n    c &= d\n\nand :math:`e`."
    equation = "$$\n\\begin{split}\na &= b \\\\\nc &= d\n\\end{split}\n$$"
    assert hooks.as_markdown("Example:\n    >>> f(\n    ...     1\n    ... )\n    2\n\nEnd") == (
        "Example:\n    ```pycon\n    >>> f(\n    ...     1\n    ... )\n    2\n    ```\n\nEnd"
    )
    assert hooks.as_markdown(text) == f"Of `C`, `x`\n\n{equation}\n\nand \\(e\\)."
