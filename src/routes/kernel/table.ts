/**
 * The seam between deciding and doing: what the kernel holds, what can be asked of it, and what it tells by itself. Types
 * only. netlink.ts is the kernel of this machine, tests bring one of their own.
 */
import type { Address, Prefix } from 'bgp-ts/net';

/** Where packets go, resolved to a link. */
export interface KernelHop {
  /** Absent: the destination is on the link itself. */
  readonly gateway?: Address;
  /** Interface index. */
  readonly interface: number;
  /** The gateway is taken to be on the link although no route says so. */
  readonly onlink: boolean;
}

/** A route of ours: written with our protocol number, in the main table. */
export interface OwnRoute {
  readonly prefix: Prefix;
  /** As the kernel counts: 0 = none (IPv4 only; IPv6 routes have at least 1024 by default). */
  readonly metric: number;
  /** `other`: something with our number that is never ours, such as an unreachable route. */
  readonly kind: 'via' | 'blackhole' | 'other';
  /** Id of the nexthop object, 0 where the hops are the route's own. */
  readonly nexthop: number;
  /** Empty for blackholes and where a nexthop object stands for them. */
  readonly hops: readonly KernelHop[];
  /** What the node's own packets by this route have as their source; absent: the kernel chooses. */
  readonly source?: Address;
}

/** A nexthop object of ours: one hop, or a group of them with equal weights. */
export interface OwnNexthop {
  readonly id: number;
  readonly hop?: KernelHop;
  readonly family?: 'ipv4' | 'ipv6';
  /** Ids of the members, ascending; empty where it is no group. */
  readonly group: readonly number[];
}

/** A route of somebody else in the main table. */
export interface AlienRoute {
  readonly prefix: Prefix;
  readonly metric: number;
  /** Number of its writer (rtm_protocol). */
  readonly protocol: number;
  readonly unicast: boolean;
  /** Hops that packets can take now. */
  readonly hops: readonly KernelHop[];
}

/** A network interface. */
export interface KernelLink {
  readonly index: number;
  readonly name: string;
  /** Administratively up. */
  readonly up: boolean;
  /** The layer below says it works; absent: not known to fail. Without it the kernel drops nexthop objects and their routes without a word. */
  readonly carrier?: boolean;
}

/** An address of an interface. */
export interface KernelAddress {
  readonly interface: number;
  readonly address: Address;
  /** The network it is in; that of the other end on point-to-point links. */
  readonly network: Prefix;
  /** Scope global and no secondary address: what BIRD's direct protocol takes. */
  readonly primary: boolean;
}

/** Everything read at one moment. */
export interface KernelTable {
  readonly routes: readonly OwnRoute[];
  readonly nexthops: readonly OwnNexthop[];
  /** Ids that others use. */
  readonly foreignIds: readonly number[];
  readonly aliens: readonly AlienRoute[];
  readonly links: readonly KernelLink[];
  readonly addresses: readonly KernelAddress[];
}

/**
 * One change of the kernel's table. They are carried out in order; one that fails does not stop the others. `key` is that of the route's
 * prefix: whoever planned it had it, and making one anew costs as much as a message.
 */
export type Operation =
  | { readonly kind: 'set-nexthop'; readonly nexthop: OwnNexthop; readonly replace: boolean }
  | { readonly kind: 'add-route'; readonly key: string; readonly route: OwnRoute }
  | { readonly kind: 'replace-route'; readonly key: string; readonly route: OwnRoute }
  | { readonly kind: 'remove-route'; readonly key: string; readonly route: OwnRoute }
  | { readonly kind: 'remove-alien'; readonly key: string; readonly route: AlienRoute }
  | { readonly kind: 'remove-nexthop'; readonly id: number };

/** An operation the kernel refused. */
export interface OperationFailure {
  readonly operation: Operation;
  /** Errno by name, such as `EEXIST`. */
  readonly code: string;
  /** The kernel's own words, '' where it gave none. */
  readonly text: string;
}

/** What became of a list of operations. */
export interface ApplyResult {
  readonly failures: readonly OperationFailure[];
  /** Answers were lost: read the table again. */
  readonly lost: boolean;
}

/** What others changed. */
export type KernelEvent =
  | { readonly kind: 'own-route'; readonly gone: boolean; readonly route: OwnRoute }
  | { readonly kind: 'own-nexthop'; readonly gone: boolean; readonly id: number }
  | { readonly kind: 'alien'; readonly gone: boolean; readonly route: AlienRoute }
  | { readonly kind: 'link'; readonly gone: boolean; readonly link: KernelLink }
  | { readonly kind: 'address'; readonly gone: boolean; readonly address: KernelAddress };

/** Where changes of others are told. */
export interface KernelWatcher {
  readonly events: (events: readonly KernelEvent[]) => void;
  /** Changes went by unseen: read the table again. */
  readonly lost: () => void;
  readonly failed: (error: Error) => void;
}

/** A kernel's routing table, as one writer with one protocol number sees it. Calls are synchronous and may take a second. */
export interface Kernel {
  /** Our number: routes with it are ours. */
  readonly protocol: number;
  /** Whether nexthop objects can be used; otherwise routes carry their hops themselves. */
  readonly nexthopObjects: boolean;
  /** Reads everything. Throws where the kernel refuses. */
  read(): KernelTable;
  apply(operations: readonly Operation[]): ApplyResult;
  /** Starts telling. Again after anything failed: everything is opened anew then. Throws where that fails. */
  watch(watcher: KernelWatcher): void;
  /** Stops; routes stay as they are. */
  close(): void;
}
