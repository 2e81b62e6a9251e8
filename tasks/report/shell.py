"""What every page has: its style, and the environment that its template is rendered in."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["style", "templates"]


def templates(*packages: str) -> Environment:
    """The templates in the folders ``template`` of packages; what they insert is escaped.

    Args:
        packages: The packages; where two have a template of one name, the first one's is taken.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(package, "template") for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style() -> Markup:
    """The style sheet of all pages."""
    folder = files("tasks.report") / "template"
    return Markup((folder / "report.css").read_text(encoding="utf-8"))
