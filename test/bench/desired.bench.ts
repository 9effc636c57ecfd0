/**
 * Desired state of one node among 5,000 in a mesh with 10,000 Services: from scratch, and after one change of each kind. Targets: under
 * 500 ms and under 1 ms. Run with `npx vitest bench --run test/bench/desired.bench.ts`; the columns are milliseconds.
 */
import { bench, describe } from 'vitest';
import { createDesire, desire } from '../../src/confd/desired/desire.ts';
import type { DesireEngine } from '../../src/confd/desired/types.ts';
import type { Resource } from '../../src/confd/resources/types.ts';
import { affinity, node, peer, service, slice, snapshotOf } from '../worlds/build.ts';
import { LARGE_SELF, largeCluster, withChange } from '../worlds/large.ts';

const cluster = largeCluster(5000, 10_000);
const whole = snapshotOf(cluster);
const NOTHING = { changed: [], issuesChanged: false } as const;

/** Applies two versions of one object in turn, so that every round is a real change. */
function alternateIn(resources: readonly Resource[], a: Resource, b: Resource): () => void {
  const versions = [withChange(resources, a), withChange(resources, b)] as const;
  const engine: DesireEngine = createDesire({ node: LARGE_SELF });
  engine.update(snapshotOf(resources), NOTHING);
  let round = 0;
  return () => {
    round += 1;
    const { snapshot, delta } = versions[round % 2 === 0 ? 0 : 1];
    engine.update(snapshot, delta);
  };
}

const alternate = (a: Resource, b: Resource): (() => void) => alternateIn(cluster, a, b);

/** 64 nodes, 40 peers written for each by name, as the configurations that Calico's own daemon suffers from. */
const manyPeers: Resource[] = [
  ...Array.from({ length: 64 }, (_, index) => node(`node-${index}`, { ipv4: `10.0.0.${index + 1}/24` })),
  ...Array.from({ length: 2600 }, (_, index) =>
    peer(`p${index}`, { node: `node-${index % 64}`, peerIP: `9.0.${index >> 8}.${index & 255}`, asNumber: 65001 }),
  ),
];

describe('desired state, 64 nodes and 2,600 BGPPeers', () => {
  bench(
    'heartbeat of a node',
    alternateIn(
      manyPeers,
      node('node-7', { ipv4: '10.0.0.8/24', labels: { a: '1' } }),
      node('node-7', { ipv4: '10.0.0.8/24', labels: { a: '2' } }),
    ),
  );
});

describe('desired state, 5 5,000 nodes and 10,000 Services', () => {
  bench(
    'from scratch',
    () => {
      desire(whole, { node: LARGE_SELF });
    },
    { iterations: 10, time: 0 },
  );
  bench('one EndpointSlice', alternate(slice('s0-0', 's0', ['node-0']), slice('s0-0', 's0', ['node-1'])));
  bench(
    'one Service',
    alternate(
      service('new', { type: 'LoadBalancer', policy: 'Local', clusterIPs: ['96.9.9.9'] }),
      service('new', { type: 'NodePort', policy: 'Local', clusterIPs: ['96.9.9.8'] }),
    ),
  );
  bench('one node address', alternate(node('node-77', { ipv4: '10.200.0.1/8' }), node('node-77', { ipv4: '10.200.0.2/8' })));
  bench(
    'one node label',
    alternate(node('node-78', { ipv4: '10.0.0.79/8', labels: { a: '1' } }), node('node-78', { ipv4: '10.0.0.79/8', labels: { a: '2' } })),
  );
  bench(
    'one block (policy of every peer)',
    alternate(affinity(LARGE_SELF, '192.168.3.0/26'), affinity(LARGE_SELF, '192.168.3.0/26', 'pending')),
    { iterations: 20, time: 0 },
  );
});
