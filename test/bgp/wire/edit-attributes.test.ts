import type { AttributeEdits, PathAttributes } from 'bgp-ts/wire';
import {
  attributeKeys,
  CANONICAL,
  containsCluster,
  countAs,
  decodeAttributes,
  editAttributes,
  encodeAttributes,
  nextHopOctets,
  toTwoOctetAs,
} from 'bgp-ts/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attributes, fuzzRuns } from './arbitraries.ts';
import { hex, toHex } from './hex.ts';

const ROUTE: PathAttributes = {
  origin: 'igp',
  asPath: [{ type: 'sequence', asns: [65001, 65002] }],
  nextHop: { family: 'ipv4', words: [0x0a000001, 0, 0, 0] },
};

/** Attributes after an edit, typed. */
function edited(edits: AttributeEdits, before: PathAttributes = ROUTE): PathAttributes | undefined {
  return decodeAttributes(editAttributes(encodeAttributes(before), edits), CANONICAL, nextHopOctets(before)).attributes;
}

describe('edits on export', () => {
  it.each([
    ['AS numbers in front of a sequence', { prependAs: [1, 2] }, {}, { asPath: [{ type: 'sequence', asns: [1, 2, 65001, 65002] }] }],
    ['AS numbers in front of an empty path', { prependAs: [1] }, { asPath: [] }, { asPath: [{ type: 'sequence', asns: [1] }] }],
    [
      'AS numbers in front of a set',
      { prependAs: [1] },
      { asPath: [{ type: 'set', asns: [7, 8] }] },
      {
        asPath: [
          { type: 'sequence', asns: [1] },
          { type: 'set', asns: [7, 8] },
        ],
      },
    ],
    [
      'AS numbers where the segment is full (RFC 4271 section 5.1.2)',
      { prependAs: [1] },
      { asPath: [{ type: 'sequence', asns: new Array<number>(255).fill(9) }] },
      {
        asPath: [
          { type: 'sequence', asns: [1] },
          { type: 'sequence', asns: new Array<number>(255).fill(9) },
        ],
      },
    ],
    ['LOCAL_PREF set', { localPref: 300 }, { localPref: 1 }, { localPref: 300 }],
    ['MED set', { med: 5 }, {}, { med: 5 }],
    ['ORIGINATOR_ID set where there is none', { originatorId: 9 }, {}, { originatorId: 9 }],
    ['ORIGINATOR_ID kept where there is one (RFC 4456 section 8)', { originatorId: 9 }, { originatorId: 3 }, { originatorId: 3 }],
    ['CLUSTER_LIST begun', { prependCluster: 4 }, {}, { clusterList: [4] }],
    ['CLUSTER_LIST extended in front', { prependCluster: 4 }, { clusterList: [1, 2] }, { clusterList: [4, 1, 2] }],
    ['communities appended once', { addCommunities: [2, 3, 3] }, { communities: [1, 2] }, { communities: [1, 2, 3] }],
    [
      'a large community whose tail lies across two others is still new',
      { addLargeCommunities: [[2, 3, 4]] },
      {
        largeCommunities: [
          [1, 1, 2],
          [3, 4, 1],
        ],
      },
      {
        largeCommunities: [
          [1, 1, 2],
          [3, 4, 1],
          [2, 3, 4],
        ],
      },
    ],
    ['no communities added', { addCommunities: [] }, {}, {}],
  ] as const)('%s', (_name, edits, before, after) => {
    expect(edited(edits, { ...ROUTE, ...before })).toEqual({ ...ROUTE, ...before, ...after });
  });

  it('removals leave the rest as it was', () => {
    const full: PathAttributes = { ...ROUTE, localPref: 1, med: 2, originatorId: 3, clusterList: [4], communities: [5] };
    expect(edited({ localPref: 'remove', med: 'remove', originatorId: 'remove', clusterList: 'remove', remove: [8] }, full)).toEqual(ROUTE);
  });

  it('no edit changes nothing', () => {
    fc.assert(
      fc.property(
        attributes,
        (typed) => void expect(toHex(editAttributes(encodeAttributes(typed), {}))).toBe(toHex(encodeAttributes(typed))),
      ),
      { numRuns: fuzzRuns(200) },
    );
  });
});

describe('columns of the decision process', () => {
  it.each([
    [
      'a plain route',
      ROUTE,
      {
        origin: 0,
        localPref: 100,
        hasLocalPref: false,
        med: 0,
        hasMed: false,
        asPathLength: 2,
        neighbourAs: 65001,
        originAs: 65002,
        hasOriginatorId: false,
        clusterListLength: 0,
      },
    ],
    [
      'all of them',
      { ...ROUTE, origin: 'egp', localPref: 0, med: 0, originatorId: 0xffffffff, clusterList: [1, 2, 3] },
      {
        origin: 1,
        localPref: 0,
        hasLocalPref: true,
        med: 0,
        hasMed: true,
        originatorId: 0xffffffff,
        hasOriginatorId: true,
        clusterListLength: 3,
      },
    ],
    [
      'a set counts 1 (RFC 4271 section 9.1.2.2)',
      {
        ...ROUTE,
        asPath: [
          { type: 'sequence', asns: [1, 2] },
          { type: 'set', asns: [3, 4, 5] },
        ],
      },
      { asPathLength: 3, neighbourAs: 1, originAs: 0 },
    ],
    [
      'a path that begins with a set',
      {
        ...ROUTE,
        asPath: [
          { type: 'set', asns: [3, 4] },
          { type: 'sequence', asns: [7] },
        ],
      },
      { asPathLength: 2, neighbourAs: 0, originAs: 7 },
    ],
    [
      'confederation segments count 0 (RFC 5065 section 5.3)',
      {
        ...ROUTE,
        asPath: [
          { type: 'confed-sequence', asns: [1, 2] },
          { type: 'sequence', asns: [70000] },
        ],
      },
      { asPathLength: 1, neighbourAs: 70000, originAs: 70000 },
    ],
    ['an empty path', { ...ROUTE, asPath: [] }, { asPathLength: 0, neighbourAs: 0, originAs: 0 }],
  ] as const)('%s', (_name, typed, keys) => {
    expect(attributeKeys(encodeAttributes(typed))).toMatchObject(keys);
  });

  it('loop detection counts an AS wherever it stands', () => {
    const block = encodeAttributes({
      ...ROUTE,
      asPath: [
        { type: 'sequence', asns: [1, 2, 1] },
        { type: 'set', asns: [1] },
        { type: 'confed-set', asns: [3] },
      ],
      clusterList: [5, 6],
    });
    expect([1, 2, 3, 4].map((asn) => countAs(block, asn))).toEqual([3, 1, 1, 0]);
    expect([5, 6, 7].map((cluster) => containsCluster(block, cluster))).toEqual([true, true, false]);
    expect([countAs(hex(''), 1), containsCluster(encodeAttributes(ROUTE), 5)]).toEqual([0, false]);
  });
});

describe('blocks for peers with 2-octet AS numbers (RFC 6793 section 4.2.2)', () => {
  it.each([
    ['numbers that fit need no AS4_PATH', { ...ROUTE }, '400101 00 400206 0202 fde9 fdea'],
    [
      'one that does not',
      { ...ROUTE, asPath: [{ type: 'sequence', asns: [65001, 70000] }] },
      '400101 00 400206 0202 fde9 5ba0 c0110a 0202 0000fde9 00011170',
    ],
    [
      'confederation segments stay out of AS4_PATH',
      {
        ...ROUTE,
        asPath: [
          { type: 'confed-sequence', asns: [65001] },
          { type: 'sequence', asns: [70000] },
        ],
      },
      '400101 00 400208 0301 fde9 0201 5ba0 c01106 0201 00011170',
    ],
    [
      'a path of confederation segments alone',
      { ...ROUTE, asPath: [{ type: 'confed-sequence', asns: [70000] }] },
      '400101 00 400204 0301 5ba0',
    ],
    [
      'AGGREGATOR',
      { ...ROUTE, asPath: [], aggregator: { as: 70000, address: { family: 'ipv4', words: [1, 0, 0, 0] } } },
      '400101 00 400200 c00706 5ba0 00000001 c01208 00011170 00000001',
    ],
    [
      'AGGREGATOR that fits',
      { ...ROUTE, asPath: [], aggregator: { as: 65001, address: { family: 'ipv4', words: [1, 0, 0, 0] } } },
      '400101 00 400200 c00706 fde9 00000001',
    ],
  ] as const)('%s', (_name, typed, expected) => {
    expect(toHex(toTwoOctetAs(encodeAttributes(typed)))).toBe(toHex(hex(expected)));
  });
});
