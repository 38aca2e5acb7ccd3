// SPDX-License-Identifier: Apache-2.0
// Differences that are meant, each with its reason; docs/cedar-differences.md
// says more. A row tests one difference; undefined: it is not explained.
'use strict';

const { json } = require('./engines');

// The byte that our engine points at, in the JSON that it was given.
function pointed(job, ours) {
  for (const part of ['schema', 'policies', 'policy', 'entities', 'request', 'context'])
    if (job.line[part] && typeof job.line[part] === 'object' && (part !== 'schema' || job.line.op.startsWith('schema')))
      return String.fromCharCode(Buffer.from(json(job.line[part]))[ours.offset]);
  return '';
}

const rows = [
  ['an array is no object, also where the reference reads it as one by position',
    (job, ours) => Boolean(job.expected) && ours.ok === false && pointed(job, ours) === '['],
  ['a context that is an escape is refused when it is read',
    (job, ours) => job.line.op === 'context' && job.expected === true &&
      ours.error === 'the context must be a record'],
];

function reasonFor(job, ours) {
  const row = rows.find(([, test]) => test(job, ours));
  return row && row[0];
}

module.exports = { reasonFor };
