// Pictures of a tree: as a tree, and as arcs over the sentence.
const CLASSES = {noun: ['nouns', 'NOUN PROPN PRON NUM'], verb: ['verbs', 'VERB AUX'],
  modifier: ['modifiers', 'ADJ ADV INTJ'], function: ['function words', 'ADP DET CCONJ SCONJ PART'],
  other: ['other', 'PUNCT SYM X _']};
const CLASS = Object.fromEntries(Object.entries(CLASSES).flatMap(
  ([name, [, tags]]) => tags.split(' ').map(tag => [tag, name])));
function drawn(name, attributes, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
const EDGE = 4;  // room for the outline of a match
const canvas = document.createElement('canvas').getContext('2d');
const FONT = "'DejaVu Sans', Verdana, system-ui, sans-serif";
function wide(text, size) { canvas.font = size + 'px ' + FONT; return canvas.measureText(text).width; }
function nodesOf(sentence) {
  const first = corpus.start[sentence], length = corpus.start[sentence + 1] - first;
  const mirrored = runsToTheLeft(sentence);
  const matches = matched(sentence), hit = new Set(matches.flat());
  const edges = new Set(compiled ? matches.flatMap(compiled.edges) : []);
  const known = text => text === '_' ? '' : text, levels = depthsOf(first, length, corpus.head);
  return Array.from({length}, (_, i) => {
    const at = column => known(valueAt(column, first + i));
    const text = valueAt('form', first + i), label = at('deprel');
    return {i, text, label, tag: at('upos'), lemma: at('lemma'), xpos: at('xpos'), feats: at('feats'),
      parent: corpus.head[first + i] - 1, level: levels[i], mirrored, hit: hit.has(i), edge: edges.has(i),
      chip: wide(text, 15) + 18, caption: wide(label, 11)};
  });
}
function chip(svg, node, x, y) {
  const group = drawn('g', {});
  group.append(drawn('title', {}, [node.text, node.lemma && 'lemma ' + node.lemma,
    [node.tag, node.xpos].filter(Boolean).join(' · '), node.label,
    ...node.feats.split('|')].filter(Boolean).join('\n')));
  group.append(drawn('rect', {x: x - node.chip / 2, y: y - 14, width: node.chip, height: 28, rx: 9,
    style: `fill: var(--${CLASS[node.tag] ?? 'plain'})`, ...(node.hit ? {class: 'hit'} : {})}));
  group.append(drawn('text', {x, y: y + 5, 'font-size': 15}, node.text));
  svg.append(group);
}
const mark = node => node.edge ? {class: 'hit'} : {};
function caption(svg, text, x, y) {
  svg.append(drawn('text', {x, y, 'font-size': 11, class: 'caption'}, text));
}
function canvasOf(width, height, nodes) {
  const heads = nodes.map(node => node.text + (node.parent < 0 ? ' is the root'
    : ` is ${node.label || 'a dependent'} of ${nodes[node.parent].text}`));
  return drawn('svg', {width, height, viewBox: `0 0 ${width} ${height}`, 'font-family': FONT,
    role: 'img', 'aria-label': 'Dependency tree: ' + heads.join(', ')});
}
// The first word is on the right where words run from right to left.
function turned(nodes, width) {
  if (nodes[0].mirrored) for (const node of nodes) node.x = width - node.x;
}
function tree(nodes) {
  const edge = {};
  let last = 0;
  for (const node of nodes) {
    const half = Math.max(node.chip, node.caption + 2) / 2, {level} = node;
    last = node.x = Math.max(last + 10, (edge[level] ?? EDGE) + half);
    edge[level] = last + half + 13;
    node.y = 36 + 84 * level;
  }
  const deepest = Math.max(...nodes.map(node => node.level));
  const width = Math.max(...Object.values(edge)) - 13 + EDGE;
  const svg = canvasOf(width, 60 + 84 * deepest, nodes);
  turned(nodes, width);
  for (const node of nodes) if (node.parent >= 0) {
    const above = nodes[node.parent], from = above.y + 14, to = node.y - 30, bend = (from + to) / 2;
    svg.append(drawn('path',
      {d: `M${above.x} ${from}C${above.x} ${bend} ${node.x} ${bend} ${node.x} ${to}`, ...mark(node)}));
  }
  for (const node of nodes) {
    caption(svg, node.label, node.x, node.y - 18);
    chip(svg, node, node.x, node.y);
  }
  return svg;
}
function arcs(nodes) {
  const step = 9, legs = nodes.map(() => []);
  const edges = nodes.filter(node => node.parent >= 0)
    .map(node => ({node, low: Math.min(node.i, node.parent), high: Math.max(node.i, node.parent)}));
  for (const edge of edges) {
    legs[edge.low].push([1 / (edge.high - edge.low), edge]);
    legs[edge.high].push([-1 / (edge.high - edge.low), edge]);
  }
  legs.forEach(some => some.sort((a, b) => a[0] - b[0]));
  const offset = (edge, i) =>
    step * (legs[i].findIndex(leg => leg[1] === edge) - (legs[i].length - 1) / 2);
  const leg = (edge, i) => nodes[i].x + (nodes[i].mirrored ? -1 : 1) * offset(edge, i);
  const level = new Map(), taken = new Int32Array(nodes.length);
  for (const edge of [...edges].sort((a, b) => a.high - a.low - b.high + b.low)) {
    let most = 0;
    for (let gap = edge.low; gap < edge.high; gap++) most = Math.max(most, taken[gap]);
    level.set(edge, most + 1);
    taken.fill(most + 1, edge.low, edge.high);
  }
  let x = 0, before = EDGE;
  for (const node of nodes) {
    const half = Math.max(node.chip, wide(node.tag, 11), step * (legs[node.i].length + 1)) / 2;
    x += before + half + (node.i ? 13 : 0);
    before = half;
    for (const edge of edges) if (edge.high === node.i)
      x = Math.max(x, nodes[edge.low].x + edge.node.caption + 20
        - offset(edge, edge.high) + offset(edge, edge.low));
    node.x = x;
  }
  const rise = 32, base = rise * Math.max(0, ...level.values()) + 24;
  const width = x + before + EDGE, svg = canvasOf(width, base + 64, nodes), captions = [];
  turned(nodes, width);
  for (const edge of edges) {
    const {node} = edge, y = base - rise * level.get(edge);
    const from = leg(edge, node.parent), to = leg(edge, node.i);
    const side = to > from ? 1 : -1, r = Math.min(14, Math.abs(to - from) / 2);
    svg.append(drawn('path', {d: `M${from} ${base}V${y + r}Q${from} ${y} ${from + side * r} ${y}`
      + `H${to - side * r}Q${to} ${y} ${to} ${y + r}V${base - 4}`, ...mark(node)}));
    svg.append(drawn('polygon',
      {points: `${to},${base} ${to - 3.5},${base - 7} ${to + 3.5},${base - 7}`, ...mark(node)}));
    captions.push([node.label, (from + to) / 2, y + 4]);
  }
  for (const place of captions) caption(svg, ...place);
  for (const node of nodes) {
    chip(svg, node, node.x, base + 15);
    caption(svg, node.tag, node.x, base + 44);
  }
  return svg;
}
