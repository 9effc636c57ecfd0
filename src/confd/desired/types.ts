/**
 * The desired state of one node: what its engine must do, each entry with its id and the resources it comes from. Plain
 * data; the native driver translates it to bgp-ts, the BIRD driver renders it. Entries are sorted by id.
 */
import type { Address, IpFamily, Prefix } from 'bgp-ts/net';
import type { Policy, Reason, Term } from 'bgp-ts/policy';
import type { Issue, SecretValue, Snapshot, SnapshotDelta } from '../resources/types.ts';

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
  /** Name of the BGPFilter. */
  readonly id: string;
  readonly rules: readonly DesiredFilterRule[];
  readonly reasons: readonly Reason[];
}

/** One rule of a BGPFilter in the order written. `peerType` absent: it applies to every peer. */
export interface DesiredFilterRule {
  readonly direction: 'import' | 'export';
  readonly family: IpFamily;
  readonly peerType?: 'eBGP' | 'iBGP';
  readonly term: Term;
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

/** The whole desired state of a node. Lists are sorted by id; see DesireResult for what keeps its identity. */
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
  /** Present where DesireOptions.programme asks for it. */
  readonly programme?: DesiredProgramme;
}

/** What an engine needs that writes kernel routes and learns interfaces by itself, as BIRD does. */
export interface DesiredProgramme {
  /** What of the sessions is logged: nothing, changes of state and routes, everything (control-plane 1.2). */
  readonly logLevel: 'none' | 'info' | 'debug';
  /** Interface patterns whose networks are not learned, beside the built-in ones. */
  readonly ignoredInterfaces: readonly string[];
  readonly ipv4: DesiredFamily;
  readonly ipv6: DesiredFamily;
}

/** One address family of a programme. */
export interface DesiredFamily {
  /** Kernel metric of an ordinary route. */
  readonly priority: number;
  /** Export policies to a peer without filters. */
  readonly exports: { readonly internal: Policy; readonly external: Policy };
  readonly kernel: DesiredKernel;
}

/** Which routes of peers reach the kernel (control-plane 5.4): in this order, and the rest does. */
export interface DesiredKernel {
  /** Never programmed, with everything inside. */
  readonly rejected: readonly Prefix[];
  /** Next hops whose traffic WireGuard carries: routes over them are not programmed. */
  readonly wireguard: readonly Address[];
  readonly pools: readonly DesiredPool[];
}

/** The kernel's rule of one pool (control-plane 5.5). */
export interface DesiredPool {
  readonly prefix: Prefix;
  readonly verdict: 'accept' | 'reject';
  /** Where accepted routes go through the IPIP device: never, always, or for next hops outside the own network. */
  readonly tunnel: 'never' | 'always' | 'other-subnets';
  readonly object: string;
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
  /** Pass on other nodes' host routes inside cluster CIDRs. Default false, true with compatCalico. */
  readonly foreignClusterIPs?: boolean;
  /** Families of a session: that of the peer's address, as Calico's, or both; policies cover them. Default 'peer'. */
  readonly sessionFamilies?: 'peer' | 'both';
  /** Fill in Desired.programme. Default false. */
  readonly programme?: boolean;
  /** What the engine in use can do; a peer that needs more is held. Default: nothing of it. */
  readonly engine?: EngineCapabilities;
}

/** Optional abilities of a routing engine. Absent = it cannot. */
export interface EngineCapabilities {
  /** TCP MD5 (RFC 2385). */
  readonly password?: boolean;
  /** GTSM (RFC 5082). */
  readonly ttlSecurity?: boolean;
  /** A static route to the peer, installed before the session. */
  readonly reachableBy?: boolean;
}

/**
 * `issues` are those found while computing (parse issues stay in the snapshot). Both keep their identity while nothing in
 * them changed, and so does every entry of the lists in `desired`.
 */
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

/** One link of the chain from resources to an advertised prefix. */
export interface DesireStep {
  readonly stage: 'configuration' | 'service' | 'block' | 'pool' | 'originate';
  readonly verdict: 'advertised' | 'not-advertised' | 'covers' | 'exported' | 'not-exported';
  /** What decided, in words. */
  readonly rule: string;
  /** Such as `control-plane 4.2 (6)`. */
  readonly citation: string;
  /** `Kind/[namespace/]name`. */
  readonly objects: readonly string[];
}

/** The incremental form of `desire`: it keeps indexes and evaluates only what a delta touches. One engine follows one snapshot. */
export interface DesireEngine {
  /**
   * The desired state of the snapshot. `delta` names every object that changed since the call before; the first call ignores
   * it and computes everything.
   */
  update(snapshot: Snapshot, delta: SnapshotDelta): DesireResult;
  /** Work done since creation. */
  work(): DesireWork;
  /** How the last result came to advertise this prefix or not, from the records kept; empty when nothing concerns it. */
  explain(prefix: Prefix): readonly DesireStep[];
}
