"""Pictures as SVG in which text stays text: small, searchable, and shown by the viewer's fonts."""

from __future__ import annotations

import json
import re
from xml.sax.saxutils import escape, quoteattr

from parsers.drawing.scene import Chip, Curve, Label, Scene

# Widths are measured in DejaVu Sans. Verdana is as wide, and most others are narrower. The first
# font of the list that has a character shows it; the last resort is whatever the viewer has.
FONTS = (
    "'DejaVu Sans', Verdana, 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', "
    "'Noto Sans Arabic', 'Noto Naskh Arabic', 'Noto Sans Hebrew', 'Noto Sans Devanagari', "
    "'Noto Color Emoji', 'Apple Color Emoji', 'Segoe UI Emoji', sans-serif"
)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg_text(scene: Scene, *, standalone: bool = True) -> str:
    """Convert a scene to SVG.

    Args:
        scene: The scene.
        standalone: Whether the SVG has its own background and size, or leaves them to the page
            around it. With a size of its own it is never wider than what it stands in.

    Returns:
        One ``svg`` element. The attribute ``data-node`` gives the node that an element belongs to.
    """
    box = f"0 0 {_number(scene.width)} {_number(scene.height)}"
    size = (
        f' width="{_number(scene.width * 4 / 3)}" height="{_number(scene.height * 4 / 3)}" '
        'style="max-width: 100%; height: auto"'
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}"{size if standalone else ""} '
        f'role="img" aria-label={_quoted(_in_words(scene))} '
        f'font-family="{FONTS}" text-anchor="middle">'
    ]
    if standalone:
        lines.append(f'<rect width="100%" height="100%" fill="{scene.background}"/>')
    lines += map(_curve, scene.curves)
    lines += map(_chip, scene.chips)
    lines += map(_label, scene.labels)
    lines.append("</svg>")
    return "\n".join(lines)


def svg_file(scene: Scene) -> str:
    """The content of an SVG file."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{svg_text(scene)}\n'


def _in_words(scene: Scene) -> str:
    """The words and labels of a scene, without its legend, for those who hear it."""
    return " ".join(label.text for label in scene.labels if label.node is not None) or "tree"


def _curve(curve: Curve) -> str:
    points = [f"{_number(x)} {_number(y)}" for x, y in curve.points]
    path = f"M{points[0]}C{' '.join(points[1:])}"
    dash = ' stroke-dasharray="4 3"' if curve.dashed else ' stroke-linecap="round"'
    line = (
        f'<path d="{path}" fill="none" stroke="{curve.color}" '
        f'stroke-width="{_number(curve.width)}"{dash}{_node(curve.node)}/>'
    )
    if curve.arrow:
        line += _arrow(curve)
    if curve.title:
        # A line of half a point can't be hit with a mouse: a wide one that nobody sees lies over it.
        line += (
            f'<path d="{path}" fill="none" stroke="#000" stroke-opacity="0" stroke-width="8"'
            f"{_node(curve.node)}><title>{escaped(curve.title)}</title></path>"
        )
    return line


def _arrow(curve: Curve) -> str:
    """The triangle at the end of a curve; SVG markers would need ids, which clash within a page."""
    (x0, y0), (x, y) = curve.points[-2], curve.points[-1]
    length = ((x - x0) ** 2 + (y - y0) ** 2) ** 0.5 or 1.0
    dx, dy = (x - x0) / length, (y - y0) / length
    long, wide = 4 + curve.width, 2 + curve.width * 0.5
    corners = [
        (x + dx, y + dy),
        (x - dx * long - dy * wide, y - dy * long + dx * wide),
        (x - dx * long + dy * wide, y - dy * long - dx * wide),
    ]
    points = " ".join(f"{_number(px)},{_number(py)}" for px, py in corners)
    return f'<polygon points="{points}" fill="{curve.color}"{_node(curve.node)}/>'


def _chip(chip: Chip) -> str:
    line = f' stroke="{chip.stroke}" stroke-width="{_number(chip.line)}"' if chip.line else ""
    corners = f' rx="{_number(chip.radius)}"' if chip.radius else ""
    title = f"><title>{escaped(chip.title)}</title></rect>" if chip.title else "/>"
    return (
        f'<rect x="{_number(chip.x - chip.width / 2)}" y="{_number(chip.y - chip.height / 2)}" '
        f'width="{_number(chip.width)}" height="{_number(chip.height)}"{corners} '
        f'fill="{chip.fill}"{line}{_node(chip.node)}{title}'
    )


def _label(label: Label) -> str:
    bold = ' font-weight="bold"' if label.bold else ""
    # The outline in the colour of the background hides the line behind the label.
    halo = ""
    if label.background is not None:
        halo = (
            f' stroke="{label.background}" stroke-width="5" stroke-linejoin="round" '
            'paint-order="stroke"'
        )
    turn = ""
    if label.vertical:
        turn = f' transform="rotate(-90 {_number(label.x)} {_number(label.y)})"'
    return (
        f'<text x="{_number(label.x)}" y="{_number(label.y + label.size * 0.36)}" '
        f'font-size="{_number(label.size)}" fill={quoteattr(label.color)}{bold}{halo}{turn}'
        f"{_node(label.node)}>{escaped(label.text)}</text>"
    )


def escaped(text: str) -> str:
    """A text in XML or HTML, with a sign in the place of what these can't hold."""
    return escape(_NOT_XML.sub("\ufffd", text))


def as_script(value: object) -> str:
    """A value as JSON that is safe within a ``script`` element of HTML."""
    return json.dumps(value).replace("<", "\\u003c")


def _quoted(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))


def _node(node: int | None) -> str:
    return "" if node is None else f' data-node="{node}"'


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
