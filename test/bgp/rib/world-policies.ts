/** What random worlds are made of: numbers, prefixes, and policies that each stand beside a function that does the same. */
import { type Prefix, parsePrefix } from 'bgp-ts/net';
import type { PathAttributes } from 'bgp-ts/wire';
import type { Candidate, TwinPolicy } from './model.ts';

export type Random = (below: number) => number;

/** mulberry32: small, seedable, the same everywhere. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

export function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(`bad prefix ${text}`);
  return prefix;
}

export const PREFIXES: readonly Prefix[] = [
  '10.1.0.0/16',
  '10.1.2.0/24',
  '10.2.0.0/26',
  '10.3.0.1/32',
  '0.0.0.0/0',
  '192.0.2.128/25',
  'fd00:1::/64',
  'fd00:1:2::7/128',
].map(prefixOf);
const EVEN = prefixOf('10.1.0.0/16');
export const COMMUNITY = ((65000 << 16) | 7) >>> 0;

const isUnder = (prefix: Prefix): boolean =>
  prefix.family === 'ipv4' && prefix.length >= 16 && prefix.words[0] >>> 16 === EVEN.words[0] >>> 16;
const withAttributes = (route: Candidate, change: Partial<PathAttributes>): Candidate => ({
  ...route,
  attributes: { ...route.attributes, ...change },
});

/** Policies with and without prefix conditions, verdict-less terms and modifications. */
export const POLICIES: readonly TwinPolicy[] = [
  { data: { name: 'all', terms: [], otherwise: 'accept' }, apply: (route) => route },
  {
    data: {
      name: 'only-10-1',
      terms: [
        {
          name: 't',
          when: [{ kind: 'prefix', any: [{ prefix: EVEN, match: { kind: 'orLonger' } }] }],
          then: [{ kind: 'accept' }],
          reasons: [],
        },
      ],
      otherwise: 'reject',
    },
    apply: (route) => (isUnder(route.prefix) ? route : undefined),
  },
  {
    data: {
      name: 'tag-and-drop',
      terms: [
        { name: 'drop', when: [{ kind: 'community', value: COMMUNITY }], then: [{ kind: 'reject' }], reasons: [] },
        {
          name: 'raise',
          when: [{ kind: 'prefix', any: [{ prefix: EVEN, match: { kind: 'orLonger' } }] }],
          then: [{ kind: 'setLocalPref', value: 150 }],
          reasons: [],
        },
        { name: 'more', when: [{ kind: 'localPref', op: 'gt', value: 140 }], then: [{ kind: 'addCommunity', value: 5 }], reasons: [] },
      ],
      otherwise: 'accept',
    },
    apply(route) {
      if (route.attributes.communities?.includes(COMMUNITY) === true) return undefined;
      const raised = isUnder(route.prefix) ? withAttributes(route, { localPref: 150 }) : route;
      const localPref = raised.attributes.localPref ?? (route.from === undefined ? 0 : 100);
      if (localPref <= 140) return raised;
      const communities = raised.attributes.communities ?? [];
      return communities.includes(5) ? raised : withAttributes(raised, { communities: [...communities, 5] });
    },
  },
  {
    data: {
      name: 'same-as-all',
      terms: [{ name: 'label', when: [], then: [{ kind: 'accept' }], reasons: [{ object: 'x', rule: 'y' }] }],
      otherwise: 'reject',
    },
    apply: (route) => route,
  },
];
