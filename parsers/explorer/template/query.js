// The language of queries, as in parsers/explorer/query.py, whose tables are in `language`.
const tokens = Object.fromEntries(Object.entries(language.tokens).map(
  ([name, expression]) => [name, new RegExp(expression, 'suy')]));

class QueryError extends Error {
  constructor(query, place, found, problem) {
    super(problem);
    Object.assign(this, {query, place, found});
  }
}

// Reads a query: what occurs, what does not, and the number of words.
function readQuery(text) {
  let at = 0;
  const match = (token, place) => { tokens[token].lastIndex = place; return tokens[token].exec(text); };
  const skip = () => { at += match('space', at)[0].length; };
  const take = token => {
    const found = match(token, at);
    if (found) { at += found[0].length; skip(); }
    return found;
  };
  const fail = (problem, place = at) => {
    const found = match(language.shown[problem] ?? 'found', place)?.[0];
    const named = found ?? 'the end';
    const quoted = found && !(problem in language.shown) ? `'${found}'` : named;
    throw new QueryError(text, place, found ?? '',
      language.problems[problem].replaceAll('{found}', () => quoted));
  };

  function value(token) {
    if (text[at] === '"') {
      const quoted = take('quoted') ?? fail('quote');
      return [quoted[0].slice(1, -1).replaceAll('""', '"'), false];
    }
    const bare = take(token);
    return bare && [bare[0], true];
  }
  function test() {
    const start = at, name = (take('field') ?? fail('field'))[0];
    if (/^[a-z]/.test(name) && !language.fields.includes(name)) fail('lower', start);
    const equals = take('equals') ?? fail('equals'), values = [];
    do values.push(value('value') ?? fail('value')); while (take('or'));
    return {field: name, values, negated: equals[0] === '!='};
  }
  function described() {
    const tests = [], values = [];
    let kind = '', more = true, start = at, one;
    while (more && (one = value('bare'))) {
      const found = one[1] && language.tags.includes(one[0]) ? 'upos' : 'word';
      if (kind && kind !== found) fail('mixed', start);
      kind = found;
      values.push(one);
      more = Boolean(take('or'));
      start = at;
    }
    if (values.length && more) fail('word');
    if (values.length && !values.some(([text, wildcards]) => text === '*' && wildcards))
      tests.push({field: kind, values, negated: false});
    const bracket = take('open');
    if (bracket) {
      do tests.push(test()); while (take('comma'));
      take('close') ?? fail('close');
    }
    return values.length || bracket ? tests : null;
  }
  function word() {
    const start = at, name = take('name')?.[0] ?? '', tests = described();
    if (!tests && !name) fail('word');
    return {start, name, tests: tests ?? [], defined: tests !== null};
  }
  function link() {
    for (const [token, mirrored] of [['down', false], ['up', true]]) {
      const found = take(token);
      if (found) return {kind: 'head', mirrored, relation: {field: 'deprel', negated: Boolean(found[1]),
        values: found[2].split('|').map(value => [value, true])}};
    }
    if (match('half', at)) fail('arrow');
    const found = take('link');
    if (!found) return null;
    const [kind, mirrored] = language.links[found[0]];
    return {kind, mirrored, relation: null};
  }
  function chain() {
    const made = {negated: Boolean(take('not')), words: [word()], links: []};
    for (let next; (next = link());) { made.links.push(next); made.words.push(word()); }
    return made;
  }

  let size = 0;
  function constraint(chains, numbers, known) {
    const defined = new Set(chains.flatMap(one => one.words)
      .filter(word => word.defined).map(word => word.name));
    const words = new Map(), links = [];
    for (const one of chains) {
      let before = -1;
      one.words.forEach((word, place) => {
        if (word.name && !defined.has(word.name) && !known.has(word.name))
          fail('reference', word.start);
        const number = word.name && numbers.has(word.name) ? numbers.get(word.name) : size++;
        if (word.name) numbers.set(word.name, number);
        words.set(number, [...words.get(number) ?? [], ...word.tests]);
        if (before >= 0) {
          const {kind, mirrored, relation} = one.links[place - 1];
          if (before === number) fail('itself', word.start);
          const [first, second] = mirrored ? [number, before] : [before, number];
          links.push({kind, first, second, relation});
        }
        before = number;
      });
    }
    return {words: [...words], links};
  }

  skip();
  if (at === text.length) fail('empty');
  const chains = [chain()];
  while (at < text.length) {
    take('join') ?? fail(text[at] === '-' ? 'arrow' : 'link');
    if (at < text.length) chains.push(chain());
  }
  const numbers = new Map();
  const wanted = constraint(chains.filter(one => !one.negated), numbers, new Set());
  const unwanted = chains.filter(one => one.negated)
    .map(one => constraint([one], new Map(numbers), new Set(numbers.keys())));
  return {wanted, unwanted, size};
}

// Makes of a query a function that gives the first matches in a sentence, `most` of them.
function compile(text) {
  const query = readQuery(text), unmet = new Set();
  const places = new Int32Array(query.size).fill(-1);

  // Whether a test holds, by the value's place in its table; of a word or lemma one of two tables.
  function wanted(test) {
    const fold = language.anyCase.includes(test.field)
      ? text => text.toLowerCase().normalize('NFC').replaceAll('ς', 'σ') : text => text;
    const escape = text => text.replace(/[.*+?^${}()|[\]\\\/]/g, '\\$&');
    const expression = new RegExp('^(?:' + test.values.map(([text, wildcards]) =>
      wildcards ? fold(text).split('*').map(escape).join('.*') : escape(fold(text))).join('|') + ')$', 'su');
    const among = (name, has) => Uint8Array.from(corpus.tables[name], has);
    const matches = value => expression.test(fold(value));
    const known = value => value !== '' && value !== '_' && matches(value);
    const columns = test.field === 'form' ? [['form', among('form', matches)]]
      : test.field === 'word' ? [['form', among('form', matches)], ['lemma', among('lemma', known)]]
      : language.fields.includes(test.field) ? [[test.field, among(test.field, known)]]
      : [['feats', among('feats', value => {
        const found = feature(value, test.field);
        return found !== undefined && [found, ...found.split(',')].some(matches);
      })]];
    if (!columns.some(([, found]) => found.includes(1))) unmet.add(test);
    return columns.map(([name, found]) => [corpus[name], found]);
  }
  const holder = test => {
    const [[column, found], second] = wanted(test), {negated} = test;
    if (second) return token => (found[column[token]] || second[1][second[0][token]]) != negated;
    return token => found[column[token]] != negated;
  };
  function prepare({words, links}) {
    const steps = new Map(words.map(([number], step) => [number, step]));
    const ready = links.map(link => ({...link, holds: link.relation && holder(link.relation)}));
    return words.map(([number, tests], step) => ({number, tests: tests.map(holder),
      links: ready.filter(({first, second}) =>
        Math.max(steps.get(first), steps.get(second)) === step)}));
  }
  const linked = ({kind, first, second, holds}, from) => {
    const a = places[first], b = places[second];
    if (kind === 'before') return a < b;
    if (kind === 'next') return a + 1 === b;
    const {head} = corpus;
    if (head[b] === NONE) return false;
    if (kind === 'head') return head[b] !== 0 && from + head[b] - 1 === a && (!holds || holds(b));
    let node = b;
    do node = head[node] === 0 ? -1 : from + head[node] - 1; while (node !== a && node !== -1);
    return node === a;
  };
  // Calls `found` for each way in which a constraint holds, until it says that this is enough.
  function bind(constraint, from, to, found, step = 0) {
    if (step === constraint.length) return found();
    const {number, tests, links} = constraint[step], known = places[number];
    for (let token = known < 0 ? from : known; token < (known < 0 ? to : known + 1); token++) {
      if (known < 0 && places.includes(token)) continue;
      if (!tests.every(test => test(token))) continue;
      places[number] = token;
      const enough = links.every(link => linked(link, from))
        && bind(constraint, from, to, found, step + 1);
      places[number] = known;
      if (enough) return true;
    }
    return false;
  }
  const present = prepare(query.wanted), absent = query.unwanted.map(prepare);
  const numbers = query.wanted.words.map(([number]) => number);
  const matches = (sentence, most) => {
    const from = corpus.start[sentence], to = corpus.start[sentence + 1], found = [];
    bind(present, from, to, () => {
      if (absent.some(one => bind(one, from, to, () => true))) return false;
      found.push(numbers.map(number => places[number] - from));
      return found.length >= most;
    });
    return found;
  };
  // The edges that the query names, each as the place of its dependent.
  const edges = match => query.wanted.links.filter(link => link.kind === 'head')
    .map(link => match[numbers.indexOf(link.second)]);
  return {matches, edges, unmet: [...unmet]};
}

function feature(column, name) {
  let found;
  for (const item of column.split('|')) if (item.startsWith(name + '=')) found = item.slice(name.length + 1);
  return found;
}
