/** Work is counted: one change evaluates what it touches and nothing else (contracts.md, Benchmarks), at 200 nodes and 300 Services. */
import { describe, expect, it } from 'vitest';
import { createDesire } from '../../../src/confd/desired/desire.ts';
import type { DesireEngine, DesireWork } from '../../../src/confd/desired/types.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { affinity, configuration, filter, node, peer, pool, prefix, secret, service, slice, snapshotOf } from '../../worlds/build.ts';
import { LARGE_SELF, largeCluster, withChange } from '../../worlds/large.ts';

const tor = peer('tor', { peerIP: '9.0.0.1', asNumber: 65001, filters: ['f'], password: { name: 's', key: 'k' } });

const cluster: Resource[] = [
  ...largeCluster(200, 300),
  tor,
  peer('others', { nodeSelector: 'nobody', peerSelector: 'rack=1' }),
  filter('f', { exportV4: [{ action: 'Reject', cidr: prefix('1.0.0.0/8'), matchOperator: 'In' }] }),
  secret('s', { k: 'one', other: 'x' }),
];

function started(): DesireEngine {
  const engine = createDesire({ node: LARGE_SELF, engine: { password: true } });
  engine.update(snapshotOf(cluster), { changed: [], issuesChanged: false });
  return engine;
}

function workOf(change: Resource): Omit<DesireWork, 'full'> & { readonly entriesKept: boolean } {
  const engine = started();
  const before = engine.work();
  const old = engine.update(snapshotOf(cluster), { changed: [], issuesChanged: false });
  const { snapshot, delta } = withChange(cluster, change);
  const result = engine.update(snapshot, delta);
  const after = engine.work();
  expect(after.full).toBe(before.full);
  return {
    servicesEvaluated: after.servicesEvaluated - before.servicesEvaluated,
    peersComputed: after.peersComputed - before.peersComputed,
    policiesBuilt: after.policiesBuilt - before.policiesBuilt,
    blocksEvaluated: after.blocksEvaluated - before.blocksEvaluated,
    entriesKept: result === old,
  };
}

const none = { servicesEvaluated: 0, peersComputed: 0, policiesBuilt: 0, blocksEvaluated: 0 };

describe('work of one change', () => {
  it.each<[string, Resource, Partial<ReturnType<typeof workOf>>]>([
    [
      'nothing changed in an EndpointSlice',
      slice(
        's1-0',
        's1',
        Array.from({ length: 8 }, (_, at) => `node-${at % 200}`),
      ),
      { entriesKept: true },
    ],
    ['an EndpointSlice evaluates its Service', slice('s0-0', 's0', ['node-1']), { servicesEvaluated: 1 }],
    [
      'a Service evaluates itself',
      service('s1', { type: 'NodePort', clusterIPs: ['96.0.0.2'] }),
      { servicesEvaluated: 1, entriesKept: true },
    ],
    [
      'a label of a Service evaluates nothing',
      service('s1', {
        type: 'LoadBalancer',
        policy: 'Cluster',
        clusterIPs: ['96.0.0.2'],
        ingressIPs: ['80.0.0.2'],
        labels: { new: 'label' },
      }),
      { entriesKept: true },
    ],
    [
      'a label of another node computes nothing',
      node('node-7', { ipv4: '10.0.0.8/8', labels: { rack: '7', new: 'label' } }),
      { entriesKept: true },
    ],
    ['a label of the own node computes nothing', node(LARGE_SELF, { ipv4: '10.0.0.1/8', labels: { new: 'label' } }), { entriesKept: true }],
    [
      'an address of a node computes its peers, old and new',
      node('node-7', { ipv4: '10.7.7.7/8', labels: { rack: '7' } }),
      { peersComputed: 1 },
    ],
    [
      'an AS of a node computes its peer; its first external peer needs a policy',
      node('node-7', { ipv4: '10.0.0.8/8', as: 65007 }),
      { peersComputed: 1, policiesBuilt: 1 },
    ],
    ['a new node computes its peer', node('node-new', { ipv4: '10.7.7.7/8' }), { peersComputed: 1 }],
    ['a port of a node computes its peer', configuration('node.node-7', { listenPort: 1790 }), { peersComputed: 1 }],
    ['a new BGPPeer computes its session', peer('tor2', { peerIP: '9.0.0.2', asNumber: 65001, filters: ['f'] }), { peersComputed: 1 }],
    [
      'a BGPPeer of other nodes computes nothing',
      peer('others', { nodeSelector: 'nobody', peerSelector: 'rack=2' }),
      { entriesKept: true },
    ],
    ['a label of a BGPPeer computes nothing', { ...tor, labels: new Map([['new', 'label']]) }, { entriesKept: true }],
    ['a Secret computes the peers that name it', secret('s', { k: 'two' }), { peersComputed: 1 }],
    ['another key of that Secret changes no peer', secret('s', { k: 'one', other: 'y' }), { peersComputed: 1, entriesKept: true }],
    ['a Secret nobody names computes nothing', secret('t', { k: 'x' }), { entriesKept: true }],
    ['an affinity of another node evaluates nothing', affinity('node-7', '192.168.9.0/26'), { entriesKept: true }],
    ['a pool that comes as it was builds nothing', pool('default', '192.168.0.0/16'), { entriesKept: true }],
    [
      'the encapsulation of a pool evaluates the own blocks and builds no policy',
      pool('default', '192.168.0.0/16', { ipipMode: 'Always' }),
      { blocksEvaluated: 2 },
    ],
    ['a new pool builds each policy in use once, for all peers', pool('second', '172.16.0.0/16'), { policiesBuilt: 3, blocksEvaluated: 2 }],
    [
      'an own block evaluates the own blocks and builds the policies',
      affinity(LARGE_SELF, '192.168.9.0/26'),
      { blocksEvaluated: 3, policiesBuilt: 3 },
    ],
    [
      'a filter rule computes the peers that name it',
      filter('f', { exportV4: [{ action: 'Accept' }] }),
      { peersComputed: 1, policiesBuilt: 3 },
    ],
  ])('%s', (_, change, expected) => {
    expect(workOf(change)).toEqual({ ...none, entriesKept: false, ...expected });
  });

  it('a reflector that left the mesh removes one peer of each other node, and keeps the rest', () => {
    const engine = started();
    const before = engine.update(snapshotOf(cluster), { changed: [], issuesChanged: false });
    const { snapshot, delta } = withChange(cluster, node('node-7', { ipv4: '10.0.0.8/8', cluster: '1.1.1.1' }));
    const after = engine.update(snapshot, delta);
    const kept = new Set(before.desired?.peers);
    expect(after.desired?.peers.length).toBe((before.desired?.peers.length ?? 0) - 1);
    expect(after.desired?.peers.every((entry) => kept.has(entry))).toBe(true);
    expect(after.desired?.advertise).toBe(before.desired?.advertise);
  });

  it('counts the first computation as full, and again after the own node was gone', () => {
    const engine = started();
    expect(engine.work()).toMatchObject({ full: 1, servicesEvaluated: 300 });
    const gone = snapshotOf(cluster.filter((resource) => resource.ref.name !== LARGE_SELF));
    expect(engine.update(gone, { changed: [{ kind: 'Node', key: LARGE_SELF }], issuesChanged: false }).desired).toBeUndefined();
    expect(engine.explain(prefix('80.0.0.1/32'))).toEqual([]);
    expect(
      engine.update(snapshotOf(cluster), { changed: [{ kind: 'Node', key: LARGE_SELF }], issuesChanged: false }).desired?.peers.length,
    ).toBe(200);
    expect(engine.work()).toMatchObject({ full: 2, servicesEvaluated: 600 });
  });
});
