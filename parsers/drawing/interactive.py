"""Pictures as one HTML page that needs no other file and no network."""

from __future__ import annotations

import json
from html import escape

from parsers.drawing.scene import Scene
from parsers.drawing.svg import svg_text

_STYLE = """
* { box-sizing: border-box }
html, body { height: 100%; margin: 0 }
body { background: var(--background); color: var(--ink); overflow: hidden;
       font: 14px/1.45 system-ui, 'DejaVu Sans', sans-serif }
#stage { width: 100%; height: 100%; overflow: hidden; cursor: grab; touch-action: none }
#stage.dragged { cursor: grabbing }
#stage svg { transform-origin: 0 0; display: block; user-select: none }
[data-node] { transition: opacity .15s }
rect[data-node], text[data-node] { cursor: pointer }
.folded { opacity: 0 !important; pointer-events: none }
.dimmed { opacity: .18 }
rect.fold { stroke-width: 2.6 !important; stroke-dasharray: 3 2 }
#details { position: fixed; pointer-events: none; max-width: 22em; padding: 8px 11px;
           border-radius: 8px; background: var(--ink); color: var(--background); opacity: 0;
           font-size: 12.5px; transition: opacity .1s; box-shadow: 0 3px 14px #0005 }
#details b { font-size: 14px }
#details td:first-child { opacity: .65; padding-right: 10px; vertical-align: top }
#help { position: fixed; right: 12px; bottom: 8px; opacity: .55; font-size: 12px;
        background: var(--background); padding: 2px 6px; border-radius: 6px }
"""

_SCRIPT = """
'use strict';
const stage = document.getElementById('stage'), svg = stage.querySelector('svg');
const box = document.getElementById('details'), folded = new Set();
const parts = node => svg.querySelectorAll('[data-node="' + node + '"]');

// Place and size.
const size = svg.viewBox.baseVal;
let scale = 1, left = 0, top_ = 0;
function place() {
  svg.style.transform = `translate(${left}px, ${top_}px) scale(${scale})`;
}
function fit() {
  const wide = stage.clientWidth / size.width, high = stage.clientHeight / size.height;
  scale = Math.max(Math.min(wide, high, 1.6), Math.min(high, .85));
  left = Math.max((stage.clientWidth - size.width * scale) / 2, 0);
  top_ = Math.max((stage.clientHeight - size.height * scale) / 2, 0);
  place();
}
svg.setAttribute('width', size.width);
svg.setAttribute('height', size.height);
addEventListener('resize', fit);
fit();
stage.addEventListener('wheel', event => {
  event.preventDefault();
  const factor = Math.exp(-event.deltaY / 600), next = Math.min(Math.max(scale * factor, .05), 12);
  left = event.clientX - (event.clientX - left) * next / scale;
  top_ = event.clientY - (event.clientY - top_) * next / scale;
  scale = next;
  place();
}, {passive: false});
let from = null, moved = false;
stage.addEventListener('pointerdown', event => {
  from = [event.clientX - left, event.clientY - top_];
  moved = false;
});
addEventListener('pointermove', event => {
  if (!from) return;
  const x = event.clientX - from[0], y = event.clientY - from[1];
  if (Math.abs(x - left) + Math.abs(y - top_) > 3) moved = true;
  if (moved) { left = x; top_ = y; stage.classList.add('dragged'); place(); }
});
addEventListener('pointerup', () => { from = null; stage.classList.remove('dragged'); });
stage.addEventListener('dblclick', fit);

// Details of a node, and the way from it to the root.
function show(node, event) {
  const facts = {...details[node]}, word = facts.token ?? facts.constituent ?? '';
  delete facts.token;
  box.textContent = '';
  const title = document.createElement('b'), table = document.createElement('table');
  title.textContent = word;
  for (const [name, value] of Object.entries(facts)) {
    const row = table.insertRow();
    row.insertCell().textContent = name;
    row.insertCell().textContent = value;
  }
  if (folded.has(node)) table.insertRow().insertCell().textContent = 'click to unfold';
  box.append(title, table);
  const wide = box.offsetWidth, high = box.offsetHeight;
  box.style.left = Math.max(Math.min(event.clientX + 14, innerWidth - wide - 8), 8) + 'px';
  box.style.top = (event.clientY + high + 24 > innerHeight
    ? Math.max(event.clientY - high - 12, 8) : event.clientY + 16) + 'px';
  box.style.opacity = .96;
}
const line = node => {
  const nodes = new Set();
  for (; node in parents && !nodes.has(node); node = parents[node]) nodes.add(node);
  return nodes;
};
function light(node) {
  const nodes = node === null ? null : line(node);
  for (const part of svg.querySelectorAll('[data-node]'))
    part.classList.toggle('dimmed', nodes !== null && !nodes.has(+part.dataset.node)
                                    && +part.dataset.node in parents);
}
let hovered = null;
svg.addEventListener('pointermove', event => {
  const node = event.target.dataset.node;
  if (from || node === undefined || !(node in details)) return leave();
  show(+node, event);
  if (hovered !== +node) light(hovered = +node);
});
function leave() {
  box.style.opacity = 0;
  if (hovered !== null) light(hovered = null);
}
svg.addEventListener('pointerleave', leave);

// Folding.
const isBelow = (node, above) => {
  const nodes = line(node);
  nodes.delete(node);
  return nodes.has(above);
};
function fold() {
  for (const node of Object.keys(parents).map(Number)) {
    const hidden = [...folded].some(above => isBelow(node, above));
    for (const part of parts(node)) part.classList.toggle('folded', hidden);
    for (const part of parts(node))
      part.classList.toggle('fold', part.tagName === 'rect' && folded.has(node));
  }
}
svg.addEventListener('click', event => {
  const node = event.target.dataset.node;
  if (moved || node === undefined || !(node in parents)) return;
  if (!Object.keys(parents).some(other => parents[other] === +node)) return;
  folded.has(+node) ? folded.delete(+node) : folded.add(+node);
  fold();
});
"""


def html_page(scene: Scene, title: str) -> str:
    """A page that shows a scene: hover for details, click to fold, drag and scroll to move and zoom.

    Args:
        scene: The scene.
        title: Of the page.

    Returns:
        The page, complete.
    """
    colors = f":root {{ --background: {scene.background}; --ink: {scene.ink} }}"
    data = f"const parents = {as_script(scene.parents)}, details = {as_script(scene.details)};"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{colors}{_STYLE}</style>
</head>
<body>
<div id="stage">{svg_text(scene, standalone=False)}</div>
<div id="details"></div>
<div id="help">hover: details · click: fold · scroll: zoom · drag: move · double click: fit</div>
<script>{data}{_SCRIPT}</script>
</body>
</html>
"""


def as_script(value: object) -> str:
    """A value as JSON that can stand within a ``script`` element, whatever text it holds."""
    return json.dumps(value).replace("<", "\\u003c")
