/** Changes of routes as they are counted for each peer, and how many of its routes are best. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PeerFamilyStatus } from '../../../src/bgp/speaker-status.ts';
import type { Family } from '../../../src/bgp/wire/index.ts';
import { ALL, address, Harness, LOCAL_AS, NONE, type PeerOptions, type TestPeer } from './harness.ts';

const CLIENT: PeerOptions = { reflectorClient: true };
const V4 = 'ipv4-unicast';
const statusOf = ({ rib }: Harness, { index }: TestPeer, family: Family = V4): ReturnType<typeof rib.familyStatus> =>
  rib.familyStatus(index, family);
const changesOf = (harness: Harness, peer: TestPeer): PeerFamilyStatus['changes'] => statusOf(harness, peer).changes;

describe('changes that a peer makes', () => {
  it('are told apart by what became of them', () => {
    const harness = new Harness();
    const source = harness.peer(CLIENT);
    harness.announce(source, ['10.0.0.0/24', '10.0.1.0/24']);
    harness.announce(source, ['10.0.0.0/24', '10.0.2.0/24']);
    harness.announce(source, ['10.0.1.0/24'], { med: 7 });
    harness.announce(source, ['10.0.3.0/24', '10.0.4.0/24'], { asPath: [{ type: 'sequence', asns: [LOCAL_AS] }] });
    harness.withdraw(source, ['10.0.0.0/24', '10.9.0.0/24']);
    harness.settle();
    expect(changesOf(harness, source)).toMatchObject({
      importAccepted: 4,
      importIgnored: 1,
      importRejected: 2,
      importFiltered: 0,
      withdrawAccepted: 1,
      withdrawIgnored: 1,
    });
  });

  it('count as filtered where the import policy rejects, as rejected above the limit, and stay over sessions', () => {
    const harness = new Harness();
    const filtered = harness.peer({ ...CLIENT, importPolicy: NONE });
    const limited = harness.peer({ ...CLIENT, maxPrefix: 1 });
    harness.announce(filtered, ['10.0.0.0/24']);
    harness.announce(limited, ['10.1.0.0/24', '10.1.1.0/24', '10.1.2.0/24']);
    harness.settle();
    harness.rib.sessionDown(filtered.index, 'flush');
    harness.up(filtered);
    harness.announce(filtered, ['10.0.0.0/24']);
    harness.settle();
    expect(changesOf(harness, filtered)).toMatchObject({ importFiltered: 2, importAccepted: 0 });
    expect(changesOf(harness, limited)).toMatchObject({ importAccepted: 2, importRejected: 1 });
  });
});

describe('changes that a peer is told', () => {
  it('leave out what the rules of BGP and what the policy of its group keep back', () => {
    const harness = new Harness();
    const source = harness.peer();
    const inner = harness.peer();
    const outer = harness.peer({ remoteAs: 65001, exportPolicy: NONE });
    harness.announce(source, ['10.0.0.0/24', '10.0.1.0/24']);
    harness.local('10.5.0.0/24');
    harness.settle();
    expect(changesOf(harness, inner)).toMatchObject({ exportAccepted: 1, exportRejected: 2, exportFiltered: 0 });
    expect(changesOf(harness, outer)).toMatchObject({ exportAccepted: 0, exportRejected: 0, exportFiltered: 3 });
    expect(changesOf(harness, source)).toMatchObject({ exportAccepted: 1 });
  });
});

/** One step of a random world of four peers and eight prefixes. */
const step = fc.record({
  peer: fc.nat(3),
  prefixes: fc.uniqueArray(fc.nat(7), { minLength: 1, maxLength: 5 }),
  kind: fc.constantFrom('announce', 'withdraw', 'better', 'bounce', 'policy', 'refresh', 'settle'),
  v6: fc.boolean(),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function take(harness: Harness, { peer: number, prefixes, kind, v6 }: Step): void {
  const peer = harness.peers[number];
  if (peer === undefined) return;
  const named = prefixes.map((n) => (v6 ? `2001:db8:${n}::/48` : `10.${n}.0.0/16`));
  if (kind === 'announce') harness.announce(peer, named);
  // An ORIGINATOR_ID keeps the route from the peer with that identifier.
  else if (kind === 'better') harness.announce(peer, named, { localPref: 200, originatorId: 0x0a000100 + ((number + 1) & 3) });
  else if (kind === 'withdraw') harness.withdraw(peer, named);
  else if (kind === 'bounce') {
    harness.rib.sessionDown(peer.index, 'flush');
    harness.up(peer);
  } else if (kind === 'policy') harness.reconfigure(peer, { exportPolicy: peer.config.exportPolicy === ALL ? NONE : ALL });
  else if (kind === 'refresh') harness.rib.refresh(peer.index, v6 ? 'ipv6-unicast' : V4, true);
  else harness.settle();
}

describe('in random worlds', () => {
  it.each([
    ['prefixes', CLIENT],
    ['several paths of each', { ...CLIENT, addPathSend: [V4, 'ipv6-unicast'] } satisfies PeerOptions],
  ])('what a peer was told, %s, is what it heard, and best routes are those of the table', (_, options) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const harness = new Harness();
        for (let n = 0; n < 4; n++) harness.peer(n === 3 ? {} : options);
        harness.local('10.7.0.0/16', { nextHop: address('10.7.7.7') });
        for (const each of steps) take(harness, each);
        harness.settle();
        for (const peer of harness.peers) {
          const families = (['ipv4-unicast', 'ipv6-unicast'] as const).map((family) => statusOf(harness, peer, family));
          const sum = (count: (family: (typeof families)[number]) => number): number =>
            families.reduce((total, one) => total + count(one), 0);
          const heard = (what: string): number => peer.heard.filter((line) => line.startsWith(what)).length;
          expect(sum(({ changes }) => changes.exportAccepted)).toBeGreaterThanOrEqual(heard('announce'));
          if (!steps.some(({ kind }) => kind === 'bounce')) {
            expect(sum(({ changes }) => changes.exportAccepted)).toBe(heard('announce'));
            expect(sum(({ changes }) => changes.exportWithdrawn)).toBe(heard('withdraw'));
          }
          const best = (['ipv4-unicast', 'ipv6-unicast'] as const).map(
            (family) => harness.rib.routes({ family, view: 'best', peer: peer.index }, 0, 1000).routes.length,
          );
          expect(families.map(({ preferred }) => preferred)).toEqual(best);
        }
      }),
      { numRuns: 150 },
    );
  });
});
