/** Next hops by the routes of this machine: the interface that policies ask for, and the cost that decides between equal paths. */
import type { Policy } from 'bgp-ts/policy';
import { describe, expect, it } from 'vitest';
import type { LocalRoute } from '../../../src/bgp/speaker-types.ts';
import { address, Harness, prefix, type TestPeer } from './harness.ts';

const link = (to: string, name: string): LocalRoute => ({ prefix: prefix(to), protocol: 'device', interface: name, reasons: [] });
const way = (to: string, gateway: string, name: string): LocalRoute => ({
  prefix: prefix(to),
  protocol: 'kernel',
  interface: name,
  nextHop: address(gateway),
  reasons: [],
});

const overEth0: Policy = {
  name: 'over eth0',
  terms: [{ name: 'eth0', when: [{ kind: 'interface', any: ['eth0'] }], then: [{ kind: 'accept' }], reasons: [] }],
  otherwise: 'reject',
};

const bgpOnly = (peer: TestPeer): string[] => [...peer.view.keys()].filter((key) => key.startsWith('10.244'));

describe('a policy that asks for the interface of a peer’s route', () => {
  it('on export sees the one that leads to the next hop, and follows it', () => {
    const harness = new Harness();
    const [from, to] = [harness.peer({ remoteAs: 65001 }), harness.peer({ exportPolicy: overEth0 })];
    harness.announce(from, ['10.244.0.0/24'], { nextHop: address('10.50.0.9') });
    harness.settle();
    expect(bgpOnly(to)).toEqual([]);
    harness.rib.setLocalRoutes([link('10.50.0.0/16', 'eth0')], []);
    harness.settle();
    expect(bgpOnly(to)).toEqual(['10.244.0.0/24']);
    harness.rib.setLocalRoutes([way('10.50.0.9/32', '10.60.0.1', 'eth1')], []);
    harness.settle();
    expect(bgpOnly(to)).toEqual([]);
    harness.rib.setLocalRoutes([], [prefix('10.50.0.9/32')]);
    harness.settle();
    expect(bgpOnly(to)).toEqual(['10.244.0.0/24']);
    harness.rib.replaceLocalRoutes([]);
    harness.settle();
    expect(bgpOnly(to)).toEqual([]);
  });

  it('on import too', () => {
    const harness = new Harness();
    const [from, to] = [harness.peer({ remoteAs: 65001, importPolicy: overEth0 }), harness.peer()];
    harness.rib.replaceLocalRoutes([link('10.50.0.0/16', 'eth1')]);
    harness.announce(from, ['10.244.0.0/24'], { nextHop: address('10.50.0.9') });
    harness.settle();
    expect(bgpOnly(to)).toEqual([]);
    harness.rib.replaceLocalRoutes([link('10.50.0.0/16', 'eth0')]);
    harness.settle();
    expect(bgpOnly(to)).toEqual(['10.244.0.0/24']);
  });
});

describe('between paths that are equal otherwise', () => {
  const best = (harness: Harness): string | undefined => {
    harness.settle();
    const change = harness.rib
      .bestChanges(100)
      .findLast(({ prefix: to }) => to.length === 24 && to.words[0] === prefix('10.244.0.0/24').words[0]);
    return change?.best?.nextHops.map((hop) => hop.words[0] & 0xff).join(',');
  };

  it('the one whose next hop is on a link of this machine is used, alone', () => {
    const harness = new Harness();
    const [one, two] = [harness.peer(), harness.peer()];
    harness.announce(one, ['10.244.0.0/24'], { nextHop: address('10.50.0.1') });
    harness.announce(two, ['10.244.0.0/24'], { nextHop: address('10.50.0.2') });
    expect(best(harness)).toBe('1,2');
    harness.rib.replaceLocalRoutes([link('10.50.0.0/16', 'eth0'), way('10.50.0.1/32', '10.50.0.3', 'eth0')]);
    expect(best(harness)).toBe('2');
  });
});

describe('the dialect of BIRD 1.6', () => {
  it('tells an external peer MED 0 where there was one', () => {
    const harness = new Harness();
    const from = harness.peer();
    const [plain, bird] = [harness.peer({ remoteAs: 65001 }), harness.peer({ remoteAs: 65001, dialect: 'bird-1.6' })];
    harness.announce(from, ['10.244.0.0/24'], { med: 50 });
    harness.announce(from, ['10.245.0.0/24']);
    harness.settle();
    expect([plain, bird].map((peer) => peer.view.get('10.244.0.0/24')?.med)).toEqual([undefined, 0]);
    expect(bird.view.get('10.245.0.0/24')).not.toHaveProperty('med');
  });

  it('looks for the CLUSTER_ID of the session, in what clients send', () => {
    const looped = (options: Parameters<Harness['peer']>[0], cluster: number): boolean => {
      const harness = new Harness();
      const [from, to] = [harness.peer(options), harness.peer({ remoteAs: 65001 })];
      harness.announce(from, ['10.244.0.0/24'], { originatorId: 7, clusterList: [cluster] });
      harness.settle();
      return bgpOnly(to).length === 0;
    };
    const own = 0x0a63_0001;
    expect(looped({}, own)).toBe(true);
    expect(looped({ dialect: 'bird-1.6' }, own)).toBe(false);
    expect(looped({ dialect: 'bird-1.6', reflectorClient: true, clusterId: 9 }, own)).toBe(false);
    expect(looped({ dialect: 'bird-1.6', reflectorClient: true, clusterId: 9 }, 9)).toBe(true);
  });

  it('takes what came round by a non-client for itself and reflects it to nobody', () => {
    const harness = new Harness();
    const fellow = harness.peer({ dialect: 'bird-1.6', clusterId: 9 });
    const [client, outside] = [
      harness.peer({ dialect: 'bird-1.6', reflectorClient: true, clusterId: 9 }),
      harness.peer({ dialect: 'bird-1.6', remoteAs: 65001 }),
    ];
    harness.announce(fellow, ['10.244.0.0/24'], { originatorId: 7, clusterList: [9] });
    harness.settle();
    expect([client, outside].map(bgpOnly)).toEqual([[], ['10.244.0.0/24']]);
  });
});
