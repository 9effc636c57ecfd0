/** Nexthop objects: struct nhmsg and its attributes. Kernel 5.3 and later. */
import type { SocketIp } from '../tcp.ts';
import type { Arena } from './arena.ts';
import type { Draft } from './attributes.ts';
import { addressRow, attributeTable, familyOfNumber, readAttributes, uint32Row, writeAttributes } from './attributes.ts';
import { AF, NLM_F } from './constants.ts';

/** One member of a group. */
export interface NexthopMember {
  readonly id: number;
  /** 1-256. */
  readonly weight: number;
}

/** A nexthop object: a hop, a blackhole, or a group of hops. */
export interface NexthopMessage {
  /** Absent for groups. */
  readonly family?: 'ipv4' | 'ipv6';
  /** 1-4294967295. */
  readonly id: number;
  /** Who made it, 0-255. */
  readonly protocol: number;
  readonly scope: number;
  /** HOP_FLAG bits. */
  readonly flags: number;
  /** Interface index, 0 = none (groups, blackholes). */
  readonly interface: number;
  readonly gateway?: SocketIp;
  readonly blackhole: boolean;
  /** Empty where it is no group. */
  readonly group: readonly NexthopMember[];
}

const NHMSG = 8;
const MEMBER = 8;
const NHA_GROUP = 2;
const NHA_BLACKHOLE = 4;

const NEXTHOP_ATTRIBUTES = attributeTable<NexthopMessage>([
  uint32Row(
    1,
    (hop) => hop.id,
    (into, value) => {
      into.id = value;
    },
  ),
  {
    type: NHA_GROUP,
    write: (out, { group }) => {
      if (group.length === 0) return;
      const list = out.open(NHA_GROUP, true);
      for (const member of group) {
        const at = out.structure(MEMBER);
        out.octets.writeUInt32LE(member.id, at);
        out.octets[at + 4] = member.weight - 1;
      }
      out.close(list);
    },
    read: (into, octets, at, length) => {
      if (length % MEMBER !== 0) return false;
      const group: NexthopMember[] = [];
      for (let from = at; from < at + length; from += MEMBER) {
        group.push({ id: octets.readUInt32LE(from), weight: (octets[from + 4] ?? 0) + 1 });
      }
      into.group = group;
      return true;
    },
  },
  {
    type: NHA_BLACKHOLE,
    write: (out, { blackhole }) => {
      if (blackhole) out.mark(NHA_BLACKHOLE);
    },
    read: (into) => {
      into.blackhole = true;
      return true;
    },
  },
  uint32Row(
    5,
    (hop) => hop.interface || undefined,
    (into, value) => {
      into.interface = value;
    },
  ),
  addressRow(
    6,
    (hop) => hop.gateway,
    (into, value) => {
      into.gateway = value;
    },
  ),
]);

/** Writes one nexthop message. `type` is RTM.newNexthop or RTM.delNexthop; NLM_F.request is added to the flags. */
export function encodeNexthop(out: Arena, type: number, flags: number, seq: number, nexthop: NexthopMessage): void {
  const at = out.begin(type, flags | NLM_F.request, seq, NHMSG);
  const { octets } = out;
  octets[at] = nexthop.family === undefined ? AF.unspecified : AF[nexthop.family];
  octets[at + 1] = nexthop.scope;
  octets[at + 2] = nexthop.protocol;
  octets.writeUInt32LE(nexthop.flags >>> 0, at + 4);
  writeAttributes(out, NEXTHOP_ATTRIBUTES, nexthop);
  out.end();
}

/** Writes the removal of a nexthop object: nothing but its id may be said (the kernel refuses more). */
export function encodeNexthopRemoval(out: Arena, type: number, flags: number, seq: number, id: number): void {
  out.begin(type, flags | NLM_F.request, seq, NHMSG);
  out.uint32(1, id);
  out.end();
}

/** The nexthop of a message whose body is `[at, end)`; undefined where it is malformed. */
export function decodeNexthop(octets: Buffer, at: number, end: number): NexthopMessage | undefined {
  if (end - at < NHMSG) return undefined;
  const family = familyOfNumber(octets[at] ?? 0);
  const nexthop: Draft<NexthopMessage> = {
    ...(family === undefined ? {} : { family }),
    id: 0,
    protocol: octets[at + 2] ?? 0,
    scope: octets[at + 1] ?? 0,
    flags: octets.readUInt32LE(at + 4),
    interface: 0,
    blackhole: false,
    group: NO_MEMBERS,
  };
  return readAttributes(NEXTHOP_ATTRIBUTES, nexthop, octets, at + NHMSG, end) ? nexthop : undefined;
}

const NO_MEMBERS: readonly NexthopMember[] = [];

/** Writes the request for a dump of nexthop objects. The kernel cannot narrow it by protocol. */
export function encodeNexthopDump(out: Arena, type: number, seq: number): void {
  out.begin(type, NLM_F.request | NLM_F.dump, seq, NHMSG);
  out.end();
}
