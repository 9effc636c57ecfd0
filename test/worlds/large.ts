/** A cluster as large as the targets name: nodes in a full mesh, Services of every kind with their EndpointSlices. */
import type { Resource, Snapshot, SnapshotDelta } from '../../src/confd/resources/types.ts';
import { affinity, configuration, keyOf, node, pool, prefix, service, slice, snapshotOf } from './build.ts';

/** Dotted quad `base` plus `offset`. */
function ip(first: number, offset: number): string {
  return `${first}.${(offset >> 16) & 255}.${(offset >> 8) & 255}.${offset & 255}`;
}

/** Name of the node the desired state is for. */
export const LARGE_SELF = 'node-0';

/** The resources: `nodes` nodes, `services` Services, a third of them Local with an endpoint on the own node. */
export function largeCluster(nodes: number, services: number): Resource[] {
  const resources: Resource[] = [
    configuration('default', {
      serviceClusterIPs: [prefix('96.0.0.0/8')],
      serviceLoadBalancerIPs: [prefix('80.0.0.0/8')],
    }),
    pool('default', '192.168.0.0/16'),
    affinity(LARGE_SELF, '192.168.1.0/26'),
    affinity(LARGE_SELF, '192.168.2.0/26'),
  ];
  for (let index = 0; index < nodes; index += 1)
    resources.push(node(`node-${index}`, { ipv4: `${ip(10, index + 1)}/8`, labels: { rack: String(index % 40) } }));
  for (let index = 0; index < services; index += 1) {
    const policy = index % 3 === 0 ? 'Local' : 'Cluster';
    resources.push(
      service(`s${index}`, { type: 'LoadBalancer', policy, clusterIPs: [ip(96, index + 1)], ingressIPs: [ip(80, index + 1)] }),
    );
    resources.push(
      slice(
        `s${index}-0`,
        `s${index}`,
        Array.from({ length: 8 }, (_, at) => `node-${(index * at) % nodes}`),
      ),
    );
  }
  return resources;
}

/** The snapshot, and the one after one object changed, with its delta. */
export function withChange(
  resources: readonly Resource[],
  changed: Resource,
): { readonly snapshot: Snapshot; readonly delta: SnapshotDelta } {
  return {
    snapshot: snapshotOf([...resources, changed]),
    delta: { changed: [{ kind: changed.kind, key: keyOf(changed) }], issuesChanged: false },
  };
}
