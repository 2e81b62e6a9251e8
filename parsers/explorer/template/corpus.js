// The corpus: the lines of CoNLL-U, and columns, each made of them when it is first needed. In a column is,
// for each word, the place of its value in the table of that name. `head` is as in the file, and NONE where
// there is no tree.
const NONE = 0xffffffff, HEAD = 6, EXACT = {ExactForm: 1, ExactLemma: 2, ExactTag: 3, ExactXpos: 4,
  ExactFeats: 5, ExactRelation: 7, ExactDeps: 8, ExactMisc: 9};
const PLACES = {form: 1, lemma: 2, upos: 3, xpos: 4, feats: 5, deprel: 7};
let corpus;

// What a column can't hold is exactly in MISC.
function restored(columns) {
  if (!columns[9].includes('Exact')) return columns;
  const plain = {t: '\t', n: '\n', r: '\r', s: ' ', p: '|', '\\': '\\'}, found = {};
  for (const item of columns[9].split('|')) {
    const equals = item.indexOf('='), place = EXACT[item.slice(0, equals)];
    if (equals >= 0 && place && !(place in found))
      found[place] = item.slice(equals + 1).replace(/\\(.)/gsu, (whole, one) => plain[one] ?? whole);
  }
  return columns.map((value, place) => found[place] ?? value);
}

async function unpack() {
  const characters = atob(packed), bytes = new Uint8Array(characters.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = characters.charCodeAt(at);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  corpus = corpusOf(await new Response(stream).text());
}

function corpusOf(text) {
  const start = [0], begin = [], end = [], names = [], lines = [], head = [];
  let name = '', first = 0;
  for (let at = 0; at < text.length;) {
    let next = text.indexOf('\n', at);
    if (next < 0) next = text.length;
    if (next === at) {
      begin.push(first); end.push(at); names.push(name); start.push(lines.length);
      name = ''; first = next + 1;
    } else if (text[at] === '#') {
      if (text.startsWith('# sent_id = ', at)) name = text.slice(at + 12, next);
    } else {
      const id = text.slice(at, text.indexOf('\t', at));
      if (!id.includes('-') && !id.includes('.')) {
        lines.push(at);
        const value = plainField(text, at, HEAD);
        head.push(value === '_' ? NONE : +value);
      }
    }
    at = next + 1;
  }
  const made = {text, names, begin, end, size: names.length, start: Uint32Array.from(start),
    lines: Uint32Array.from(lines), head: Uint32Array.from(head), tables: {},
    exact: text.includes('Exact'), depth: new Uint32Array(names.length),
    crossing: new Uint8Array(names.length)};
  for (let sentence = 0; sentence < made.size; sentence++) shape(made, sentence);
  for (const name in PLACES) {
    let column;
    const once = () => column ??= columnOf(made, name);
    Object.defineProperty(made, name, {get: () => once()[0]});
    Object.defineProperty(made.tables, name, {get: () => once()[1]});
  }
  return made;
}
function plainField(text, at, place) {
  for (; place > 0; place--) at = text.indexOf('\t', at) + 1;
  return text.slice(at, text.indexOf('\t', at));
}
function field({text, lines, exact}, token, name) {
  if (!exact) return plainField(text, lines[token], PLACES[name]);
  const end = text.indexOf('\n', lines[token]);
  return restored(text.slice(lines[token], end).split('\t'))[PLACES[name]];
}
function columnOf(made, name) {
  const known = new Map(), column = new Uint32Array(made.lines.length);
  for (let token = 0; token < column.length; token++) {
    const value = field(made, token, name);
    let number = known.get(value);
    if (number === undefined) known.set(value, number = known.size);
    column[token] = number;
  }
  return [column, [...known.keys()]];
}

// The depth of a sentence, and whether a word and all below it are apart somewhere.
function shape({start, head, depth, crossing}, sentence) {
  const first = start[sentence], length = start[sentence + 1] - first;
  if (head[first] === NONE) return;
  const depths = depthsOf(first, length, head);
  depth[sentence] = Math.max(...depths);
  const low = Uint32Array.from(depths, (_, i) => i), high = low.slice(), size = low.map(() => 1);
  for (const node of low.slice().sort((a, b) => depths[b] - depths[a])) {
    if (high[node] - low[node] + 1 !== size[node]) { crossing[sentence] = 1; return; }
    if (head[first + node] === 0) continue;
    const above = head[first + node] - 1;
    low[above] = Math.min(low[above], low[node]);
    high[above] = Math.max(high[above], high[node]);
    size[above] += size[node];
  }
}
function depthsOf(first, length, head) {
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

const isParsed = sentence => corpus.head[corpus.start[sentence]] !== NONE;
const valueAt = (name, token) => field(corpus, token, name);
const linesOf = sentence => corpus.text.slice(corpus.begin[sentence], corpus.end[sentence]);
const conllu = sentences => sentences.map(sentence => linesOf(sentence) + '\n').join('');

// A sentence as it was written, in pieces: [text, places of the words in it]. Without `# text`, or where it
// isn't made of the words, these with spaces between them.
function written(sentence) {
  const first = corpus.start[sentence], length = corpus.start[sentence + 1] - first;
  const texts = [], surface = [];
  let inside = 0;
  for (const line of linesOf(sentence).split('\n')) {
    if (line.startsWith('# text = ')) texts.push(line.slice(9));
    const range = /^(\d+)-(\d+)\t([^\t]*)/.exec(line);
    if (range) {
      const from = +range[1] - 1;
      for (; inside < from; inside++) surface.push([valueAt('form', first + inside), [inside]]);
      inside = +range[2];
      surface.push([range[3], Array.from({length: inside - from}, (_, i) => from + i)]);
    }
  }
  for (; inside < length; inside++) surface.push([valueAt('form', first + inside), [inside]]);
  const text = texts.join('\n'), pieces = [];
  let at = 0;
  for (const [form, words] of surface) {
    const space = /^\s*/.exec(text.slice(at))[0];
    if (!text.startsWith(form, at + space.length))
      return surface.flatMap(([form, words], i) => i ? [[' ', []], [form, words]] : [[form, words]]);
    if (space) pieces.push([space, []]);
    pieces.push([form, words]);
    at += space.length + form.length;
  }
  return at < text.length ? [...pieces, [text.slice(at), []]] : pieces;
}

// Whether most letters of a sentence are of a script that runs from right to left, as parsers.draw decides.
const LETTER = /\p{L}/gu, TO_THE_LEFT = new RegExp('[' + ['Adlam', 'Arabic', 'Hebrew', 'Mandaic', 'Nko',
  'Samaritan', 'Syriac', 'Thaana'].map(script => `\\p{Script=${script}}`).join('') + ']', 'u');
function runsToTheLeft(sentence) {
  let left = 0, right = 0;
  for (let token = corpus.start[sentence]; token < corpus.start[sentence + 1]; token++)
    for (const [letter] of valueAt('form', token).matchAll(LETTER))
      TO_THE_LEFT.test(letter) ? left++ : right++;
  return left > right;
}

// As parsers.statistics_of, of some sentences.
function statisticsOf(sentences) {
  const found = {sentences: sentences.length, tokens: 0, unparsed: 0, projective: 0, mean_distance: 0,
    heads_on_the_left: 0, lengths: {}, depths: {}, branching: {}, relations: {}, tags: {}};
  const count = (counts, key) => { counts[key] = (counts[key] ?? 0) + 1; };
  const relations = new Map(), tags = new Map();
  const {start, head, depth, crossing} = corpus;
  const add = (counts, column, token) =>
    counts.set(corpus[column][token], (counts.get(corpus[column][token]) ?? 0) + 1);
  let edges = 0, distance = 0, left = 0;
  for (const sentence of sentences) {
    const first = start[sentence], length = start[sentence + 1] - first;
    found.tokens += length;
    count(found.lengths, length);
    for (let token = first; token < first + length; token++) add(tags, 'upos', token);
    if (head[first] === NONE) { found.unparsed++; continue; }
    count(found.depths, depth[sentence]);
    found.projective += 1 - crossing[sentence];
    const dependents = new Uint32Array(length);
    for (let place = 0; place < length; place++) {
      const token = first + place;
      add(relations, 'deprel', token);
      if (head[token] === 0) continue;
      const above = head[token] - 1;
      dependents[above]++;
      edges++;
      distance += Math.abs(place - above);
      left += above < place;
    }
    for (const number of dependents) count(found.branching, number);
  }
  found.mean_distance = distance / Math.max(edges, 1);
  found.heads_on_the_left = left / Math.max(edges, 1);
  for (const [name, column, counts] of [['relations', 'deprel', relations], ['tags', 'upos', tags]])
    for (const [place, number] of [...counts].sort((a, b) => b[1] - a[1])) {
      const value = corpus.tables[column][place];
      if (value !== '_') found[name][value] = number;
    }
  return found;
}
