// SPDX-License-Identifier: Apache-2.0
// A schema with every feature, entities of it, and the expressions that can
// be said about them, typed so that most are right and some are not.
'use strict';

const schema = `
namespace App {
  type Address = { city: String, zip?: Long, geo?: { lat: decimal, lon: decimal } };
  entity Org enum ["acme", "globex"];
  entity Group in [Group, Org] tags Set<String>;
  entity User in [Group] {
    name: String, age: Long, admin: Bool, home?: Address, manager?: User,
    nick?: String, ips: Set<ipaddr>, joined: datetime, limit?: decimal,
    ttl: duration, langs: Set<String>, friends?: Set<User>, "odd key"?: Long
  } tags String;
  entity Folder in [Folder] { owner: User, open: Bool };
  entity File in [Folder] {
    owner: User, size: Long, name: String, made: datetime,
    acl?: { readers: Set<User>, note?: String }, from?: ipaddr
  } tags Long;
  action all, mutate;
  action read, list in [all] appliesTo {
    principal: [User], resource: [File, Folder],
    context: { ip: ipaddr, now: datetime, mfa?: Bool, n: Long, who?: User,
               token?: { id: String, scopes: Set<String>, left?: Long } }
  };
  action write in [all, Action::"mutate"] appliesTo {
    principal: User, resource: File, context: { n: Long, why?: String }
  };
  action "join group" appliesTo { principal: [User, Group], resource: Org };
}
entity Top { a?: Long };
action ping appliesTo { principal: Top, resource: App::File, context: {} };
`;

const A = 'App::';
const B = { k: 'Bool' }, L = { k: 'Long' }, S = { k: 'String' };
const dec = { k: 'decimal' }, ip = { k: 'ip' }, dt = { k: 'datetime' }, dur = { k: 'duration' };
const ent = (name) => ({ k: 'Entity', name });
const set = (of) => ({ k: 'Set', of });
const rec = (attrs) => ({ k: 'Record', attrs });
const User = ent(A + 'User'), File = ent(A + 'File'), Folder = ent(A + 'Folder');
const Group = ent(A + 'Group'), Org = ent(A + 'Org'), Top = ent('Top');
const opt = (type) => ({ type, optional: true });
const req = (type) => ({ type });

const address = rec({ city: req(S), zip: opt(L), geo: opt(rec({ lat: req(dec), lon: req(dec) })) });
const shapes = {
  [User.name]: {
    name: req(S), age: req(L), admin: req(B), home: opt(address), manager: opt(User),
    nick: opt(S), ips: req(set(ip)), joined: req(dt), limit: opt(dec), ttl: req(dur),
    langs: req(set(S)), friends: opt(set(User)), 'odd key': opt(L),
  },
  [File.name]: {
    owner: req(User), size: req(L), name: req(S), made: req(dt),
    acl: opt(rec({ readers: req(set(User)), note: opt(S) })), from: opt(ip),
  },
  [Folder.name]: { owner: req(User), open: req(B) },
  [Group.name]: {}, [Org.name]: {}, Top: { a: opt(L) },
};
const tags = { [User.name]: S, [File.name]: L, [Group.name]: set(S) };
const parents = {
  [User.name]: [Group], [Group.name]: [Group, Org], [Folder.name]: [Folder],
  [File.name]: [Folder], [Org.name]: [], Top: [],
};
const ids = {
  [User.name]: ['ann', 'bob', 'eve', ''], [Group.name]: ['staff', 'ops', 'a*b'],
  [Org.name]: ['acme', 'globex'], [Folder.name]: ['/', 'tmp'], [File.name]: ['plan', 'code', '\u00e9\u{1f600}'],
  Top: ['t'],
};
const readContext = {
  ip: req(ip), now: req(dt), mfa: opt(B), n: req(L), who: opt(User),
  token: opt(rec({ id: req(S), scopes: req(set(S)), left: opt(L) })),
};
const actions = {
  read: { principals: [User], resources: [File, Folder], context: readContext },
  list: { principals: [User], resources: [File, Folder], context: readContext },
  write: { principals: [User], resources: [File], context: { n: req(L), why: opt(S) } },
  'join group': { principals: [User, Group], resources: [Org], context: {} },
  ping: { principals: [Top], resources: [File], context: {}, type: 'Action' },
  all: null, mutate: null,
};

const texts = {
  String: ['', 'a', 'ann', 'en', 'de', 'a*b', 'x\ny', '\u00e9', '\u{1f600}', '"', '\\', '\0', 'read:all'],
  decimal: ['0.0', '1.5', '-1.5', '922337203685477.5807', '-922337203685477.5808', '0.0001', '-0.0001', '1.50', '12.0', '922337203685477.5808', '1', 'x', '1.23456', '+1.0', '1.'],
  ip: ['10.0.0.1', '10.0.0.0/8', '127.0.0.1', '127.0.0.1/7', '::1', '::1/128', 'ff02::1', '224.0.0.1', '1:2:3:4:5:6:7:8', '2001:db8::/32', '0.0.0.0/0', '::/0', '10.0.0.1/33', '01.2.3.4', '1.2.3', '::ffff:1.2.3.4', 'g::', '1::2::3', ''],
  datetime: ['2024-02-29', '2026-11-10T12:30:45Z', '1969-12-31T23:59:59.999Z', '0000-01-01', '9999-12-31T23:59:59Z', '2024-01-01T00:00:00+0530', '2024-01-01T00:00:00.000-2359', '2023-02-29', '2024-01-01T24:00:00Z', '2024-01-01T00:00:00', '2024-1-1', '2024-01-01T00:00:60Z', '2024-01-01T00:00:00+2400'],
  duration: ['1d', '1h30m', '-5s', '0ms', '1d2h3m4s5ms', '-9223372036854775808ms', '9223372036854775807ms', '106751991167d', '9223372036854775808ms', '1m1h', 'd', '', '1.5h', '-', '00001ms'],
};
const good = { decimal: 9, ip: 12, datetime: 7, duration: 8 };
const numbers = [0n, 1n, -1n, 2n, 10n, 42n, 100n, 9007199254740993n, 9223372036854775807n, -9223372036854775808n, 4611686018427387904n];

module.exports = {
  schema, shapes, tags, parents, ids, actions, texts, good, numbers,
  types: { B, L, S, dec, ip, dt, dur, ent, set, rec, User, File, Folder, Group, Org, Top },
  all: [User, File, Folder, Group, Org, Top],
};
