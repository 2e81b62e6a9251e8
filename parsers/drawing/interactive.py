"""A picture as one interactive HTML page that needs no other file and no network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from parsers.drawing.scene import Scene
from parsers.drawing.svg import as_script, escaped, svg_text

_TEMPLATE = Path(__file__).parent / "template"


def html_page(scene: Scene, title: str, dark: Scene | None = None) -> str:
    """A page that shows a scene: hover for details, click to fold, drag to move, scroll to zoom.

    All of it can be done from the keyboard as well.

    Args:
        scene: The scene.
        title: The title of the page.
        dark: The same scene in dark colours, for readers who prefer dark pages.

    Returns:
        The text of the page, with style, script and picture in it.
    """
    style, script = (
        (_TEMPLATE / name).read_text(encoding="utf-8") for name in ("style.css", "script.js")
    )
    colors = f":root {{ --background: {scene.background}; --ink: {scene.ink} }}"
    if dark is not None:
        scene, colors = _in_both(scene, dark)
    data = f"const parents = {as_script(scene.parents)}, details = {as_script(scene.details)};"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escaped(title)}</title>
<style>{colors}
{style}</style>
</head>
<body>
<div id="stage">{svg_text(scene, standalone=False)}</div>
<div id="details"></div>
<div id="help">
<span class="mouse">hover: details · click: fold · scroll: zoom · drag: move · double click: all
· keys: Tab, Enter, arrows, +, -, 0</span>
<span class="touch">tap: details · tap again: fold · two fingers: zoom · drag: move</span>
</div>
<script>{data}
{script}</script>
</body>
</html>
"""


def _in_both(light: Scene, dark: Scene) -> tuple[Scene, str]:
    """A scene with variables for colours, and the style that sets them to light and to dark ones."""
    names = {
        (light.background, dark.background): "--background",
        (light.ink, dark.ink): "--ink",
    }

    def both(one: str, other: str) -> str:
        return f"var({names.setdefault((one, other), f'--c{len(names)}')})"

    def maybe(one: str | None, other: str | None) -> str | None:
        return None if one is None or other is None else both(one, other)

    scene = replace(
        light,
        curves=[
            replace(one, color=both(one.color, other.color))
            for one, other in zip(light.curves, dark.curves, strict=True)
        ],
        chips=[
            replace(one, fill=both(one.fill, other.fill), stroke=both(one.stroke, other.stroke))
            for one, other in zip(light.chips, dark.chips, strict=True)
        ],
        labels=[
            replace(
                one,
                color=both(one.color, other.color),
                background=maybe(one.background, other.background),
            )
            for one, other in zip(light.labels, dark.labels, strict=True)
        ],
    )

    def values(side: int) -> str:
        return "; ".join(f"{name}: {colors[side]}" for colors, name in names.items())

    return scene, (
        f":root {{ color-scheme: light dark; {values(0)} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {values(1)} }} }}"
    )
