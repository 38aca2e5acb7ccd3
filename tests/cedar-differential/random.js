// SPDX-License-Identifier: Apache-2.0
// Seeded random choices, so that every difference can be had again.
'use strict';

class Random {
  constructor(seed) { this.state = seed >>> 0; }

  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(n) { return Math.floor(this.next() * n); }
  chance(p) { return this.next() < p; }
  pick(list) { return list[this.below(list.length)]; }
  times(low, high) { return low + this.below(high - low + 1); }

  some(list, most) {
    return Array.from({ length: this.below(most + 1) }, () => this.pick(list));
  }
}

module.exports = { Random };
