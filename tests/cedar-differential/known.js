// SPDX-License-Identifier: Apache-2.0
// Differences that are meant, each with its reason; docs/cedar-differences.md
// says more. A row tests one difference; undefined: it is not explained.
'use strict';

const rows = [
  ['a context that is an escape is refused when it is read',
    (job, ours) => job.line.op === 'context' && job.expected === true &&
      ours.error === 'the context must be a record'],
];

function reasonFor(job, ours) {
  const row = rows.find(([, test]) => test(job, ours));
  return row && row[0];
}

module.exports = { reasonFor };
