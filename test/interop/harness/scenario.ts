/** Pieces that the scenario files share: the AS numbers, the ranges, and how a cluster and its peers are put together. */
import { expect } from 'vitest';
import type { Cluster, ClusterNode, ClusterPeer, ClusterService } from './cluster.ts';
import { clusterAddress } from './cluster.ts';
import type { Daemon, DaemonConfig, NeighborConfig, SeenRoute } from './daemon.ts';
import type { Host } from './lan.ts';
import type { LinnetNode } from './linnet.ts';
import { until } from './wait.ts';

/** The cluster's AS, Calico's default. */
export const CLUSTER_AS = 64512;
/** The top-of-rack router's AS. */
export const TOR_AS = 65000;
/** LOCAL_PREF of an ordinary Calico route on an iBGP session: 2147483647 - 1024 (control-plane 5.1). */
export const CALICO_LOCAL_PREF = 2147482623;

/** Seconds for a session to come up: connect retry is 5 s, and FRR delays its first connection. */
export const SESSION_SECONDS = 120;
/** Seconds for a change of the manifests to arrive. */
export const CHANGE_SECONDS = 60;

/** LoadBalancer ranges of both families. */
export const LB_RANGES = ['203.0.113.0/24', '2001:db8:113::/64'];
/** Cluster IP ranges of both families. */
export const CLUSTER_RANGES = ['10.96.0.0/16', 'fd96::/112'];
/** Every route of the LoadBalancer ranges carries both kinds of communities. */
export const LB_COMMUNITIES = { communities: ['64512:100'], largeCommunities: ['64512:7:9'] };

/** Service with endpoints on one node only (policy Local). */
export const LOCAL = { ipv4: '203.0.113.10', ipv6: '2001:db8:113::10' };
/** Service that every node announces (policy Cluster). */
export const CLUSTER = { ipv4: '203.0.113.20', ipv6: '2001:db8:113::20' };

/** Cluster IPs of the first. */
export const LOCAL_CLUSTER = { ipv4: clusterAddress(LOCAL.ipv4), ipv6: clusterAddress(LOCAL.ipv6) };

/** Both families, for loops over what must hold in each. */
export const FAMILIES = ['ipv4', 'ipv6'] as const;

/** Host route of an address. */
export function hostRoute(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

/** Services with their endpoints on the named nodes. */
export function services(local: readonly string[], cluster: readonly string[]): ClusterService[] {
  return [
    { name: 'local', policy: 'Local', addresses: Object.values(LOCAL), endpoints: local },
    { name: 'cluster', policy: 'Cluster', addresses: Object.values(CLUSTER), endpoints: cluster },
  ];
}

/** A cluster without aggregation of LoadBalancer addresses, so that each host route shows which node announced it. */
export function makeCluster(nodes: readonly ClusterNode[], peers: readonly ClusterPeer[], running: readonly ClusterService[]): Cluster {
  const communities = [{ name: 'fabric', value: LB_COMMUNITIES.communities[0] }];
  const prefixAdvertisements = LB_RANGES.map((cidr) => ({ cidr, communities: ['fabric', ...LB_COMMUNITIES.largeCommunities] }));
  const ranges = (cidrs: readonly string[]): object[] => cidrs.map((cidr) => ({ cidr }));
  const configuration = {
    asNumber: CLUSTER_AS,
    serviceClusterIPs: ranges(CLUSTER_RANGES),
    serviceLoadBalancerIPs: ranges(LB_RANGES),
    serviceLoadBalancerAggregation: 'Disabled',
    communities,
    prefixAdvertisements,
  };
  return { nodes, peers, services: running, configuration, pools: ['10.244.0.0/16', 'fd44::/16'] };
}

/** One BGPPeer per family for a router outside the cluster; `spec` goes into both. */
export function outsidePeers(host: Host, as: number, spec: { readonly [field: string]: unknown }): ClusterPeer[] {
  return FAMILIES.map((family) => ({ name: `${host.name}-${family}`, spec: { peerIP: host[family], asNumber: as, ...spec } }));
}

/** Both sessions of a daemon with each host. */
export function neighbors(hosts: readonly Host[], as: number): NeighborConfig[] {
  return hosts.flatMap((host) =>
    FAMILIES.map((family) => ({ name: `${host.name.replaceAll(/[^a-z0-9]/g, '')}v${family.at(-1)}`, address: host[family], as })),
  );
}

/** A router outside the cluster that announces nothing. */
export function routerConfig(host: Host, nodes: readonly Host[]): DaemonConfig {
  return { as: TOR_AS, routerId: host.ipv4, neighbors: neighbors(nodes, CLUSTER_AS), announce: [] };
}

/** Every session of the daemon is Established; a Linnet that ended fails at once. */
export async function sessionsUp(daemon: Daemon, hosts: readonly Host[], nodes: readonly LinnetNode[]): Promise<void> {
  const wanted = new Set(hosts.flatMap((host) => [host.ipv4, host.ipv6]));
  await until(`${daemon.kind} has its sessions`, SESSION_SECONDS, async () => {
    for (const node of nodes) node.alive();
    expect(await daemon.established()).toEqual(wanted);
  });
}

/** The daemon's paths of a prefix become exactly these, in the order of their neighbours' addresses. */
export async function pathsBecome(
  daemon: Daemon,
  prefix: string,
  wanted: readonly Partial<SeenRoute>[],
  seconds = CHANGE_SECONDS,
): Promise<void> {
  await until(`${daemon.kind}: paths of ${prefix}`, seconds, async () => {
    const paths = (await daemon.routes()).filter((route) => route.prefix === prefix);
    expect(paths).toMatchObject(wanted);
  });
}
