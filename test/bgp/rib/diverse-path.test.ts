/** Sessions that are told the n-th best path with a next hop of its own (RFC 6774), for a router without add-path. */
import { describe, expect, it } from 'vitest';
import { address, counter, Harness, NONE, prefix, ROUTER_ID, type TestPeer } from './harness.ts';

const P = '192.0.2.7/32';
const CLIENT = { reflectorClient: true } as const;
const TOR = { remoteAs: 65001, nextHop: 'keep' } as const;

interface Setup {
  readonly harness: Harness;
  readonly nodes: readonly TestPeer[];
  /** Sessions of one router, for the best path, the second and the third. */
  readonly tor: readonly TestPeer[];
}

/** Three nodes that can announce a VIP, and a router with three sessions. */
function setUp(more: object = {}): Setup {
  const harness = new Harness();
  const nodes = [1, 2, 3].map(() => harness.peer(CLIENT));
  const tor = [1, 2, 3].map((diversePath) => harness.peer({ ...TOR, ...more, diversePath, remoteId: 0x0a000200 }));
  return { harness, nodes, tor };
}

function announceAll({ harness, nodes }: Setup): void {
  for (const [at, node] of nodes.entries()) harness.announce(node, [P], { nextHop: address(`10.1.0.${at + 1}`) });
  harness.settle();
}

const nextHops = ({ tor }: Setup): (number | undefined)[] => tor.map((session) => session.view.get(P)?.nextHop.words[0]);
const hop = (last: number): number => 0x0a010000 + last;

describe('diverse paths', () => {
  it('each session has another next hop, and together they have all', () => {
    const setup = setUp();
    announceAll(setup);
    expect(nextHops(setup)).toEqual([hop(1), hop(2), hop(3)]);
  });

  it('a node that goes moves up those behind it, one change each', () => {
    const setup = setUp();
    announceAll(setup);
    for (const session of setup.tor) session.heard.length = 0;
    setup.harness.rib.sessionDown(setup.nodes[0]?.index ?? -1, 'flush');
    setup.harness.settle();
    expect(nextHops(setup)).toEqual([hop(2), hop(3), undefined]);
    expect(setup.tor.map((session) => session.heard)).toEqual([[`announce ${P}`], [`announce ${P}`], [`withdraw ${P}`]]);
    setup.harness.up(setup.nodes[0] ?? setup.harness.peer());
    announceAll(setup);
    expect(nextHops(setup)).toEqual([hop(1), hop(2), hop(3)]);
  });

  it('a change behind the place of a session is nothing to it', () => {
    const setup = setUp();
    announceAll(setup);
    for (const session of setup.tor) session.heard.length = 0;
    const { harness, nodes } = setup;
    if (nodes[2] !== undefined) harness.withdraw(nodes[2], [P]);
    harness.settle();
    expect(setup.tor.map((session) => session.heard)).toEqual([[], [], [`withdraw ${P}`]]);
  });

  it('the same node through another reflector is no other next hop', () => {
    const setup = setUp();
    const { harness, nodes } = setup;
    const again = harness.peer();
    announceAll(setup);
    harness.announce(again, [P], { nextHop: address('10.1.0.1'), originatorId: 1, clusterList: [9] });
    harness.settle();
    expect(nextHops(setup)).toEqual([hop(1), hop(2), hop(3)]);
    if (nodes[1] !== undefined) harness.withdraw(nodes[1], [P]);
    harness.settle();
    expect(nextHops(setup)).toEqual([hop(1), hop(3), undefined]);
  });

  it('where the next hop is this speaker, the first session says all there is', () => {
    const setup = setUp({ nextHop: 'auto' });
    announceAll(setup);
    expect(setup.tor.map((session) => session.view.size)).toEqual([1, 0, 0]);
    const explained = setup.harness.rib.explain(prefix(P)).peers.find(({ peer }) => peer === setup.tor[1]?.config.id);
    expect(explained?.blockedBy).toMatchObject({ rule: 'no 2 paths with different next hops', citation: 'RFC 6774 section 2' });
  });

  it('paths that import refused are none of them, and not the reason while there are others', () => {
    const setup = setUp({ nextHop: 'auto' });
    announceAll(setup);
    setup.harness.announce(setup.harness.peer(), [P], { originatorId: ROUTER_ID });
    setup.harness.settle();
    const explained = setup.harness.rib.explain(prefix(P));
    expect(explained.candidates.filter(({ accepted }) => !accepted)).toHaveLength(1);
    expect(explained.peers.find(({ peer }) => peer === setup.tor[1]?.config.id)?.blockedBy?.rule).toBe(
      'no 2 paths with different next hops',
    );
  });

  it('explain and the routes of the session show the path that it tells', () => {
    const setup = setUp();
    announceAll(setup);
    const [, second] = setup.tor;
    if (second === undefined) throw new Error('no session');
    const { routes } = setup.harness.rib.routes({ view: 'advertised', peer: second.index, family: 'ipv4-unicast' }, 0, 10);
    expect(routes.map(({ from, best }) => [from, best])).toEqual([['p1', false]]);
    const explained = setup.harness.rib.explain(prefix(P)).peers.find(({ peer }) => peer === second.config.id);
    expect(explained).toMatchObject({ advertised: true, delivered: true });
  });

  it('its policy decides which paths count', () => {
    const setup = setUp();
    announceAll(setup);
    const [, second] = setup.tor;
    if (second === undefined) throw new Error('no session');
    setup.harness.reconfigure(second, { exportPolicy: NONE });
    setup.harness.settle();
    expect(nextHops(setup)).toEqual([hop(1), undefined, hop(3)]);
  });

  it('a session goes to another place in place', () => {
    const setup = setUp();
    announceAll(setup);
    const [first, second] = setup.tor;
    if (first === undefined || second === undefined) throw new Error('no sessions');
    setup.harness.reconfigure(second, { diversePath: 3 });
    setup.harness.settle();
    expect(nextHops(setup)).toEqual([hop(1), hop(3), hop(3)]);
    setup.harness.reconfigure(second, { diversePath: 1 });
    setup.harness.settle();
    expect(nextHops(setup)).toEqual([hop(1), hop(1), hop(3)]);
  });

  it('costs nothing where no session asks for it: a path that does not win is not exported', () => {
    const harness = new Harness();
    const [a, b] = [harness.peer(CLIENT), harness.peer(CLIENT)];
    harness.peer(TOR);
    harness.announce(a, [P]);
    harness.settle();
    const before = counter(harness, 'exportEvaluations');
    harness.announce(b, [P]);
    harness.settle();
    expect(counter(harness, 'exportEvaluations')).toBe(before);
  });
});
