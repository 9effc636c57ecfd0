/**
 * What the cluster wants of one node's encapsulation, before anything of the machine is known: devices, the other tunnel
 * endpoints, and routes with their classes and reasons. Plain data that prints as JSON; the kernel's side brings it about. Types only.
 */
import type { Address, Prefix } from 'bgp-ts/net';
import type { Issue, ObjectRef } from '../../src/confd/resources/types.ts';

/** Family of addresses. */
export type IpFamily = 'ipv4' | 'ipv6';

/** What a packet to a pool is wrapped in. */
export type Encapsulation = 'vxlan' | 'ipip' | 'none';

/** The devices by their part; `parent` is the interface that carries this node's address of the family. */
export type DeviceRole = 'vxlan-v4' | 'vxlan-v6' | 'ipip' | 'parent-v4' | 'parent-v6';

/**
 * Classes of routes, best first: of two routes to one prefix the kernel gets the one of the better class (dataplane 3.1). Those of
 * workloads, eBPF and WireGuard are others' here: they are known so that ours give way to them.
 */
export const ROUTE_CLASSES = [
  'local-workload',
  'bpf-special',
  'wireguard',
  'vxlan-same-subnet',
  'vxlan-tunnel',
  'ipip-same-subnet',
  'ipip-tunnel',
  'no-encap',
  'blackhole-vxlan',
  'blackhole-ipip',
  'blackhole-no-encap',
] as const;

/** One of ROUTE_CLASSES. */
export type RouteClass = (typeof ROUTE_CLASSES)[number];

/** Why something is wanted: the object that says so and the rule that made it of it, in words. */
export interface Reason {
  readonly object: ObjectRef;
  readonly rule: string;
}

/** Where a route leads. `via` is onlink: the gateway is taken to be on the device. */
export type RouteTarget =
  | { readonly kind: 'via'; readonly device: DeviceRole; readonly gateway: Address }
  | { readonly kind: 'link'; readonly device: DeviceRole }
  | { readonly kind: 'blackhole' };

/** A route the cluster wants here. */
export interface EncapRoute {
  readonly prefix: Prefix;
  readonly class: RouteClass;
  readonly target: RouteTarget;
  /** Node behind it; absent for blackholes. */
  readonly node?: string;
  /** The object that says where the block is: the first reason, before the others. Absent where `reasons` has all of them. */
  readonly block?: ObjectRef;
  /** Reasons that all routes of a node and a pool share, as one list: see `reasonsOf`. */
  readonly reasons: readonly Reason[];
}

/** The tunnel endpoint of another node, as FDB and neighbour entries need it. */
export interface Vtep {
  readonly node: string;
  /** Family of the tunnel: which of the two VXLAN devices. */
  readonly family: IpFamily;
  /** Address of its VXLAN device. */
  readonly tunnel: Address;
  /** Six octets, lower case with colons. */
  readonly mac: string;
  /** Its node address: where the outer packet goes. */
  readonly host: Address;
}

/** A VXLAN device of this node. */
export interface VxlanWish {
  readonly kind: 'vxlan';
  readonly family: IpFamily;
  /** `vxlan.calico`, `vxlan-v6.calico`. */
  readonly name: string;
  /** 1-16777215. */
  readonly vni: number;
  /** UDP port, 1-65535. */
  readonly port: number;
  readonly mac: string;
  /** Its own address, /32 or /128; absent until one is allocated: the device is made all the same. */
  readonly tunnel?: Address;
  /** This node's address: the outer source, and on its interface the device stands. */
  readonly local: Address;
  /** 0 or absent: from the machine. */
  readonly mtu?: number;
  readonly reasons: readonly Reason[];
}

/** The IPIP device of this node. */
export interface IpipWish {
  readonly kind: 'ipip';
  /** `tunl0`. */
  readonly name: string;
  readonly tunnel?: Address;
  readonly local: Address;
  readonly mtu?: number;
  readonly reasons: readonly Reason[];
}

/** A device of this node, of either kind. */
export type DeviceWish = VxlanWish | IpipWish;

/** Everything wanted of this node's encapsulation. */
export interface EncapWishes {
  /** This node's name and addresses; absent families are not used. */
  readonly node: string;
  readonly addresses: { readonly ipv4?: Address; readonly ipv6?: Address };
  readonly devices: readonly DeviceWish[];
  readonly vteps: readonly Vtep[];
  /** At most one for a prefix and class. */
  readonly routes: readonly EncapRoute[];
  /** Prefixes of services that forwarded packets must not leave by (dataplane B20). */
  readonly serviceLoops: readonly { readonly prefix: Prefix; readonly action: 'drop' | 'reject'; readonly reasons: readonly Reason[] }[];
  /** What could not be honoured, by object and field. */
  readonly issues: readonly Issue[];
}
