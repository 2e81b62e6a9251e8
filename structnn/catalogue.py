"""The table of encoders and readouts in ``docs/encoders.md``, made from the classes themselves.

``python -m structnn.catalogue docs/encoders.md`` writes it anew.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from structnn.encoders import ENCODERS
from structnn.options import arguments_of
from structnn.readouts import READOUTS
from structnn.registry import Registry

__all__ = [
    "catalogue",
    "describe",
    "encoder_table",
    "encoders_by_structure",
    "options",
    "plain",
    "reads_of",
]

_INTRODUCTION = """\
# The encoders

[中文](zh/encoders.md)

This page lists all encoders and readouts with their options. An encoder is built by its name,
`build_encoder("gat", input_dim=300, hidden_dim=150, heads=2)`, or several in a chain, each on the states
of the one before, `build_encoder("bilstm(layers=2)>gat", ...)`; on the command line options are given as
`--option gat.heads=2`. *Reads* says which structure an encoder needs: nothing, the order of the words
(sequence), a tree, or the edges of a graph made from it. The class's docstring has its equations.

What a network looked at (attention weights, forget gates, latent graphs) is noted while it runs:
`with structnn.noting() as notes: encoder(x, batch)`. A tree encoder of one's own is a cell of
a few lines: see `structnn.encoders.tree.base`.

This page is made from the classes by `python -m structnn.catalogue docs/encoders.md`.
"""

_READOUTS = """\
# The readouts

Any encoder takes any readout, which makes one vector of a sentence's states: `readout="mean"`; with
options, `readout="k_max(k=5)"`; or several side by side, `readout="mean+max"`.
"""


def catalogue() -> str:
    """The whole page, in Markdown."""
    readouts = ["| name | what it is | options |", "|---|---|---|"]
    for name in READOUTS:
        chosen = ", ".join(_defaults(READOUTS, name))
        readouts.append(f"| `{name}` | {describe(READOUTS, name)} | {chosen} |")
    details = []
    for name in encoders_by_structure():
        lines = [f"- `{option}`: {text}" for option, text in options(ENCODERS, name).items()]
        details.append("\n".join([f"## {name}", "", describe(ENCODERS, name), "", *lines]))
    parts = [
        _INTRODUCTION,
        encoder_table(),
        _READOUTS,
        "\n".join(readouts) + "\n",
        "# Options of each encoder\n",
        "\n\n".join(details) + "\n",
    ]
    return "\n".join(parts)


def encoder_table() -> str:
    """A line for each encoder: its name, what it reads, what it is, and its options."""
    lines = ["| name | reads | what it is | options |", "|---|---|---|---|"]
    return "\n".join([*lines, *map(_row, encoders_by_structure())]) + "\n"


def describe(registry: Registry[Any], name: str) -> str:
    """The first sentence of the class's documentation, and what the name fixes."""
    cls, preset = registry[name]
    first = _markdown((inspect.getdoc(cls) or "").partition("\n\n")[0])
    fixed = ", ".join(f"{option}={value}" for option, value in preset.items())
    return f"{first} Here with {fixed}." if fixed else first


def options(registry: Registry[Any], name: str) -> dict[str, str]:
    """Each option with its line of documentation and its default; first the two dimensions."""
    documented = arguments_of(registry[name].cls)
    found: dict[str, str] = {
        dimension: _markdown(documented[dimension])
        for dimension in ("input_dim", "hidden_dim")
        if dimension in documented
    }
    for option in registry.options(name).values():
        accepted = f" {option.accepts[0].upper()}{option.accepts[1:]}." if option.accepts else ""
        described = _markdown(option.description)
        found[option.name] = f"{described}{accepted} Default: `{option.default!r}`."
    return found


def encoders_by_structure() -> list[str]:
    """All encoders, those that read nothing first, and graphs last."""
    kinds = ["nothing", "sequence", "tree", "graph"]
    return sorted(ENCODERS, key=lambda name: kinds.index(reads_of(name)))


def reads_of(name: str) -> str:
    """What an encoder reads, in words."""
    return ", ".join(sorted(ENCODERS[name].cls.reads)) or "nothing"


def _row(name: str) -> str:
    chosen = ", ".join(_defaults(ENCODERS, name))
    return f"| `{name}` | {reads_of(name)} | {describe(ENCODERS, name)} | {chosen} |"


def _defaults(registry: Registry[Any], name: str) -> Iterator[str]:
    """Options with their defaults; those that a class hands on to its base are named together."""
    own = inspect.signature(registry[name].cls.__init__).parameters
    handed_on = any(parameter.kind is parameter.VAR_KEYWORD for parameter in own.values())
    for option in registry.options(name).values():
        if option.name in own or not handed_on:
            yield f"`{option.name}={option.default!r}`"
    if handed_on:
        yield "those of every graph encoder"


def plain(text: str) -> str:
    """A paragraph of a docstring in one line, without markup."""
    return _markdown(text).replace("`", "")


def _markdown(text: str) -> str:
    """A paragraph of a docstring in one line of Markdown."""
    text = " ".join(text.split()).replace("``", "`")
    text = re.sub(r":math:`([^`]*)`", r"$\1$", text)
    return re.sub(r":\w+:`~?(?:\w+\.)*(\w+)`", r"`\1`", text)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(catalogue(), encoding="utf-8")
