/**
 * The desired state of one node: what its engine must do, each entry with its id and the resources it comes from. Plain
 * data; the native driver translates it to bgp-ts, the BIRD driver renders it. Entries are sorted by id.
 */
import type { Address, Prefix } from 'bgp-ts/net';
import type { Policy, Reason } from 'bgp-ts/policy';
import type { Issue, SecretValue } from '../resources/types.ts';

/** One session. `id` is Calico's protocol name: `Mesh_10_0_0_2`, `Node_..`, `Global_.._port_1790`, `Local_Workload_..` */
export interface DesiredPeer {
  readonly id: string;
  readonly type: 'mesh' | 'node' | 'global' | 'local-workload';
  readonly address: Address;
  /** 179 where nothing says otherwise. */
  readonly port: number;
  /** False where the port is implied: then it is not part of the id. */
  readonly portExplicit: boolean;
  readonly remoteAs: number;
  readonly localAs: number;
  /** Same AS on both ends as this session sees it (control-plane 2.4 sameAS). */
  readonly internal: boolean;
  readonly passive: boolean;
  readonly reflectorClient: boolean;
  /** Dotted quad, present where this node reflects to or from this client. */
  readonly clusterId?: string;
  readonly nextHop: 'auto' | 'self' | 'keep';
  /** Source address; absent: chosen by the kernel. */
  readonly source?: Address;
  /** Hops for GTSM; 0 = off. */
  readonly ttlSecurity: number;
  readonly password?: SecretValue;
  /** Seconds. */
  readonly restartTime?: number;
  readonly keepaliveTime?: number;
  readonly allowLocalAs: number;
  readonly reachableBy?: Address;
  /** Names of the BGPFilters that apply, in order (dangling ones left out). */
  readonly filters: readonly string[];
  readonly importPolicy: Policy;
  readonly exportPolicy: Policy;
  readonly reasons: readonly Reason[];
  /** Set when the peer must not be started, with the issue that says why (contracts.md, Behaviour decided). */
  readonly heldBy?: Issue;
}

/** A BGPFilter in use on this node, as policy terms per direction and family; guards on peer type still inside. */
export interface DesiredFilter {
  readonly id: string;
  readonly reasons: readonly Reason[];
}

/** A prefix this node originates. */
export interface AdvertisedRoute {
  /** The prefix as text. */
  readonly id: string;
  readonly prefix: Prefix;
  readonly class: 'block' | 'cluster-cidr' | 'external-cidr' | 'lb-cidr' | 'cluster-ip' | 'external-ip' | 'lb-ip';
  readonly reasons: readonly Reason[];
}

/** A route this node's kernel should hold because of the configuration (not because of a peer). */
export interface InstalledRoute {
  readonly id: string;
  readonly prefix: Prefix;
  readonly kind: 'blackhole' | 'via';
  readonly gateway?: Address;
  readonly reasons: readonly Reason[];
}

export interface Desired {
  readonly node: string;
  /** Legal BGP Identifier, dotted quad. */
  readonly routerId: string;
  readonly asNumber: number;
  readonly clusterId?: string;
  readonly addresses: { readonly ipv4?: Address; readonly ipv6?: Address };
  readonly networks: { readonly ipv4?: Prefix; readonly ipv6?: Prefix };
  /** Addresses to listen on; empty = every address. */
  readonly listen: { readonly addresses: readonly Address[]; readonly port: number };
  readonly peers: readonly DesiredPeer[];
  readonly filters: readonly DesiredFilter[];
  readonly advertise: readonly AdvertisedRoute[];
  readonly install: readonly InstalledRoute[];
}

/** What `desire` needs beside the snapshot; from configuration, never from the environment directly. */
export interface DesireOptions {
  readonly node: string;
  /** Kubernetes node name where it differs (CALICO_K8S_NODE_REF). */
  readonly kubernetesNode?: string;
  /** CALICO_ROUTER_ID: 'hash', a dotted quad, or absent. */
  readonly routerId?: string;
  /** CALICO_ADVERTISE_CLUSTER_IPS. */
  readonly advertiseClusterIPs?: Prefix;
  readonly usePodCIDR?: boolean;
  /** NAMESPACE, for password secrets. Default kube-system. */
  readonly secretNamespace?: string;
  /** AS environment variable: overrides the node's. */
  readonly asNumber?: number;
  /** IP / IP6: an address with its network overrides the Node resource; 'none' removes it. */
  readonly ipv4?: { readonly address: Address; readonly network: Prefix } | 'none';
  readonly ipv6?: { readonly address: Address; readonly network: Prefix } | 'none';
  /** Calico's choices instead of the fixed ones (contracts.md, compat). */
  readonly compatCalico?: boolean;
}

export interface DesireResult {
  /** Absent until the own node is known. */
  readonly desired: Desired | undefined;
  readonly issues: readonly Issue[];
}

/** Work counters of an incremental computation; they only grow. */
export interface DesireWork {
  readonly servicesEvaluated: number;
  readonly peersComputed: number;
  readonly policiesBuilt: number;
  readonly blocksEvaluated: number;
  readonly full: number;
}
