import type { Prefix } from 'bgp-ts/net';
import {
  comparePrefixes,
  formatPrefix,
  hasHostBits,
  hostPrefix,
  parseAddress,
  parseAddressWithLength,
  parsePrefix,
  prefixContains,
  prefixContainsAddress,
  prefixesEqual,
  prefixFromAddress,
  prefixKey,
} from 'bgp-ts/net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address, fuzzRuns, prefix } from '../wire/arbitraries.ts';

function known(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}

describe('prefixes as text', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3/32', '10.1.2.3/32'],
    ['255.255.255.255/0', '0.0.0.0/0'],
    ['192.0.2.129/25', '192.0.2.128/25'],
    ['2001:db8::1/32', '2001:db8::/32'],
    ['2001:db8:ffff::/33', '2001:db8:8000::/33'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/65', 'ffff:ffff:ffff:ffff:8000::/65'],
    ['::1/128', '::1/128'],
  ])('%s is %s', (text, canonical) => {
    expect(formatPrefix(known(text))).toBe(canonical);
    expect(prefixKey(known(text))).toBe(canonical);
  });

  it.each([
    '',
    '10.0.0.0',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8.0',
    '10.0.0.0/8 ',
    '10.0.0.0/8/8',
    '::/129',
    '::/1e1',
    'x/8',
  ])('%j is no prefix', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  });

  it('an interface address keeps its host bits', () => {
    const parsed = parseAddressWithLength('10.0.0.5/24');
    expect(parsed && [formatPrefix({ ...parsed.address, length: parsed.length }), hasHostBits(parsed.address, parsed.length)]).toEqual([
      '10.0.0.5/24',
      true,
    ]);
    const network = parseAddress('10.0.0.0');
    expect(network && [24, 7, 6, 33].map((length) => hasHostBits(network, length))).toEqual([false, false, true, true]);
  });

  it('format then parse is the identity', () => {
    fc.assert(
      fc.property(prefix, (value) => void expect(parsePrefix(formatPrefix(value))).toEqual(value)),
      { numRuns: fuzzRuns(500) },
    );
  });
});

describe('prefixes among each other', () => {
  it.each([
    ['10.0.0.0/8', '10.1.0.0/16', true],
    ['10.0.0.0/8', '10.0.0.0/8', true],
    ['10.1.0.0/16', '10.0.0.0/8', false],
    ['10.0.0.0/8', '11.0.0.0/16', false],
    ['0.0.0.0/0', '1.2.3.4/32', true],
    ['0.0.0.0/0', '::/0', false],
    ['2001:db8::/32', '2001:db8:1::/48', true],
    ['2001:db8::/65', '2001:db8:0:0:8000::/66', false],
    ['::/0', 'ffff::/16', true],
  ])('%s contains %s: %s', (outer, inner, contains) => {
    expect(prefixContains(known(outer), known(inner))).toBe(contains);
  });

  it('contains an address where it contains its host prefix', () => {
    fc.assert(
      fc.property(prefix, address, fc.integer({ min: 0, max: 32 }), (outer, target, length) => {
        expect(prefixContainsAddress(outer, target)).toBe(prefixContains(outer, hostPrefix(target)));
        const own = prefixFromAddress(target, length);
        expect(own !== undefined && prefixContainsAddress(own, target)).toBe(true);
      }),
    );
    const host = parseAddress('192.0.2.1');
    expect(host && formatPrefix(hostPrefix(host))).toBe('192.0.2.1/32');
    expect(host && prefixFromAddress(host, 33)).toBeUndefined();
    expect(host && prefixFromAddress(host, 1.5)).toBeUndefined();
  });

  it('order: IPv4 first, then address, then the shorter', () => {
    const texts = ['::/0', '10.0.0.0/16', '10.0.0.0/8', '9.0.0.0/8', '2001:db8::/32', '128.0.0.0/1'];
    const sorted = texts.map(known).toSorted(comparePrefixes).map(formatPrefix);
    expect(sorted).toEqual(['9.0.0.0/8', '10.0.0.0/8', '10.0.0.0/16', '128.0.0.0/1', '::/0', '2001:db8::/32']);
    fc.assert(fc.property(prefix, prefix, (a, b) => void expect(comparePrefixes(a, b) === 0).toBe(prefixesEqual(a, b))));
  });
});
