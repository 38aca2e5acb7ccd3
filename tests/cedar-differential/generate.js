// SPDX-License-Identifier: Apache-2.0
// Expressions, policies, entities and requests over the world of world.js.
'use strict';
const world = require('./world');
const { B, L, S, dec, ip, dt, dur, ent, set, User, File } = world.types;

const quote = (s) => '"' + s.replace(/[\\"\0\n\r\t]/g, (c) =>
  ({ '\\': '\\\\', '"': '\\"', '\0': '\\0', '\n': '\\n', '\r': '\\r', '\t': '\\t' })[c]) + '"';
const isName = (s) => /^[A-Za-z_]\w*$/.test(s) &&
  !['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar'].includes(s);
const uidText = (u) => `${u.type}::${quote(u.id)}`;

class Generator {
  // `wrong`: how often a type, name or literal is not what it should be.
  constructor(random, wrong) { this.r = random; this.wrong = wrong; }

  uid(type) {
    const list = world.ids[type.name] || ['x'];
    const id = this.r.chance(this.wrong) ? 'nobody' : this.r.pick(list);
    return { type: type.name, id };
  }

  anyType() {
    const r = this.r;
    return r.pick([B, L, S, dec, ip, dt, dur, User, File, set(S), set(L), set(User), set(ip),
      r.pick(world.all)]);
  }

  literal(type) {
    const r = this.r;
    switch (type.k) {
      case 'Bool': return r.pick(['true', 'false']);
      case 'Long': {
        const n = r.pick(world.numbers);
        return String(n);
      }
      case 'String': return quote(r.pick(world.texts.String));
      case 'Entity': return uidText(this.uid(type));
      case 'Set': {
        const n = r.chance(this.wrong) ? 0 : r.times(1, 3);
        return '[' + Array.from({ length: n }, () => this.literal(type.of)).join(', ') + ']';
      }
      case 'Record':
        return '{' + Object.entries(type.attrs)
          .filter(([, a]) => !a.optional || r.chance(0.5))
          .map(([k, a]) => `${isName(k) ? k : quote(k)}: ${this.literal(a.type)}`).join(', ') + '}';
      default: {
        const list = world.texts[type.k];
        const text = r.chance(this.wrong) ? r.pick(list) : list[r.below(world.good[type.k])];
        return `${type.k}(${quote(text)})`;
      }
    }
  }

  // What can be reached: [text, type, guards]; a guard makes it allowed.
  paths(vars) {
    const found = [];
    const visit = (text, type, guards, depth) => {
      found.push([text, type, guards]);
      const attrs = type.k === 'Record' ? type.attrs
        : type.k === 'Entity' ? world.shapes[type.name] : null;
      if (!attrs || depth === 0) return;
      for (const [key, a] of Object.entries(attrs)) {
        const step = isName(key) ? `${text}.${key}` : `${text}[${quote(key)}]`;
        const guard = a.optional ? [`${text} has ${isName(key) ? key : quote(key)}`] : [];
        visit(step, a.type, guards.concat(guard), depth - 1);
      }
      if (type.k === 'Entity' && world.tags[type.name])
        found.push([`${text}.getTag("t")`, world.tags[type.name], guards.concat(`${text}.hasTag("t")`)]);
    };
    for (const [name, type] of Object.entries(vars)) visit(name, type, [], 2);
    return found;
  }

  vars() {
    const r = this.r;
    const name = r.pick(['read', 'write', 'join group', 'ping', 'list']);
    const action = world.actions[name];
    return {
      principal: r.pick(action.principals), resource: r.pick(action.resources),
      context: { k: 'Record', attrs: action.context },
    };
  }

  expr(type, depth, env) {
    const r = this.r;
    if (r.chance(this.wrong * 0.3)) type = this.anyType();
    if (depth === 0 || r.chance(0.15)) return this.leaf(type, env);
    if (r.chance(0.08))
      return `(if ${this.expr(B, depth - 1, env)} then ${this.expr(type, depth - 1, env)} else ${this.expr(type, depth - 1, env)})`;
    switch (type.k) {
      case 'Bool': return this.bool(depth - 1, env);
      case 'Long': return this.long(depth - 1, env);
      case 'Set': {
        const n = r.times(r.chance(this.wrong) ? 0 : 1, 3);
        return '[' + Array.from({ length: n }, () => this.expr(type.of, depth - 1, env)).join(', ') + ']';
      }
      case 'Record':
        return '{' + Object.entries(type.attrs).filter(([, a]) => !a.optional || r.chance(0.5))
          .map(([k, a]) => `${isName(k) ? k : quote(k)}: ${this.expr(a.type, depth - 1, env)}`).join(', ') + '}';
      case 'datetime':
        return r.pick([
          () => `${this.expr(dt, depth - 1, env)}.offset(${this.expr(dur, depth - 1, env)})`,
          () => `${this.expr(dt, depth - 1, env)}.toDate()`, () => this.leaf(type, env)])();
      case 'duration':
        return r.pick([
          () => `${this.expr(dt, depth - 1, env)}.durationSince(${this.expr(dt, depth - 1, env)})`,
          () => `${this.expr(dt, depth - 1, env)}.toTime()`, () => this.leaf(type, env)])();
      default: return this.leaf(type, env);
    }
  }

  leaf(type, env) {
    const r = this.r;
    if (r.chance(0.65)) {
      const same = (t) => t.k === type.k && (t.k !== 'Entity' || t.name === type.name) &&
        (t.k !== 'Set' || (t.of.k === type.of.k && t.of.name === type.of.name));
      const usable = env.paths.filter(([, t, guards]) => same(t) &&
        (guards.every((g) => env.known.includes(g)) || r.chance(this.wrong)));
      if (usable.length > 0) return r.pick(usable)[0];
    }
    return this.literal(type);
  }

  guarded(depth, env) {
    const r = this.r;
    const [text, type, guards] = r.pick(env.paths);
    const inner = { ...env, known: env.known.concat(guards) };
    const use = r.chance(0.6)
      ? `${text} == ${this.expr(type, depth, inner)}` : this.bool(depth, inner);
    return '(' + guards.concat(use).join(' && ') + ')';
  }

  bool(depth, env) {
    const r = this.r;
    const e = (t) => this.expr(t, depth, env);
    const type = this.anyType();
    const forms = [
      () => `(${e(B)} && ${e(B)})`, () => `(${e(B)} || ${e(B)})`, () => `!(${e(B)})`,
      () => this.guarded(depth, env), () => this.guarded(depth, env),
      () => `(${e(type)} ${r.pick(['==', '!='])} ${e(type)})`,
      () => `(${e(L)} ${r.pick(['<', '<=', '>', '>='])} ${e(L)})`,
      () => { const t = r.pick([dt, dur]); return `(${e(t)} ${r.pick(['<', '<=', '>', '>='])} ${e(t)})`; },
      () => `(${e(S)} like ${this.pattern()})`,
      () => `${e(set(S))}.contains(${e(S)})`, () => `${e(set(User))}.contains(${e(User)})`,
      () => { const t = r.pick([set(S), set(L), set(User), set(ip)]); return `${e(t)}.${r.pick(['containsAll', 'containsAny'])}(${e(t)})`; },
      () => `${e(r.pick([set(S), set(User)]))}.isEmpty()`,
      () => { const a = r.pick(world.all), b = r.pick(world.all); return `(${e(a)} in ${r.chance(0.5) ? e(b) : e(set(b))})`; },
      () => `(action in ${r.pick(['App::Action::"all"', 'App::Action::"mutate"', '[App::Action::"read", App::Action::"all"]', 'Action::"ping"', 'App::Action::"read"'])})`,
      () => `(action == ${r.pick(['App::Action::"read"', 'App::Action::"write"', 'Action::"ping"'])})`,
      () => { const a = r.pick(world.all); return `(${e(a)} is ${r.pick(world.all).name}${r.chance(0.3) ? ' in ' + e(r.pick(world.all)) : ''})`; },
      () => `(${e(r.pick(world.all))} has ${r.pick(['name', 'nick', 'manager', 'home.city', 'home.geo.lat', 'manager.nick', '"odd key"', 'zzz', 'acl.note'])})`,
      () => `(context has ${r.pick(['mfa', 'token', 'token.left', 'who', 'who.nick', 'n', 'why', 'zzz'])})`,
      () => `${e(r.pick([User, File, ent('App::Group'), ent('Top')]))}.hasTag(${e(S)})`,
      () => `${e(dec)}.${r.pick(['lessThan', 'lessThanOrEqual', 'greaterThan', 'greaterThanOrEqual'])}(${e(dec)})`,
      () => `${e(ip)}.${r.pick(['isIpv4', 'isIpv6', 'isLoopback', 'isMulticast'])}()`,
      () => `${e(ip)}.isInRange(${e(ip)})`,
      () => this.leaf(B, env),
    ];
    return r.pick(forms)();
  }

  long(depth, env) {
    const r = this.r;
    const e = (t) => this.expr(t, depth, env);
    return r.pick([
      () => `(${e(L)} ${r.pick(['+', '-', '*'])} ${e(L)})`, () => `-(${e(L)})`,
      () => `${e(dur)}.${r.pick(['toMilliseconds', 'toSeconds', 'toMinutes', 'toHours', 'toDays'])}()`,
      () => this.leaf(L, env)])();
  }

  pattern() {
    const pieces = ['*', 'a', 'b', '\\*', 'an', '*', '\\n', '\\u{e9}', '**', ''];
    return '"' + this.r.some(pieces, 5).join('') + '"';
  }

  scopePart(name, template) {
    const r = this.r;
    const type = r.pick(world.all);
    const target = template ? `?${name}` : uidText(this.uid(type));
    if (!template && r.chance(0.5)) return name;
    return r.pick([`${name} == ${target}`, `${name} in ${target}`,
      ...(template ? [] : [`${name} is ${type.name}`]),
      `${name} is ${r.pick(world.all).name} in ${target}`]);
  }

  actionPart() {
    const names = Object.keys(world.actions).map((n) =>
      uidText({ type: n === 'ping' ? 'Action' : 'App::Action', id: n }));
    if (this.r.chance(this.wrong)) names.push('App::Action::"zzz"', 'Other::Action::"read"');
    const r = this.r;
    return r.pick([() => 'action', () => 'action', () => `action == ${r.pick(names)}`,
      () => `action in ${r.pick(names)}`,
      () => `action in [${r.some(names, 3).join(', ') || r.pick(names)}]`])();
  }

  policy(depth, slots = {}) {
    const r = this.r;
    const vars = this.vars();
    const env = { paths: this.paths(vars), known: [] };
    const notes = r.some(['@id("x")\n', '@a\n', '@b("\\u{1F600}")\n'], 1).join('');
    const conditions = Array.from({ length: r.pick([0, 1, 1, 1, 2]) }, () =>
      ` ${r.pick(['when', 'when', 'unless'])} { ${this.expr(B, depth, env)} }`).join('');
    return `${notes}${r.pick(['permit', 'permit', 'forbid'])}(${this.scopePart('principal', slots.principal)}, ` +
      `${this.actionPart()}, ${this.scopePart('resource', slots.resource)})${conditions};`;
  }

  // ------------------------------------------------------------- values

  value(type, typed) {
    const r = this.r;
    if (r.chance(this.wrong * 0.2)) type = this.anyType();
    switch (type.k) {
      case 'Bool': return r.chance(0.5);
      case 'Long': return r.pick(world.numbers);
      case 'String': return r.pick(world.texts.String);
      case 'Entity': {
        const uid = this.uid(type);
        return typed && r.chance(0.5) ? uid : { __entity: uid };
      }
      case 'Set': return Array.from({ length: r.below(3) }, () => this.value(type.of, typed));
      case 'Record': return this.record(type.attrs, typed);
      default: {
        const text = r.chance(this.wrong * 0.3) ? r.pick(world.texts[type.k])
          : world.texts[type.k][r.below(world.good[type.k])];
        if (typed && r.chance(0.5)) return text;
        return typed && r.chance(0.3) ? { fn: type.k, arg: text } : { __extn: { fn: type.k, arg: text } };
      }
    }
  }

  record(attrs, typed) {
    const r = this.r;
    const out = {};
    for (const [key, a] of Object.entries(attrs)) {
      if (a.optional ? r.chance(0.5) : r.chance(this.wrong * 0.2)) continue;
      out[key] = this.value(a.type, typed);
    }
    if (r.chance(this.wrong * 0.2)) out.zzz = 1;
    return out;
  }

  entities(typed) {
    const r = this.r;
    const out = [];
    for (const type of world.all)
      for (const id of world.ids[type.name]) {
        if (r.chance(0.35)) continue;
        const own = world.parents[type.name];
        const above = [];
        for (const parent of own)
          for (const up of world.ids[parent.name])
            if (r.chance(0.25) && (parent !== type || world.ids[type.name].indexOf(up) < world.ids[type.name].indexOf(id)))
              above.push({ type: parent.name, id: up });
        const entity = { uid: { type: type.name, id }, attrs: this.record(world.shapes[type.name], typed), parents: above };
        const tag = world.tags[type.name];
        if (tag && r.chance(0.6))
          entity.tags = Object.fromEntries(r.some(['t', 'en', ''], 2).map((k) => [k, this.value(tag, typed)]));
        out.push(entity);
      }
    return out;
  }

  request(typed) {
    const r = this.r;
    const name = r.pick(['read', 'write', 'join group', 'ping', 'list']);
    const action = world.actions[name];
    const stray = r.chance(this.wrong * 0.2);
    return {
      principal: this.uid(stray ? r.pick(world.all) : r.pick(action.principals)),
      action: { type: name === 'ping' ? 'Action' : 'App::Action', id: r.chance(this.wrong * 0.1) ? 'zzz' : name },
      resource: this.uid(r.pick(action.resources)),
      context: this.record(action.context, typed),
    };
  }
}

module.exports = { Generator, quote, uidText };
