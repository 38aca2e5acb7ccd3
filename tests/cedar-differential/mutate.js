// SPDX-License-Identifier: Apache-2.0
// Small damage: to text by tokens and by characters, to JSON by its tree.
'use strict';

const tokens = /"(?:\\[^]|[^"\\])*"|[A-Za-z_]\w*|\d+|::|==|!=|<=|>=|&&|\|\||\/\/[^\n]*|\s+|[^]/gu;
const spare = ['(', ')', '{', '}', '[', ']', ',', ';', ':', '::', '.', '@', '?', '==', '!=', '<', '<=',
  '>', '>=', '&&', '||', '!', '-', '+', '*', '/', '%', '=', 'in', 'is', 'has', 'like', 'if', 'then',
  'else', 'true', 'false', 'principal', 'action', 'resource', 'context', 'when', 'unless', 'permit',
  'forbid', 'entity', 'type', 'namespace', 'enum', 'tags', 'appliesTo', 'Set', 'Long', 'Bool', 'String',
  'ipaddr', 'decimal', 'datetime', 'duration', '__cedar', '?principal', '?resource', '0', '1',
  '9223372036854775807', '9223372036854775808', '18446744073709551616', '""', '"a"', '"*"', '"\\u{41}"',
  '"\\x7f"', '"\\x80"', '"\\u{d800}"', '"\\0"', '"\\*"', 'ip', 'contains', 'containsAll', 'isEmpty',
  'hasTag', 'getTag', 'lessThan', 'offset', 'toDate', '// c\n', '/* c */', '\n', ' ', '\t'];
const characters = ['\0', '\r', '\n', '\u00a0', '\u2028', '"', "'", '\\', '\u00e9', '\u{1f600}', '#', '$', '^',
  '~', '`', '|', '&', '/', '?', '_', '\ufeff', '\u200b'];

function text(random, source, most = 3) {
  let parts = source.match(tokens) || [];
  for (let n = random.times(1, most); n > 0; n--) {
    const at = random.below(parts.length + 1);
    const other = random.below(parts.length + 1);
    switch (random.below(7)) {
      case 0: parts.splice(at, 1); break;
      case 1: parts.splice(at, 0, random.pick(spare)); break;
      case 2: parts.splice(at, 1, random.pick(spare)); break;
      case 3: parts.splice(at, 0, ...parts.slice(other, other + random.times(1, 4))); break;
      case 4: if (at < parts.length && other < parts.length)
        [parts[at], parts[other]] = [parts[other], parts[at]];
        break;
      case 5: if (at < parts.length && parts[other] !== undefined) parts[at] = parts[other]; break;
      default: if (random.chance(0.3)) {
        const s = parts[at] || '';
        const i = random.below(s.length + 1);
        parts[at] = s.slice(0, i) + random.pick(characters) + s.slice(i + random.below(2));
      }
    }
  }
  return parts.join('').toWellFormed ? parts.join('').toWellFormed() : parts.join('');
}

const atoms = [null, true, false, 0, 1, -1, 9223372036854775807n, 9223372036854775808n, 1.5, '', 'a',
  'App::User', 'A B', ' A', 'if', '__cedar', '10.0.0.1', '2024-01-01', [], {}, { type: 'App::User', id: 'ann' },
  { __entity: { type: 'App::User', id: 'ann' } }, { __extn: { fn: 'ip', arg: '::1' } },
  { fn: 'decimal', arg: '1.0' }, { __expr: '1' }, { type: 'Long' }, { type: 'Set', element: { type: 'String' } },
  { Value: 1 }, { Var: 'principal' }, 'Wildcard', { Literal: 'x' }];

function places(value, found = [], parent = null, key = null) {
  found.push([parent, key, value]);
  if (Array.isArray(value)) value.forEach((v, i) => places(v, found, value, i));
  else if (value && typeof value === 'object')
    for (const k of Object.keys(value)) places(value[k], found, value, k);
  return found;
}

const clone = (value) =>
  Array.isArray(value) ? value.map(clone)
    : value && typeof value === 'object'
      ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, clone(v)])) : value;

function tree(random, source, most = 2) {
  const root = { root: clone(source) };
  for (let n = random.times(1, most); n > 0; n--) {
    const all = places(root.root, [], root, 'root');
    const [parent, key, value] = random.pick(all);
    const [, , other] = random.pick(all);
    const keys = value && typeof value === 'object' && !Array.isArray(value) ? Object.keys(value) : [];
    switch (random.below(6)) {
      case 0: parent[key] = clone(random.pick(atoms)); break;
      case 1: parent[key] = clone(other); break;
      case 2: if (Array.isArray(parent)) parent.splice(key, 1); else delete parent[key]; break;
      case 3: if (Array.isArray(value)) value.splice(random.below(value.length + 1), 0, clone(other)); break;
      case 4: if (keys.length > 0) {
        const from = random.pick(keys);
        const to = random.pick(['x', 'type', 'id', 'name', '__entity', '__extn', 'attrs', from + ' ', 'entity', 'slot']);
        value[to] = value[from];
        if (random.chance(0.7)) delete value[from];
      } break;
      default: if (typeof value === 'string')
        parent[key] = random.pick([value + 'x', ' ' + value, value.slice(1), 'if', value.toUpperCase()]);
    }
    if (root.root === undefined) root.root = null;
  }
  return root.root;
}

module.exports = { text, tree, clone };
