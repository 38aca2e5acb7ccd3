// SPDX-License-Identifier: Apache-2.0
// A schema with every feature, entities of it, and the expressions that can
// be said about them, typed so that most are right and some are not.
'use strict';
const { B, L, S, dec, ip, dt, dur, ent, set, rec, opt, req } = require('./types');

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
const User = ent(A + 'User'), File = ent(A + 'File'), Folder = ent(A + 'Folder');
const Group = ent(A + 'Group'), Org = ent(A + 'Org'), Top = ent('Top');

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

module.exports = {
  schema, shapes, tags, parents, ids, actions,
  all: [User, File, Folder, Group, Org, Top],
  asked: ['read', 'write', 'join group', 'ping', 'list'],
  uid: (name) => ({ type: name === 'ping' ? 'Action' : 'App::Action', id: name }),
};
