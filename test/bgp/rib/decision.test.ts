/** The decision process step by step: two paths that differ in one thing, and the step that explain names. */

import type { Policy } from 'bgp-ts/policy';
import type { PathAttributes } from 'bgp-ts/wire';
import { describe, expect, it } from 'vitest';
import { DECISION_STEPS } from '../../../src/bgp/rib/index.ts';
import { Harness, type PeerOptions, prefix } from './harness.ts';

const P = '203.0.113.0/24';
const sequence = (...asns: number[]): PathAttributes['asPath'] => [{ type: 'sequence', asns }];
const preferring: Policy = {
  name: 'prefer',
  terms: [{ name: 'p', when: [], then: [{ kind: 'setPreference', value: 200 }, { kind: 'accept' }], reasons: [] }],
  otherwise: 'reject',
};

interface Side {
  readonly peer?: PeerOptions;
  readonly attributes?: Partial<PathAttributes>;
}

const EBGP = { remoteAs: 65001 } as const;

/** The winner, the loser, and where the loser lost. */
const STEPS: readonly (readonly [string, Side, Side])[] = [
  ['higher preference', { peer: { importPolicy: preferring }, attributes: { localPref: 50 } }, { attributes: { localPref: 300 } }],
  ['higher LOCAL_PREF', { attributes: { localPref: 200, asPath: sequence(1, 2, 3) } }, { attributes: { localPref: 100 } }],
  ['shorter AS_PATH', { attributes: { asPath: sequence(1), origin: 'incomplete' } }, { attributes: { asPath: sequence(1, 2) } }],
  [
    'shorter AS_PATH',
    { attributes: { asPath: [{ type: 'set', asns: [1, 2, 3] }], origin: 'incomplete' } },
    { attributes: { asPath: sequence(1, 2) } },
  ],
  ['lower ORIGIN', { attributes: { origin: 'igp', med: 9 } }, { attributes: { origin: 'egp', med: 1 } }],
  [
    'lower MED from the same neighbouring AS',
    { attributes: { asPath: sequence(1), med: 1 } },
    { attributes: { asPath: sequence(1), med: 2 } },
  ],
  ['lower MED from the same neighbouring AS', { attributes: { asPath: sequence(1) } }, { attributes: { asPath: sequence(1), med: 1 } }],
  [
    'external over internal',
    { peer: EBGP, attributes: { asPath: sequence(65001) } },
    { attributes: { asPath: sequence(65001), localPref: 100 }, peer: { remoteId: 1 } },
  ],
  ['lower ORIGINATOR_ID or BGP Identifier', { peer: { remoteId: 5 } }, { peer: { remoteId: 6 } }],
  [
    'lower ORIGINATOR_ID or BGP Identifier',
    { peer: { remoteId: 9 }, attributes: { originatorId: 3, clusterList: [1, 2] } },
    { peer: { remoteId: 4 } },
  ],
  ['shorter CLUSTER_LIST', { attributes: { originatorId: 3, clusterList: [1] } }, { attributes: { originatorId: 3, clusterList: [1, 2] } }],
  ['lower peer address', { peer: { remoteId: 7 } }, { peer: { remoteId: 7 } }],
];

describe('decision steps', () => {
  it.each(STEPS)('%s', (step, winner, loser) => {
    for (const order of ['winner first', 'loser first'] as const) {
      const harness = new Harness();
      const w = harness.peer(winner.peer);
      const l = harness.peer(loser.peer);
      const sides = [() => harness.announce(w, [P], winner.attributes), () => harness.announce(l, [P], loser.attributes)];
      for (const side of order === 'winner first' ? sides : sides.reverse()) side();
      harness.work();
      const [first, second] = harness.rib.explain(prefix(P)).candidates;
      expect([first?.from, first?.best, first?.lostAt]).toEqual(['p0', true, undefined]);
      expect([second?.from, second?.lostAt?.step]).toEqual(['p1', step]);
      expect(harness.rib.explain(prefix(P)).decidedBy?.step).toBe(step);
    }
  });

  it.each([undefined, 300])('locally originated wins with equal preference, before LOCAL_PREF (%s) is compared', (localPref) => {
    for (const order of ['local first', 'local last']) {
      const harness = new Harness();
      const peer = harness.peer({ importPolicy: preferring });
      const events = [() => harness.local(P), () => harness.announce(peer, [P], localPref === undefined ? {} : { localPref })];
      for (const event of order === 'local first' ? events : events.reverse()) {
        event();
        harness.work();
      }
      const explained = harness.rib.explain(prefix(P));
      expect(explained.candidates.map((route) => route.from)).toEqual(['local', 'p0']);
      expect(explained.decidedBy).toEqual({ step: 'locally originated', citation: 'RFC 4271 section 9.1.1' });
    }
  });

  it('a kernel route loses to a BGP route by preference', () => {
    const harness = new Harness();
    const peer = harness.peer();
    harness.announce(peer, [P]);
    harness.local(P, { protocol: 'kernel' });
    harness.work();
    expect(harness.rib.explain(prefix(P)).candidates[0]?.from).toBe('p0');
  });

  it('MED does not compare across neighbouring AS, and removes a path for the sake of a third', () => {
    const harness = new Harness();
    const a = harness.peer({ remoteId: 1 });
    const b = harness.peer({ remoteId: 2 });
    const c = harness.peer({ remoteId: 3 });
    // a would win by BGP Identifier, but c has a lower MED from the same AS; c then loses to b by Identifier.
    harness.announce(a, [P], { asPath: sequence(100), med: 5 });
    harness.announce(b, [P], { asPath: sequence(200), med: 50 });
    harness.announce(c, [P], { asPath: sequence(100), med: 1 });
    harness.work();
    const lost = new Map(harness.rib.explain(prefix(P)).candidates.map((route) => [route.from, route.lostAt?.step]));
    expect(lost).toEqual(
      new Map([
        ['p1', undefined],
        ['p0', 'lower MED from the same neighbouring AS'],
        ['p2', 'lower ORIGINATOR_ID or BGP Identifier'],
      ]),
    );
  });

  it.each([
    [
      'a missing MED is the best',
      { missing: 'zero', compare: 'same-as' },
      [{ as: 100 }, { as: 100, med: 1 }],
      'lower MED from the same neighbouring AS',
    ],
    [
      'a missing MED is the worst',
      { missing: 'worst', compare: 'same-as' },
      [{ as: 100, med: 9 }, { as: 100 }],
      'lower MED from the same neighbouring AS',
    ],
    [
      'other neighbouring AS do not compare',
      { missing: 'worst', compare: 'same-as' },
      [{ as: 100 }, { as: 200, med: 1 }],
      'lower ORIGINATOR_ID or BGP Identifier',
    ],
    [
      'other neighbouring AS compare',
      { missing: 'zero', compare: 'always' },
      [
        { as: 100, med: 1 },
        { as: 200, med: 2 },
      ],
      'lower MED',
    ],
    [
      'both missing: as good as each other',
      { missing: 'worst', compare: 'always' },
      [{ as: 100 }, { as: 200 }],
      'lower ORIGINATOR_ID or BGP Identifier',
    ],
  ] as const)('MED options: %s', (_name, med, sides, step) => {
    for (const change of ['before', 'after']) {
      const harness = new Harness();
      if (change === 'before') harness.rib.setMed(med);
      // The loser's identifier is lower where MED has to decide, so a wrong choice shows.
      const reverse = step.startsWith('lower MED');
      for (const [at, side] of sides.entries()) {
        const peer = harness.peer({ remoteId: reverse ? 9 - at : 1 + at });
        harness.announce(peer, [P], { asPath: sequence(side.as), ...('med' in side && typeof side.med === 'number' && { med: side.med }) });
      }
      harness.work();
      harness.rib.setMed(med);
      harness.work();
      const { candidates, decidedBy } = harness.rib.explain(prefix(P));
      expect(candidates.map(({ from, lostAt }) => [from, lostAt?.step])).toEqual([
        ['p0', undefined],
        ['p1', step],
      ]);
      expect(decidedBy?.step).toBe(step);
    }
  });

  it('a change of the MED options is told to the peers, and only where the choice is another', () => {
    const harness = new Harness();
    const [a, b] = [harness.peer({ remoteId: 1 }), harness.peer({ remoteId: 2 })];
    const reader = harness.peer({ reflectorClient: true });
    for (const text of [P, '203.0.114.0/24']) {
      harness.announce(a, [text], { asPath: sequence(100), med: text === P ? 5 : 0 });
      harness.announce(b, [text], { asPath: sequence(200), med: 1 });
    }
    harness.settle();
    reader.heard.length = 0;
    harness.rib.setMed({ missing: 'zero', compare: 'always' });
    expect(harness.rib.hasWork()).toBe(true);
    harness.settle();
    expect(reader.heard).toEqual([`announce ${P}`]);
    expect(reader.view.get(P)?.asPath).toEqual(sequence(200));
  });

  it('every step cites its source', () => {
    for (const { citation } of DECISION_STEPS) expect(citation).toMatch(/^(RFC \d+ section|control-plane \d)/);
  });
});
