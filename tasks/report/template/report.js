'use strict';
// Folded parts are printed unfolded.
let unfolded = [];
addEventListener('beforeprint', () => {
  unfolded = [...document.querySelectorAll('details.part:not([open])')];
  for (const part of unfolded) part.open = true;
});
addEventListener('afterprint', () => { for (const part of unfolded) part.open = false; });
if (innerWidth < 800) document.querySelector('nav details').open = false;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    key in made && key !== 'list' ? made[key] = value : made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Tables are sorted by their headings; without this script they stand in the order of the experiment.
function sortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  // "85.8 ± 1.3", "+1.2 to 3.4", "1,296" and "93.8 %" by their first number.
  const number = text => parseFloat(text.replace(/,/g, '').replace('\u2212', '-'));
  const sort = (heading, column) => {
    const cell = row => row.cells[column].textContent.trim();
    const missing = row => ['', '-'].includes(cell(row));
    const rows = [...table.tBodies[0].rows], known = rows.filter(row => !missing(row));
    const numeric = known.every(row => !Number.isNaN(number(cell(row))));
    const before = heading.getAttribute('aria-sort');
    // The largest number first, and names from A to Z.
    const down = before ? before === 'ascending' : numeric;
    known.sort((a, b) => (down ? -1 : 1)
      * (numeric ? number(cell(a)) - number(cell(b)) : cell(a).localeCompare(cell(b))));
    for (const other of headings) other.removeAttribute('aria-sort');
    heading.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    table.tBodies[0].append(...known, ...rows.filter(missing));
  };
  headings.forEach((heading, column) => {
    const button = element('button', {type: 'button', title: 'sort'}, heading.textContent);
    button.onclick = () => sort(heading, column);
    heading.replaceChildren(button);
  });
}
document.querySelectorAll('table.sortable').forEach(sortable);
document.querySelector('#table .about').append(
  element('span', {className: 'by-hand'}, ' Press a heading to sort by it.'));

// A text that leaves the order of what stands round it as it is, as tasks.directions.isolated.
const TO_THE_LEFT = new RegExp('[' + ['Adlam', 'Arabic', 'Hebrew', 'Mandaic', 'Nko', 'Samaritan', 'Syriac', 'Thaana']
  .map(script => `\\p{Script=${script}}`).join('') + ']', 'u');
const isolated = text => TO_THE_LEFT.test(text) ? `\u2068${text}\u2069` : text;

// The examples.
const $ = id => document.getElementById(id), PAGE = 20;
let content, group, shares = [], wanted = [], matches = [], page = 0;

async function unpack() {
  if (typeof DecompressionStream === 'undefined') {
    $('count').textContent = 'This browser is too old to unpack the examples (it has no DecompressionStream).';
    return;
  }
  const bytes = Uint8Array.from(atob(packed), character => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  content = JSON.parse(await new Response(stream).text());
  const form = $('filter'), select = form.elements.group;
  select.append(...content.groups.map((one, place) => element('option', {value: place}, one.name)));
  select.parentElement.hidden = content.groups.length === 1;
  select.parentElement.style.display = content.groups.length === 1 ? 'none' : '';
  // Not every way to choose an option gives both events.
  form.oninput = form.onchange = event => { event.target === select ? choose() : search(); };
  form.onsubmit = event => { event.preventDefault(); search(); };
  $('before').onclick = () => turn(page - 1);
  $('after').onclick = () => turn(page + 1);
  form.hidden = false;
  choose();
}

function choose() {
  const form = $('filter').elements;
  group = content.groups[form.group.value];
  const data = content.data[group.data];
  // For each encoder the share of its seeds that is right, of each example.
  shares = group.encoders.map(encoder => group.gold.map((gold, example) =>
    encoder.predictions.filter(seed => seed[example] === gold).length / encoder.predictions.length));
  wanted = group.encoders.map(() => '');
  const answers = tagged() ? group.tags : group.labels;
  // Nobody chooses from as many as there are sequences.
  form.label.parentElement.style.display = group.number || answers.length > 500 ? 'none' : '';
  // A number is not right or wrong, but nearer to the gold one or farther from it.
  $('filter').classList.toggle('numbers', group.number);
  form.verdict.value = group.number ? '' : form.verdict.value;
  form.label.replaceChildren(element('option', {value: ''}, 'any'),
    ...answers.map((label, place) => element('option', {value: place}, label)));
  form.slice.replaceChildren(element('option', {value: ''}, 'any'),
    ...data.dimensions.map((dimension, i) => element('optgroup', {label: dimension.name},
      ...dimension.slices.map((part, j) =>
        element('option', {value: `${i} ${j}`}, `${isolated(part.name)} (${part.members.length})`)))));
  $('encoders').replaceChildren(...group.encoders.map((encoder, place) => {
    const button = element('button', {type: 'button'}, encoder.name);
    button.onclick = () => {
      wanted[place] = {'': 'right', right: 'wrong', wrong: ''}[wanted[place]];
      button.className = wanted[place];
      button.setAttribute('aria-label', encoder.name + (wanted[place] ? ' is ' + wanted[place] : ''));
      search();
    };
    return button;
  }));
  search();
}

// Whether each token has an answer: then the answer of an example is tags with spaces between them.
const tagged = () => group.tags.length > 0;
const tagsOf = place => group.labels[place].split(' ');
// The label in the answer to a token: of an arc the relation, behind the number of the head.
const labelOf = tag => group.arcs ? tag.slice(tag.indexOf(':') + 1) : tag;

function hasLabel(example, place) {
  return tagged() ? tagsOf(group.gold[example]).map(labelOf).includes(group.tags[place]) : group.gold[example] === +place;
}

function search() {
  const form = $('filter').elements, data = content.data[group.data];
  const words = form.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const [i, j] = form.slice.value.split(' ');
  const part = form.slice.value === '' ? null : new Set(data.dimensions[i].slices[j].members);
  const kinds = {structured: [], sequence: []};
  group.encoders.forEach((encoder, place) => {
    for (const kind of ['structured', 'sequence']) if (encoder[kind] && !(kind === 'sequence' && encoder.structured)) kinds[kind].push(place);
  });
  const verdicts = {
    '': () => true,
    right: right => right.every(Boolean),
    wrong: right => !right.some(Boolean),
    split: right => right.some(Boolean) && !right.every(Boolean),
    structured: right => opposed(right, kinds.structured, kinds.sequence),
    sequence: right => opposed(right, kinds.sequence, kinds.structured),
  };
  const opposed = (right, ones, others) => ones.length > 0 && others.length > 0
    && ones.every(place => right[place]) && !others.some(place => right[place]);
  matches = [];
  for (let example = 0; example < group.gold.length; example++) {
    if (part && !part.has(example)) continue;
    if (form.label.value !== '' && !hasLabel(example, form.label.value)) continue;
    const text = data.texts[example].toLowerCase();
    if (!words.every(word => text.includes(word))) continue;
    const right = shares.map(share => share[example] > 0.5);
    if (!verdicts[form.verdict.value](right)) continue;
    if (!wanted.every((wish, place) => wish === '' || right[place] === (wish === 'right'))) continue;
    matches.push(example);
  }
  const count = matches.length.toLocaleString('en');
  $('count').textContent = `${count} of ${group.gold.length.toLocaleString('en')} examples`;
  turn(0);
}

function turn(to) {
  const last = Math.max(0, Math.ceil(matches.length / PAGE) - 1);
  page = Math.min(Math.max(to, 0), last);
  $('list').replaceChildren(...matches.slice(page * PAGE, (page + 1) * PAGE).map(row));
  $('pager').hidden = last === 0;
  $('page').textContent = `${page + 1} of ${last + 1}`;
  $('before').disabled = page === 0;
  $('after').disabled = page === last;
}

function row(example) {
  const data = content.data[group.data];
  const right = shares.map(share => share[example] > 0.5);
  const count = right.filter(Boolean).length;
  const squares = element('span', {className: 'squares', 'aria-hidden': 'true'},
    ...group.encoders.map((encoder, place) => element('i', {className: right[place] ? 'yes' : '',
      title: `${encoder.name}: ${right[place] ? 'right' : 'wrong'}`})));
  const details = element('details', {}, element('summary', {}, element('span', {dir: 'auto'}, data.texts[example]),
    element('span', {className: 'line'},
      ...(tagged() ? [] : [element('span', {className: 'gold'}, group.labels[group.gold[example]])]),
      ...(group.number ? [`predictions are ${distance(example).toPrecision(2)} off on average`]
        : [squares, `${count} of ${right.length} encoder${right.length === 1 ? '' : 's'} right`]))));
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) details.append(detail(example));
  });
  return element('li', {}, details);
}

// How far the predictions of an example's number are from it, on average.
function distance(example) {
  const number = place => parseFloat(group.labels[place]), gold = number(group.gold[example]);
  const found = group.encoders.flatMap(encoder => encoder.predictions.map(seed => Math.abs(number(seed[example]) - gold)));
  return found.reduce((sum, one) => sum + one, 0) / found.length;
}

// The sentence with its tags below the words; those that some run gets wrong stand out.
function sentence(example) {
  const data = content.data[group.data], gold = tagsOf(group.gold[example]);
  const runs = group.encoders.flatMap(encoder => encoder.predictions.map(seed => tagsOf(seed[example])));
  return element('p', {className: 'tagged'}, ...data.tokens[example].map((token, place) => {
    const wrong = runs.filter(tags => tags[place] !== gold[place]).length;
    return element('span', {className: wrong ? 'wrong' : '', title: wrong ? `wrong in ${wrong} of ${runs.length} runs` : ''},
      token, element('small', {}, gold[place]));
  }));
}

// What an encoder gets wrong in a sentence, and in how many of its runs.
function errors(encoder, example) {
  const tokens = content.data[group.data].tokens[example], gold = tagsOf(group.gold[example]);
  const counts = new Map(), several = encoder.predictions.length > 1;
  for (const seed of encoder.predictions) tagsOf(seed[example]).forEach((tag, place) => {
    if (tag === gold[place]) return;
    const error = `${isolated(tokens[place])} ${isolated(tag)}`;
    counts.set(error, (counts.get(error) ?? 0) + 1);
  });
  return [...counts].map(([error, runs]) => error + (several ? ` ×${runs}` : '')).join(', ') || 'all right';
}

function detail(example) {
  const data = content.data[group.data], gold = group.gold[example];
  const made = element('div', {className: 'detail'});
  const facts = Object.entries(data.columns[example]).map(([name, value]) => `${name}: ${isolated(String(value))}`);
  made.append(element('p', {className: 'line'}, [data.sources[example], ...facts].join(' · ')));
  if (tagged()) made.append(sentence(example));
  if (data.trees[example]) {
    const tree = element('div', {className: 'scroll', role: 'img', tabIndex: 0,
      'aria-label': 'The structure of: ' + data.texts[example]});
    tree.innerHTML = data.trees[example];
    // It shrinks to the page as far as it can be read.
    for (const svg of tree.querySelectorAll('svg')) svg.style.minWidth = `${0.6 * svg.getAttribute('width')}px`;
    made.append(tree);
  }
  const predictions = group.encoders.map((encoder, place) => {
    if (group.number) return element('span', {},
      `${encoder.name}: ${encoder.predictions.map(seed => group.labels[seed[example]]).join(', ')}`);
    if (tagged()) return element('span', {className: shares[place][example] > 0.5 ? 'right' : 'wrong'},
      `${encoder.name}: ${errors(encoder, example)}`);
    const counts = new Map();
    for (const seed of encoder.predictions) counts.set(seed[example], (counts.get(seed[example]) ?? 0) + 1);
    const text = [...counts].sort((a, b) => b[1] - a[1]).map(([label, seeds]) =>
      isolated(group.labels[label]) + (encoder.predictions.length > 1 ? ` ×${seeds}` : '')).join(', ');
    return element('span', {className: shares[place][example] > 0.5 ? 'right' : 'wrong'},
      `${encoder.name}: ${text}`);
  });
  made.append(element('p', {className: 'predictions'}, ...predictions));
  return made;
}

unpack();
