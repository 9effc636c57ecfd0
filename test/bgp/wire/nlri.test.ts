import { formatPrefix } from 'bgp-ts/net';
import type { NlriRun } from 'bgp-ts/wire';
import { countNlri, decodeNlri, encodeNlri, nlriOctets, walkIpv4, walkNlri } from 'bgp-ts/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzRuns, ipv4Prefix, ipv6Prefix, u32 } from './arbitraries.ts';
import { hex, toHex } from './hex.ts';

const run4 = (octets: string, addPath = false): NlriRun => ({ family: 'ipv4-unicast', addPath, octets: hex(octets) });
const run6 = (octets: string): NlriRun => ({ family: 'ipv6-unicast', addPath: false, octets: hex(octets) });
const texts = (run: NlriRun): string[] =>
  decodeNlri(run).map(({ prefix, pathId }) => (pathId === undefined ? formatPrefix(prefix) : `${formatPrefix(prefix)} ${pathId}`));

describe('NLRI', () => {
  it.each([
    [
      'one of each size',
      run4('00 08 0a 10 0a01 18 0a0102 20 0a010203'),
      ['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '10.1.2.3/32'],
    ],
    ['with path identifiers', run4('00000001 18 0a0102 ffffffff 00', true), ['10.1.2.0/24 1', '0.0.0.0/0 4294967295']],
    [
      'IPv6',
      run6('00 20 20010db8 40 20010db800010002 80 20010db8000000000000000000000001'),
      ['::/0', '2001:db8::/32', '2001:db8:1:2::/64', '2001:db8::1/128'],
    ],
  ] as const)('%s', (_name, run, expected) => {
    expect(texts(run)).toEqual(expected);
    expect(toHex(encodeNlri(decodeNlri(run), run.addPath))).toBe(toHex(run.octets));
  });

  it.each([
    ['IPv4', run4('0d 0bff 11 0affff 1f ffffffff'), ['11.248.0.0/13', '10.255.128.0/17', '255.255.255.254/31']],
    [
      'IPv6',
      run6('2d 20010db8ffff 21 20010db8ff 7f ffffffffffffffffffffffffffffffff'),
      ['2001:db8:fff8::/45', '2001:db8:8000::/33', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127'],
    ],
  ] as const)('%s bits beyond the length are irrelevant (RFC 4271 section 4.3)', (_name, run, expected) => {
    expect(texts(run)).toEqual(expected);
  });

  it.each([
    ['nothing', '', 32, false, 0],
    ['two', '18 0a0102 00', 32, false, 2],
    ['a length of 33', '21 0a01020304', 32, false, -1],
    ['a length of 33 for IPv6', '21 20010db800', 128, false, 1],
    ['a length of 129', '81 20010db80000000000000000000000010203', 128, false, -1],
    ['one octet short', '18 0a01', 32, false, -1],
    ['a path identifier alone', '00000001', 32, true, -1],
    ['half a path identifier', '0000', 32, true, -1],
    ['a path identifier and a default route', '00000001 00', 32, true, 1],
  ] as const)('syntax of %s (RFC 7606 section 5.3)', (_name, octets, maxLength, addPath, count) => {
    const field = hex(octets);
    expect(countNlri(field, 0, field.length, maxLength, addPath)).toBe(count);
  });

  it('walkers and typed decode see the same routes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ prefix: ipv4Prefix, pathId: u32 })),
        fc.array(fc.record({ prefix: ipv6Prefix, pathId: u32 })),
        fc.boolean(),
        (four, six, addPath) => {
          for (const routes of [four, six]) {
            const octets = encodeNlri(routes, addPath);
            expect(octets.length).toBe(routes.reduce((sum, { prefix }) => sum + nlriOctets(prefix.length, addPath), 0));
            const run: NlriRun = { family: routes === four ? 'ipv4-unicast' : 'ipv6-unicast', addPath, octets };
            expect(decodeNlri(run)).toEqual(addPath ? routes : routes.map(({ prefix }) => ({ prefix })));
            const walked: unknown[] = [];
            walkNlri(run, (word0, word1, word2, word3, length, pathId) => void walked.push([[word0, word1, word2, word3], length, pathId]));
            expect(walked).toEqual(routes.map(({ prefix, pathId }) => [prefix.words, prefix.length, addPath ? pathId : 0]));
          }
          const words: number[] = [];
          walkIpv4(encodeNlri(four, addPath), addPath, (word) => void words.push(word));
          expect(words).toEqual(four.map(({ prefix }) => prefix.words[0]));
        },
      ),
      { numRuns: fuzzRuns(200) },
    );
  });
});
