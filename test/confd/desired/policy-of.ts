/** The policy of a peer in a cluster of some resources, and what it decides. */
import type { Policy } from 'bgp-ts/policy';
import { desire } from '../../../src/confd/desired/desire.ts';
import type { DesiredPeer, DesireOptions } from '../../../src/confd/desired/types.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { configuration, node, peer, prefix, snapshotOf } from '../../worlds/build.ts';
import { decide, type TestRoute } from '../../worlds/route.ts';

/** The own node. */
export const me = node('me', { ipv4: '10.0.0.1/24', ipv6: 'fd00::1/64' });

/** The same as a reflector. */
export const reflector = node('me', { ipv4: '10.0.0.1/24', ipv6: 'fd00::1/64', cluster: '1.1.1.1' });

/** Ranges of Service addresses. */
export const ranges = {
  serviceClusterIPs: [prefix('10.96.0.0/16')],
  serviceExternalIPs: [prefix('50.0.0.0/24'), prefix('50.1.0.1/32')],
  serviceLoadBalancerIPs: [prefix('80.0.0.0/24')],
};

/** The configuration with them, without a mesh. */
export const config = configuration('default', { nodeToNodeMeshEnabled: false, ...ranges });

/** LOCAL_PREF of the ordinary metric. */
export const ORDINARY = 2147482623;

/** Peers of the own node. */
export function peersOf(resources: readonly Resource[], options: Partial<DesireOptions> = {}): readonly DesiredPeer[] {
  const peerings = [
    peer('ibgp', { peerIP: '10.0.0.9', asNumber: 64512 }),
    peer('ebgp', { peerIP: '10.0.0.8', asNumber: 65001 }),
    peer('ibgp6', { peerIP: 'fd00::9', asNumber: 64512 }),
  ];
  return desire(snapshotOf([me, config, ...peerings, ...resources]), { node: 'me', ...options }).desired?.peers ?? [];
}

/** Whose policy. */
export type To = 'ibgp' | 'ebgp' | 'ibgp6';

/** Names of those peers. */
const IDS = { ibgp: 'Global_10_0_0_9', ebgp: 'Global_10_0_0_8', ibgp6: 'Global_fd00__9' } as const;

/** The policy of a peer. */
export function policy(
  direction: 'import' | 'export',
  to: To,
  resources: readonly Resource[],
  options: Partial<DesireOptions> = {},
): Policy {
  const found = peersOf(resources, options).find((entry) => entry.id === IDS[to]);
  if (found === undefined) throw new Error(`no peer ${to}`);
  return direction === 'export' ? found.exportPolicy : found.importPolicy;
}

/** True where the export to a peer lets a route out. */
export const accepts = (resources: readonly Resource[], route: TestRoute, to: To = 'ibgp', options: Partial<DesireOptions> = {}): boolean =>
  decide(policy('export', to, resources, options), route).accept;
