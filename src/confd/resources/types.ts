/**
 * Cluster resources in typed form, as far as this daemon uses them: parsed and validated once, at the edge, then plain
 * immutable data. Field names are Calico's and Kubernetes'; values are already numbers, addresses and prefixes.
 */
import type { Address, Prefix } from 'bgp-ts/net';

/** Names one object. `namespace` is '' for cluster-scoped kinds. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Where an object or field stands in a file: 1-based line and column; absent for API servers. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing wrong with one field of one object (contracts.md, JSON). `code` is stable: `BGPPEER_AS_NUMBER`. */
export interface Issue {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly object: ObjectRef;
  /** Path as a user writes it: `spec.asNumber`, `spec.exportV4[2].cidr`; '' for the object as a whole. */
  readonly field: string;
  /** The offending value as JSON text; `[hidden]` for secrets. */
  readonly got: string;
  /** What it must be: `is not 1-4294967295 or x.y`. */
  readonly rule: string;
  readonly source: SourcePosition | null;
  /** May heal when another object arrives. */
  readonly transient: boolean;
}

interface Named {
  readonly ref: ObjectRef;
  readonly labels: ReadonlyMap<string, string>;
  /** Where the object begins, from sources that have lines. No part of its content: moving an object changes nothing. */
  readonly source?: SourcePosition;
}

/** From a Kubernetes Node (annotations of control-plane 9.3) or a Calico Node; the store merges the two by name. */
export interface NodeResource extends Named {
  readonly kind: 'Node';
  /** Which form it was; a Calico Node's BGP fields win over annotations, labels are merged. */
  readonly form: 'kubernetes' | 'calico';
  readonly bgp: {
    /** Address with the length of its network; 32 or 128 where it was given bare. */
    readonly ipv4?: { readonly address: Address; readonly network: Prefix };
    readonly ipv6?: { readonly address: Address; readonly network: Prefix };
    readonly asNumber?: number;
    /** As written, a dotted quad. */
    readonly routeReflectorClusterID?: string;
  };
  readonly wireguard: { readonly ipv4?: Address; readonly ipv6?: Address };
  /** Its tunnel devices, as IPAM gave them (control-plane 9.3); absent: none. What is malformed counts as absent in either form. */
  readonly tunnels?: {
    readonly vxlanV4?: Address;
    /** Six octets, lower case with colons. */
    readonly vxlanV4MAC?: string;
    readonly vxlanV6?: Address;
    readonly vxlanV6MAC?: string;
    readonly ipip?: Address;
  };
  readonly podCIDRs: readonly Prefix[];
  /** Kubernetes: status Ready condition; absent = unknown. */
  readonly ready?: boolean;
  /** Addresses of Kubernetes status.addresses (InternalIP first), for the fallback of control-plane 8.4. */
  readonly internalIPs: readonly Address[];
  readonly unschedulable: boolean;
}

/** A pool of workload addresses; of pools with one CIDR the snapshot has the first by name (control-plane 1.5). */
export interface IPPoolResource extends Named {
  readonly kind: 'IPPool';
  readonly cidr: Prefix;
  readonly ipipMode: 'Never' | 'Always' | 'CrossSubnet';
  readonly vxlanMode: 'Never' | 'Always' | 'CrossSubnet';
  readonly disableBGPExport: boolean;
}

/** One key of a Secret of the daemon's own namespace. */
export interface SecretKeyRef {
  readonly name: string;
  readonly key: string;
}

/** A BGP community (RFC 1997) or large community (RFC 8092). */
export interface Community {
  /** `standard` value is high << 16 | low unsigned. */
  readonly kind: 'standard' | 'large';
  readonly standard: number;
  readonly large: readonly [number, number, number];
  /** As written. */
  readonly text: string;
}

/** Cluster-wide settings, or those of one node (control-plane 1.2). Absent fields were not written: defaults are the reader's. */
export interface BGPConfigurationResource extends Named {
  readonly kind: 'BGPConfiguration';
  /** 'default', a node name for `node.<name>`, or undefined: another name, ignored with a warning. */
  readonly scope: { readonly kind: 'default' } | { readonly kind: 'node'; readonly node: string } | undefined;
  readonly logSeverityScreen?: string;
  readonly nodeToNodeMeshEnabled?: boolean;
  readonly asNumber?: number;
  readonly serviceLoadBalancerIPs?: readonly Prefix[];
  readonly serviceExternalIPs?: readonly Prefix[];
  readonly serviceClusterIPs?: readonly Prefix[];
  readonly serviceLoadBalancerAggregation?: 'Enabled' | 'Disabled';
  readonly communities?: readonly { readonly name: string; readonly value: Community }[];
  /** An entry is a literal community or a name, resolved against `communities` of the same resource. */
  readonly prefixAdvertisements?: readonly {
    readonly cidr: Prefix;
    readonly communities: readonly (Community | { readonly name: string })[];
  }[];
  readonly listenPort?: number;
  readonly nodeMeshPassword?: SecretKeyRef;
  /** Seconds. */
  readonly nodeMeshMaxRestartTime?: number;
  readonly bindMode?: 'None' | 'NodeIP';
  readonly ignoredInterfaces?: readonly string[];
  readonly localWorkloadPeeringIPV4?: Address;
  readonly localWorkloadPeeringIPV6?: Address;
  readonly programClusterRoutes?: 'Enabled' | 'Disabled' | 'EnabledIPIPOnly' | 'EnabledNoEncapOnly';
  readonly ipv4NormalRoutePriority?: number;
  readonly ipv6NormalRoutePriority?: number;
}

/** What a FelixConfiguration says about encapsulation; absent fields were not written: defaults are the reader's. */
export interface FelixFields {
  readonly vxlanEnabled?: boolean;
  readonly ipipEnabled?: boolean;
  /** Octets, of this and the other MTUs; 0: from the machine. */
  readonly vxlanMTU?: number;
  readonly vxlanMTUV6?: number;
  readonly ipipMTU?: number;
  readonly wireguardMTU?: number;
  readonly wireguardMTUV6?: number;
  /** UDP, 1-65535. */
  readonly vxlanPort?: number;
  /** 1-16777215. */
  readonly vxlanVNI?: number;
  /** A regular expression of the interfaces whose MTUs count. */
  readonly mtuIfacePattern?: string;
  /** `NAME=true,NAME=false`, as written: an unknown name costs nothing but itself. */
  readonly featureDetectOverride?: string;
  /** Protocol number of its routes, 1-255. */
  readonly deviceRouteProtocol?: number;
  readonly deviceRouteSourceAddress?: Address;
  readonly deviceRouteSourceAddressIPv6?: Address;
  readonly removeExternalRoutes?: boolean;
  /** Seconds with their fraction, as the other durations; 0: never. */
  readonly routeRefreshInterval?: number;
  readonly routeSyncDisabled?: boolean;
  /** Tunnel endpoints that are no nodes. A single address is a prefix of full length. */
  readonly externalNodesList?: readonly Prefix[];
  readonly programClusterRoutes?: 'Enabled' | 'Disabled' | 'EnabledIPIPOnly' | 'EnabledNoEncapOnly';
  readonly serviceLoopPrevention?: 'Drop' | 'Reject' | 'Disabled';
  /** Begins of the names of workload interfaces. */
  readonly interfacePrefix?: readonly string[];
  /** Directory above `endpoint-status`; '': none is made. */
  readonly endpointStatusPathPrefix?: string;
  readonly healthEnabled?: boolean;
  readonly healthHost?: string;
  readonly healthPort?: number;
  /** By reporter; `timeout` in seconds. */
  readonly healthTimeoutOverrides?: readonly { readonly name: string; readonly timeout: number }[];
  readonly debugHost?: string;
  readonly debugPort?: number;
  readonly wireguardEnabled?: boolean;
  readonly wireguardEnabledV6?: boolean;
  readonly wireguardInterfaceName?: string;
  readonly wireguardInterfaceNameV6?: string;
  readonly wireguardHostEncryptionEnabled?: boolean;
  readonly netlinkTimeout?: number;
}

/** Settings of the dataplane for the cluster, or those of one node, field by field above them (Felix' own object). */
export interface FelixConfigurationResource extends Named, FelixFields {
  readonly kind: 'FelixConfiguration';
  /** As that of BGPConfiguration. */
  readonly scope: BGPConfigurationResource['scope'];
}

/** Peerings of some nodes with some peers (control-plane 1.3). */
export interface BGPPeerResource extends Named {
  readonly kind: 'BGPPeer';
  readonly node?: string;
  readonly nodeSelector?: Selector;
  readonly peerIP?: { readonly address: Address; readonly port?: number };
  readonly peerSelector?: Selector;
  readonly localWorkloadSelector?: Selector;
  /** 0 or absent: see control-plane 2.4. */
  readonly asNumber?: number;
  readonly localASNumber?: number;
  readonly keepOriginalNextHop: boolean;
  readonly nextHopMode?: 'Auto' | 'Self' | 'Keep';
  readonly password?: SecretKeyRef;
  readonly sourceAddress: 'UseNodeIP' | 'None';
  /** Seconds. */
  readonly maxRestartTime?: number;
  /** Seconds. */
  readonly keepaliveTime?: number;
  readonly numAllowedLocalASNumbers?: number;
  /** Hops, 0 = off. */
  readonly ttlSecurity: number;
  readonly reachableBy?: Address;
  readonly filters: readonly string[];
  readonly reversePeering: 'Auto' | 'Manual';
}

/** One rule of a filter: every condition present must hold (control-plane 1.4). */
export interface BGPFilterRule {
  readonly cidr?: Prefix;
  readonly matchOperator?: 'Equal' | 'NotEqual' | 'In' | 'NotIn';
  readonly prefixLength?: { readonly min?: number; readonly max?: number };
  readonly source?: 'RemotePeers';
  readonly interface?: string;
  readonly peerType?: 'eBGP' | 'iBGP';
  readonly community?: Community;
  readonly asPathPrefix?: readonly number[];
  readonly priority?: number;
  readonly action: 'Accept' | 'Reject';
  readonly operations: readonly (
    | { readonly kind: 'addCommunity'; readonly value: Community }
    | { readonly kind: 'prependASPath'; readonly prefix: readonly number[] }
    | { readonly kind: 'setPriority'; readonly value: number }
  )[];
}

/** Ordered rules per direction and family; a direction without rules is empty. */
export interface BGPFilterResource extends Named {
  readonly kind: 'BGPFilter';
  readonly exportV4: readonly BGPFilterRule[];
  readonly importV4: readonly BGPFilterRule[];
  readonly exportV6: readonly BGPFilterRule[];
  readonly importV6: readonly BGPFilterRule[];
}

/** A block of addresses that belongs to a node; those marked deleted are not in the snapshot (control-plane 9.5). */
export interface BlockAffinityResource extends Named {
  readonly kind: 'BlockAffinity';
  readonly node: string;
  /** `host` (also when empty) or `virtual`. */
  readonly type: string;
  readonly cidr: Prefix;
  readonly state: 'confirmed' | 'pending' | 'pendingDeletion';
}

/** A Service with the API server's defaults filled in (control-plane 4.2). */
export interface ServiceResource extends Named {
  readonly kind: 'Service';
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  /** Empty for None and unset. */
  readonly clusterIPs: readonly Address[];
  readonly ipFamilies: readonly ('IPv4' | 'IPv6')[];
  readonly externalIPs: readonly Address[];
  readonly loadBalancerIP?: Address;
  readonly ingressIPs: readonly Address[];
  /** '' where the type has none. */
  readonly externalTrafficPolicy: 'Cluster' | 'Local' | '';
}

/** Endpoints of one Service in one family; a Service may have several slices. */
export interface EndpointSliceResource extends Named {
  readonly kind: 'EndpointSlice';
  /** Label kubernetes.io/service-name, '' when missing. */
  readonly service: string;
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN';
  /** Absent conditions are ready (Kubernetes' rule). */
  readonly endpoints: readonly { readonly nodeName: string; readonly ready: boolean }[];
}

/** Values never leave this object but through `reveal` of its entry. */
export interface SecretResource extends Named {
  readonly kind: 'Secret';
  readonly data: ReadonlyMap<string, SecretValue>;
}

/** A workload of this node that peers with it, as Felix tells (control-plane 9.7). The name is that of its file. */
export interface LocalWorkloadResource extends Named {
  readonly kind: 'LocalWorkload';
  /** Name of the BGPPeer whose localWorkloadSelector it matches. */
  readonly bgpPeer: string;
  /** Its interface on the host; '' where the file does not say. */
  readonly interface: string;
  readonly ipv4?: Address;
  readonly ipv6?: Address;
}

/** Text that must not be printed: JSON, string conversion and inspection give `[hidden]`. */
export interface SecretValue {
  reveal(): string;
}

/** Any object of a snapshot. */
export type Resource =
  | NodeResource
  | IPPoolResource
  | BGPConfigurationResource
  | BGPPeerResource
  | BGPFilterResource
  | BlockAffinityResource
  | ServiceResource
  | EndpointSliceResource
  | SecretResource
  | LocalWorkloadResource
  | FelixConfigurationResource;

/** A parsed label selector (control-plane 9.6). `text` is what was written. */
export interface Selector {
  readonly text: string;
  readonly matches: (labels: ReadonlyMap<string, string>) => boolean;
}

/**
 * The cluster as last known good. Keys are names; namespaced kinds use `namespace/name`. Read-only to everyone but the store.
 */
export interface Snapshot {
  readonly nodes: ReadonlyMap<string, NodeResource>;
  readonly pools: ReadonlyMap<string, IPPoolResource>;
  readonly configurations: ReadonlyMap<string, BGPConfigurationResource>;
  readonly peers: ReadonlyMap<string, BGPPeerResource>;
  readonly filters: ReadonlyMap<string, BGPFilterResource>;
  readonly affinities: ReadonlyMap<string, BlockAffinityResource>;
  readonly services: ReadonlyMap<string, ServiceResource>;
  readonly slices: ReadonlyMap<string, EndpointSliceResource>;
  readonly secrets: ReadonlyMap<string, SecretResource>;
  readonly workloads: ReadonlyMap<string, LocalWorkloadResource>;
  /** Filled by sources that read for encapsulation only; the BGP daemon does not look here. */
  readonly felix: ReadonlyMap<string, FelixConfigurationResource>;
  /** Issues of parsing and validation, by object or file. */
  readonly issues: readonly Issue[];
}

/** What became different in a snapshot: references to objects whose extracted fields really changed. */
export interface SnapshotDelta {
  readonly changed: readonly { readonly kind: Resource['kind']; readonly key: string }[];
  readonly issuesChanged: boolean;
}
