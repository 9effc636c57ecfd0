import { formatPrefix, hasHostBits, parseAddress, parsePrefix } from 'bgp-ts/net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPrefix } from '../../../src/health/server/prefix.ts';

describe('prefixes in a query', () => {
  it.each([
    ['10.0.0.0/24', '10.0.0.0/24', 'ipv4-unicast'],
    ['0.0.0.0/0', '0.0.0.0/0', 'ipv4-unicast'],
    ['10.1.2.3', '10.1.2.3/32', 'ipv4-unicast'],
    ['2001:DB8:0:0::/32', '2001:db8::/32', 'ipv6-unicast'],
    ['::/0', '::/0', 'ipv6-unicast'],
    ['2001:db8::1', '2001:db8::1/128', 'ipv6-unicast'],
  ])('%s', (text, canonical, family) => {
    expect(readPrefix(text)).toEqual({ text: canonical, family });
  });

  it.each([
    '',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.1/24',
    '10.0.0/8',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '2001:db8::/129',
    '2001:db8::1/64',
    'fe80::1%eth0',
    'x',
    '10.0.0.0/-1',
    ' 10.0.0.0/8',
  ])('refuses %j', (text) => {
    expect(readPrefix(text)).toBeUndefined();
  });

  it('agrees with the speaker on every prefix', () => {
    const word = fc.integer({ min: 0, max: 0xffff });
    const v6 = fc
      .tuple(fc.array(word, { minLength: 8, maxLength: 8 }), fc.integer({ min: 0, max: 128 }))
      .map(([words, length]) => `${words.map((w) => w.toString(16)).join(':')}/${length}`);
    const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([address, length]) => `${address}/${length}`);
    fc.assert(
      fc.property(fc.oneof(v4, v6), (text) => {
        const [address = '', length = ''] = text.split('/');
        const parsed = parseAddress(address);
        const prefix = parsePrefix(text);
        if (parsed === undefined || prefix === undefined) throw new Error(`${text} is a prefix`);
        const wanted = hasHostBits(parsed, Number(length)) ? undefined : formatPrefix(prefix);
        expect(readPrefix(text)?.text).toBe(wanted);
        expect(readPrefix(formatPrefix(prefix))?.text).toBe(formatPrefix(prefix));
      }),
    );
  });
});
