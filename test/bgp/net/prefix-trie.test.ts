import type { Prefix } from 'bgp-ts/net';
import {
  comparePrefixes,
  formatPrefix,
  PrefixTrie,
  parseAddress,
  parsePrefix,
  prefixContains,
  prefixFromAddress,
  prefixKey,
} from 'bgp-ts/net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzRuns } from '../wire/arbitraries.ts';

function known(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

function trieOf(...texts: string[]): PrefixTrie<string> {
  const trie = new PrefixTrie<string>();
  for (const text of texts) trie.set(known(text), text);
  return trie;
}

/** Prefixes that nest and branch a lot: few distinct bits, both families. */
const dense: fc.Arbitrary<Prefix> = fc
  .tuple(
    fc.constantFrom('ipv4' as const, 'ipv6' as const),
    fc.integer({ min: 0, max: 63 }),
    fc.constantFrom(0, 26),
    fc.integer({ min: 0, max: 32 }),
  )
  .map(([family, bits, shift, length]) => {
    const word = (bits << shift) >>> 0;
    const value = prefixFromAddress(
      { family, words: family === 'ipv4' ? [word, 0, 0, 0] : [word, word, 0, 0] },
      family === 'ipv4' ? length : length * 2,
    );
    if (value === undefined) throw new Error('generator: length out of range');
    return value;
  });

describe('prefix trie', () => {
  it('finds the most specific prefix of an address', () => {
    const trie = trieOf('0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.128.0/17', '2001:db8::/32');
    const match = (text: string): string | undefined => {
      const target = parseAddress(text);
      return target && trie.longestMatch(target)?.value;
    };
    expect(['10.1.129.1', '10.1.1.1', '10.2.0.0', '11.0.0.0', '2001:db8::1', '2001:db9::'].map(match)).toEqual([
      '10.1.128.0/17',
      '10.1.0.0/16',
      '10.0.0.0/8',
      '0.0.0.0/0',
      '2001:db8::/32',
      undefined,
    ]);
  });

  it('lists what covers a prefix, shortest first, and what it covers, in order', () => {
    const trie = trieOf('10.1.2.0/24', '10.0.0.0/8', '10.1.0.0/16', '10.2.0.0/16', '11.0.0.0/8');
    expect(trie.covering(known('10.1.2.0/24')).map(({ value }) => value)).toEqual(['10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24']);
    expect([...trie.coveredBy(known('10.0.0.0/8'))].map(({ value }) => value)).toEqual([
      '10.0.0.0/8',
      '10.1.0.0/16',
      '10.1.2.0/24',
      '10.2.0.0/16',
    ]);
    expect([...trie.coveredBy(known('10.1.0.0/17'))].map(({ value }) => value)).toEqual(['10.1.2.0/24']);
    expect([...trie.coveredBy(known('12.0.0.0/8'))]).toEqual([]);
  });

  it('forgets what is removed and keeps the rest', () => {
    const trie = trieOf('10.0.0.0/8', '10.1.0.0/16', '10.2.0.0/16');
    expect(trie.delete(known('10.0.0.0/8'))).toBe(true);
    expect(trie.delete(known('10.0.0.0/8'))).toBe(false);
    expect(trie.delete(known('10.0.0.0/9'))).toBe(false);
    expect([...trie].map(({ value }) => value)).toEqual(['10.1.0.0/16', '10.2.0.0/16']);
    trie.clear();
    expect([trie.size, [...trie].length]).toEqual([0, 0]);
  });

  it('agrees with a list after any sequence of changes', () => {
    const change = fc.record({ prefix: dense, remove: fc.boolean(), value: fc.nat() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), fc.array(dense, { minLength: 1, maxLength: 10 }), (changes, targets) => {
        const trie = new PrefixTrie<number>();
        const list = new Map<string, { prefix: Prefix; value: number }>();
        for (const { prefix, remove, value } of changes) {
          if (remove) {
            expect(trie.delete(prefix)).toBe(list.delete(prefixKey(prefix)));
          } else {
            trie.set(prefix, value);
            list.set(prefixKey(prefix), { prefix, value });
          }
        }
        const all = [...list.values()].toSorted((a, b) => comparePrefixes(a.prefix, b.prefix));
        expect(trie.size).toBe(list.size);
        expect([...trie]).toEqual(all);
        for (const target of targets) {
          const covering = all.filter(({ prefix }) => prefixContains(prefix, target)).toSorted((a, b) => a.prefix.length - b.prefix.length);
          expect(trie.covering(target)).toEqual(covering);
          expect(trie.longestMatch(target)).toEqual(covering.at(-1));
          expect(trie.get(target)).toBe(list.get(formatPrefix(target))?.value);
          expect([...trie.coveredBy(target)]).toEqual(all.filter(({ prefix }) => prefixContains(target, prefix)));
        }
      }),
      { numRuns: fuzzRuns(300) },
    );
  });
});
