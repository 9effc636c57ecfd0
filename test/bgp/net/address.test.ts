import {
  addressesEqual,
  addressFromNumber,
  addressKey,
  addressOctets,
  compareAddresses,
  formatAddress,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  numberFromAddress,
  parseAddress,
  readAddress,
  writeAddress,
} from 'bgp-ts/net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { address, fuzzRuns, u32 } from '../wire/arbitraries.ts';

describe('addresses as text', () => {
  // Text in, canonical text out (RFC 5952 section 4).
  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['192.0.2.1', '192.0.2.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:db8::', '2001:db8::'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1::2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:192.0.2.33', '::ffff:192.0.2.33'],
    ['::ffff:c000:221', '::ffff:192.0.2.33'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ])('%s is %s', (text, canonical) => {
    const parsed = parseAddress(text);
    expect(parsed && formatAddress(parsed)).toBe(canonical);
    expect(parsed && addressKey(parsed)).toBe(canonical);
  });

  it.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '1.2.3.04',
    '1.2.3.256',
    '1.2.3.-4',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '0x1.2.3.4',
    '1e1.2.3.4',
    '1.2.3.4/24',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    'fe80::1%eth0',
    '::1.2.3',
    '::1.2.3.4.5',
    '1.2.3.4::',
    '::01.2.3.4',
    '[::1]',
    '::1/128',
    ':1',
    '1:',
    '1:2:3:4:5:6:7:1.2.3.4',
    '１.2.3.4',
  ])('%j is no address', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('format then parse is the identity', () => {
    fc.assert(
      fc.property(address, (value) => void expect(parseAddress(formatAddress(value))).toEqual(value)),
      { numRuns: fuzzRuns(500) },
    );
  });

  it('parsing never throws', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789abcdef:./%') }));
    fc.assert(
      fc.property(text, (value) => void parseAddress(value)),
      { numRuns: fuzzRuns(2000) },
    );
  });
});

describe('addresses as numbers and octets', () => {
  it('IPv4 addresses are unsigned 32-bit numbers', () => {
    fc.assert(fc.property(u32, (value) => void expect(numberFromAddress(addressFromNumber(value))).toBe(value)));
    expect(formatAddress(addressFromNumber(-1))).toBe('255.255.255.255');
    expect(numberFromAddress({ family: 'ipv6', words: [0, 0, 0, 1] })).toBeUndefined();
  });

  it('octets come back at any offset', () => {
    fc.assert(
      fc.property(address, fc.nat(20), (value, offset) => {
        const octets = new Uint8Array(40);
        const after = writeAddress(octets, offset, value);
        expect(after - offset).toBe(value.family === 'ipv4' ? 4 : 16);
        expect(readAddress(octets, offset, value.family)).toEqual(value);
        expect(readAddress(octets.subarray(0, after - 1), offset, value.family)).toBeUndefined();
        expect(readAddress(addressOctets(value), 0, value.family)).toEqual(value);
      }),
    );
  });
});

describe('addresses in order and by class', () => {
  it('order is total and agrees with equality', () => {
    fc.assert(
      fc.property(address, address, address, (a, b, c) => {
        expect(Math.sign(compareAddresses(a, b))).toBe(-Math.sign(compareAddresses(b, a)) || 0);
        expect(compareAddresses(a, b) === 0).toBe(addressesEqual(a, b));
        if (compareAddresses(a, b) <= 0 && compareAddresses(b, c) <= 0) expect(compareAddresses(a, c)).toBeLessThanOrEqual(0);
      }),
      { numRuns: fuzzRuns(300) },
    );
  });

  it.each([
    ['0.0.0.0', isUnspecified, true],
    ['::', isUnspecified, true],
    ['0.0.0.1', isUnspecified, false],
    ['224.0.0.1', isMulticast, true],
    ['239.255.255.255', isMulticast, true],
    ['240.0.0.1', isMulticast, false],
    ['ff02::1', isMulticast, true],
    ['fe80::1', isMulticast, false],
    ['127.0.0.1', isLoopback, true],
    ['127.255.0.1', isLoopback, true],
    ['128.0.0.1', isLoopback, false],
    ['::1', isLoopback, true],
    ['::2', isLoopback, false],
    ['169.254.1.1', isLinkLocal, true],
    ['169.253.1.1', isLinkLocal, false],
    ['fe80::1', isLinkLocal, true],
    ['febf::1', isLinkLocal, true],
    ['fec0::1', isLinkLocal, false],
  ] as const)('%s', (text, predicate, expected) => {
    const parsed = parseAddress(text);
    expect(parsed && predicate(parsed)).toBe(expected);
  });
});
