// SPDX-License-Identifier: Apache-2.0
// The families of cases. Each makes jobs: what our engine is asked (line),
// what the reference says (expected), and how the two are compared.
'use strict';
const fs = require('fs');
const path = require('path');
const { isDeepStrictEqual } = require('util');
const { ask, json } = require('./engines');
const { Generator, uidText } = require('./generate');
const mutate = require('./mutate');
const { randomWorld } = require('./random_world');
const world = require('./world');

const ok = (answer) => answer.type === 'success';
const why = (answer) => (answer.errors || []).map((e) => e.message + ' ' + (e.help || '')).join('; ');
const sorted = (list) => [...new Set(list)].sort();

// Runs of literals and repeated stars mean the same however they are cut.
function normal(value) {
  if (Array.isArray(value)) return value.map(normal);
  if (!value || typeof value !== 'object') return value;
  const out = {};
  for (const [k, v] of Object.entries(value)) out[k] = normal(v);
  if (out.like && Array.isArray(out.like.pattern)) {
    const pattern = [];
    for (const piece of out.like.pattern) {
      const last = pattern[pattern.length - 1];
      if (piece === 'Wildcard') {
        if (last !== 'Wildcard') pattern.push(piece);
      } else if (last && last !== 'Wildcard') last.Literal += piece.Literal;
      else pattern.push({ Literal: piece.Literal });
    }
    out.like.pattern = pattern;
  }
  if (out.annotations)
    for (const k of Object.keys(out.annotations)) out.annotations[k] = out.annotations[k] || '';
  return out;
}

// -------------------------------------------------------------- questions

const verdict = (line, answer) => ({
  line, expected: ok(answer), note: why(answer),
  same: (ours) => ours.ok === ok(answer),
});

const parsePolicies = (policies) => {
  const given = typeof policies === 'string' ? { staticPolicies: policies } : policies;
  return verdict({ op: 'policies', policies }, ask('checkParsePolicySet', given));
};
const parseSchema = (schema) => verdict({ op: 'schema', schema }, ask('checkParseSchema', schema));
const parseEntities = (entities, schema) =>
  verdict({ op: 'entities', entities, schema }, ask('checkParseEntities', { entities, schema }));
const parseContext = (context, action, schema) =>
  verdict({ op: 'context', context, action, schema }, ask('checkParseContext', { context, action, schema }));

function validate(policies, schema) {
  const given = typeof policies === 'string' ? { staticPolicies: policies } : policies;
  const answer = ask('validate', { schema, policies: given });
  const line = { op: 'validate', schema, policies };
  if (!ok(answer)) return { ...verdict(line, answer) };
  const errors = sorted(answer.validationErrors.map((e) => e.policyId));
  const idle = sorted(answer.validationWarnings.filter((w) => /impossible/.test(w.error.message))
    .map((w) => w.policyId)).filter((id) => !errors.includes(id));
  return {
    line, expected: { errors, idle }, note: answer.validationErrors.map((e) => e.policyId + ': ' + e.error.message).join('; '),
    same: (ours) => ours.ok && isDeepStrictEqual(sorted(ours.errors), errors) &&
      isDeepStrictEqual(sorted(ours.warnings.filter((id) => !errors.includes(id))), idle),
  };
}

function authorize(policies, entities, request, schema) {
  const given = typeof policies === 'string' ? { staticPolicies: policies } : policies;
  const answer = ask('isAuthorized', {
    ...request, schema, validateRequest: schema !== undefined, policies: given, entities,
  });
  return decision({ op: 'authorize', policies, entities, request, schema }, answer);
}

function decision(line, answer) {
  if (!ok(answer)) return verdict(line, answer);
  const { diagnostics } = answer.response;
  const expected = {
    decision: answer.response.decision, reasons: sorted(diagnostics.reason), errors: sorted(diagnostics.errors.map((e) => e.policyId)),
  };
  return {
    line, expected,
    same: (ours) => ours.ok && ours.decision === expected.decision &&
      isDeepStrictEqual(sorted(ours.reasons), expected.reasons) &&
      isDeepStrictEqual(sorted(ours.errors), expected.errors),
  };
}

function policyToJson(policy) {
  let answer = ask('policyToJson', policy);
  if (!ok(answer)) answer = ask('templateToJson', policy);
  return {
    line: { op: 'policy_to_json', policy }, expected: ok(answer) ? normal(answer.json) : false,
    same: (ours) => ours.ok === ok(answer) && (!ours.ok || isDeepStrictEqual(normal(ours.json), normal(answer.json))),
  };
}

// Our text of a policy (from JSON, or laid out anew), read by the reference.
function textAgain(op, policy) {
  let answer = ask('policyToJson', policy);
  if (!ok(answer)) answer = ask('templateToJson', policy);
  return {
    line: { op, policy }, expected: ok(answer) ? normal(answer.json) : false,
    same: (ours) => {
      if (!ours.ok || !ok(answer)) return ours.ok === ok(answer);
      let again = ask('policyToJson', ours.text);
      if (!ok(again)) again = ask('templateToJson', ours.text);
      return ok(again) && isDeepStrictEqual(normal(again.json), normal(answer.json));
    },
  };
}

function schemaToJson(schema) {
  const answer = ask('schemaToJson', schema);
  return {
    line: { op: 'schema_to_json', schema }, expected: ok(answer) ? answer.json : false,
    same: (ours) => ours.ok === ok(ask('checkParseSchema', schema)) &&
      (!ours.ok || isDeepStrictEqual(ours.json, answer.json)),
  };
}

// Our text of a schema in JSON must be one that the reference accepts.
function schemaToText(schema) {
  const answer = ask('schemaToText', schema);
  const parses = ok(ask('checkParseSchema', schema));
  return {
    line: { op: 'schema_to_text', schema }, expected: ok(answer) ? answer.text : false, note: why(answer),
    same: (ours) => ours.ok ? parses && ok(ask('checkParseSchema', ours.text)) : !(ok(answer) && parses),
  };
}

// The schema of the world as JSON, which the reference reads faster, and
// kept by it under a name.
const schemaJson = ask('schemaToJson', world.schema).json;
ask('preparse', ['world', schemaJson]);

// As authorize() for several requests of one policy set.
function* authorizeAll(policies, entities, requests, typed) {
  const schema = typed ? schemaJson : undefined;
  if (!ok(ask('preparsePolicies', ['set', { staticPolicies: policies }]))) return;
  for (const request of requests) {
    const answer = ask('statefulIsAuthorized', {
      ...request, entities, validateRequest: typed, preparsedPolicySetId: 'set',
      preparsedSchemaName: typed ? 'world' : undefined,
    });
    yield decision({ op: 'authorize', policies, entities, request, schema }, answer);
  }
}

// ---------------------------------------------------------------- families

const slots = [{ principal: true }, { resource: true }, { principal: true, resource: true }];

function* generated(random) {
  const g = new Generator(random, random.pick([0, 0.02, 0.1, 0.3]), world);
  const depth = random.times(1, 4);
  const typed = random.chance(0.5);
  const text = Array.from({ length: random.pick([1, 1, 2, 5, 12]) }, () => g.policy(depth)).join('\n');
  const entities = g.entities(typed);
  yield validate(text, random.chance(0.05) ? world.schema : schemaJson);
  yield* authorizeAll(text, entities, Array.from({ length: 6 }, () => g.request(typed)), typed);
}

// A schema of its own for a few policies, checked by both.
function* worlds(random) {
  const own = randomWorld(random);
  yield parseSchema(own.schema);
  const wrong = random.pick([0, 0.02, 0.1, 0.3]);
  const g = new Generator(random, wrong, own);
  for (let i = 0; i < 3; i++) {
    const text = Array.from({ length: random.pick([1, 1, 6]) }, () => g.policy(random.times(1, 4))).join('\n');
    yield validate(text, own.schema);
  }
  const typed = random.chance(0.5);
  const entities = g.entities(typed);
  yield parseEntities(entities, own.schema);
  yield authorize(g.policy(3) + g.policy(2), entities, g.request(typed), typed ? own.schema : undefined);
}

function* roundTrips(random) {
  const g = new Generator(random, 0.1, world);
  const slot = random.chance(0.25) ? random.pick(slots) : {};
  const text = g.policy(random.times(1, 4), slot);
  const job = policyToJson(text);
  yield job;
  yield textAgain('format', text);
  if (job.expected) {
    yield textAgain('policy_to_text', job.expected);
    if (Object.keys(slot).length === 0)
      yield authorize({ staticPolicies: { p: job.expected } }, g.entities(false), g.request(false));
  }
}

function* templates(random) {
  const g = new Generator(random, random.pick([0, 0.1]), world);
  const set = { staticPolicies: {}, templates: {}, templateLinks: [] };
  for (let i = random.below(3); i > 0; i--)
    set.staticPolicies['s' + i] = random.chance(0.5) ? g.policy(2) : ask('policyToJson', g.policy(2)).json || g.policy(1);
  for (let i = random.times(1, 2); i > 0; i--) {
    const slot = random.pick(slots);
    const text = g.policy(2, slot);
    set.templates['t' + i] = random.chance(0.5) ? text : ask('templateToJson', text).json || text;
    for (let n = random.below(3); n > 0; n--) {
      const values = {};
      if (slot.principal !== random.chance(0.03)) values['?principal'] = g.uid(random.pick(world.all));
      if (slot.resource !== random.chance(0.03) && slot.resource) values['?resource'] = g.uid(random.pick(world.all));
      const newId = random.chance(0.04) ? random.pick(['s1', 't1', 'l11']) : 'l' + i + n;
      set.templateLinks.push({ templateId: random.chance(0.03) ? 's1' : 't' + i, newId, values });
    }
  }
  const bad = random.chance(0.15) ? mutate.tree(random, set) : set;
  if (bad && typeof bad === 'object' && !Array.isArray(bad)) {
    yield parsePolicies(bad);
    yield validate(bad, schemaJson);
    yield authorize(bad, g.entities(false), g.request(false));
  }
}

function* parseErrors(random) {
  const g = new Generator(random, 0.1, world);
  for (let i = 0; i < 4; i++) {
    const text = mutate.text(random, g.policy(random.times(1, 3)) + (random.chance(0.2) ? ' // end' : ''));
    const job = parsePolicies(text);
    yield job;
    if (job.expected) yield validate(text, schemaJson);
    if (job.expected && random.chance(0.3)) yield authorize(text, g.entities(false), g.request(false));
    if (job.expected && random.chance(0.3)) yield policyToJson(text);
  }
}

function* policyTrees(random) {
  const g = new Generator(random, 0.1, world);
  const whole = ask('policyToJson', g.policy(random.times(1, 3)));
  if (!ok(whole)) return;
  for (let i = 0; i < 4; i++) {
    const damaged = mutate.tree(random, whole.json);
    const set = { staticPolicies: { p: damaged } };
    const job = parsePolicies(set);
    yield job;
    if (job.expected) yield authorize(set, g.entities(false), g.request(false));
  }
}

// Every construct of the syntax once: reading schemas is what takes longest.
const small = `
@doc("x") namespace N::M { type T = { a: String, "b c"?: Set<Long>, @n c?: { d: ipaddr } };
  @e entity A, B in [C, N::M::A] = { t: T, u?: __cedar::Long, v: X } tags Set<T>; entity C;
  action x, "y z" in [g, N::M::Action::"h"] appliesTo { principal: [A, B], resource: C,
    context: T } attributes {}; action g in h; action h; }
entity X enum ["p", "q\\n"]; type U = X; action k appliesTo { principal: X, resource: [N::M::C], context: { f: U, } };
`;
const smallJson = ask('schemaToJson', small).json;

function* schemas(random) {
  for (let i = 0; i < 3; i++) {
    const whole = random.chance(0.05);
    const text = mutate.text(random, whole ? world.schema : small, 2);
    yield parseSchema(text);
    if (random.chance(0.3)) yield schemaToJson(text);
    const tree = mutate.tree(random, whole ? schemaJson : smallJson);
    yield parseSchema(tree === null || typeof tree !== 'object' ? {} : tree);
    if (random.chance(0.3) && tree && typeof tree === 'object' && !Array.isArray(tree))
      yield schemaToText(tree);
  }
}

function* entities(random) {
  const g = new Generator(random, random.pick([0, 0.1, 0.3]), world);
  const typed = random.chance(0.6);
  const schema = typed ? schemaJson : undefined;
  const list = g.entities(typed).slice(0, 6);
  yield parseEntities(list, schema);
  for (let i = 0; i < 3; i++) {
    const damaged = mutate.tree(random, list);
    if (!Array.isArray(damaged)) continue;
    const job = parseEntities(damaged, schema);
    yield job;
    if (job.expected)
      yield authorize(g.policy(2) + g.policy(1) + g.policy(1), damaged, g.request(typed), schema);
  }
  const request = g.request(typed);
  const context = random.chance(0.5) ? request.context : mutate.tree(random, request.context);
  if (context && typeof context === 'object')
    yield parseContext(context, typed ? request.action : undefined, schema);
  if (context && typeof context === 'object' && !Array.isArray(context))
    yield authorize(g.policy(2) + g.policy(1), list, { ...request, context }, schema);
}

// The published cases: theirs as they are, and with damage to the policies.
function loadCorpus(folder) {
  const cases = [];
  const visit = (at) => {
    for (const entry of fs.readdirSync(at, { withFileTypes: true })) {
      const name = path.join(at, entry.name);
      if (entry.isDirectory()) visit(name);
      else if (name.endsWith('.json') && !name.endsWith('.entities.json')) cases.push(name);
    }
  };
  visit(folder);
  return cases;
}

// Integers of a case go through a double in JSON.parse: keep them apart.
const exact = (text) => {
  const marked = text.replace(/("(?:\\.|[^"\\])*")|(-?\d{16,})/g, (m, s, n) => s || `"weir-integer:${n}"`);
  const revive = (v) => Array.isArray(v) ? v.map(revive)
    : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, revive(x)]))
      : typeof v === 'string' && /^weir-integer:-?\d+$/.test(v) ? BigInt(v.slice(13)) : v;
  return revive(JSON.parse(marked));
};

function corpus(files) {
  return function* (random) {
    const file = random.pick(files);
    const test = exact(fs.readFileSync(file, 'utf8'));
    const base = file.replace(/\.json$/, '');
    if (!fs.existsSync(base + '.cedarschema')) return;
    const schema = fs.readFileSync(base + '.cedarschema', 'utf8');
    const text = fs.readFileSync(base + '.cedar', 'utf8');
    const list = exact(fs.readFileSync(base + '.entities.json', 'utf8'));
    if (schema.length > 20000 || json(list).length > 20000) return;
    const pick = () => {
      const { principal, action, resource, context } = random.pick(test.requests);
      return { principal, action, resource, context };
    };
    yield authorize(text, list, pick(), schema);
    for (let i = 0; i < 3; i++) {
      const damaged = mutate.text(random, text, 2);
      const job = parsePolicies(damaged);
      yield job;
      if (!job.expected) continue;
      yield validate(damaged, schema);
      yield authorize(damaged, list, pick(), random.chance(0.3) ? schema : undefined);
    }
    if (random.chance(0.3)) yield parseSchema(mutate.text(random, schema, 2));
    if (random.chance(0.3)) yield schemaToJson(schema);
  };
}

const families = [
  ['generated', 5, generated], ['worlds', 4, worlds], ['round trips', 4, roundTrips], ['templates', 2, templates],
  ['parse errors', 4, parseErrors], ['policy trees', 3, policyTrees], ['schemas', 3, schemas],
  ['entities', 3, entities],
];

module.exports = { families, corpus, loadCorpus, uidText };
