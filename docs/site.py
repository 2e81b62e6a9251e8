"""What mkdocs needs beside its configuration: pages from outside of docs/, and docstrings as Markdown.

``mkdocs.yml`` names this file as a hook and as an extension of griffe.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import griffe
from latex2mathml.converter import convert
from markdown.extensions.toc import unique
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.toc import AnchorLink

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "README.zh.md": "index.zh.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Files at the root, and the pages that they are."""


@event_priority(100)  # before the notebooks are looked for
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the root, and the course."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text("utf-8")))
    for notebook in sorted((ROOT / "course").rglob("*.ipynb")):
        place = notebook.relative_to(ROOT).as_posix()
        files.append(File(place, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, page: Any, **_: object) -> str:
    """Let links lead to pages of the site; links to files that it doesn't have become plain text."""
    place = page.file.src_uri

    def link(found: re.Match[str]) -> str:
        text, target = found.groups()
        led = page_of(place, target)
        return f"[{text}]({'../' * place.count('/')}{led})" if led else text

    markdown = re.sub(r"(!\[[^]]*\]\()docs/", r"\1", markdown)
    return re.sub(rf"(?<!!)\[([^]]*)\]\({TARGET}\)", link, markdown)


def on_page_content(html: str, page: Any, config: MkDocsConfig, files: Files, **_: object) -> str:
    """Mend what Markdown in Python shows otherwise than GitHub; then links and anchors of notebooks.

    Notebooks are HTML when they come here. Formulas become MathML, which browsers set by themselves.
    """
    html = re.sub(r"<td.*?</td>", lambda cell: cell[0].replace(r"\|", "|"), html, flags=re.DOTALL)
    html = re.sub(BREAK, "", html)
    place = page.file.src_uri
    if not place.endswith(".ipynb"):
        return re.sub(FORMULA, as_mathml, html, flags=re.DOTALL)
    html = re.sub(FORMULA_OR_CODE, as_mathml, html, flags=re.DOTALL)

    def link(found: re.Match[str]) -> str:
        target, hash_, anchor = page_of(place, found[1]).partition("#")
        file = files.get_file_from_path(target)
        return f'href="{file.url_relative_to(page.file)}{hash_}{anchor}"' if file else ""

    html = name_headings(html, page.toc, config.mdx_configs["toc"]["slugify"])
    return re.sub(rf'href="{TARGET}"', link, html)


FORMULA = r'<(span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</\1>'
"""A formula as arithmatex leaves it: within a line in a span, on lines of its own in a div."""

FORMULA_OR_CODE = r"<(pre|code|script|style)\b.*?</\1>|(?P<block>\$?)\$(?P<tex>[^$]+)\$(?P=block)"
"""A formula of a notebook, between dollars; or code, in which dollars are something else."""


def as_mathml(found: re.Match[str]) -> str:
    """What was found of :data:`FORMULA` or :data:`FORMULA_OR_CODE` as MathML; code as it was."""
    parts = found.groupdict()
    if parts["tex"] is None:
        return found[0]
    own_lines = parts["block"] if "block" in parts else found[1] == "div"
    return str(convert(unescape(parts["tex"]).strip(), display="block" if own_lines else "inline"))


BREAK = (
    r"(?<=[\u4e00-\u9fff])\n(?=[\u4e00-\u9fff\uff08\u201c])"
    r"|(?<=[\u3001\u3002\uff08-\uff1f\u201c\u201d\u2026])\n(?=[\w<\uff08\u201c])"
)
"""The end of a line within Chinese, which has no space between words and none after its marks."""


def on_post_page(output: str, page: Any, **_: object) -> str:
    """Let browsers know which pages are Chinese: they choose the font, and how it is read, by that."""
    chinese = re.search(r"(^|[/.])zh[/.]", page.file.src_uri)
    return output.replace('<html lang="en"', '<html lang="zh"', 1) if chinese else output


def name_headings(
    html: str, contents: Iterable[AnchorLink], slugify: Callable[[str, str], str]
) -> str:
    """Give the headings of a notebook the anchors that they would have on a page.

    mkdocs-jupyter drops all letters beyond ASCII, so that no heading in Chinese had an anchor.

    Args:
        html: The notebook.
        contents: Its table of contents, whose entries are given the same anchors.
        slugify: Makes an anchor of a title and the sign between words.
    """
    anchors: list[str] = []

    def heading(found: re.Match[str]) -> str:
        level, title = found.groups()
        text = unescape(re.sub(r"<[^>]*>", "", title))
        anchors.append(unique(slugify(text, "-"), set(anchors)))
        mark = f'<a class="headerlink" href="#{anchors[-1]}">¶</a>'  # not part of a title in the search
        return f'<h{level} id="{anchors[-1]}">{title}{mark}</h{level}>'

    html = re.sub(HEADING, heading, html, flags=re.DOTALL)
    for entry, anchor in zip(entries(contents), anchors, strict=True):
        entry.id = anchor
    return html


HEADING = r'<h([1-6]) id="[^"]*">(.*?)<a class="anchor-link" href="[^"]*">¶</a></h\1>'
"""A heading as nbconvert writes it: its level and its title."""


def entries(contents: Iterable[AnchorLink]) -> Iterator[AnchorLink]:
    """The entries of a table of contents in the order of the page."""
    for entry in contents:
        yield entry
        yield from entries(entry.children)


TARGET = r"(?!\w+:|#)([^)\s\"]+)"
"""Where a link leads, unless it is to another site or within its page."""


def page_of(place: str, target: str) -> str:
    """The page of the site that a link leads to, as a path from its root; empty where there is none.

    Args:
        place: The page with the link.
        target: The path that the link has in the repository, with an anchor perhaps.
    """
    path, hash_, anchor = target.partition("#")
    if place in PAGES.values():
        folder = ROOT
    else:
        folder = (ROOT if place.startswith("course/") else ROOT / "docs") / Path(place).parent
    file = (folder / path).resolve()
    inside = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else ""
    if inside in PAGES:
        page = PAGES[inside]
    elif inside.startswith("docs/") and file.is_file():
        page = inside.removeprefix("docs/")
    elif inside.startswith("course/") and file.suffix == ".ipynb":
        page = inside
    else:
        return ""
    return page + hash_ + anchor


class PlainMarkup(griffe.Extension):
    """Docstrings are written for Sphinx: their roles and equations as Markdown."""

    def on_instance(self, *, obj: griffe.Object, **_: object) -> None:
        """Change the docstring of each object."""
        if obj.docstring is not None:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(text: str) -> str:
    """A docstring with Markdown in place of reStructuredText.

    Examples are fenced; roles (``:class:`~a.B```) become code, ``:math:`` and ``.. math::`` equations;
    of two backticks one is left.
    """
    text = re.sub(r"^( *)>>> .*(?:\n\1\S.*)*", r"\1```pycon\n\g<0>\n\1```", text, flags=re.M)
    text = re.sub(r"^( *)\.\. math:: *(.*(?:\n(?:\1 +.*| *$))*)", _equation, text, flags=re.M)
    text = re.sub(r":math:`([^`]+)`", r"\\(\1\\)", text)
    text = re.sub(r":\w+:`~[\w.]*?(\w+)`", r"`\1`", text)
    text = re.sub(r":\w+:`([^`<]+)`", r"`\1`", text)
    return re.sub(r"(?<!`)``([^`]+)``(?!`)", r"`\1`", text)


def _equation(found: re.Match[str]) -> str:
    indent, body = found[1], found[2].rstrip()
    blank = "\n" * (len(found[2]) - len(found[2].rstrip("\n")))
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    inner = f"\n{indent}".join(lines)
    if "&" in inner:
        # Not aligned, which latex2mathml doesn't know: it would leave & as a letter.
        inner = f"\\begin{{split}}\n{indent}{inner}\n{indent}\\end{{split}}"
    return f"{indent}$$\n{indent}{inner}\n{indent}$${blank}"
