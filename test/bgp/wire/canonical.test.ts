import type { AttributeContext, PathAttributes } from 'bgp-ts/wire';
import {
  attributeName,
  CANONICAL,
  canonicalAttributes,
  decodeAttributes,
  encodeAttributes,
  findAttribute,
  nextHopAddresses,
  nextHopOctets,
  splitAttributes,
  worstFault,
} from 'bgp-ts/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributes, fuzzRuns } from './arbitraries.ts';
import { hex, toHex } from './hex.ts';

const IBGP: AttributeContext = { fourOctetAs: true, external: false };
const EBGP: AttributeContext = { fourOctetAs: true, external: true };
const OLD: AttributeContext = { fourOctetAs: false, external: true };

const ORIGIN = '400101 00';
const AS_PATH = '400206 0201 0000fde9';
const NEXT_HOP = '400304 c0000201';
const GOOD = `${ORIGIN} ${AS_PATH} ${NEXT_HOP}`;
const NO_NEXT_HOP: Uint8Array = new Uint8Array(0);

function canonical(
  block: string,
  ctx: AttributeContext = IBGP,
  nextHop = NO_NEXT_HOP,
): { octets: string; nextHop: string; faults: string[] } {
  const { octets, nextHop: seen, faults } = canonicalAttributes(hex(block), nextHop, ctx);
  return {
    octets: toHex(octets),
    nextHop: toHex(seen),
    faults: faults.map(({ outcome, attribute, citation }) => `${attributeName(attribute)} ${outcome} ${citation}`),
  };
}

/** Every attribute this speaker decodes: its octets in canonical order, and their typed form. */
const BASE: PathAttributes = {
  origin: 'incomplete',
  asPath: [
    { type: 'sequence', asns: [65001, 70000] },
    { type: 'set', asns: [1, 2] },
  ],
  nextHop: { family: 'ipv4', words: [0xc0000201, 0, 0, 0] },
};
const BASE_HEX = `400101 02                                         # ORIGIN INCOMPLETE
  400214 0202 0000fde9 00011170 0102 00000001 00000002 # AS_PATH: a sequence, a set`;

describe('attributes both ways, octets and typed', () => {
  it.each([
    ['mandatory ones', '', {}],
    ['MULTI_EXIT_DISC', '800404 ffffffff', { med: 0xffffffff }],
    ['LOCAL_PREF', '400504 000000c8', { localPref: 200 }],
    ['ATOMIC_AGGREGATE', '400600', { atomicAggregate: true }],
    ['AGGREGATOR', 'c00708 00011170 0a000001', { aggregator: { as: 70000, address: { family: 'ipv4', words: [0x0a000001, 0, 0, 0] } } }],
    ['COMMUNITIES', 'c00808 ffff0000 fde80064', { communities: [0xffff0000, 0xfde80064] }],
    ['ORIGINATOR_ID', '800904 0a000009', { originatorId: 0x0a000009 }],
    ['CLUSTER_LIST', '800a08 00000001 00000002', { clusterList: [1, 2] }],
    ['extended communities', 'c01008 0002fde800000064', { extendedCommunities: ['0002fde800000064'] }],
    ['large communities', 'c0200c 0000fde8 00000001 00000002', { largeCommunities: [[65000, 1, 2]] }],
    ['an unknown transitive one', 'e0fd03 010203', { unknown: [{ flags: 0xe0, code: 253, value: Uint8Array.of(1, 2, 3) }] }],
    ['one of 256 octets', `d0080100 ${'0000fde8'.repeat(64)}`, { communities: new Array<number>(64).fill(65000) }],
  ] as const)('%s', (_name, octets, typed) => {
    const block = hex(`${BASE_HEX}\n${octets}`);
    const expected = { ...BASE, ...typed };
    expect(decodeAttributes(block, IBGP, nextHopOctets(BASE))).toEqual({ attributes: expected, faults: [] });
    expect(toHex(encodeAttributes(expected as PathAttributes))).toBe(toHex(block));
  });

  it('come back as they were, and canonical octets are their own canonical form', () => {
    fc.assert(
      fc.property(attributes, (typed) => {
        const block = encodeAttributes(typed);
        const nextHop = nextHopOctets(typed);
        expect(decodeAttributes(block, CANONICAL, nextHop)).toEqual({ attributes: typed, faults: [] });
        expect(toHex(canonicalAttributes(block, nextHop, CANONICAL).octets)).toBe(toHex(block));
        const codes = splitAttributes(block).map(({ code }) => code);
        expect(codes).toEqual(codes.toSorted((a, b) => a - b));
      }),
      { numRuns: fuzzRuns(400) },
    );
  });
});

describe('the canonical block', () => {
  it('is sorted, without next hop, with short lengths where they fit', () => {
    expect(canonical(`c00804 00000001 ${NEXT_HOP} 5002 0006 0201 0000fde9 ${ORIGIN}`)).toEqual({
      octets: toHex(hex(`${ORIGIN} ${AS_PATH} c00804 00000001`)),
      nextHop: 'c0000201',
      faults: [],
    });
  });

  it('of a multiprotocol run ignores NEXT_HOP (RFC 4760 section 3)', () => {
    const nextHop = hex('20010db8000000000000000000000001');
    expect(canonical(GOOD, IBGP, nextHop)).toMatchObject({ nextHop: toHex(nextHop), faults: [] });
    expect(canonical(`${ORIGIN} ${AS_PATH}`, IBGP, nextHop).faults).toEqual([]);
  });

  it.each([
    [
      'the second of two (RFC 7606 section 3(g))',
      `${GOOD} 800404 00000001 800404 00000002`,
      IBGP,
      '800404 00000001',
      ['MULTI_EXIT_DISC attribute-discard RFC 7606 section 3(g)'],
    ],
    ['unknown ones that are not transitive (RFC 4271 section 5)', `${GOOD} 80fd01 00`, IBGP, '', []],
    ['LOCAL_PREF from an external peer', `${GOOD} 400504 00000064`, EBGP, '', ['LOCAL_PREF attribute-discard RFC 7606 section 7.5']],
    ['ORIGINATOR_ID from an external peer', `${GOOD} 800904 0a000001`, EBGP, '', ['ORIGINATOR_ID attribute-discard RFC 7606 section 7.9']],
    ['CLUSTER_LIST from an external peer', `${GOOD} 800a04 0a000001`, EBGP, '', ['CLUSTER_LIST attribute-discard RFC 7606 section 7.10']],
    ['AIGP (RFC 7311 section 3.1)', `${GOOD} 801a0b 01000b 0000000000000001`, IBGP, '', ['AIGP attribute-discard RFC 7311 section 3.1']],
    [
      'AS4_PATH from a peer with 4-octet AS numbers (RFC 6793 section 6)',
      `${GOOD} c01106 0201 00011170`,
      IBGP,
      '',
      ['AS4_PATH attribute-discard RFC 6793 section 6'],
    ],
    ['a malformed AGGREGATOR', `${GOOD} c00706 fde9 0a000001`, IBGP, '', ['AGGREGATOR attribute-discard RFC 7606 section 7.7']],
    [
      'an AGGREGATOR with wrong flags (RFC 7606 section 3(f))',
      `${GOOD} 800708 0000fde9 0a000001`,
      IBGP,
      '',
      ['AGGREGATOR attribute-discard RFC 7606 section 3(c)'],
    ],
  ] as const)('leaves out %s', (_name, block, ctx, kept, faults) => {
    expect(canonical(block, ctx)).toEqual({ octets: toHex(hex(`${ORIGIN} ${AS_PATH} ${kept}`)), nextHop: 'c0000201', faults });
  });

  it.each([
    ['an unknown transitive attribute', 'c0fd01 00', 'e0fd01 00'],
    [
      'one whose syntax alone we know',
      'c01914 000220010db80000000000000000000000010001',
      'e01914 000220010db80000000000000000000000010001',
    ],
  ])('sets Partial on %s (RFC 4271 section 5)', (_name, sent, kept) => {
    expect(canonical(`${GOOD} ${sent}`).octets).toBe(toHex(hex(`${ORIGIN} ${AS_PATH} ${kept}`)));
  });

  it('ignores the low bits of the flags (RFC 4271 section 4.3)', () => {
    expect(canonical(`${GOOD} c70804 00000001`)).toMatchObject({ octets: toHex(hex(`${ORIGIN} ${AS_PATH} c00804 00000001`)), faults: [] });
  });

  it('keeps Partial where a known attribute has it', () => {
    expect(canonical(`${GOOD} e00804 00000001`)).toMatchObject({ octets: toHex(hex(`${ORIGIN} ${AS_PATH} e00804 00000001`)), faults: [] });
  });
});

describe('treat-as-withdraw', () => {
  it.each([
    ['no attributes', '', ['ORIGIN', 'AS_PATH', 'NEXT_HOP']],
    ['no ORIGIN (RFC 7606 section 3(d))', `${AS_PATH} ${NEXT_HOP}`, ['ORIGIN']],
    ['no NEXT_HOP', `${ORIGIN} ${AS_PATH}`, ['NEXT_HOP']],
    ['a bad ORIGIN is not missing as well', `400101 03 ${AS_PATH} ${NEXT_HOP}`, ['ORIGIN']],
    ['a NEXT_HOP of 5 octets', `${ORIGIN} ${AS_PATH} 400305 c000020100`, ['NEXT_HOP']],
    ['next hop 0.0.0.0', `${ORIGIN} ${AS_PATH} 400304 00000000`, ['NEXT_HOP']],
    ['next hop 0.1.2.3', `${ORIGIN} ${AS_PATH} 400304 00010203`, ['NEXT_HOP']],
    ['next hop 127.0.0.1', `${ORIGIN} ${AS_PATH} 400304 7f000001`, ['NEXT_HOP']],
    ['next hop 224.0.0.5', `${ORIGIN} ${AS_PATH} 400304 e0000005`, ['NEXT_HOP']],
    ['next hop 255.255.255.255', `${ORIGIN} ${AS_PATH} 400304 ffffffff`, ['NEXT_HOP']],
    ['AS 0 in the path (RFC 7607)', `${ORIGIN} 400206 0201 00000000 ${NEXT_HOP}`, ['AS_PATH']],
    ['an empty segment', `${ORIGIN} 400202 0200 ${NEXT_HOP}`, ['AS_PATH']],
    ['one octet after the segments', `${ORIGIN} 400207 0201 0000fde9 02 ${NEXT_HOP}`, ['AS_PATH']],
    ['communities of 3 octets', `${GOOD} c00803 000000`, ['COMMUNITIES']],
    ['a large community of 11 octets', `${GOOD} c0200b 0000000000000000000000`, ['LARGE_COMMUNITY']],
    ['Partial on MULTI_EXIT_DISC (RFC 4271 section 4.3)', `${GOOD} a00404 00000001`, ['MULTI_EXIT_DISC']],
    ['an attribute that overruns (RFC 7606 section 4)', `${GOOD} 800404 00`, ['MULTI_EXIT_DISC']],
  ])('%s', (_name, block, names) => {
    const { faults, outcome } = canonicalAttributes(hex(block), NO_NEXT_HOP, IBGP);
    expect(outcome).toBe('treat-as-withdraw');
    expect(faults.filter((fault) => fault.outcome === 'treat-as-withdraw').map(({ attribute }) => attributeName(attribute))).toEqual(names);
  });

  it.each(['00000000000000000000000000000000', '00000000000000000000000000000001', 'ff020000000000000000000000000001', '0a0000'])(
    'IPv6 next hop %s',
    (nextHop) => {
      expect(canonicalAttributes(hex(`${ORIGIN} ${AS_PATH}`), hex(nextHop), IBGP).outcome).toBe('treat-as-withdraw');
    },
  );

  it('a loopback next hop is fine where the session itself is on the loopback', () => {
    const block = hex(`${ORIGIN} ${AS_PATH} 400304 7f000001`);
    expect(canonicalAttributes(block, NO_NEXT_HOP, { ...IBGP, loopback: true }).faults).toEqual([]);
    expect(
      canonicalAttributes(hex(`${ORIGIN} ${AS_PATH}`), hex('00000000000000000000000000000001'), { ...IBGP, loopback: true }).faults,
    ).toEqual([]);
  });

  it('the strongest of several faults decides (RFC 7606 section 3(h))', () => {
    const { faults, outcome } = canonicalAttributes(hex(`${GOOD} c00701 00 c00803 000000 40fe00`), NO_NEXT_HOP, IBGP);
    expect(faults.map((fault) => fault.outcome)).toEqual(['attribute-discard', 'treat-as-withdraw', 'session-reset']);
    expect([outcome, worstFault(faults)?.attribute, worstFault([])]).toEqual(['session-reset', 254, undefined]);
  });
});

describe('from a peer with 2-octet AS numbers (RFC 6793 section 4.2.3)', () => {
  const path = (block: string): string =>
    toHex(findAttribute(canonicalAttributes(hex(`${ORIGIN} ${block} ${NEXT_HOP}`), NO_NEXT_HOP, OLD).octets, 2) ?? hex('ff'));
  it.each([
    ['no AS4_PATH', '400206 0202 fde9 5ba0', '0202 0000fde9 00005ba0'],
    ['AS4_PATH of the same length', '400206 0202 fde9 5ba0 c0110a 0202 0000fde9 00011170', '0202 0000fde9 00011170'],
    ['a shorter AS4_PATH: the leading ones are kept', '400206 0202 fde9 5ba0 c01106 0201 00011170', '0202 0000fde9 00011170'],
    ['a longer AS4_PATH is ignored', '400204 0201 fde9 c0110a 0202 0000fde9 00011170', '0201 0000fde9'],
    ['a set counts as one', '40020a 0201 fde9 0102 5ba0 5ba0 c0110a 0102 00011170 00011171', '0201 0000fde9 0102 00011170 00011171'],
    ['a sequence cut in the middle', '400208 0203 fde9 fdea 5ba0 c01106 0201 00011170', '0203 0000fde9 0000fdea 00011170'],
    ['confederation segments of AS4_PATH are dropped (section 3)', '400204 0201 5ba0 c0110c 0301 0000fde9 0201 00011170', '0201 00011170'],
    ['AS4_PATH with a bad segment is discarded (section 6)', '400204 0201 5ba0 c01106 0501 00011170', '0201 00005ba0'],
    ['AS4_PATH of 4 octets is discarded', '400204 0201 5ba0 c01104 0200 0000', '0201 00005ba0'],
    [
      'AGGREGATOR with a real AS beside AS4_AGGREGATOR: both AS4 attributes are ignored',
      '400204 0201 5ba0 c00706 fde9 0a000001 c01106 0201 00011170 c01208 00011170 0a000001',
      '0201 00005ba0',
    ],
    ['AGGREGATOR with a real AS alone', '400204 0201 5ba0 c00706 fde9 0a000001 c01106 0201 00011170', '0201 00011170'],
  ])('%s', (_name, block, expected) => {
    expect(path(block)).toBe(toHex(hex(expected)));
  });

  it.each([
    ['AS4_AGGREGATOR stands in for AS_TRANS', 'c00706 5ba0 0a000001 c01208 00011170 0a000002', '00011170 0a000002'],
    ['AS_TRANS alone', 'c00706 5ba0 0a000001', '00005ba0 0a000001'],
    ['a real AS', 'c00706 fde9 0a000001 c01208 00011170 0a000002', '0000fde9 0a000001'],
    ['AS4_AGGREGATOR of AS 0 is discarded (RFC 7607)', 'c00706 5ba0 0a000001 c01208 00000000 0a000002', '00005ba0 0a000001'],
  ])('%s', (_name, block, expected) => {
    const { octets } = canonicalAttributes(hex(`${ORIGIN} 400204 0201 fde9 ${NEXT_HOP} ${block}`), NO_NEXT_HOP, OLD);
    expect(toHex(findAttribute(octets, 7) ?? hex(''))).toBe(toHex(hex(expected)));
  });
});

describe('next hops', () => {
  it('outlive the receive buffer, also where that is a Node Buffer', () => {
    const received = Buffer.from(hex(GOOD));
    const { octets, nextHop } = canonicalAttributes(received, NO_NEXT_HOP, IBGP);
    received.fill(0);
    expect([toHex(octets), toHex(nextHop)]).toEqual([toHex(hex(`${ORIGIN} ${AS_PATH}`)), 'c0000201']);
  });

  it('of 32 octets carry a link-local one (RFC 2545 section 3)', () => {
    const octets = hex('20010db8000000000000000000000001 fe800000000000000000000000000002');
    const { attributes: typed } = decodeAttributes(hex(`${ORIGIN} ${AS_PATH}`), IBGP, octets);
    expect([typed?.nextHop.words[0], typed?.linkLocalNextHop?.words[0]]).toEqual([0x20010db8, 0xfe800000]);
    expect(typed && toHex(nextHopOctets(typed))).toBe(toHex(octets));
    expect(nextHopAddresses(octets.subarray(0, 8))).toBeUndefined();
  });
});

describe('a block in canonical order', () => {
  /** The attributes one by one, the last first: the same block for a reader that sorts. */
  const reversed = (block: Uint8Array): string =>
    splitAttributes(block)
      .map(({ code, flags, value }) => {
        const header = [flags, code, ...(value.length > 255 || (flags & 0x10) !== 0 ? [value.length >>> 8] : []), value.length & 0xff];
        return toHex(Uint8Array.from([...header, ...value]));
      })
      .toReversed()
      .join('');
  /** With NEXT_HOP in its place, and one octet changed. */
  const block = fc.tuple(attributes, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.boolean()).map(([typed, at, value, change]) => {
    const octets = encodeAttributes(typed);
    const parts = splitAttributes(octets);
    const place = parts
      .filter(({ code }) => code < 3)
      .reduce((sum, part) => sum + 3 + part.value.length + (part.value.length > 255 ? 1 : 0), 0);
    const whole = hex(`${toHex(octets.subarray(0, place))} ${NEXT_HOP} ${toHex(octets.subarray(place))}`);
    // Values and flags only: a changed code or length would make another list of attributes.
    if (change && whole.length > 0) whole[at % 8 === 0 ? 3 : 0] = value & ~0x10;
    return whole;
  });

  it('comes out as it does in any other order', () => {
    fc.assert(
      fc.property(block, fc.constantFrom(IBGP, EBGP, CANONICAL), (octets, ctx) => {
        const sorted = canonical(toHex(octets), ctx);
        const other = canonical(reversed(octets), ctx);
        expect({ ...sorted, faults: sorted.faults.toSorted() }).toEqual({ ...other, faults: other.faults.toSorted() });
      }),
      { numRuns: fuzzRuns(500) },
    );
  });

  it.each([
    ['low bits of the flags', '4f0101 00 400206 0201 0000fde9 400304 c0000201', `${ORIGIN} ${AS_PATH}`],
    ['a long form', `50010001 00 ${AS_PATH} ${NEXT_HOP}`, `${ORIGIN} ${AS_PATH}`],
  ])('is put into its form: %s', (_name, octets, wanted) => {
    expect(canonical(octets)).toEqual({ octets: toHex(hex(wanted)), nextHop: toHex(hex('c0000201')), faults: [] });
  });

  it('needs an AS_PATH and a next hop', () => {
    expect(canonical(`${ORIGIN} ${NEXT_HOP}`).faults).toEqual(['AS_PATH treat-as-withdraw RFC 7606 section 3(d)']);
    expect(canonical(ORIGIN, IBGP, hex('c0000201')).faults).toEqual(['AS_PATH treat-as-withdraw RFC 7606 section 3(d)']);
    expect(canonical(`${ORIGIN} ${AS_PATH}`).faults).toEqual(['NEXT_HOP treat-as-withdraw RFC 7606 section 3(d)']);
  });
});

it('Partial of what is not understood is set, or stays as it came', () => {
  const unknown = 'c0f102 0102';
  expect(canonical(`${GOOD} ${unknown}`).octets).toContain('e0f1020102');
  expect(canonical(`${GOOD} ${unknown}`, { ...IBGP, keepPartial: true }).octets).toContain('c0f1020102');
});
