/** The octet store against a Map of strings: equal octets have one id, ids and memory are reused, nothing is mixed up. */
import { describe, expect, it } from 'vitest';
import { hashOctets, OctetStore } from '../../../src/bgp/rib/octet-store.ts';
import { RawCache } from '../../../src/bgp/rib/raw-cache.ts';
import { type Random, randomFrom } from './world-policies.ts';

function randomOctets(random: Random): Uint8Array {
  // Few different first octets and lengths, so that prefixes of one another and equal lengths are common; now and then a long one.
  const length = random(200) === 0 ? 3000 + random(4000) : 1 + random(40);
  return Uint8Array.from({ length }, (_, i) => (i === length - 1 ? random(4) : length & 0xff));
}

describe('octet store', () => {
  it('behaves as a map from octets to numbers', () => {
    const random = randomFrom(4711);
    const store = new OctetStore(1);
    const known = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      const octets = randomOctets(random);
      const key = Buffer.from(octets).toString('latin1');
      const hash = hashOctets(octets, octets.length);
      const found = store.find(octets, octets.length, hash);
      if (found !== (known.get(key) ?? -1)) throw new Error(`step ${i}: found ${found}`);
      if (found < 0) known.set(key, store.add(octets, octets.length, hash));
      else if (random(3) === 0) {
        store.remove(found);
        known.delete(key);
        if (store.length(found) !== -1) throw new Error('a removed entry has a length');
      }
    }
    expect(store.count).toBe(known.size);
    for (const [key, id] of known) expect(Buffer.from(store.view(id)).toString('latin1')).toBe(key);
    expect(new Set(known.values()).size).toBe(known.size);
    expect(store.top).toBeLessThan(2 * known.size + 200);
  });

  it('compares entries of two stores', () => {
    const [a, b] = [new OctetStore(), new OctetStore(1)];
    const put = (store: OctetStore, ...octets: number[]): number =>
      store.add(Uint8Array.from(octets), octets.length, hashOctets(Uint8Array.from(octets), octets.length));
    const one = put(a, 1, 2, 3);
    put(b, 9);
    expect([a.equals(one, b, put(b, 1, 2, 3)), a.equals(one, b, put(b, 1, 2, 4)), a.equals(one, b, put(b, 1, 2))]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('hashes every octet', () => {
    const octets = Uint8Array.from({ length: 23 }, (_, i) => i);
    const plain = hashOctets(octets, octets.length);
    for (let i = 0; i < octets.length; i++) {
      const changed = octets.slice();
      changed[i] = 200;
      expect(hashOctets(changed, changed.length)).not.toBe(plain);
    }
  });
});

describe('raw cache', () => {
  it('returns only what was put under exactly these octets', () => {
    const random = randomFrom(7);
    const cache = new RawCache();
    const known = new Map<string, number>();
    let hits = 0;
    for (let i = 0; i < 20_000; i++) {
      const octets = randomOctets(random);
      const key = Buffer.from(octets).toString('latin1');
      const hash = hashOctets(octets, octets.length);
      const entry = cache.find(octets, octets.length, hash);
      if (entry >= 0) {
        hits++;
        if (cache.idAt(entry) !== known.get(key) || cache.generationAt(entry) !== 5) throw new Error(`step ${i}: wrong entry`);
      } else {
        known.set(key, i);
        cache.put(octets, octets.length, hash, i, 5);
      }
    }
    expect(hits).toBeGreaterThan(10_000);
  });
});
