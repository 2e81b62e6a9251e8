const $ = id => document.getElementById(id), PAGE = 100, MOST = 100;
const number = value => value.toLocaleString('en');
const many = (count, name) => `${number(count)} ${name}${count === 1 ? '' : 's'}`;
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes))
    key in made && key !== 'list' ? made[key] = value : made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// The search.
let found = [], compiled = null, page = 0, chosen = -1, view = 'tree', layout = 'tree';
const FIELDS = ['query', 'short', 'long', 'shallow', 'deep', 'crossing'];
const asks = () => Object.fromEntries(FIELDS.map(name => [name, $('form').elements[name].value.trim()]));
const counts = () => `${number(found.length)} of ${many(corpus.size, 'sentence')}`;

// The sentences that are asked for, in order.
function hits(ask) {
  const bound = (value, other) => value === '' ? other : +value;
  const shallow = bound(ask.shallow, 0), deep = bound(ask.deep, Infinity);
  const short = bound(ask.short, 0), long = bound(ask.long, Infinity);
  const ofTrees = ask.shallow !== '' || ask.deep !== '' || ask.crossing !== '';
  compiled = ask.query ? compile(ask.query) : null;
  const hits = [];
  for (let sentence = 0; sentence < corpus.size; sentence++) {
    const length = corpus.start[sentence + 1] - corpus.start[sentence], depth = corpus.depth[sentence];
    if (length < short || length > long || depth < shallow || depth > deep) continue;
    if (ofTrees && !isParsed(sentence)) continue;
    if (ask.crossing !== '' && corpus.crossing[sentence] !== +ask.crossing) continue;
    if (!compiled || compiled.matches(sentence, 1).length) hits.push(sentence);
  }
  return hits;
}
function search(first) {
  const ask = asks(), problem = $('problem');
  try {
    found = hits(ask);
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    const {query, place, found} = error;
    problem.replaceChildren(element('code', {}, query.slice(0, place), element('mark', {}, found || ' '),
      query.slice(place + found.length)), error.message);
    problem.hidden = false;
    $('query').setAttribute('aria-invalid', 'true');
    $('count').textContent = 'The query can\'t be read; below is what was found before.';
    return;
  }
  $('query').removeAttribute('aria-invalid');
  const unmet = compiled && !found.length ? compiled.unmet.filter(test => !test.negated) : [];
  problem.hidden = !unmet.length;
  problem.replaceChildren(...unmet.map(hint));
  $('count').textContent = counts();
  for (const name of ['save', 'statistics']) $(name).disabled = !found.length;
  page = 0;
  choose(found.includes(first) ? first : found[0] ?? -1);
}
// What a value that occurs nowhere might have been.
function hint({field, values}) {
  const names = {word: 'word or lemma', form: 'word', upos: 'part of speech', deprel: 'relation'};
  const shown = values.map(([text]) => text).join('|'), quoted = element('b', {}, shown);
  const table = corpus.tables[field] ?? [];
  const some = ['upos', 'xpos', 'deprel'].includes(field)
    ? ` There are: ${table.filter(value => value !== '_').sort().join(', ')}.` : '';
  return element('span', {}, 'Nothing here has the ', names[field] ?? field, ' ', quoted, '.', some, ' ');
}

// The fragment of the address holds what is asked, and the sentence that is shown.
function remember() {
  const parts = new URLSearchParams(Object.entries(asks()).filter(([, value]) => value !== ''));
  if (chosen >= 0) parts.set('sentence', chosen + 1);
  if (view !== 'tree') parts.set('view', view);
  history.replaceState(null, '', '#' + parts);
}
function recall() {
  const parts = new URLSearchParams(location.hash.slice(1));
  if (!location.hash && asked) parts.set('query', asked);
  for (const name of FIELDS) $('form').elements[name].value = parts.get(name) ?? '';
  $('filters').open = FIELDS.slice(1).some(name => parts.get(name));
  view = ['tree', 'arcs', 'statistics'].includes(parts.get('view')) ? parts.get('view') : 'tree';
  layout = view === 'arcs' ? 'arcs' : 'tree';
  search(+parts.get('sentence') - 1);
}

// The list.
function list() {
  const last = Math.max(Math.ceil(found.length / PAGE) - 1, 0);
  $('list').replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(row));
  $('pager').hidden = last === 0;
  $('page').textContent = `${page + 1} / ${last + 1}`;
  $('previous').disabled = page === 0;
  $('next').disabled = page === last;
  $('list').scrollTop = 0;
}
function row(sentence) {
  const name = corpus.names[sentence];
  const made = element('div', {id: 'row-' + sentence, className: 'row', onclick: () => look(sentence)},
    element('small', {}, '#' + (sentence + 1) + (name ? ' · ' + name : '')),
    element('div', {lang: '', dir: direction(sentence)}, ...marked(sentence)));
  made.setAttribute('role', 'option');
  return made;
}
const direction = sentence => runsToTheLeft(sentence) ? 'rtl' : 'ltr';
function matched(sentence) {
  return compiled ? compiled.matches(sentence, MOST) : [];
}
function marked(sentence) {
  const words = new Set(matched(sentence).flat());
  return written(sentence).map(([text, places]) =>
    places.some(place => words.has(place)) ? element('mark', {}, text) : text);
}
function choose(sentence) {
  chosen = sentence;
  const place = found.indexOf(sentence);
  if (place >= 0) page = Math.floor(place / PAGE);
  if (!$('row-' + sentence) || $('list').dataset.of !== JSON.stringify([asks(), page])) {
    list();
    $('list').dataset.of = JSON.stringify([asks(), page]);
  }
  for (const one of $('list').children) one.setAttribute('aria-selected', String(one.id === 'row-' + chosen));
  $('row-' + chosen)?.scrollIntoView({block: 'nearest'});
  if (chosen >= 0) $('list').setAttribute('aria-activedescendant', 'row-' + chosen);
  else $('list').removeAttribute('aria-activedescendant');
  show();
}
// Chooses a sentence of the list, to see its tree.
function look(sentence) {
  view = layout;
  choose(sentence);
}
function show() {
  $('statistics').setAttribute('aria-pressed', String(view === 'statistics'));
  remember();
  if (!found.length) $('view').replaceChildren(element('p', {}, 'No sentence has this.'));
  else if (view === 'statistics') showStatistics();
  else showSentence();
}

// A sentence.
function showSentence() {
  const first = corpus.start[chosen], length = corpus.start[chosen + 1] - first;
  const button = (name, text) => element('button', {type: 'button', 'aria-pressed': String(view === name),
    onclick: () => { view = layout = name; show(); }}, text);
  const matches = matched(chosen), some = matches.length === MOST ? 'at least ' : '';
  const facts = [`#${chosen + 1}`, corpus.names[chosen], many(length, 'word'),
    isParsed(chosen) ? `depth ${corpus.depth[chosen]}` : '',
    corpus.crossing[chosen] ? 'crossing edges' : '',
    compiled ? `${some}${matches.length} ${matches.length === 1 ? 'match' : 'matches'}` : ''];
  const body = isParsed(chosen) ? (view === 'tree' ? tree : arcs)(nodesOf(chosen))
    : element('p', {}, 'This sentence has no parse.');
  $('view').replaceChildren(
    element('p', {className: 'facts'}, button('tree', 'Tree'), ' ', button('arcs', 'Arcs'), ' ',
      element('small', {}, facts.filter(Boolean).join(' · '))),
    element('p', {className: 'text', lang: '', dir: direction(chosen)}, ...marked(chosen)), body, legend());
}
function legend() {
  const sample = (name, text) => element('li', {},
    element('i', {className: 'sample', style: `background: var(--${name})`}), text);
  const items = Object.entries(CLASSES).map(([name, [text]]) => sample(name, text));
  items.push(element('li', {}, 'relation, from head ', view === 'tree' ? '(above) ' : '',
    'to dependent', view === 'tree' ? ' (below)' : ' (arrow)'));
  if (compiled) items.push(element('li', {}, element('i', {className: 'sample hit'}), 'matches the query'));
  return element('ul', {className: 'legend', 'aria-label': 'Legend'}, ...items);
}

// Counts.
function showStatistics() {
  const all = statisticsOf(found), parsed = all.sentences - all.unparsed;
  const percent = (part, whole) => whole ? (100 * part / whole).toFixed(1) + ' %' : 'none';
  const ask = (text, query) => query
    ? element('button', {type: 'button', className: 'plain', title: `search ${query}`, onclick: () => {
      $('query').value = query; view = layout; search(); }}, text)
    : element('span', {title: text}, text);
  const chart = (title, counts, numeric, query = () => '') => {
    let rows = Object.entries(counts);
    if (numeric) {
      rows = rows.map(([key, count]) => [+key, count]).sort((a, b) => a[0] - b[0]);
      const wide = Math.max(1, Math.ceil(((rows.at(-1)?.[0] ?? 0) + 1) / 24)), bins = new Map();
      for (const [key, count] of rows) {
        const bin = Math.floor(key / wide) * wide;
        bins.set(bin, (bins.get(bin) ?? 0) + count);
      }
      rows = [...bins].map(([bin, count]) => [wide > 1 ? `${bin} to ${bin + wide - 1}` : String(bin), count]);
    } else rows = rows.slice(0, 40);
    const most = Math.max(1, ...rows.map(row => row[1]));
    return element('div', {}, element('h2', {}, title), ...rows.map(([key, count]) =>
      element('div', {className: 'bar'}, ask(key, query(key)),
        element('i', {style: `width: ${100 * count / most}%`}), element('span', {}, number(count)))));
  };
  const quoted = text => '"' + text.replaceAll('"', '""') + '"';
  $('view').replaceChildren(
    element('p', {}, found.length < corpus.size ? 'Of the sentences found: ' : 'Of all sentences: ',
      `${many(all.sentences, 'sentence')}, ${many(all.tokens, 'word')}`
      + (all.unparsed ? `, ${many(all.unparsed, 'sentence')} without a parse` : '')
      + `. Projective: ${percent(all.projective, parsed)}. `
      + `From head to dependent: ${all.mean_distance.toFixed(2)} words; `
      + `heads on the left: ${percent(all.heads_on_the_left, 1)}.`),
    element('div', {id: 'charts'},
      chart('Relations', all.relations, false, relation => `[deprel=${quoted(relation)}]`),
      chart('Parts of speech', all.tags, false, tag => `[upos=${quoted(tag)}]`),
      chart('Words in a sentence', all.lengths, true), chart('Depth of a sentence', all.depths, true),
      chart('Dependents of a word', all.branching, true)));
}

// What the reader does.
function prepare() {
  for (const [query, meaning] of Object.entries(language.examples))
    $('examples').append(element('dt', {}, element('button', {type: 'button', className: 'plain',
      onclick: () => { $('query').value = query; search(); }}, query)), element('dd', {}, meaning));
  let timer;
  $('form').addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => search(), 150);
  });
  $('form').addEventListener('submit', event => {
    event.preventDefault();
    clearTimeout(timer);
    search();
  });
  $('statistics').onclick = () => { view = view === 'statistics' ? layout : 'statistics'; show(); };
  $('save').onclick = () => {
    const link = element('a', {download: `${title}-hits.conllu`,
      href: URL.createObjectURL(new Blob([conllu(found)], {type: 'text/plain'}))});
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  $('link').onclick = async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      $('link').textContent = 'Copied';
    } catch { $('link').textContent = 'The address bar has it'; }
    setTimeout(() => { $('link').textContent = 'Copy link'; }, 2000);
  };
  const turn = to => look(found[to * PAGE]);
  $('previous').onclick = () => turn(page - 1);
  $('next').onclick = () => turn(page + 1);
  addEventListener('hashchange', recall);
  addEventListener('keydown', event => {
    if (event.key === '/' && !event.target.matches('input')) { event.preventDefault(); $('query').focus(); }
    const step = {ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity,
      End: Infinity}[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    if (!event.target.closest('#list') && event.target !== document.body) return;
    event.preventDefault();
    const place = Math.min(Math.max(found.indexOf(chosen) + step, 0), found.length - 1);
    if (found.length && (found[place] !== chosen || view !== layout)) look(found[place]);
  });
}

unpack().then(() => { prepare(); recall(); document.body.dataset.ready = 'yes'; });
