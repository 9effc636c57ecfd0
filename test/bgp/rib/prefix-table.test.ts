/** The prefix hash against a Map, through growth, removal and reuse. */
import { describe, expect, it } from 'vitest';
import { PrefixTable } from '../../../src/bgp/rib/prefix-table.ts';
import { randomFrom } from './world-policies.ts';

describe.each(['ipv4', 'ipv6'] as const)('%s', (family) => {
  it('finds what is there and only that, with slots moving meanwhile', { timeout: 60_000 }, () => {
    const random = randomFrom(family.length * 7919);
    const table = new PrefixTable(family);
    const known = new Map<string, number>();
    const wide = family === 'ipv6';
    for (let i = 0; i < 30_000; i++) {
      const words = [random(1 << 14) * 0x10001, wide ? random(2) : 0, 0, wide ? random(4) : 0] as const;
      const length = 8 + random(24);
      const key = [...words, length].join();
      // Grows for the first two thirds, then mostly shrinks.
      if (random(10) < (i < 20_000 ? 8 : 2)) {
        const id = table.ensure(...words, length);
        if (known.has(key) && id !== known.get(key)) throw new Error(`${key} has two ids`);
        known.set(key, id);
      } else {
        const victim = known.keys().next().value;
        if (victim !== undefined) {
          table.remove(known.get(victim) ?? -1);
          known.delete(victim);
        }
      }
      if (table.find(...words, length) !== (known.get(key) ?? -1)) throw new Error(`step ${i}: ${key} is not found as it is`);
    }
    expect(table.count).toBe(known.size);
    for (const [key, id] of known) {
      const [w0 = 0, w1 = 0, w2 = 0, w3 = 0, length = 0] = key.split(',').map(Number);
      expect(table.find(w0, w1, w2, w3, length)).toBe(id);
      expect(table.prefix(id)).toEqual({ family, words: [w0, w1, w2, w3], length });
    }
    expect(new Set(known.values()).size).toBe(known.size);
  });
});
