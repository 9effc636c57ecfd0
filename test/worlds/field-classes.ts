/**
 * What a change of each field of BGPConfiguration and BGPPeer costs the sessions of a node (bgp-speaker 4.9), as data: the tables of
 * docs/field-changes.md are made from it, and the mixed cluster of test/interop holds it against real sessions. The records are complete by their types.
 */
import type { BGPConfigurationResource, BGPPeerResource } from '../../src/confd/resources/types.ts';

/**
 * none: no session and no route. refresh: routes of this node come, go or change. soft: policies are applied again, to what was received
 * and what is announced. bounce: the sessions that the field is about end, and come back where they are still wanted; no other does.
 * rebind: the listening sockets close and open.
 */
export type FieldClass = 'none' | 'refresh' | 'soft' | 'bounce' | 'rebind';

/** The class of one field. */
export interface FieldChange {
  /** Of the native engine. */
  readonly native: FieldClass;
  /** Of the BIRD engine where it is another one: BIRD decides what it restarts. */
  readonly bird?: FieldClass;
  /** What changes, in a few words; for the sessions that bounce, which ones. */
  readonly what: string;
}

/** Fields that sessions are made of. */
const OWN_SESSIONS: FieldChange = { native: 'bounce', what: 'the sessions of this peer' };
const because = (why: string): FieldChange => ({ ...OWN_SESSIONS, what: `${OWN_SESSIONS.what}: ${why}` });
/** Fields of policy: the native engine applies it anew, BIRD takes its peer down. */
const policy = (what: string): FieldChange => ({ native: 'soft', bird: 'bounce', what });
/** Fields that say which peers a node has. */
const selection = (whom: string): FieldChange => ({ native: 'bounce', what: `sessions with ${whom} that are selected no more, or now` });

type SpecField<T> = Exclude<keyof Required<T>, 'kind' | 'ref' | 'labels' | 'source' | 'scope'>;

/** Fields of BGPConfiguration's spec. */
export const BGP_CONFIGURATION_CHANGES: { readonly [field in SpecField<BGPConfigurationResource>]: FieldChange } = {
  logSeverityScreen: { native: 'none', what: 'how much is logged' },
  nodeToNodeMeshEnabled: {
    native: 'bounce',
    what: 'sessions of the mesh; one whose addresses a BGPPeer names too stays',
  },
  asNumber: { native: 'bounce', what: 'every session of a node that has no AS of its own' },
  serviceLoadBalancerIPs: { native: 'soft', what: 'which Service addresses are announced, and taken from clients by a reflector' },
  serviceExternalIPs: { native: 'soft', what: 'the same of external addresses' },
  serviceClusterIPs: { native: 'soft', what: 'the same of cluster addresses' },
  serviceLoadBalancerAggregation: { native: 'soft', what: 'the range, or each address' },
  communities: { native: 'soft', what: 'communities that names stand for' },
  prefixAdvertisements: { native: 'soft', what: 'communities of what is announced' },
  listenPort: { native: 'rebind', what: 'the port of this node, and with it the sessions of the mesh, whose identity it belongs to' },
  nodeMeshPassword: { native: 'bounce', what: 'sessions of the mesh: TCP connections carry the key' },
  nodeMeshMaxRestartTime: { native: 'bounce', what: 'sessions of the mesh: the time stands in the OPEN' },
  bindMode: {
    native: 'rebind',
    what: 'addresses that are listened on; sessions of the native engine that are up stay, BIRD restarts its own',
  },
  ignoredInterfaces: { native: 'refresh', what: 'networks of interfaces that are announced' },
  localWorkloadPeeringIPV4: { native: 'none', what: 'Felix gives the address to interfaces of workloads' },
  localWorkloadPeeringIPV6: { native: 'none', what: 'the same for IPv6' },
  programClusterRoutes: { native: 'soft', what: 'which pools this daemon writes into the kernel' },
  ipv4NormalRoutePriority: { native: 'soft', what: 'metric and LOCAL_PREF of IPv4 routes' },
  ipv6NormalRoutePriority: { native: 'soft', what: 'metric and LOCAL_PREF of IPv6 routes' },
};

/** Fields of BGPPeer's spec. */
export const BGP_PEER_CHANGES: { readonly [field in SpecField<BGPPeerResource>]: FieldChange } = {
  node: { native: 'bounce', what: 'sessions of nodes that gain or lose the peer; a node that keeps it keeps the session' },
  nodeSelector: { native: 'bounce', what: 'as node' },
  peerIP: { native: 'bounce', what: 'the session with the address before and with the new one' },
  peerSelector: selection('nodes'),
  localWorkloadSelector: selection('workloads'),
  asNumber: OWN_SESSIONS,
  localASNumber: OWN_SESSIONS,
  keepOriginalNextHop: policy('next hops that the peer is told'),
  nextHopMode: policy('next hops that the peer is told'),
  password: because('TCP connections carry the key'),
  sourceAddress: because('the address is part of their identity'),
  maxRestartTime: because('the time stands in the OPEN'),
  keepaliveTime: policy('how often this node says that it lives'),
  numAllowedLocalASNumbers: policy('routes with our own AS in their path'),
  ttlSecurity: because('a property of the TCP connection'),
  reachableBy: { native: 'refresh', what: 'the kernel route to the peer' },
  filters: { native: 'soft', what: 'routes that pass, and what is done to them' },
  reversePeering: { native: 'bounce', what: 'sessions of the other side, which come or go' },
};
