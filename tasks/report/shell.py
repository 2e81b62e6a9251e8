"""What every page has: its style, and the environment that its template is rendered in."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["style", "templates"]


def templates(package: str) -> Environment:
    """The templates in the folder ``template`` of a package; what they insert is escaped."""
    return Environment(
        loader=PackageLoader(package, "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style() -> Markup:
    """The style sheet of all pages."""
    folder = files("tasks.report") / "template"
    return Markup((folder / "report.css").read_text(encoding="utf-8"))
