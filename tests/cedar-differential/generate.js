// SPDX-License-Identifier: Apache-2.0
// Expressions, policies, entities and requests over the world of world.js.
'use strict';
const { B, L, S, dec, ip, dt, dur, set, numbers, texts, good } = require('./types');

const quote = (s) => '"' + s.replace(/[\\"\0\n\r\t]/g, (c) =>
  ({ '\\': '\\\\', '"': '\\"', '\0': '\\0', '\n': '\\n', '\r': '\\r', '\t': '\\t' })[c]) + '"';
const isName = (s) => /^[A-Za-z_]\w*$/.test(s) &&
  !['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', '__cedar'].includes(s);
const uidText = (u) => `${u.type}::${quote(u.id)}`;

class Generator {
  // `wrong`: how often a type, name or literal is not what it should be.
  constructor(random, wrong, world) {
    this.r = random;
    this.wrong = wrong;
    this.world = world;
    this.names = [...new Set(Object.values(world.shapes).flatMap((s) => Object.keys(s)))];
  }

  type() { return this.r.pick(this.world.all); }

  actionUid() {
    const name = this.r.pick(Object.keys(this.world.actions));
    if (this.r.chance(this.wrong * 0.3)) return this.r.pick(['App::Action::"zzz"', 'Other::Action::"read"']);
    return uidText(this.world.uid(name));
  }

  uid(type) {
    if (type.action) return this.world.uid(this.r.pick(Object.keys(this.world.actions)));
    const list = this.world.ids[type.name] || ['x'];
    const id = this.r.chance(this.wrong) ? 'nobody' : this.r.pick(list);
    return { type: type.name, id };
  }

  anyType() {
    const r = this.r;
    return r.pick([B, L, S, dec, ip, dt, dur, this.type(), this.type(), set(S), set(L),
      set(this.type()), set(ip)]);
  }

  literal(type) {
    const r = this.r;
    switch (type.k) {
      case 'Bool': return r.pick(['true', 'false']);
      case 'Long': {
        const n = r.pick(numbers);
        return String(n);
      }
      case 'String': return quote(r.pick(texts.String));
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
        const list = texts[type.k];
        const text = r.chance(this.wrong) ? r.pick(list) : list[r.below(good[type.k])];
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
        : type.k === 'Entity' ? this.world.shapes[type.name] : null;
      if (!attrs || depth === 0) return;
      for (const [key, a] of Object.entries(attrs)) {
        const step = isName(key) ? `${text}.${key}` : `${text}[${quote(key)}]`;
        const guard = a.optional ? [`${text} has ${isName(key) ? key : quote(key)}`] : [];
        visit(step, a.type, guards.concat(guard), depth - 1);
      }
      if (type.k === 'Entity' && this.world.tags[type.name])
        found.push([`${text}.getTag("t")`, this.world.tags[type.name], guards.concat(`${text}.hasTag("t")`)]);
    };
    for (const [name, type] of Object.entries(vars)) visit(name, type, [], 2);
    return found;
  }

  vars() {
    const r = this.r;
    const name = r.pick(this.world.asked);
    const action = this.world.actions[name];
    return {
      name, principal: r.pick(action.principals), resource: r.pick(action.resources),
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
      () => `${e(set(S))}.contains(${e(S)})`, () => { const t = this.type(); return `${e(set(t))}.contains(${e(t)})`; },
      () => { const t = r.pick([set(S), set(L), set(this.type()), set(ip)]); return `${e(t)}.${r.pick(['containsAll', 'containsAny'])}(${e(t)})`; },
      () => `${e(r.pick([set(S), set(this.type())]))}.isEmpty()`,
      () => { const a = this.type(), b = this.type(); return `(${e(a)} in ${r.chance(0.5) ? e(b) : e(set(b))})`; },
      () => `(action in ${r.chance(0.6) ? this.actionUid() : `[${this.actionUid()}, ${this.actionUid()}]`})`,
      () => `(action == ${this.actionUid()})`,
      () => `(${e(this.type())} is ${this.type().name}${r.chance(0.3) ? ' in ' + e(this.type()) : ''})`,
      () => `(${e(this.type())} has ${this.attribute()})`,
      () => `(context has ${r.pick(['mfa', 'token', 'token.left', 'who', 'who.nick', 'n', 'why', 'zzz', 'a', 'b.c'])})`,
      () => `${e(this.type())}.hasTag(${e(S)})`,
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

  attribute() {
    const r = this.r;
    const one = () => (r.chance(0.05) ? 'zzz' : r.pick(this.names));
    const first = one();
    if (!isName(first)) return quote(first);
    const path = [first];
    while (r.chance(0.3)) {
      const next = one();
      if (!isName(next)) break;
      path.push(next);
    }
    return path.join('.');
  }

  scopePart(name, template) {
    const r = this.r;
    const type = this.type();
    const target = template ? `?${name}` : uidText(this.uid(type));
    if (!template && r.chance(0.5)) return name;
    return r.pick([`${name} == ${target}`, `${name} in ${target}`,
      ...(template ? [] : [`${name} is ${type.name}`]),
      `${name} is ${this.type().name} in ${target}`]);
  }

  actionPart() {
    const r = this.r;
    return r.pick([() => 'action', () => 'action', () => `action == ${this.actionUid()}`,
      () => `action in ${this.actionUid()}`,
      () => `action in [${Array.from({ length: r.chance(0.05) ? 0 : r.times(1, 3) }, () => this.actionUid()).join(', ')}]`])();
  }

  policy(depth, slots = {}) {
    const r = this.r;
    const { name, ...vars } = this.vars();
    const env = { paths: this.paths(vars), known: [] };
    const notes = r.some(['@id("x")\n', '@a\n', '@b("\\u{1F600}")\n'], 1).join('');
    const conditions = Array.from({ length: r.pick([0, 1, 1, 1, 2]) }, () =>
      ` ${r.pick(['when', 'when', 'unless'])} { ${this.expr(B, depth, env)} }`).join('');
    // A scope that admits one environment alone lets most conditions be right.
    const pinned = r.chance(0.6);
    const part = (place) => pinned && !slots[place]
      ? `${place} is ${vars[place].name}` : this.scopePart(place, slots[place]);
    const action = pinned ? `action == ${uidText(this.world.uid(name))}` : this.actionPart();
    return `${notes}${r.pick(['permit', 'permit', 'forbid'])}(${part('principal')}, ${action}, ` +
      `${part('resource')})${conditions};`;
  }

  // ------------------------------------------------------------- values

  value(type, typed) {
    const r = this.r;
    if (r.chance(this.wrong * 0.2)) type = this.anyType();
    switch (type.k) {
      case 'Bool': return r.chance(0.5);
      case 'Long': return r.pick(numbers);
      case 'String': return r.pick(texts.String);
      case 'Entity': {
        const uid = this.uid(type);
        return typed && r.chance(0.5) ? uid : { __entity: uid };
      }
      case 'Set': return Array.from({ length: r.below(3) }, () => this.value(type.of, typed));
      case 'Record': return this.record(type.attrs, typed);
      default: {
        const text = r.chance(this.wrong * 0.3) ? r.pick(texts[type.k])
          : texts[type.k][r.below(good[type.k])];
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
    for (const type of this.world.all) {
      if (type.action) continue;
      for (const id of this.world.ids[type.name]) {
        if (r.chance(0.35)) continue;
        const own = this.world.parents[type.name];
        const above = [];
        for (const parent of own)
          for (const up of this.world.ids[parent.name])
            if (r.chance(0.25) && (parent !== type || this.world.ids[type.name].indexOf(up) < this.world.ids[type.name].indexOf(id)))
              above.push({ type: parent.name, id: up });
        const entity = { uid: { type: type.name, id }, attrs: this.record(this.world.shapes[type.name], typed), parents: above };
        const tag = this.world.tags[type.name];
        if (tag && r.chance(0.6))
          entity.tags = Object.fromEntries(r.some(['t', 'en', ''], 2).map((k) => [k, this.value(tag, typed)]));
        out.push(entity);
      }
    }
    return out;
  }

  request(typed) {
    const r = this.r;
    const name = r.pick(this.world.asked);
    const action = this.world.actions[name];
    const stray = r.chance(this.wrong * 0.2);
    return {
      principal: this.uid(stray ? this.type() : r.pick(action.principals)),
      action: r.chance(this.wrong * 0.1) ? { type: 'App::Action', id: 'zzz' } : this.world.uid(name),
      resource: this.uid(r.pick(action.resources)),
      context: this.record(action.context, typed),
    };
  }
}

module.exports = { Generator, quote, uidText };
