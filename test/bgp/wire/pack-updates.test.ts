import type { Family, PackOptions, PathPrefix, UpdateContext } from 'bgp-ts/wire';
import {
  encodeAttributes,
  encodeNlri,
  MAX_EXTENDED_MESSAGE,
  MAX_MESSAGE,
  nlriOctets,
  packAnnouncements,
  packWithdrawals,
  scanUpdate,
  splitMessages,
} from 'bgp-ts/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributes, FULL_CONTEXT, fuzzRuns, ipv4Prefix, ipv6Prefix } from './arbitraries.ts';
import { hex, MARKER, toHex } from './hex.ts';

const BLOCK = hex('400101 00 400200 400504 00000064');
const NEXT_HOP = hex('0a000001');
const NEXT_HOP6 = hex('20010db8000000000000000000000001');
const V4: PackOptions = { family: 'ipv4-unicast', addPath: false, maxMessage: MAX_MESSAGE };
const V6: PackOptions = { ...V4, family: 'ipv6-unicast' };

describe('messages octet by octet', () => {
  it.each([
    [
      'IPv4 announcement',
      packAnnouncements(BLOCK, NEXT_HOP, hex('18 0a0102'), V4),
      `${MARKER} 0030 02 0000 0015 # no withdrawn routes, 21 octets of attributes
       400101 00            # ORIGIN
       400200               # AS_PATH
       400304 0a000001      # NEXT_HOP in its place
       400504 00000064      # LOCAL_PREF
       18 0a0102            # 10.1.2.0/24`,
    ],
    [
      'IPv6 announcement, MP_REACH_NLRI first (RFC 7606 section 5.1)',
      packAnnouncements(BLOCK, NEXT_HOP6, hex('20 20010db8'), V6),
      `${MARKER} 0042 02 0000 002b
       800e1a 0002 01 10 20010db8000000000000000000000001 00 20 20010db8
       400101 00 400200 400504 00000064`,
    ],
    [
      'IPv4 with an IPv6 next hop (RFC 8950)',
      packAnnouncements(BLOCK, NEXT_HOP6, hex('18 0a0102'), V4),
      `${MARKER} 0041 02 0000 002a
       800e19 0001 01 10 20010db8000000000000000000000001 00 18 0a0102
       400101 00 400200 400504 00000064`,
    ],
    ['IPv4 withdrawal', packWithdrawals(hex('18 0a0102'), V4), `${MARKER} 001b 02 0004 18 0a0102 0000`],
    ['IPv6 withdrawal', packWithdrawals(hex('20 20010db8'), V6), `${MARKER} 0022 02 0000 000b 800f08 0002 01 20 20010db8`],
    ['nothing to withdraw', packWithdrawals(hex(''), V4), ''],
    ['nothing to announce', packAnnouncements(BLOCK, NEXT_HOP, hex(''), V4), ''],
  ])('%s', (_name, packed, expected) => {
    expect(toHex(packed?.octets ?? hex('00'))).toBe(toHex(hex(expected)));
    expect(packed?.messages).toBe(expected === '' ? 0 : 1);
  });
});

/** NLRI of a scanned stream of messages, one after another, and each message's length. */
function unpack(octets: Uint8Array, options: PackOptions): { readonly nlri: string; readonly sizes: number[] } {
  const ctx: UpdateContext = { ...FULL_CONTEXT, addPathReceive: options.addPath ? [options.family] : [] };
  let nlri = '';
  const sizes: number[] = [];
  for (const message of splitMessages({ octets, messages: 0 })) {
    const scanned = scanUpdate(message.subarray(19), ctx);
    if (!scanned.ok) throw new Error(scanned.error.detail);
    for (const run of [...scanned.value.withdrawn, ...scanned.value.announced]) nlri += toHex(run.octets);
    sizes.push(message.length);
  }
  return { nlri, sizes };
}

describe('packing is tight', () => {
  const prefixes = (family: Family): fc.Arbitrary<PathPrefix[]> =>
    fc.array(
      (family === 'ipv4-unicast' ? ipv4Prefix : ipv6Prefix).map((prefix): PathPrefix => ({ prefix, pathId: prefix.words[0] })),
      { minLength: 1, maxLength: 2000, size: 'max' },
    );

  it.each([
    ['ipv4-unicast', false, MAX_MESSAGE, 4],
    ['ipv4-unicast', true, MAX_MESSAGE, 4],
    ['ipv4-unicast', false, MAX_MESSAGE, 16],
    ['ipv6-unicast', false, MAX_MESSAGE, 16],
    ['ipv6-unicast', true, MAX_MESSAGE, 32],
    ['ipv6-unicast', false, MAX_EXTENDED_MESSAGE, 16],
  ] as const)('%s, path identifiers %s, %i octets, next hop of %i', (family, addPath, maxMessage, nextHopSize) => {
    const options: PackOptions = { family, addPath, maxMessage };
    fc.assert(
      fc.property(prefixes(family), attributes, fc.boolean(), (routes, typed, announce) => {
        const nlri = encodeNlri(routes, addPath);
        const packed = announce
          ? packAnnouncements(encodeAttributes(typed), new Uint8Array(nextHopSize).fill(0x20), nlri, options)
          : packWithdrawals(nlri, options);
        if (packed === undefined) throw new Error('does not fit');
        const { nlri: seen, sizes } = unpack(packed.octets, options);
        expect(seen).toBe(toHex(nlri));
        expect(packed.messages).toBe(sizes.length);
        const largest = nlriOctets(family === 'ipv4-unicast' ? 32 : 128, addPath);
        for (const [index, size] of sizes.entries()) {
          expect(size).toBeLessThanOrEqual(maxMessage);
          // Every message but the last has no room for one more of the longest routes.
          if (index < sizes.length - 1) expect(size + largest).toBeGreaterThanOrEqual(maxMessage);
        }
      }),
      { numRuns: fuzzRuns(30) },
    );
  });

  it('a message that fits is filled to its last octet', () => {
    const room = MAX_MESSAGE - 23 - BLOCK.length - 7;
    const nlri = encodeNlri(
      Array.from({ length: 1100 }, (_, index) => ({
        prefix: { family: 'ipv4' as const, words: [0x0a000000 + index * 256, 0, 0, 0] as const, length: 24 },
      })),
      false,
    );
    const packed = packAnnouncements(BLOCK, NEXT_HOP, nlri.subarray(0, Math.floor(room / 4) * 4), V4);
    expect([packed?.messages, packed?.octets.length]).toEqual([1, MAX_MESSAGE - (room % 4)]);
    expect(packAnnouncements(BLOCK, NEXT_HOP, nlri.subarray(0, Math.floor(room / 4) * 4 + 4), V4)?.messages).toBe(2);
  });

  it('the border between short and long attribute lengths', () => {
    for (let count = 9; count <= 16; count += 1) {
      const nlri = hex('80 20010db8000000000000000000000001'.repeat(count));
      for (let maxMessage = 290; maxMessage <= 340; maxMessage += 1) {
        const packed = packAnnouncements(BLOCK, NEXT_HOP6, nlri, { ...V6, maxMessage });
        const { nlri: seen, sizes } = unpack(packed?.octets ?? hex(''), V6);
        expect(seen).toBe(toHex(nlri));
        expect(Math.max(...sizes)).toBeLessThanOrEqual(maxMessage);
      }
    }
  });

  it('the same octet by octet, in messages that are full one after the other', () => {
    // A default route is one octet: every length of the value comes up, 255 and 256 among them.
    const nlri = hex('00'.repeat(700));
    for (let length = 3770; length <= 3820; length += 1) {
      const block = hex(`400101 00 400200 d0fe${length.toString(16).padStart(4, '0')} ${'00'.repeat(length)}`);
      const packed = packAnnouncements(block, NEXT_HOP6, nlri, V6);
      const { nlri: seen, sizes } = unpack(packed?.octets ?? hex(''), V6);
      expect(seen).toBe(toHex(nlri));
      // One octet stays free where a route more would need the long length.
      for (const size of sizes.slice(0, -1)) expect([MAX_MESSAGE - 1, MAX_MESSAGE]).toContain(size);
      expect(sizes.at(-1)).toBeLessThanOrEqual(MAX_MESSAGE);
    }
  });

  it.each([
    ['IPv4', V4, NEXT_HOP, '20 0a010203'],
    ['IPv4 with an IPv6 next hop', V4, NEXT_HOP6, '20 0a010203'],
    ['IPv6', V6, NEXT_HOP6, '80 20010db8000000000000000000000001'],
  ])('%s: a route is announced where it fits to the last octet, and not where one octet is missing', (_name, options, nextHop, nlri) => {
    const sizes = [0, 1, 2, 3].map((more) => {
      const clusters = hex(`400101 00 400200 ${'c0ff01 00'.repeat(more)} d0fe0f80 ${'00'.repeat(0xf80)}`);
      const packed = (maxMessage: number): number | undefined =>
        packAnnouncements(clusters, nextHop, hex(nlri), { ...options, maxMessage })?.octets.length;
      const size = packed(MAX_EXTENDED_MESSAGE) ?? 0;
      expect([packed(size), packed(size - 1)]).toEqual([size, undefined]);
      return size;
    });
    expect(sizes.map((size) => size - (sizes[0] ?? 0))).toEqual([0, 4, 8, 12]);
  });

  it('attributes that leave no room for a route cannot be announced (RFC 4271 section 9.2)', () => {
    const large = hex(`400101 00 400200 d0080fc8 ${'00000001'.repeat(1010)}`);
    expect(packAnnouncements(large, NEXT_HOP, hex('18 0a0102').slice(), V4)?.messages).toBe(1);
    expect(packAnnouncements(large, NEXT_HOP6, hex('80 20010db8000000000000000000000001'), V6)).toBeUndefined();
    expect(
      packAnnouncements(large, NEXT_HOP6, hex('80 20010db8000000000000000000000001'), { ...V6, maxMessage: MAX_EXTENDED_MESSAGE })
        ?.messages,
    ).toBe(1);
  });
});
