// SPDX-License-Identifier: Apache-2.0
// Random schemas in two namespaces, as JSON, with what the generator needs
// to know about them. Small, so that names meet often.
'use strict';
const { B, L, S, dec, ip, dt, dur, ent, set, rec, opt, req } = require('./types');

const attributeNames = ['a', 'b', 'c', 'odd key', 'if'];
const extensions = { decimal: 'decimal', ip: 'ipaddr', datetime: 'datetime', duration: 'duration' };

function typeJson(type) {
  switch (type.k) {
    case 'Bool': return { type: 'Boolean' };
    case 'Long': case 'String': return { type: type.k };
    case 'Entity': return { type: 'Entity', name: type.name };
    case 'Set': return { type: 'Set', element: typeJson(type.of) };
    case 'Record': return { type: 'Record', attributes: attributesJson(type.attrs) };
    default: return { type: 'Extension', name: extensions[type.k] };
  }
}

function attributesJson(attrs) {
  return Object.fromEntries(Object.entries(attrs).map(([key, a]) =>
    [key, { ...typeJson(a.type), ...(a.optional ? { required: false } : {}) }]));
}

function randomWorld(random) {
  const r = random;
  const types = ['N::P', 'N::Q', 'N::R', 'E', 'F'].slice(0, r.times(2, 5)).map(ent);
  const actionTypes = [];
  const someType = (depth) => {
    const plain = [B, L, L, S, S, dec, ip, dt, dur, r.pick(types), r.pick(types)];
    if (actionTypes.length > 0) plain.push(r.pick(actionTypes));
    if (depth > 0) plain.push(set(r.pick([S, L, r.pick(types), ip, someType(depth - 1)])), attributes(depth - 1));
    return r.pick(plain);
  };
  const attributes = (depth) => rec(Object.fromEntries(attributeNames.filter(() => r.chance(0.45))
    .map((name) => [name, r.chance(0.5) ? opt(someType(depth)) : req(someType(depth))])));

  const names = { N: ['x', 'y', 'odd action', 'g'], '': ['x2', 'h'] };
  const actions = {}, uids = {};
  const schema = { N: { entityTypes: {}, actions: {} }, '': { entityTypes: {}, actions: {} } };
  for (const space of ['N', '']) actionTypes.push({ ...ent(space ? 'N::Action' : 'Action'), action: true });
  const all = Object.entries(names).flatMap(([space, list]) => list.map((id) => [space, id]));
  all.forEach(([space, id], i) => {
    const applies = r.chance(0.75) || i === 0;
    const lists = [r.some(types, 2), r.some(types, 2)].map((l) => (l.length ? [...new Set(l)] : [r.pick(types)]));
    const context = attributes(2);
    const above = all.slice(i + 1).filter(() => r.chance(0.3));
    actions[id] = applies ? { principals: lists[0], resources: lists[1], context: context.attrs } : null;
    uids[id] = { type: space ? 'N::Action' : 'Action', id };
    schema[space].actions[id] = {
      memberOf: above.map(([s, up]) => ({ id: up, type: s ? 'N::Action' : 'Action' })),
      ...(applies ? { appliesTo: {
        principalTypes: lists[0].map((t) => t.name), resourceTypes: lists[1].map((t) => t.name),
        context: typeJson(context) } } : {}),
    };
  });

  const shapes = {}, tags = {}, parents = {}, ids = {};
  types.forEach((type, i) => {
    const [space, name] = type.name.includes('::') ? type.name.split('::') : ['', type.name];
    shapes[type.name] = {};
    parents[type.name] = [];
    ids[type.name] = ['i', 'j', 'k'].slice(0, r.times(1, 3));
    if (i > 0 && r.chance(0.2)) {
      schema[space].entityTypes[name] = { enum: ids[type.name] };
      return;
    }
    shapes[type.name] = attributes(2).attrs;
    parents[type.name] = types.filter(() => r.chance(0.3));
    if (r.chance(0.4)) tags[type.name] = someType(1);
    schema[space].entityTypes[name] = {
      memberOfTypes: parents[type.name].map((t) => t.name),
      shape: typeJson(rec(shapes[type.name])),
      ...(tags[type.name] ? { tags: typeJson(tags[type.name]) } : {}),
    };
  });
  return {
    schema, shapes, tags, parents, ids, actions, all: [...types, ...actionTypes],
    asked: Object.keys(actions).filter((id) => actions[id]), uid: (id) => uids[id],
  };
}

module.exports = { randomWorld };
