/** One change of each field of BGPConfiguration and BGPPeer: what is written, which sessions of node-1 may notice, and what must follow. */
import { expect } from 'vitest';
import type { MixedCluster, Objects, Spec } from './cluster.ts';
import { DEVICE_NETWORK, FROM_TOR, TOR } from './cluster.ts';

/** Peers of node-1 by address. */
export const PEER = { two: '10.97.0.2', three: '10.97.0.3', tor: TOR.address } as const;

const MESH = [PEER.two, PEER.three] as const;
const ALL = [...MESH, PEER.tor] as const;

/** Where every change begins and ends. */
export const BASE: Objects = {
  configuration: {
    asNumber: 64512,
    logSeverityScreen: 'Info',
    communities: [{ name: 'fabric', value: '64512:100' }],
    prefixAdvertisements: [{ cidr: '10.244.0.0/16', communities: ['fabric'] }],
  },
  peers: { tor: { peerIP: TOR.address, asNumber: TOR.as } },
};

/** One change. */
export interface FieldCase {
  readonly field: string;
  /** Members of the spec: those of BASE, with these in their place; undefined takes one out. */
  readonly change: Spec;
  /** The peer it is made to. Default `tor`; BGPConfiguration cases have none. */
  readonly peer?: string;
  /** Objects to begin with, where not BASE. */
  readonly from?: Objects;
  /** Sessions of node-1 that end by it, by address. */
  readonly ends: readonly string[];
  /** Sessions of node-1 that the BIRD at their other end may restart. */
  readonly birdEnds?: readonly string[];
  /** Pods may lose each other by it, since it takes their routes. */
  readonly cutsPackets?: true;
  /** What has to be seen afterwards. */
  readonly effect?: (cluster: MixedCluster) => Promise<void>;
}

const torHas = (prefix: string, what: RegExp) => async (cluster: MixedCluster) => expect(await cluster.atTor(prefix)).toMatch(what);
const torLacks = (prefix: string) => async (cluster: MixedCluster) => expect(await cluster.atTor(prefix)).not.toMatch(/unicast/);
const listensOn = (address: string, port: number) => async (cluster: MixedCluster) =>
  expect(await cluster.metrics()).toContain(`linnet_bgp_listener_up{address="${address}",port="${port}"} 1`);
const kernelOfOne =
  (what: RegExp, ...words: string[]) =>
  async (cluster: MixedCluster) =>
    expect(await cluster.ip(1, ...words)).toMatch(what);

const secret = { secretKeyRef: { name: 'bgp', key: 'key' } };

/** Every field of BGPConfiguration. */
export const CONFIGURATION_CASES: readonly FieldCase[] = [
  { field: 'logSeverityScreen', change: { logSeverityScreen: 'Debug' }, ends: [] },
  {
    field: 'serviceLoadBalancerIPs',
    change: { serviceLoadBalancerIPs: [{ cidr: '203.0.113.0/24' }] },
    ends: [],
    effect: torHas('203.0.113.0/24', /from 10\.97\.0\.1|via 10\.97\.0\.1/),
  },
  {
    field: 'serviceExternalIPs',
    change: { serviceExternalIPs: [{ cidr: '198.51.100.0/24' }] },
    ends: [],
    effect: torHas('198.51.100.0/24', /via 10\.97\.0\.1/),
  },
  {
    field: 'serviceClusterIPs',
    change: { serviceClusterIPs: [{ cidr: '10.96.0.0/12' }] },
    ends: [],
    effect: torHas('10.96.0.0/12', /via 10\.97\.0\.1/),
  },
  { field: 'serviceLoadBalancerAggregation', change: { serviceLoadBalancerAggregation: 'Disabled' }, ends: [] },
  {
    field: 'communities',
    change: { communities: [{ name: 'fabric', value: '64512:200' }] },
    ends: [],
    effect: torHas('10.244.1.0/26', /\(64512,200\)/),
  },
  {
    field: 'prefixAdvertisements',
    change: { prefixAdvertisements: [{ cidr: '10.244.0.0/16', communities: ['fabric', '64512:300'] }] },
    ends: [],
    effect: torHas('10.244.1.0/26', /\(64512,300\)/),
  },
  {
    field: 'ignoredInterfaces',
    change: { ignoredInterfaces: [DEVICE_NETWORK.device] },
    ends: [],
    effect: torLacks(DEVICE_NETWORK.prefix),
  },
  { field: 'localWorkloadPeeringIPV4', change: { localWorkloadPeeringIPV4: '169.254.99.1' }, ends: [] },
  { field: 'localWorkloadPeeringIPV6', change: { localWorkloadPeeringIPV6: 'fd99::1' }, ends: [] },
  {
    field: 'ipv4NormalRoutePriority',
    change: { ipv4NormalRoutePriority: 2048 },
    ends: [],
    effect: kernelOfOne(/10\.244\.3\.0\/26 .*metric 2048/, 'route', 'show', 'proto', '12'),
  },
  { field: 'ipv6NormalRoutePriority', change: { ipv6NormalRoutePriority: 2048 }, ends: [] },
  { field: 'bindMode', change: { bindMode: 'NodeIP' }, ends: [], birdEnds: MESH, cutsPackets: true, effect: listensOn('10.97.0.1', 179) },
  {
    field: 'programClusterRoutes',
    change: { programClusterRoutes: 'Disabled' },
    ends: [],
    cutsPackets: true,
    effect: async (cluster) => expect(await cluster.ip(1, 'route', 'show', 'proto', '12')).not.toMatch(/10\.244\.3\.0/),
  },
  { field: 'nodeMeshMaxRestartTime', change: { nodeMeshMaxRestartTime: '60s' }, ends: MESH, cutsPackets: true },
  { field: 'nodeMeshPassword', change: { nodeMeshPassword: secret }, ends: MESH, cutsPackets: true },
  { field: 'nodeToNodeMeshEnabled', change: { nodeToNodeMeshEnabled: false }, ends: MESH, cutsPackets: true },
  { field: 'asNumber', change: { asNumber: 64513 }, ends: ALL, cutsPackets: true },
  { field: 'listenPort', change: { listenPort: 1790 }, ends: MESH, cutsPackets: true, effect: listensOn('0.0.0.0', 1790) },
];

/**
 * No mesh and no reflector: blocks of others come from the router. All nodes have one AS, so each must accept its own in the path
 * (numAllowedLocalASNumbers).
 */
export const THROUGH_TOR: Objects = {
  configuration: { ...BASE.configuration, nodeToNodeMeshEnabled: false },
  peers: { tor: { ...BASE.peers['tor'], numAllowedLocalASNumbers: 1 } },
};

/** A peering between two nodes without the mesh. */
const PAIR: Objects = {
  configuration: { ...BASE.configuration, nodeToNodeMeshEnabled: false },
  peers: { ...BASE.peers, pair: { nodeSelector: "name == 'node-2'", peerSelector: "name == 'node-1'" } },
};

/** Every field of BGPPeer. */
export const PEER_CASES: readonly FieldCase[] = [
  {
    field: 'filters',
    change: { filters: ['without-three'] },
    ends: [],
    effect: async (cluster) => expect(await cluster.atTor('10.244.3.0/26')).not.toMatch(/10\.97\.0\.1/),
  },
  { field: 'keepOriginalNextHop', change: { keepOriginalNextHop: true }, ends: [] },
  { field: 'nextHopMode', change: { nextHopMode: 'Self' }, ends: [] },
  { field: 'keepaliveTime', change: { keepaliveTime: '5s' }, ends: [] },
  {
    field: 'numAllowedLocalASNumbers',
    change: { numAllowedLocalASNumbers: 1 },
    ends: [],
    effect: kernelOfOne(/198\.18\.1\.0\/24 .*via 10\.97\.0\.254/, 'route', 'show', FROM_TOR.looped),
  },
  {
    field: 'reachableBy',
    change: { reachableBy: '10.97.0.254' },
    ends: [],
    effect: kernelOfOne(/via 10\.97\.0\.254/, 'route', 'show', '10.97.0.254/32', 'proto', '12'),
  },
  { field: 'node', change: { node: 'node-2' }, ends: [PEER.tor] },
  { field: 'nodeSelector', change: { nodeSelector: "name == 'node-2'" }, ends: [PEER.tor] },
  { field: 'peerIP', change: { peerIP: '10.97.0.253' }, ends: [PEER.tor] },
  {
    field: 'peerSelector',
    change: { peerSelector: "name == 'nobody'", peerIP: undefined, asNumber: undefined },
    ends: [PEER.tor],
  },
  { field: 'localWorkloadSelector', change: { localWorkloadSelector: "name == 'nobody'", peerIP: undefined }, ends: [PEER.tor] },
  { field: 'asNumber', change: { asNumber: 65001 }, ends: [PEER.tor] },
  { field: 'localASNumber', change: { localASNumber: 64999 }, ends: [PEER.tor] },
  { field: 'password', change: { password: secret }, ends: [PEER.tor] },
  { field: 'sourceAddress', change: { sourceAddress: 'None' }, ends: [PEER.tor] },
  { field: 'maxRestartTime', change: { maxRestartTime: '60s' }, ends: [PEER.tor] },
  { field: 'ttlSecurity', change: { ttlSecurity: 1 }, ends: [PEER.tor] },
  { field: 'reversePeering', peer: 'pair', from: PAIR, change: { reversePeering: 'Manual' }, ends: [PEER.two], cutsPackets: true },
];

/** BASE, or where the case begins. */
export function beginning({ from = BASE }: FieldCase): Objects {
  return from;
}

function written(spec: Spec, change: Spec): Spec {
  return Object.fromEntries(Object.entries({ ...spec, ...change }).filter(([, value]) => value !== undefined));
}

/** The objects with the change made. */
export function changed(one: FieldCase, kind: 'BGPConfiguration' | 'BGPPeer'): Objects {
  const from = beginning(one);
  if (kind === 'BGPConfiguration') return { ...from, configuration: written(from.configuration, one.change) };
  const { peer = 'tor' } = one;
  return { ...from, peers: { ...from.peers, [peer]: written(from.peers[peer] ?? {}, one.change) } };
}
