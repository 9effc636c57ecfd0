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

type Attributes = { readonly [type: number]: readonly [at: number, length: number] };

/** Where each attribute's value stands; undefined where one is cut off. The last of a type counts. */
function attributesIn(octets: Buffer, at: number, end: number): Attributes | undefined {
  const found: { [type: number]: readonly [number, number] } = {};
  while (at + 4 <= end) {
    const length = octets.readUInt16LE(at);
    if (length < 4 || at + length > end) return undefined;
    found[octets.readUInt16LE(at + 2) & ATTRIBUTE_TYPE_MASK] = [at + 4, length - 4];
    at += (length + 3) & ~3;
  }
  return found;
}

/** Source and destination of a tuple: CTA_IP_V4_SRC 1, V4_DST 2, V6_SRC 3, V6_DST 4. */
function endsOf(octets: Buffer, place: readonly [number, number] | undefined): readonly [SocketIp, SocketIp] | undefined {
  const ip = place && attributesIn(octets, place[0], place[0] + place[1])?.[CTA_TUPLE_IP];
  const ends = ip && attributesIn(octets, ip[0], ip[0] + ip[1]);
  const source = ends?.[1] ?? ends?.[3];
  const destination = ends?.[2] ?? ends?.[4];
  if (source === undefined || destination === undefined) return undefined;
  const from = readIp(octets, ...source);
  const to = readIp(octets, ...destination);
  return from === undefined || to === undefined ? undefined : [from, to];
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
  const attributes = attributesIn(octets, at + NFGENMSG, end);
  const original = attributes?.[CTA_TUPLE_ORIG];
  const ends = endsOf(octets, original);
  const replies = endsOf(octets, attributes?.[CTA_TUPLE_REPLY]);
  if (original === undefined || ends === undefined || replies === undefined) return undefined;
  if (!wanted({ source: ends[0], destination: ends[1], replySource: replies[0], replyDestination: replies[1] })) return undefined;
  const id = attributes?.[CTA_ID];
  const zone = attributes?.[CTA_ZONE];
  return {
    family: ends[0].family,
    tuple: Buffer.from(octets.subarray(original[0], original[0] + original[1])),
    id: id?.[1] === 4 ? octets.readUInt32BE(id[0]) : 0,
    zone: zone?.[1] === 2 ? octets.readUInt16BE(zone[0]) : 0,
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
