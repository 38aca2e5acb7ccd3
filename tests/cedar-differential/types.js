// SPDX-License-Identifier: Apache-2.0
// Types, and texts and numbers at the edges of each.
'use strict';

const B = { k: 'Bool' }, L = { k: 'Long' }, S = { k: 'String' };
const dec = { k: 'decimal' }, ip = { k: 'ip' }, dt = { k: 'datetime' }, dur = { k: 'duration' };
const ent = (name) => ({ k: 'Entity', name });
const set = (of) => ({ k: 'Set', of });
const rec = (attrs) => ({ k: 'Record', attrs });
const opt = (type) => ({ type, optional: true });
const req = (type) => ({ type });

const texts = {
  String: ['', 'a', 'ann', 'en', 'de', 'a*b', 'x\ny', '\u00e9', '\u{1f600}', '"', '\\', '\0', 'read:all'],
  decimal: ['0.0', '1.5', '-1.5', '922337203685477.5807', '-922337203685477.5808', '0.0001', '-0.0001', '1.50', '12.0', '922337203685477.5808', '1', 'x', '1.23456', '+1.0', '1.'],
  ip: ['10.0.0.1', '10.0.0.0/8', '127.0.0.1', '127.0.0.1/7', '::1', '::1/128', 'ff02::1', '224.0.0.1', '1:2:3:4:5:6:7:8', '2001:db8::/32', '0.0.0.0/0', '::/0', '10.0.0.1/33', '01.2.3.4', '1.2.3', '::ffff:1.2.3.4', 'g::', '1::2::3', ''],
  datetime: ['2024-02-29', '2026-11-10T12:30:45Z', '1969-12-31T23:59:59.999Z', '0000-01-01', '9999-12-31T23:59:59Z', '2024-01-01T00:00:00+0530', '2024-01-01T00:00:00.000-2359', '2023-02-29', '2024-01-01T24:00:00Z', '2024-01-01T00:00:00', '2024-1-1', '2024-01-01T00:00:60Z', '2024-01-01T00:00:00+2400'],
  duration: ['1d', '1h30m', '-5s', '0ms', '1d2h3m4s5ms', '-9223372036854775808ms', '9223372036854775807ms', '106751991167d', '9223372036854775808ms', '1m1h', 'd', '', '1.5h', '-', '00001ms'],
};
const good = { decimal: 9, ip: 12, datetime: 7, duration: 8 };
const numbers = [0n, 1n, -1n, 2n, 10n, 42n, 100n, 9007199254740993n, 9223372036854775807n, -9223372036854775808n, 4611686018427387904n];

module.exports = { B, L, S, dec, ip, dt, dur, ent, set, rec, opt, req, texts, good, numbers };
