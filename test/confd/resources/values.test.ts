import { formatAddress, formatPrefix } from 'bgp-ts/net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Parser, rootOf, type Sink } from '../../../src/confd/resources/fields.ts';
import {
  address,
  cidr,
  clusterId,
  duration,
  nodeAddress,
  parseAsNumber,
  parseCommunity,
  parseDuration,
  peerAddress,
  scalarText,
} from '../../../src/confd/resources/values.ts';

function run<T>(parser: Parser<T>, value: unknown): { value: T | undefined; rules: string[] } {
  const sink: Sink = {
    ref: { apiVersion: 'v1', kind: 'Test', namespace: '', name: 't' },
    hidden: false,
    errors: 0,
    issues: [],
    position: () => null,
  };
  const parsed = parser(value, rootOf(sink));
  return { value: parsed, rules: sink.issues.map(({ severity, rule }) => `${severity}: ${rule}`) };
}

describe('AS numbers', () => {
  it.each<[unknown, number | undefined]>([
    [1, 1],
    [4294967295, 4294967295],
    ['64512', 64512],
    ['0.1', 1],
    ['1.10', 65546],
    ['65535.65535', 4294967295],
    [0, undefined],
    ['0.0', undefined],
    [4294967296, undefined],
    ['65536.1', undefined],
    ['1.65536', undefined],
    [1.5, undefined],
    [-1, undefined],
    ['-1', undefined],
    ['', undefined],
    ['1.2.3', undefined],
    [' 1', undefined],
    ['1e3', undefined],
    [true, undefined],
    [null, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
  ])('%j is %s', (text, wanted) => {
    expect(parseAsNumber(text)).toBe(wanted);
  });

  it('dotted and plain forms of any number agree', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4294967295 }), (as) => {
        expect(parseAsNumber(`${as >>> 16}.${as & 0xffff}`)).toBe(as);
        expect(parseAsNumber(String(as))).toBe(as);
      }),
    );
  });
});

describe('durations', () => {
  it.each<[string, number | undefined]>([
    ['90s', 90],
    ['1m30s', 90],
    ['1h', 3600],
    ['1.5m', 90],
    ['.5s', 0.5],
    ['1500ms', 1.5],
    ['2µs', 2e-6],
    ['0', 0],
    ['-10s', -10],
    ['+10s', 10],
    ['90', undefined],
    ['', undefined],
    ['s', undefined],
    ['1 m', undefined],
    ['1d', undefined],
    ['1m30', undefined],
  ])('%s is %s seconds', (text, wanted) => {
    const seconds = parseDuration(text);
    if (wanted === undefined) expect(seconds).toBeUndefined();
    else expect(seconds).toBeCloseTo(wanted, 9);
  });

  it('are rounded to whole seconds, half away from zero', () => {
    expect(run(duration(0, 100), '1499ms').value).toBe(1);
    expect(run(duration(0, 100), '1500ms').value).toBe(2);
    expect(run(duration(0, 100), 5).rules).toEqual(['error: is not a duration such as 1m30s']);
  });
});

describe('communities', () => {
  it.each<[string, string | undefined]>([
    ['65000:100', 'standard 4259840100'],
    ['0:0', 'standard 0'],
    ['65535:65535', 'standard 4294967295'],
    ['65000:100:200', 'large 65000:100:200'],
    ['4294967295:0:4294967295', 'large 4294967295:0:4294967295'],
    ['65536:1', undefined],
    ['1:65536', undefined],
    ['4294967296:0:0', undefined],
    ['1', undefined],
    ['1:2:3:4', undefined],
    ['a:b', undefined],
    ['', undefined],
  ])('%s', (text, wanted) => {
    const found = parseCommunity(text);
    const shown = found === undefined ? undefined : `${found.kind} ${found.kind === 'large' ? found.large.join(':') : found.standard}`;
    expect(shown).toBe(wanted);
    expect(found?.text).toBe(wanted === undefined ? undefined : text);
  });
});

describe('peer addresses', () => {
  it.each<[string, string]>([
    ['192.0.2.1', '192.0.2.1 -'],
    ['192.0.2.1:1790', '192.0.2.1 1790'],
    ['fd00::1', 'fd00::1 -'],
    ['[fd00::1]:179', 'fd00::1 179'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1 -'],
  ])('%s', (text, wanted) => {
    const { value } = run(peerAddress, text);
    expect(value === undefined ? undefined : `${formatAddress(value.address)} ${value.port ?? '-'}`).toBe(wanted);
  });

  it.each<[unknown]>([
    ['192.0.2.1:'],
    ['192.0.2.1:65536'],
    ['192.0.2.1:+1'],
    ['192.0.2.1:0179'],
    ['[192.0.2.1]:179'],
    ['[fd00::1]'],
    ['[fd00::1]179'],
    ['192.0.2'],
    ['192.0.2.1/32'],
    ['fe80::1%eth0'],
    ['[fe80::1%eth0]:179'],
    ['::'],
    [5],
    [{}],
  ])('%j is refused with one error', (value) => {
    const found = run(peerAddress, value);
    expect(found.value).toBeUndefined();
    expect(found.rules).toEqual([expect.stringMatching(/^error: /)]);
  });
});

describe('prefixes and addresses', () => {
  it('host bits are cleared, aloud', () => {
    const { value, rules } = run(cidr(), '10.1.2.3/16');
    expect(value && formatPrefix(value)).toBe('10.1.0.0/16');
    expect(rules).toEqual(['warning: has host bits: read as 10.1.0.0/16']);
  });

  it.each([['10.0.0.0'], ['10.0.0.0/'], ['10.0.0.0/-1'], ['10.0.0.0/08'], ['fd00::/129'], [''], ['/'], [10], [null]])(
    '%j is no prefix',
    (value) => {
      const found = run(cidr(), value);
      expect(found.value).toBeUndefined();
      expect(found.rules).toHaveLength(1);
    },
  );

  it('a bare node address is a network of its own', () => {
    const { value } = run(nodeAddress('ipv6'), 'fd00::1');
    expect(value && formatPrefix(value.network)).toBe('fd00::1/128');
  });

  it('a node address keeps its host bits and has its network', () => {
    const { value, rules } = run(nodeAddress('ipv4'), '10.192.0.2/16');
    expect(value && [formatAddress(value.address), formatPrefix(value.network)]).toEqual(['10.192.0.2', '10.192.0.0/16']);
    expect(rules).toEqual([]);
  });

  it('an address of the other family is refused', () => {
    expect(run(address('ipv4'), 'fd00::1').rules).toEqual(['error: is not an IPv4 address']);
  });

  it.each([
    ['1.2.3.4', true],
    ['0.0.0.0', true],
    ['1.2.3', false],
    ['::1', false],
    [16909060, false],
  ] as const)('cluster id %j: %s', (value, fine) => {
    expect(run(clusterId, value).value === undefined).toBe(!fine);
  });
});

it('text of scalars is what Kubernetes makes of them', () => {
  expect(['x', true, 5, 0.5, 1e21].map(scalarText)).toEqual(['x', 'true', '5', '0.5', '1e+21']);
  expect([null, undefined, {}, []].map(scalarText)).toEqual([undefined, undefined, undefined, undefined]);
});
