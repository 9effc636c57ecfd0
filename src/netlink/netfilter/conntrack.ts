/** Connection tracking: ctnetlink messages (linux/netfilter/nfnetlink_conntrack.h), as far as forgetting connections takes. */
import type { Arena } from '../rtnetlink/arena.ts';
import { readIp } from '../rtnetlink/attributes.ts';
import { AF, ATTRIBUTE_TYPE_MASK, NESTED, NLM_F } from '../rtnetlink/constants.ts';
import type { SocketIp } from '../tcp.ts';

/** A tracked connection, known by the tuple of its first packet. */
export interface ConntrackMessage {
  readonly family: 'ipv4' | 'ipv6';
  /** Attributes of the original tuple as the kernel gave them (CTA_TUPLE_ORIG): they name the connection in a removal. */
  readonly tuple: Buffer;
  /** The kernel's number for it, 0 = none: keeps a removal from a new connection with the same tuple. In network order. */
  readonly id: number;
  /** Zone, 0 = the common one. In network order. */
  readonly zone: number;
}

/** Both ends of both directions. With translation the replies' ends are not those of the original direction turned round. */
export interface ConntrackEnds {
  readonly source: SocketIp;
  readonly destination: SocketIp;
  readonly replySource: SocketIp;
  readonly replyDestination: SocketIp;
}

/** Message types: subsystem CTNETLINK (1), messages of enum cntl_msg_types. */
const CONNTRACK = { get: 0x101, delete: 0x102 } as const;

const NFGENMSG = 4;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_TUPLE_IP = 1;

/** Where the value of an attribute between `at` and `end` begins; -1 where it is not there or one before it is cut off. Makes nothing. */
function find(octets: Buffer, at: number, end: number, type: number): number {
  while (at + 4 <= end) {
    const length = octets.readUInt16LE(at);
    if (length < 4 || at + length > end) return -1;
    if ((octets.readUInt16LE(at + 2) & ATTRIBUTE_TYPE_MASK) === type) return at + 4;
    at += (length + 3) & ~3;
  }
  return -1;
}

/** Where the value that begins at `at` ends. */
function endOf(octets: Buffer, at: number): number {
  return at - 4 + octets.readUInt16LE(at - 4);
}

function ipOf(octets: Buffer, at: number, end: number, types: readonly [ipv4: number, ipv6: number]): SocketIp | undefined {
  const ipv4 = find(octets, at, end, types[0]);
  const value = ipv4 < 0 ? find(octets, at, end, types[1]) : ipv4;
  return value < 0 ? undefined : readIp(octets, value, endOf(octets, value) - value);
}

/** CTA_IP_V4_SRC and CTA_IP_V6_SRC, and those of the destination. */
const SOURCE = [1, 3] as const;
const DESTINATION = [2, 4] as const;

/** Source and destination of the tuple whose attributes begin at `at`. */
function endsOf(octets: Buffer, at: number): readonly [SocketIp, SocketIp] | undefined {
  const ip = at < 0 ? -1 : find(octets, at, endOf(octets, at), CTA_TUPLE_IP);
  if (ip < 0) return undefined;
  const end = endOf(octets, ip);
  const source = ipOf(octets, ip, end, SOURCE);
  const destination = ipOf(octets, ip, end, DESTINATION);
  return source === undefined || destination === undefined ? undefined : [source, destination];
}

/**
 * The connection of a message whose body is `[at, end)`, where `wanted` says yes to its ends; undefined for others and where it is malformed.
 * A table has half a million of them, so only those wanted are copied.
 */
export function decodeConntrack(
  octets: Buffer,
  at: number,
  end: number,
  wanted: (ends: ConntrackEnds) => boolean,
): ConntrackMessage | undefined {
  if (end - at < NFGENMSG) return undefined;
  const from = at + NFGENMSG;
  const original = find(octets, from, end, CTA_TUPLE_ORIG);
  const ends = endsOf(octets, original);
  const replies = ends && endsOf(octets, find(octets, from, end, CTA_TUPLE_REPLY));
  if (ends === undefined || replies === undefined) return undefined;
  if (!wanted({ source: ends[0], destination: ends[1], replySource: replies[0], replyDestination: replies[1] })) return undefined;
  const id = find(octets, from, end, CTA_ID);
  const zone = find(octets, from, end, CTA_ZONE);
  return {
    family: ends[0].family,
    tuple: Buffer.from(octets.subarray(original, endOf(octets, original))),
    id: id >= 0 && endOf(octets, id) - id === 4 ? octets.readUInt32BE(id) : 0,
    zone: zone >= 0 && endOf(octets, zone) - zone === 2 ? octets.readUInt16BE(zone) : 0,
  };
}

/** Writes the request for a dump of the connections of one family. */
export function encodeConntrackDump(out: Arena, seq: number, family: ConntrackMessage['family']): void {
  const at = out.begin(CONNTRACK.get, NLM_F.request | NLM_F.dump, seq, NFGENMSG);
  out.octets[at] = AF[family];
  out.end();
}

/** Writes the removal of a connection; NLM_F.request is added to the flags. */
export function encodeConntrackRemoval(out: Arena, flags: number, seq: number, entry: ConntrackMessage): void {
  const at = out.begin(CONNTRACK.delete, flags | NLM_F.request, seq, NFGENMSG);
  out.octets[at] = AF[entry.family];
  out.bytes(CTA_TUPLE_ORIG | NESTED, entry.tuple);
  if (entry.id !== 0) {
    const id = Buffer.alloc(4);
    id.writeUInt32BE(entry.id, 0);
    out.bytes(CTA_ID, id);
  }
  if (entry.zone !== 0) out.bytes(CTA_ZONE, Uint8Array.of(entry.zone >> 8, entry.zone & 0xff));
  out.end();
}
