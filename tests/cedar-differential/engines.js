// SPDX-License-Identifier: Apache-2.0
// The two engines. Ours is asked in batches over one pipe; the reference in
// process. Calls are JSON text made here, because integers beyond 2^53 (as
// BigInt) must reach both exactly.
'use strict';
const { spawnSync } = require('child_process');
const path = require('path');

const reference = require('@cedar-policy/cedar-wasm/nodejs');

function json(value) {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return '[' + value.map(json).join(',') + ']';
  if (value && typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .map(([k, v]) => plain(k) + ':' + json(v));
    return '{' + members.join(',') + '}';
  }
  return plain(value);
}

// The wrapper of the reference serialises its argument with JSON.stringify:
// an argument made by call() brings its text along.
const plain = JSON.stringify;
JSON.stringify = (value, ...rest) =>
  value instanceof Call ? value.text : plain(value, ...rest);

class Call {
  constructor(value) { this.text = json(value); }
}

// What takes more than one argument.
const kept = {
  preparse: ([name, schema]) => reference.preparseSchema(name, new Call(schema)),
  preparsePolicies: ([name, set]) => reference.preparsePolicySet(name, new Call(set)),
};

function ask(name, value) {
  try {
    if (kept[name]) return kept[name](value);
    const argument = typeof value === 'string' ? value : new Call(value);
    return reference[name](argument);
  } catch (error) {
    return { type: 'failure', errors: [{ message: String(error) }] };
  }
}

function weir(lines, program) {
  const done = spawnSync(program, {
    input: lines.map(json).join('\n') + '\n',
    maxBuffer: 1 << 30,
  });
  if (done.status !== 0)
    throw new Error(`cedar_batch: ${done.status} ${done.signal} ${done.stderr}`);
  const answers = String(done.stdout).split('\n');
  answers.pop();
  if (answers.length !== lines.length)
    throw new Error(`cedar_batch: ${answers.length} of ${lines.length} answers`);
  return answers.map((line) => JSON.parse(line));
}

const program = process.env.CEDAR_BATCH ||
  path.join(__dirname, '../../build/tests/cedar-differential/cedar_batch');

module.exports = { ask, json, program, weir, version: reference.getCedarVersion() };
