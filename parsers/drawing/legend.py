"""The title above a picture, and the legend below."""

from __future__ import annotations

from parsers.drawing.fonts import text_width
from parsers.drawing.layouts.parts import MARGIN
from parsers.drawing.scene import SMALL_SIZE, WORD_SIZE, Chip, Curve, Label, Scene, straight
from parsers.drawing.terminal import printable
from parsers.drawing.theme import Theme

Legend = list[tuple[Scene, str]]
"""Signs, and the texts that say what they mean."""


def decorated(scene: Scene, title: str, legend: Legend, theme: Theme) -> Scene:
    """Add a title above a scene, and a legend below; nothing for an empty one."""
    title = _line(title)
    legend = [(sign, _line(name)) for sign, name in legend]
    if title:
        width = text_width(title, WORD_SIZE + 1, bold=True)
        whole = Scene(
            max(scene.width, width + 2 * MARGIN), scene.height + 28, scene.background, scene.ink
        )
        whole.labels.append(
            Label(title, MARGIN + width / 2, 20, WORD_SIZE + 1, theme.ink, width, bold=True)
        )
        whole.add(scene, 0, 28)
        scene = whole
    if not legend:
        return scene
    least = max(sign.width + text_width(name, SMALL_SIZE) for sign, name in legend) + 8
    scene.width = max(scene.width, least + 2 * MARGIN)
    x, y = MARGIN, scene.height + 4
    for sign, name in legend:
        wide = sign.width + 5 + text_width(name, SMALL_SIZE)
        if x > MARGIN and x + wide > scene.width - MARGIN:
            x, y = MARGIN, y + 18
        scene.add(sign, x, y - sign.height / 2)
        half = text_width(name, SMALL_SIZE) / 2
        scene.labels.append(
            Label(name, x + sign.width + 5 + half, y, SMALL_SIZE, theme.muted, 2 * half)
        )
        x += wide + 16
    scene.height = y + MARGIN
    return scene


def _line(text: str) -> str:
    """A text on one line, without characters that no font can show."""
    return " ".join(map(printable, text.split()))


def swatch(fill: str, theme: Theme) -> Scene:
    """The sign of a colour: a small box."""
    scene = Scene(14, 12, theme.background, theme.ink)
    scene.chips.append(Chip(7, 6, 13, 10, fill, theme.line, radius=3))
    return scene


def line_sign(color: str, width: float, theme: Theme, *, dashed: bool = False) -> Scene:
    """The sign of a kind of edge: a short line."""
    scene = Scene(22, 8, theme.background, theme.ink)
    scene.curves.append(Curve(straight((0, 4), (22, 4)), color, width, dashed))
    return scene
