import { attributeName, canonicalAttributes } from 'bgp-ts/wire';
import { describe, expect, it } from 'vitest';
import { hex } from './hex.ts';

const GOOD = '400101 00 400206 0201 0000fde9 400304 c0000201';

/** Attributes that are checked and passed on, though their meaning is not used here: flags, code, length and value, then the verdict. */
describe('attributes carried through', () => {
  it.each([
    ['PMSI: no tunnel', 'c01605 00 00 000000', undefined],
    ['PMSI: ingress replication to an IPv4 address', 'c01609 00 06 000000 0a000001', undefined],
    ['PMSI: ingress replication to 3 octets (RFC 6515)', 'c01608 00 06 000000 0a0000', 'treat-as-withdraw'],
    ['PMSI: 4 octets', 'c01604 00 00 0000', 'treat-as-withdraw'],
    ['tunnel encapsulation: a short and a long sub-TLV', 'c0170d 0008 0009 06 02 0102 80 0002 0304', undefined],
    ['tunnel encapsulation: an empty tunnel', 'c01704 0008 0000', undefined],
    ['tunnel encapsulation: a sub-TLV that overruns', 'c01707 0008 0003 06 02 01', 'treat-as-withdraw'],
    ['tunnel encapsulation: nothing', 'c01700', 'treat-as-withdraw'],
    ['IPv6 extended communities', 'c01914 000220010db80000000000000000000000010001', undefined],
    ['IPv6 extended communities: none', 'c01900', 'treat-as-withdraw'],
    ['OTC', 'c02304 0000fde9', undefined],
    ['OTC: 3 octets', 'c02303 00fde9', 'treat-as-withdraw'],
    ['prefix SID: label index', 'c0280a 01 0007 00 0000 00000005', undefined],
    ['prefix SID: SRGB of one range', 'c0280b 03 0008 0000 003e80 001f40', undefined],
    ['prefix SID: SRGB of half a range', 'c02808 03 0005 0000 003e80', 'attribute-discard'],
    ['prefix SID: an unknown TLV', 'c02804 63 0001 00', undefined],
    ['prefix SID: nothing', 'c02800', 'attribute-discard'],
    ['next hop characteristics', 'c0270e 0001 01 04 0a000001 0001 0002 0000', undefined],
    ['next hop characteristics: a TLV that overruns', 'c0270d 0001 01 04 0a000001 0001 0002 00', 'attribute-discard'],
    ['next hop characteristics: a next hop of 5 octets', 'c02709 0001 01 05 0a00000100', 'attribute-discard'],
  ])('%s', (_name, octets, outcome) => {
    const { faults } = canonicalAttributes(hex(`${GOOD} ${octets}`), new Uint8Array(0), { fourOctetAs: true, external: false });
    expect(faults.map((fault) => fault.outcome)).toEqual(outcome === undefined ? [] : [outcome]);
  });

  it('codes without a name are told by number', () => {
    expect([14, 15, 26, 99].map(attributeName)).toEqual(['MP_REACH_NLRI', 'MP_UNREACH_NLRI', 'AIGP', 'attribute 99']);
  });
});
