/**
 * IPIP where the kernel has no ipip module: what the other parts of the agent see of it. A device that stands in for `tunl0` is made
 * of a kind the kernel has, the routes lead to it exactly as they would to the real one (`BLOCK via NODE dev tunl0 onlink`), and two
 * eBPF programs do the rest: one where packets leave the device, one where packets of IP protocol 4 come in from the network.
 * Types and constants only.
 */
import type { Address, Prefix } from 'bgp-ts/net';

/**
 * Kinds of device that can stand in for the tunnel, best first; the first one the kernel makes is taken (EOPNOTSUPP: the next). Both
 * are Ethernet: the device must have the flag NOARP, so that gateways on it need no neighbour entries.
 */
export const STAND_IN_KINDS = ['ifb', 'veth'] as const;

/** One of STAND_IN_KINDS. */
export type StandInKind = (typeof STAND_IN_KINDS)[number];

/** A block behind another node. */
export interface IpipPeer {
  /** IPv4; of overlapping blocks the longest counts. */
  readonly block: Prefix;
  /** Its node's address: the outer destination, and a permitted outer source. */
  readonly host: Address;
}

/** Everything the programs need to know. */
export interface IpipWanted {
  readonly peers: readonly IpipPeer[];
  /** Other permitted outer sources, such as nodes without a block yet. */
  readonly sources?: readonly Address[];
  /** IPv4 networks of others that may send as well. */
  readonly externals?: readonly Prefix[];
  /** This node's address: the outer source, and the only outer destination that is unwrapped. */
  readonly local: Address;
  /** Index of the device that stands in for `tunl0`. */
  readonly device: number;
  /** Its MAC, six octets, lower case with colons: packets from the tunnel are handed to it under this address. */
  readonly mac: string;
  /** Indexes of the interfaces that packets from other nodes come in by; the first is used where the kernel's routes name none. At least one. */
  readonly parents: readonly number[];
}

/** What became of packets, in the order of the counters in the kernel. */
export const IPIP_REASONS = [
  'encapsulated',
  'decapsulated',
  'not-ipv4',
  'no-peer',
  'no-route',
  'too-big',
  'headroom',
  'unknown-source',
  'malformed',
  'bad-checksum',
  'fragment',
  'ecn',
] as const;

/** One of IPIP_REASONS; all but the first two are drops. */
export type IpipReason = (typeof IPIP_REASONS)[number];

/** Packets (those of one large send counted by their segments) and octets of the inner packets. */
export interface IpipCount {
  readonly packets: number;
  readonly octets: number;
}

/** How the programs hang on their interfaces. */
export type AttachMode = 'tcx' | 'clsact';

/** A program in its place. */
export interface IpipAttachment {
  readonly program: 'encapsulate' | 'decapsulate';
  /** Index of the interface. */
  readonly interface: number;
  readonly mode: AttachMode;
  /** Id of the program in the kernel. */
  readonly programId: number;
}

/** What the backend holds in the kernel. */
export interface IpipStatus {
  readonly attachments: readonly IpipAttachment[];
  /** Blocks and permitted sources in the maps. */
  readonly blocks: number;
  readonly sources: number;
  readonly counters: { readonly [reason in IpipReason]: IpipCount };
  /** SHA-256 of the source the programs were compiled from, as hex. */
  readonly sourceHash: string;
}

/** What one `apply` changed. */
export interface IpipApplied {
  readonly blocks: { readonly written: number; readonly removed: number };
  readonly sources: { readonly written: number; readonly removed: number };
  /** Programs attached anew, exchanged in place, or detached. */
  readonly attached: number;
  readonly replaced: number;
  readonly detached: number;
  /** Interfaces that could not be served, and why, in words: they are tried again with the next `apply`. Empty where all is well. */
  readonly faults: readonly string[];
}

/**
 * IPIP in eBPF. All calls are synchronous system calls of the calling thread, in its network namespace. Level-triggered: `apply` gets
 * everything and changes what differs from the kernel, so that applying twice is free and a start after `kill -9` takes over what is there.
 */
export interface IpipBackend {
  /** Brings maps and attachments about. Throws where the kernel refuses a program or a map, or where `wanted` makes no sense. */
  readonly apply: (wanted: IpipWanted) => IpipApplied;
  readonly status: () => IpipStatus;
  /** Closes descriptors; packets go on flowing. */
  readonly close: () => void;
  /** Detaches everything of this instance and removes its pins, also what an earlier process left; then as `close`. */
  readonly remove: () => void;
}
