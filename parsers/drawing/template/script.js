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
