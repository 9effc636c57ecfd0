/**
 * Neighbours (ARP and NDP) and forwarding entries of bridges and VXLAN devices: struct ndmsg and its attributes (linux/neighbour.h).
 * A forwarding entry (FDB) is a neighbour message of family `bridge` that goes from a MAC to an address.
 */
import type { SocketIp } from '../tcp.ts';
import type { Arena } from './arena.ts';
import type { Draft } from './attributes.ts';
import { attributeTable, field, HARDWARE, IP, PORT, readAttributes, UINT8, UINT32, writeAttributes } from './attributes.ts';
import { AF, NLM_F } from './constants.ts';

/** States (NUD_*): `permanent` never ages and is never asked for. */
export const NEIGHBOUR_STATE = {
  none: 0,
  incomplete: 1,
  reachable: 2,
  stale: 4,
  delay: 8,
  probe: 0x10,
  failed: 0x20,
  noArp: 0x40,
  permanent: 0x80,
} as const;

/** Flags (NTF_*): `self` is the device's own table, `master` that of the bridge it is a port of. */
export const NEIGHBOUR_FLAG = {
  use: 1,
  self: 2,
  master: 4,
  proxy: 8,
  extLearned: 0x10,
  offloaded: 0x20,
  sticky: 0x40,
  router: 0x80,
} as const;

/** A neighbour or a forwarding entry. */
export interface NeighbourMessage {
  /** Which table: that of ARP, of NDP, or forwarding. */
  readonly family: 'ipv4' | 'ipv6' | 'bridge';
  /** Interface index. */
  readonly interface: number;
  /** NEIGHBOUR_STATE bits. */
  readonly state: number;
  /** NEIGHBOUR_FLAG bits. */
  readonly flags: number;
  /** The neighbour's address; of a forwarding entry where the outer packet goes. */
  readonly destination?: SocketIp;
  /** Lower case with colons; absent where none is known. */
  readonly mac?: string;
  /** Of forwarding entries: what differs from the device's own UDP port, VNI and outgoing interface. */
  readonly port?: number;
  readonly vni?: number;
  readonly via?: number;
  /** Of forwarding entries of `external` devices: the VNI it holds for. */
  readonly sourceVni?: number;
  /** Id of a nexthop object instead of a destination. */
  readonly nexthop?: number;
  /** Who wrote it (NDA_PROTOCOL), 1-255. */
  readonly protocol?: number;
}

const NDMSG = 12;
const NDA_IFINDEX = 8;
const AF_BRIDGE = 7;

const NEIGHBOUR_ATTRIBUTES = attributeTable<NeighbourMessage>([
  field(1, 'destination', IP),
  field(2, 'mac', HARDWARE),
  field(6, 'port', PORT),
  field(7, 'vni', UINT32),
  field(NDA_IFINDEX, 'via', UINT32),
  field(11, 'sourceVni', UINT32),
  field(12, 'protocol', UINT8),
  field(13, 'nexthop', UINT32),
]);

function familyNumber(family: NeighbourMessage['family']): number {
  return family === 'bridge' ? AF_BRIDGE : AF[family];
}

function familyName(number: number): NeighbourMessage['family'] | undefined {
  if (number === AF_BRIDGE) return 'bridge';
  if (number === AF.ipv4) return 'ipv4';
  return number === AF.ipv6 ? 'ipv6' : undefined;
}

/**
 * Writes one neighbour message. `type` is RTM.newNeighbour or RTM.delNeighbour; NLM_F.request is added to the flags. Throws RangeError for a
 * hardware address that is none.
 */
export function encodeNeighbour(out: Arena, type: number, flags: number, seq: number, entry: NeighbourMessage): void {
  const at = out.begin(type, flags | NLM_F.request, seq, NDMSG);
  out.octets[at] = familyNumber(entry.family);
  out.octets.writeInt32LE(entry.interface, at + 4);
  out.octets.writeUInt16LE(entry.state, at + 8);
  out.octets[at + 10] = entry.flags;
  writeAttributes(out, NEIGHBOUR_ATTRIBUTES, entry);
  out.end();
}

/** The neighbour of a message whose body is `[at, end)`; undefined where it is malformed or of another family. */
export function decodeNeighbour(octets: Buffer, at: number, end: number): NeighbourMessage | undefined {
  if (end - at < NDMSG) return undefined;
  const family = familyName(octets[at] ?? 0);
  if (family === undefined) return undefined;
  const entry: Draft<NeighbourMessage> = {
    family,
    interface: octets.readInt32LE(at + 4),
    state: octets.readUInt16LE(at + 8),
    flags: octets[at + 10] ?? 0,
  };
  return readAttributes(NEIGHBOUR_ATTRIBUTES, entry, octets, at + NDMSG, end) ? entry : undefined;
}

/**
 * Writes the request for a dump of one family, of one interface where `index` is not 0. The kernel narrows it by NDA_IFINDEX for
 * neighbours and by the header's index for forwarding entries, and refuses the other (NETLINK_GET_STRICT_CHK).
 */
export function encodeNeighbourDump(out: Arena, type: number, seq: number, family: NeighbourMessage['family'], index = 0): void {
  const at = out.begin(type, NLM_F.request | NLM_F.dump, seq, NDMSG);
  out.octets[at] = familyNumber(family);
  if (family === 'bridge') out.octets.writeInt32LE(index, at + 4);
  else if (index !== 0) out.uint32(NDA_IFINDEX, index);
  out.end();
}
