'use strict';
const stage = document.getElementById('stage'), svg = stage.querySelector('svg');
const box = document.getElementById('details'), help = document.getElementById('help');
const folded = new Set();
const parts = node => svg.querySelectorAll('[data-node="' + node + '"]');
const touch = matchMedia('(hover: none), (pointer: coarse)');
// What is said of a shape is shown in our own box, which needs no mouse.
for (const title of svg.querySelectorAll('title')) {
  title.parentNode.dataset.title = title.textContent;
  title.remove();
}

// Place and size.
const size = svg.viewBox.baseVal;
let scale = 1, left = 0, top_ = 0;
function place() {
  svg.style.transform = `translate(${left}px, ${top_}px) scale(${scale})`;
}
function fit(least = 0) {
  const wide = stage.clientWidth, high = stage.clientHeight - help.offsetHeight - 8;
  scale = Math.max(Math.min(wide / size.width, high / size.height, 1.6), least);
  // What is wider than the page shows the first of its highest words: the root, or where arcs begin.
  const within = wide / 2 - (first ? +first.getAttribute('x') + first.getAttribute('width') / 2 : 0) * scale;
  left = size.width * scale <= wide ? (wide - size.width * scale) / 2
    : Math.min(Math.max(within, wide - size.width * scale), 0);
  top_ = Math.max((high - size.height * scale) / 2, 0);
  place();
}
const first = [...svg.querySelectorAll('rect[data-node]')].sort((one, other) =>
  one.getAttribute('y') - other.getAttribute('y') || one.dataset.node - other.dataset.node)[0];
const READABLE = .8; // letters of 13 points have 10 pixels
const start = () => fit(READABLE);
function zoom(factor, x, y) {
  const next = Math.min(Math.max(scale * factor, .05), 12);
  left = x - (x - left) * next / scale;
  top_ = y - (y - top_) * next / scale;
  scale = next;
  place();
}
svg.setAttribute('width', size.width);
svg.setAttribute('height', size.height);
addEventListener('resize', start);
start();
stage.addEventListener('wheel', event => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 600), event.clientX, event.clientY);
}, {passive: false});

// One pointer moves the picture, two zoom it.
const pointers = new Map();
let moved = false;
const middle = () => {
  const all = [...pointers.values()];
  return [0, 1].map(axis => all.reduce((sum, at) => sum + at[axis], 0) / all.length);
};
const apart = () => {
  const [one, other] = pointers.values();
  return Math.hypot(one[0] - other[0], one[1] - other[1]);
};
stage.addEventListener('pointerdown', event => {
  if (!pointers.size) moved = false;
  pointers.set(event.pointerId, [event.clientX, event.clientY]);
});
addEventListener('pointermove', event => {
  if (!pointers.has(event.pointerId)) return;
  const [x, y] = middle(), before = pointers.size === 2 ? apart() : 0;
  const at = [event.clientX, event.clientY], last = pointers.get(event.pointerId);
  if (!moved && Math.hypot(at[0] - last[0], at[1] - last[1]) <= 3) return;
  moved = true;
  stage.classList.add('dragged');
  pointers.set(event.pointerId, at);
  const [nextX, nextY] = middle();
  left += nextX - x;
  top_ += nextY - y;
  if (before) zoom(apart() / before, nextX, nextY);
  place();
});
for (const name of ['pointerup', 'pointercancel'])
  addEventListener(name, event => {
    pointers.delete(event.pointerId);
    stage.classList.remove('dragged');
  });
stage.addEventListener('dblclick', () => fit());

// Details of a node, and the way from it to the root.
function say(word, facts, event) {
  box.textContent = '';
  const title = document.createElement('b'), table = document.createElement('table');
  title.textContent = word;
  for (const [name, value] of facts) {
    const row = table.insertRow();
    row.insertCell().textContent = name;
    row.insertCell().textContent = value;
  }
  box.append(title, table);
  const wide = box.offsetWidth, high = box.offsetHeight;
  box.style.left = Math.max(Math.min(event.clientX + 14, innerWidth - wide - 8), 8) + 'px';
  box.style.top = (event.clientY + high + 24 > innerHeight
    ? Math.max(event.clientY - high - 12, 8) : event.clientY + 16) + 'px';
  box.style.opacity = .96;
}
function show(node, event) {
  const {token, ...facts} = details[node], rows = Object.entries(facts);
  if (folded.has(node)) rows.push([touch.matches ? 'tap to unfold' : 'click to unfold', '']);
  say(token ?? facts.constituent ?? '', rows, event);
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
let shown = null; // the node whose details are shown
function look(event) {
  const {node, title} = event.target.dataset;
  if (title) {
    leave();
    return say(title, [], event);
  }
  if (node === undefined || !(node in details)) return leave();
  show(+node, event);
  if (shown !== +node) light(shown = +node);
}
function leave() {
  box.style.opacity = 0;
  if (shown !== null) light(shown = null);
}
stage.addEventListener('pointermove', event => {
  if (pointers.size) { if (moved) leave(); } else look(event);
});
stage.addEventListener('pointerleave', event => { if (event.pointerType === 'mouse') leave(); });

// Folding. A first tap is for the details, as there is no hovering.
const isBelow = (node, above) => {
  const nodes = line(node);
  nodes.delete(node);
  return nodes.has(above);
};
function fold() {
  for (const node of Object.keys(parents).map(Number)) {
    const hidden = [...folded].some(above => isBelow(node, above));
    for (const part of parts(node)) part.classList.toggle('folded', hidden);
    for (const part of parts(node)) if (part.hasAttribute('tabindex')) part.tabIndex = hidden ? -1 : 0;
    for (const part of parts(node))
      part.classList.toggle('fold', part.tagName === 'rect' && folded.has(node));
  }
}
stage.addEventListener('click', event => {
  if (moved) return;
  const node = event.target.dataset.node, before = shown;
  look(event);
  if (node === undefined || !(node in parents)) return;
  if (event.pointerType !== 'mouse' && event.pointerType !== '' && before !== +node) return;
  turn(+node, event);
});
function turn(node, event) {
  if (!Object.keys(parents).some(other => parents[other] === node)) return;
  folded.has(node) ? folded.delete(node) : folded.add(node);
  fold();
  show(node, event);
}

// From the keyboard, as the page doesn't scroll: Tab goes to the next word and Enter folds it.
const middleOf = shape => {
  const {x, y, width, height} = shape.getBoundingClientRect();
  return {target: shape, clientX: x + width / 2, clientY: y + height / 2};
};
const boxes = [...svg.querySelectorAll('rect[data-node]')].filter(shape => shape.dataset.node in details);
if (boxes.length) svg.setAttribute('role', 'group'); // an image has no parts to go to
for (const shape of boxes) {
  const {token, ...facts} = details[shape.dataset.node];
  shape.tabIndex = 0;
  shape.setAttribute('role', 'button');
  shape.setAttribute('aria-label', [token ?? '', ...Object.entries(facts).map(fact => fact.join(' '))].join(', '));
  shape.addEventListener('focus', () => {
    if (!shape.matches(':focus-visible')) return; // a mouse needs no details beside its own
    const {clientX, clientY} = middleOf(shape), seen = shape.getBoundingClientRect();
    if (seen.left < 0 || seen.right > stage.clientWidth) left += stage.clientWidth / 2 - clientX;
    if (seen.top < 0 || seen.bottom > stage.clientHeight) top_ += stage.clientHeight / 2 - clientY;
    place();
    look(middleOf(shape));
  });
  shape.addEventListener('blur', leave);
}
const STEP = 80; // pixels
const keys = {
  ArrowLeft: () => { left += STEP; }, ArrowRight: () => { left -= STEP; },
  ArrowUp: () => { top_ += STEP; }, ArrowDown: () => { top_ -= STEP; },
  '+': () => zoom(1.25, stage.clientWidth / 2, stage.clientHeight / 2),
  '=': () => keys['+'](), // without Shift
  '-': () => zoom(.8, stage.clientWidth / 2, stage.clientHeight / 2),
  0: () => fit(), Escape: leave,
};
addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const shape = document.activeElement;
  if (['Enter', ' '].includes(event.key) && boxes.includes(shape)) {
    if (+shape.dataset.node in parents) turn(+shape.dataset.node, middleOf(shape));
  } else if (Object.hasOwn(keys, event.key)) {
    keys[event.key]();
    place();
  } else return;
  event.preventDefault();
});
