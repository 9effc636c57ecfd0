/** Several paths of a prefix to and from a peer (RFC 7911), beyond what the fan-out invariant covers: identifiers, order, who pays. */
import type { Family } from 'bgp-ts/wire';
import { describe, expect, it } from 'vitest';
import { address, counter, Harness, type PeerOptions, prefix } from './harness.ts';

const P = '203.0.113.7/32';
const FAMILIES: readonly Family[] = ['ipv4-unicast', 'ipv6-unicast'];
const CLIENT: PeerOptions = { reflectorClient: true };
const READER: PeerOptions = { reflectorClient: true, addPathSend: FAMILIES };

/** Path identifiers to next hops, as the peer was told. */
function held(harness: Harness, peer: number, text = P): Map<number, string> {
  const query = { view: 'advertised', peer, family: 'ipv4-unicast', prefix: prefix(text) } as const;
  return new Map(harness.rib.routes(query, 0, 100).routes.map(({ pathId, from }) => [pathId ?? 0, from]));
}

describe('towards a peer that reads several paths', () => {
  it('all of them are told but its own, one to a peer that reads one', () => {
    const harness = new Harness();
    const nodes = [harness.peer(CLIENT), harness.peer(CLIENT), harness.peer(CLIENT)];
    const reader = harness.peer(READER);
    const plain = harness.peer(CLIENT);
    for (const peer of [...nodes, reader]) harness.announce(peer, [P]);
    harness.settle();
    expect([...held(harness, reader.index).values()].sort()).toEqual(['p0', 'p1', 'p2']);
    expect(reader.view.size).toBe(3);
    expect(plain.view.size).toBe(1);
    expect(harness.rib.familyStatus(reader.index, 'ipv4-unicast').advertised).toBe(3);
    expect(harness.rib.explain(prefix(P)).peers[reader.index]).toMatchObject({ advertised: true, delivered: true });
  });

  it('an identifier stays while its path does, through changes of it and of the others', () => {
    const harness = new Harness();
    const [a, b, c] = [harness.peer(CLIENT), harness.peer(CLIENT), harness.peer(CLIENT)];
    const reader = harness.peer(READER);
    for (const peer of [a, b, c]) harness.announce(peer, [P]);
    harness.settle();
    const before = held(harness, reader.index);
    harness.withdraw(a, [P]);
    harness.announce(b, [P], { med: 7 });
    harness.announce(c, ['198.51.100.0/24']);
    harness.settle();
    const kept = [...before].filter(([, from]) => from !== 'p0');
    expect(new Map(held(harness, reader.index))).toEqual(new Map(kept));
    harness.reconfigure(reader, { addPathLimit: 9 });
    reader.heard.length = 0;
    harness.settle();
    expect(new Map(held(harness, reader.index))).toEqual(new Map(kept));
    expect(reader.heard).toEqual([]);
  });

  it('a path that is not the best costs a change for that path, and nothing for peers that read one', () => {
    const harness = new Harness();
    const [a, b] = [harness.peer(CLIENT), harness.peer(CLIENT)];
    const reader = harness.peer(READER);
    const plain = harness.peer(CLIENT);
    harness.announce(a, [P], { localPref: 200 });
    harness.announce(b, [P]);
    harness.settle();
    const encodes = counter(harness, 'encodes');
    for (const peer of [reader, plain]) peer.heard.length = 0;
    harness.announce(b, [P], { med: 3 });
    harness.settle();
    expect(reader.heard).toEqual([`announce ${P}`]);
    expect(plain.heard).toEqual([]);
    expect(counter(harness, 'encodes') - encodes).toBe(1);
  });

  it('at most the limit, the best ones in the order of the decision; a rejected one leaves its place to the next', () => {
    const harness = new Harness();
    const nodes = [100, 400, 300, 200].map((localPref) => ({ peer: harness.peer(CLIENT), localPref }));
    const reader = harness.peer({ ...READER, addPathLimit: 2 });
    for (const { peer, localPref } of nodes) harness.announce(peer, [P], { localPref });
    harness.settle();
    expect([...held(harness, reader.index).values()].sort()).toEqual(['p1', 'p2']);
    const best = nodes[1];
    if (best === undefined) throw new Error('no node');
    harness.announce(best.peer, [P], { localPref: 400, communities: [0xffffff02] });
    harness.settle();
    expect([...held(harness, reader.index).values()].sort()).toEqual(['p2', 'p3']);
  });

  it('best N by the decision where MED gives no order: each next one is the best of those that are left', () => {
    const harness = new Harness();
    const path = (as: number): { asPath: [{ type: 'sequence'; asns: number[] }] } => ({ asPath: [{ type: 'sequence', asns: [as] }] });
    const [a, b, c] = [
      harness.peer({ ...CLIENT, remoteId: 1 }),
      harness.peer({ ...CLIENT, remoteId: 2 }),
      harness.peer({ ...CLIENT, remoteId: 3 }),
    ];
    const reader = harness.peer({ ...READER, addPathLimit: 2 });
    harness.announce(a, [P], { ...path(100), med: 5 });
    harness.announce(b, [P], { ...path(200), med: 50 });
    harness.announce(c, [P], { ...path(100), med: 1 });
    harness.settle();
    // b is best (c removes a by MED); of a and c, c is the better by MED.
    expect([...held(harness, reader.index).values()].sort()).toEqual(['p1', 'p2']);
  });

  it('paths that come and go leave no slots behind', () => {
    const harness = new Harness();
    const node = harness.peer(CLIENT);
    const other = harness.peer(CLIENT);
    const reader = harness.peer(READER);
    harness.announce(other, [P]);
    const identifiers = new Set<number>();
    for (let round = 0; round < 50; round++) {
      harness.announce(node, [P], { med: round });
      harness.settle();
      for (const id of held(harness, reader.index).keys()) identifiers.add(id);
      harness.withdraw(node, [P]);
      harness.settle();
    }
    expect(reader.view.size).toBe(1);
    expect(identifiers.size).toBeLessThanOrEqual(3);
    harness.withdraw(other, [P]);
    harness.settle();
    expect([reader.view.size, harness.rib.stats().prefixes['ipv4-unicast']]).toEqual([0, 0]);
  });
});

describe('from a peer that sends several paths', () => {
  it('each is a path of its own: next best when one goes, all to a peer that reads several, none back', () => {
    const harness = new Harness();
    const sender = harness.peer({ ...CLIENT, addPathReceive: FAMILIES });
    const reader = harness.peer(READER);
    const plain = harness.peer(CLIENT);
    const hop = (last: number): { nextHop: ReturnType<typeof address> } => ({ nextHop: address(`10.7.0.${last}`) });
    for (const id of [1, 2, 3]) harness.announce(sender, [P], hop(id), id);
    harness.settle();
    expect([reader.view.size, sender.view.size]).toEqual([3, 0]);
    expect(plain.view.get(P)?.nextHop).toEqual(address('10.7.0.1'));
    expect(harness.rib.explain(prefix(P)).decidedBy?.step).toBe('lower path identifier');
    harness.withdraw(sender, [P], 1);
    harness.settle();
    expect(reader.view.size).toBe(2);
    expect(plain.view.get(P)?.nextHop).toEqual(address('10.7.0.2'));
    harness.rib.sessionDown(sender.index, 'flush');
    harness.settle();
    expect([reader.view.size, plain.view.size]).toEqual([0, 0]);
  });
});
