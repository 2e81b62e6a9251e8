'use strict';
const $ = id => document.getElementById(id), NONE = 0xffffffff, PAGE = 100;
const CLASS = {};
for (const [name, tags] of Object.entries({noun: 'NOUN PROPN PRON NUM', verb: 'VERB AUX',
  modifier: 'ADJ ADV INTJ', function: 'ADP DET CCONJ SCONJ PART', other: 'PUNCT SYM X _'}))
  for (const tag of tags.split(' ')) CLASS[tag] = name;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    key in made && key !== 'list' ? made[key] = value : made.setAttribute(key, value);
  made.append(...children);
  return made;
}
function drawn(name, attributes, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// The corpus, in columns.
let names, words, lemmas, tags, relations, start, word, lemma, tag, relation, head, size;
let depth, crossing;  // of each sentence
async function unpack() {
  const bytes = Uint8Array.from(atob(packed), character => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  const buffer = await new Response(stream).arrayBuffer();
  const end = new Uint8Array(buffer).indexOf(10) + 1;
  ({names, words, lemmas, tags, relations} =
    JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 0, end))));
  const numbers = new Uint32Array(buffer, end);
  size = names.length;
  let at = 0;
  const row = length => numbers.subarray(at, at += length);
  [start, depth, crossing] = [row(size + 1), row(size), row(size)];
  [word, lemma, tag, relation, head] = Array.from({length: 5}, () => row(start[size]));
}
function depths(sentence) {
  const first = start[sentence], length = start[sentence + 1] - first;
  const found = new Int32Array(length).fill(-1);
  for (let token = 0; token < length; token++) {
    const path = [];
    let at = token;
    while (found[at] < 0 && head[first + at] !== 0) { path.push(at); at = head[first + at] - 1; }
    if (found[at] < 0) found[at] = 0;
    for (let step = found[at]; path.length;) found[path.pop()] = ++step;
  }
  return found;
}

// The search.
let matches = [], page = 0, chosen = -1, query = {};
function buildForm() {
  const form = $('query');
  const input = (name, text, attributes) =>
    form.append(element('label', {}, text + ' ', element('input', {name, ...attributes})));
  const select = (name, text, options) => form.append(element('label', {}, text + ' ',
    element('select', {name}, ...options.map(([value, shown]) => element('option', {value}, shown)))));
  input('word', 'word or lemma', {type: 'search', placeholder: 'dog, run*, *ing'});
  select('relation', 'relation', [['', 'any'], ...Object.keys(statistics.relations).map(r => [r, r])]);
  select('tag', 'tag', [['', 'any'], ...Object.keys(statistics.tags).map(t => [t, t])]);
  input('shallow', 'depth', {type: 'number', min: 0, placeholder: 'from'});
  input('deep', 'to', {type: 'number', min: 0});
  input('short', 'length', {type: 'number', min: 1, placeholder: 'from'});
  input('long', 'to', {type: 'number', min: 1});
  select('crossing', 'edges', [['', 'any'], ['0', 'projective'], ['1', 'crossing']]);
  form.append(element('button', {type: 'button', onclick: showStatistics}, 'statistics'));
  let timer;
  const later = () => { clearTimeout(timer); timer = setTimeout(search, 120); };
  form.addEventListener('input', later);
  form.addEventListener('submit', event => { event.preventDefault(); search(); });
}
function wanted(table, pattern) {
  // The places of the strings that a pattern with stars means; case matters not.
  const escaped = pattern.toLowerCase().replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*');
  const expression = new RegExp('^' + escaped + '$', 'su'), found = new Uint8Array(table.length);
  table.forEach((text, place) => { if (expression.test(text.toLowerCase())) found[place] = 1; });
  return found;
}
function search() {
  const form = new FormData($('query'));
  query = Object.fromEntries(form);
  const text = query.word.trim();
  const inWords = text ? wanted(words, text) : null, inLemmas = text ? wanted(lemmas, text) : null;
  const asRelation = query.relation ? relations.indexOf(query.relation) : -1;
  const asTag = query.tag ? tags.indexOf(query.tag) : -1;
  const bound = (value, other) => value === '' ? other : +value;
  const shallow = bound(query.shallow, 0), deep = bound(query.deep, Infinity);
  const short = bound(query.short, 0), long = bound(query.long, Infinity);
  hit = token => (inWords === null || inWords[word[token]] || (lemma[token] && inLemmas[lemma[token]]))
    && (asRelation < 0 || relation[token] === asRelation) && (asTag < 0 || tag[token] === asTag);
  const byToken = inWords !== null || asRelation >= 0 || asTag >= 0;
  if (!byToken) hit = null;
  matches = [];
  for (let sentence = 0; sentence < size; sentence++) {
    const length = start[sentence + 1] - start[sentence];
    if (depth[sentence] < shallow || depth[sentence] > deep || length < short || length > long) continue;
    if (query.crossing !== '' && crossing[sentence] !== +query.crossing) continue;
    if (byToken) {
      let token = start[sentence];
      while (token < start[sentence + 1] && !hit(token)) token++;
      if (token === start[sentence + 1]) continue;
    }
    matches.push(sentence);
  }
  page = 0;
  $('count').textContent = matches.length.toLocaleString('en') + ' of '
    + size.toLocaleString('en') + ' sentences';
  list();
  if (matches.length) choose(matches[0]);
}
let hit = null;

function list() {
  const rows = matches.slice(page * PAGE, (page + 1) * PAGE).map(sentence => {
    const row = element('div', {className: 'row', onclick: () => choose(sentence)});
    row.dataset.sentence = sentence;
    row.append(element('small', {}, '#' + (sentence + 1)
      + (names[sentence] ? ' · ' + names[sentence] : '')));
    for (let token = start[sentence]; token < start[sentence + 1]; token++) {
      const text = words[word[token]];
      row.append(hit && hit(token) ? element('mark', {}, text) : text, ' ');
    }
    return row;
  });
  const last = Math.max(Math.ceil(matches.length / PAGE) - 1, 0);
  const turn = to => () => { page = Math.min(Math.max(to, 0), last); list(); };
  if (last > 0) rows.push(element('div', {className: 'pager'},
    element('button', {onclick: turn(page - 1)}, '←'), `${page + 1} / ${last + 1}`,
    element('button', {onclick: turn(page + 1)}, '→')));
  $('list').replaceChildren(...rows);
  $('list').scrollTop = 0;
  emphasise();
}
function emphasise() {
  for (const row of $('list').children)
    row.classList.toggle('chosen', +row.dataset.sentence === chosen);
}
addEventListener('keydown', event => {
  if (!['ArrowDown', 'ArrowUp'].includes(event.key) || event.target.matches('input, select')) return;
  event.preventDefault();
  const place = matches.indexOf(chosen) + (event.key === 'ArrowDown' ? 1 : -1);
  if (place < 0 || place >= matches.length) return;
  if (Math.floor(place / PAGE) !== page) { page = Math.floor(place / PAGE); list(); }
  choose(matches[place]);
  $('list').querySelector('.chosen')?.scrollIntoView({block: 'nearest'});
});

// A tree.
let layout = 'tree';
function choose(sentence) {
  chosen = sentence;
  emphasise();
  const button = (name, text) => element('button',
    {onclick: () => { layout = name; choose(sentence); }, disabled: layout === name}, text);
  const first = start[sentence], length = start[sentence + 1] - first;
  const facts = `#${sentence + 1} · ${length} words · depth ${depth[sentence]}`
    + (crossing[sentence] ? ' · crossing edges' : '');
  const body = head[first] === NONE ? element('p', {}, 'This sentence has no parse.')
    : layout === 'tree' ? tree(sentence) : arcs(sentence);
  $('view').replaceChildren(element('div', {}, button('tree', 'tree'), ' ', button('arcs', 'arcs'),
    ' ', element('small', {}, facts)), body);
}
const canvas = document.createElement('canvas').getContext('2d');
const FONT = "'DejaVu Sans', Verdana, system-ui, sans-serif";
function wide(text, size) { canvas.font = size + 'px ' + FONT; return canvas.measureText(text).width; }
function facts(sentence) {
  const first = start[sentence], length = start[sentence + 1] - first;
  return Array.from({length}, (_, i) => {
    const token = first + i;
    const text = words[word[token]], label = relations[relation[token]];
    return {i, text, label, tag: tags[tag[token]], parent: head[token] - 1, hit: hit && hit(token),
      lemma: lemmas[lemma[token]], chip: wide(text, 15) + 18, caption: wide(label, 11)};
  });
}
function chip(svg, node, x, y) {
  const group = drawn('g', {});
  group.append(drawn('title', {}, [node.text, node.lemma && 'lemma ' + node.lemma, node.tag,
    node.label].filter(Boolean).join('\n')));
  group.append(drawn('rect', {x: x - node.chip / 2, y: y - 14, width: node.chip, height: 28, rx: 9,
    style: `fill: var(--${CLASS[node.tag] ?? 'plain'})`, ...(node.hit ? {class: 'hit'} : {})}));
  group.append(drawn('text', {x, y: y + 5, 'font-size': 15}, node.text));
  svg.append(group);
}
function caption(svg, text, x, y) {
  svg.append(drawn('text', {x, y, 'font-size': 11, class: 'caption'}, text));
}
function canvasOf(width, height) {
  return drawn('svg', {width, height, viewBox: `0 0 ${width} ${height}`, 'font-family': FONT});
}
function tree(sentence) {
  const nodes = facts(sentence), levels = depths(sentence), edge = {};
  let last = 0;
  for (const node of nodes) {
    const half = Math.max(node.chip, node.caption + 2) / 2, level = levels[node.i];
    last = node.x = Math.max(last + 10, (edge[level] ?? 0) + half);
    edge[level] = last + half + 13;
    node.y = 36 + 84 * level;
  }
  const svg = canvasOf(Math.max(...Object.values(edge)) + 4, 60 + 84 * Math.max(...levels));
  for (const node of nodes) if (node.parent >= 0) {
    const above = nodes[node.parent], from = above.y + 14, to = node.y - 30, bend = (from + to) / 2;
    svg.append(drawn('path',
      {d: `M${above.x} ${from}C${above.x} ${bend} ${node.x} ${bend} ${node.x} ${to}`}));
  }
  for (const node of nodes) {
    caption(svg, node.label, node.x, node.y - 18);
    chip(svg, node, node.x, node.y);
  }
  return svg;
}
function arcs(sentence) {
  const nodes = facts(sentence), step = 9, legs = nodes.map(() => []);
  const edges = nodes.filter(node => node.parent >= 0)
    .map(node => ({node, low: Math.min(node.i, node.parent), high: Math.max(node.i, node.parent)}));
  for (const edge of edges) {
    legs[edge.low].push([1 / (edge.high - edge.low), edge]);
    legs[edge.high].push([-1 / (edge.high - edge.low), edge]);
  }
  legs.forEach(some => some.sort((a, b) => a[0] - b[0]));
  const offset = (edge, i) =>
    step * (legs[i].findIndex(leg => leg[1] === edge) - (legs[i].length - 1) / 2);
  const level = new Map(), taken = new Int32Array(nodes.length);
  for (const edge of [...edges].sort((a, b) => a.high - a.low - b.high + b.low)) {
    let most = 0;
    for (let gap = edge.low; gap < edge.high; gap++) most = Math.max(most, taken[gap]);
    level.set(edge, most + 1);
    taken.fill(most + 1, edge.low, edge.high);
  }
  let x = 0, before = 0;
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
  const svg = canvasOf(x + before + 4, base + 64), captions = [];
  for (const edge of edges) {
    const {node} = edge, y = base - rise * level.get(edge);
    const from = nodes[node.parent].x + offset(edge, node.parent), to = node.x + offset(edge, node.i);
    const side = to > from ? 1 : -1, r = Math.min(14, Math.abs(to - from) / 2);
    svg.append(drawn('path', {d: `M${from} ${base}V${y + r}Q${from} ${y} ${from + side * r} ${y}`
      + `H${to - side * r}Q${to} ${y} ${to} ${y + r}V${base - 4}`}));
    svg.append(drawn('polygon',
      {points: `${to},${base} ${to - 3.5},${base - 7} ${to + 3.5},${base - 7}`}));
    captions.push([node.label, (from + to) / 2, y + 4]);
  }
  for (const place of captions) caption(svg, ...place);
  for (const node of nodes) {
    chip(svg, node, node.x, base + 15);
    caption(svg, node.tag, node.x, base + 44);
  }
  return svg;
}

// Counts.
function showStatistics() {
  chosen = -1;
  emphasise();
  const all = statistics, parsed = all.sentences - all.unparsed;
  const percent = (part, whole) => whole ? (100 * part / whole).toFixed(1) + ' %' : 'none';
  const chart = (title, counts, numeric) => {
    let rows = Object.entries(counts);
    if (numeric) {
      rows = rows.map(([key, count]) => [+key, count]).sort((a, b) => a[0] - b[0]);
      const wide = Math.max(1, Math.ceil((rows.at(-1)?.[0] + 1) / 24));
      const bins = new Map();
      for (const [key, count] of rows) {
        const bin = Math.floor(key / wide) * wide;
        bins.set(bin, (bins.get(bin) ?? 0) + count);
      }
      rows = [...bins].map(([bin, count]) => [wide > 1 ? `${bin} to ${bin + wide - 1}` : bin, count]);
    } else rows = rows.slice(0, 40);
    const most = Math.max(1, ...rows.map(row => row[1]));
    return element('div', {}, element('h2', {}, title), ...rows.map(([key, count]) =>
      element('div', {className: 'bar'}, element('span', {title: key}, String(key)),
        element('i', {style: `width: ${100 * count / most}%`}),
        element('span', {}, count.toLocaleString('en')))));
  };
  $('view').replaceChildren(
    element('p', {}, `${all.sentences.toLocaleString('en')} sentences, `
      + `${all.tokens.toLocaleString('en')} words`
      + (all.unparsed ? `, ${all.unparsed.toLocaleString('en')} sentences without a parse` : '')
      + `. Projective: ${percent(all.projective, parsed)}. `
      + `From head to dependent: ${all.mean_distance.toFixed(2)} words; `
      + `heads on the left: ${percent(all.heads_on_the_left, 1)}.`),
    element('div', {id: 'charts'}, chart('Relations', all.relations), chart('Tags', all.tags),
      chart('Words in a sentence', all.lengths, true), chart('Depth of a sentence', all.depths, true),
      chart('Dependents of a word', all.branching, true)));
}

unpack().then(() => { buildForm(); search(); });
