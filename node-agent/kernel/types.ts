/**
 * The kernel as the reconcilers see it: one narrow interface a part, so that plans are tried against a fake. A reconciler reads what is
 * there, `plan(now, wanted)` (pure) says which operations make it what is wanted, `apply` does them. Messages are those of the netlink
 * workspace; addresses are interchangeable with `Address`, prefixes with `Prefix`. Types only.
 */
import type { Prefix } from 'bgp-ts/net';
import type { AddressMessage, BatchFailure, LinkMessage, LinkRequest, NeighbourMessage, NetlinkEvent, Offload, RuleMessage } from 'netlink';
import type { IpFamily } from '../encap/types.ts';

/** What became of operations. The others were done; a refused one keeps none of them back. */
export interface Outcome<T> {
  readonly failures: readonly BatchFailure<T>[];
  /** Answers were lost: read everything again. */
  readonly lost: boolean;
}

/** Interfaces and their addresses, read at one time. */
export interface LinkTable {
  readonly links: readonly LinkMessage[];
  readonly addresses: readonly AddressMessage[];
}

/**
 * One change of a device. What is made gets its index from the kernel: its addresses are the next round's business. `change` names
 * only what is to be different, and the interface by index; a device comes up with `{ flags: LINK_FLAG.up, change: LINK_FLAG.up }`.
 */
export type LinkOperation =
  | { readonly kind: 'create'; readonly link: LinkRequest & { readonly name: string } }
  | { readonly kind: 'change'; readonly link: LinkRequest & { readonly index: number } }
  | { readonly kind: 'remove'; readonly index: number; readonly name: string }
  | { readonly kind: 'add-address' | 'remove-address'; readonly address: AddressMessage }
  | { readonly kind: 'offload'; readonly name: string; readonly offload: Offload; readonly on: boolean };

/** Devices of a network namespace. */
export interface LinkKernel {
  /** Throws NetlinkError where the kernel refuses the dump. */
  read(): LinkTable;
  /** In their order. */
  apply(operations: readonly LinkOperation[]): Outcome<LinkOperation>;
  /** Throws NetlinkError (ENODEV, EOPNOTSUPP). */
  offload(name: string, offload: Offload): boolean;
}

/** Neighbours of one family and forwarding entries of one device. */
export interface NeighbourTable {
  readonly neighbours: readonly NeighbourMessage[];
  readonly forwarding: readonly NeighbourMessage[];
}

/** One change of a neighbour or forwarding entry. `set` replaces what has its key. */
export interface NeighbourOperation {
  readonly kind: 'set' | 'remove';
  readonly entry: NeighbourMessage;
}

/** Neighbours and forwarding entries of a network namespace. */
export interface NeighbourKernel {
  /** Entries of the interface `device`, of all states. Throws NetlinkError where the kernel refuses the dump. */
  read(device: number, family: IpFamily): NeighbourTable;
  /** In their order; removing what is not there is no failure. */
  apply(operations: readonly NeighbourOperation[]): Outcome<NeighbourOperation>;
}

/** One change of a policy rule. */
export interface RuleOperation {
  readonly kind: 'add' | 'remove';
  readonly rule: RuleMessage;
}

/** Policy rules of a network namespace. */
export interface RuleKernel {
  /** All rules of both families, whoever wrote them: `protocol` says who. */
  read(): readonly RuleMessage[];
  /** In their order; adding what is there and removing what is not are no failures. */
  apply(operations: readonly RuleOperation[]): Outcome<RuleOperation>;
}

/** Connection tracking of a network namespace. */
export interface ConntrackKernel {
  /**
   * Forgets the connections that have an end inside one of the prefixes, in the original direction or that of the replies. 0 where the
   * kernel has no connection tracking.
   */
  forget(prefixes: readonly Prefix[]): { readonly removed: number; readonly failed: number };
}

/** Who hears what others change. */
export interface KernelListener {
  readonly events: (events: readonly NetlinkEvent[]) => void;
  /** Everything has to be read anew: notifications were lost, or the socket was opened again. `because` is for the log. */
  readonly lost: (because: string) => void;
}

/** A running watch. */
export interface KernelWatch {
  /** Idempotent. */
  close(): void;
}
