"""A picture as one interactive HTML page that needs no other file and no network."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from parsers.drawing.scene import Scene
from parsers.drawing.svg import svg_text

_TEMPLATE = Path(__file__).parent / "template"


def html_page(scene: Scene, title: str) -> str:
    """A page that shows a scene: hover for details, click to fold, drag to move, scroll to zoom.

    Args:
        scene: The scene.
        title: The title of the page.

    Returns:
        The text of the page, with style, script and picture in it.
    """
    style, script = (
        (_TEMPLATE / name).read_text(encoding="utf-8") for name in ("style.css", "script.js")
    )
    colors = f":root {{ --background: {scene.background}; --ink: {scene.ink} }}"
    data = f"const parents = {as_script(scene.parents)}, details = {as_script(scene.details)};"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{colors}
{style}</style>
</head>
<body>
<div id="stage">{svg_text(scene, standalone=False)}</div>
<div id="details"></div>
<div id="help">hover: details · click: fold · scroll: zoom · drag: move · double click: fit</div>
<script>{data}
{script}</script>
</body>
</html>
"""


def as_script(value: object) -> str:
    """A value as JSON that is safe within a ``script`` element."""
    return json.dumps(value).replace("<", "\\u003c")
