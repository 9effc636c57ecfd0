/**
 * Routes into UPDATE messages as few as possible: each is filled up to the largest message. IPv4 with an IPv4 next hop
 * goes into the classic fields, all else into MP_REACH_NLRI and MP_UNREACH_NLRI, which then come first (RFC 7606 section 5.1).
 */
import { attributeEnd, attributeOctets, writeAttributeHeader } from './attribute-header.ts';
import { HEADER_OCTETS, writeHeader } from './framing.ts';
import { ATTRIBUTE, FAMILY_NUMBERS, FLAG, MESSAGE_TYPE } from './iana.ts';
import { FAMILY_OCTETS } from './multiprotocol.ts';
import { nlriOctets } from './nlri.ts';
import type { Family } from './types.ts';
import { writeU16 } from './writer.ts';

/** What messages look like for a group of peers. */
export interface PackOptions {
  readonly family: Family;
  /** NLRI carry path identifiers. */
  readonly addPath: boolean;
  /** Octets, 4096 or 65535. */
  readonly maxMessage: number;
}

/** Whole messages one after another in a buffer of their own. */
export interface PackedUpdates {
  readonly octets: Uint8Array;
  readonly messages: number;
}

const EMPTY = new Uint8Array(0);

/** Header, withdrawn routes length, total path attribute length. */
const FIXED_OCTETS = HEADER_OCTETS + 4;

/** AFI and SAFI, next hop length, reserved octet. */
const REACH_FIXED_OCTETS = FAMILY_OCTETS + 2;

const NEXT_HOP_OCTETS = 7;

/** Largest value of an attribute that has `room` octets with its header. */
function valueRoom(room: number): number {
  // Up to 255 octets the header has three octets, beyond it four.
  return room - 3 <= 255 ? room - 3 : Math.max(room - 4, 255);
}

/** Offsets where NLRI is cut so that each piece has at most `room` octets; undefined where one does not fit at all. */
function cutPoints(nlri: Uint8Array, room: number, addPath: boolean): number[] | undefined {
  const skip = addPath ? 4 : 0;
  const cuts: number[] = [];
  let start = 0;
  let at = 0;
  while (at < nlri.length) {
    const size = nlriOctets(nlri[at + skip] ?? 0, addPath);
    if (size > room) return undefined;
    if (at + size - start > room) {
      cuts.push(at);
      start = at;
    }
    at += size;
  }
  if (at > start) cuts.push(at);
  return cuts;
}

/** Writes one message around a piece of NLRI and returns the offset after it. */
type PieceWriter = (target: Uint8Array, offset: number, nlri: Uint8Array, start: number, end: number) => number;

/** Cuts NLRI into messages; `overhead` gives the octets of a message beside a piece of NLRI. */
function pack(nlri: Uint8Array, cuts: readonly number[], overhead: (piece: number) => number, write: PieceWriter): PackedUpdates {
  let size = 0;
  let start = 0;
  for (const end of cuts) {
    size += overhead(end - start) + end - start;
    start = end;
  }
  const octets = new Uint8Array(size);
  let at = 0;
  start = 0;
  for (const end of cuts) {
    at = write(octets, at, nlri, start, end);
    start = end;
  }
  return { octets, messages: cuts.length };
}

/** Copies `source` from `start` to `end`; a loop where a view would cost more than the octets. */
function copy(target: Uint8Array, offset: number, source: Uint8Array, start: number, end: number): number {
  if (end - start > 48) target.set(start === 0 && end === source.length ? source : source.subarray(start, end), offset);
  else for (let at = start; at < end; at += 1) target[offset + at - start] = source[at] ?? 0;
  return offset + end - start;
}

/** Where NEXT_HOP belongs in a canonical block: after ORIGIN and AS_PATH. */
function nextHopPlace(canonical: Uint8Array): number {
  let at = 0;
  while (at < canonical.length && (canonical[at + 1] ?? 0) < ATTRIBUTE.nextHop) {
    const after = attributeEnd(canonical, at, canonical.length);
    if (after < 0) break;
    at = after;
  }
  return at;
}

function withNextHop(canonical: Uint8Array, nextHop: Uint8Array): Uint8Array {
  const block = new Uint8Array(canonical.length + NEXT_HOP_OCTETS);
  const place = nextHopPlace(canonical);
  copy(block, 0, canonical, 0, place);
  const at = writeAttributeHeader(block, place, FLAG.transitive, ATTRIBUTE.nextHop, nextHop.length);
  block.set(nextHop, at);
  copy(block, at + nextHop.length, canonical, place, canonical.length);
  return block;
}

function packClassic(block: Uint8Array, nlri: Uint8Array, options: PackOptions): PackedUpdates | undefined {
  const overhead = FIXED_OCTETS + block.length;
  const cuts = cutPoints(nlri, options.maxMessage - overhead, options.addPath);
  if (cuts === undefined) return undefined;
  return pack(
    nlri,
    cuts,
    () => overhead,
    (target, offset, source, start, end) => {
      let at = writeHeader(target, offset, overhead + end - start, MESSAGE_TYPE.update);
      at = writeU16(target, at, 0);
      at = writeU16(target, at, block.length);
      at = copy(target, at, block, 0, block.length);
      return copy(target, at, source, start, end);
    },
  );
}

/** Messages with one multiprotocol attribute: `prefix` stands before the NLRI in its value, `block` after the attribute. */
function packMultiprotocol(
  code: number,
  prefix: Uint8Array,
  block: Uint8Array,
  nlri: Uint8Array,
  options: PackOptions,
): PackedUpdates | undefined {
  const room = valueRoom(options.maxMessage - FIXED_OCTETS - block.length) - prefix.length;
  const cuts = cutPoints(nlri, room, options.addPath);
  if (cuts === undefined) return undefined;
  const attributes = (piece: number): number => attributeOctets(prefix.length + piece) + block.length;
  return pack(
    nlri,
    cuts,
    (piece) => FIXED_OCTETS + attributes(piece) - piece,
    (target, offset, source, start, end) => {
      const length = attributes(end - start);
      let at = writeHeader(target, offset, FIXED_OCTETS + length, MESSAGE_TYPE.update);
      at = writeU16(target, at, 0);
      at = writeU16(target, at, length);
      at = writeAttributeHeader(target, at, FLAG.optional, code, prefix.length + end - start);
      at = copy(target, at, prefix, 0, prefix.length);
      at = copy(target, at, source, start, end);
      return copy(target, at, block, 0, block.length);
    },
  );
}

function reachPrefix(family: Family, nextHop: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(REACH_FIXED_OCTETS + nextHop.length);
  const { afi, safi } = FAMILY_NUMBERS[family];
  writeU16(prefix, 0, afi);
  prefix[2] = safi;
  prefix[3] = nextHop.length;
  prefix.set(nextHop, 4);
  return prefix;
}

/**
 * Messages that announce `nlri` (wire form, one after another) with a canonical block (or `toTwoOctetAs` of one) and a
 * next hop of 4, 16 or 32 octets. Undefined where the attributes leave no room for a route in `maxMessage`: such a
 * route cannot be announced and must be withdrawn instead (RFC 4271 section 9.2).
 */
export function packAnnouncements(
  attributes: Uint8Array,
  nextHop: Uint8Array,
  nlri: Uint8Array,
  options: PackOptions,
): PackedUpdates | undefined {
  if (options.family === 'ipv4-unicast' && nextHop.length === 4) return packClassic(withNextHop(attributes, nextHop), nlri, options);
  return packMultiprotocol(ATTRIBUTE.mpReach, reachPrefix(options.family, nextHop), attributes, nlri, options);
}

/** Messages that withdraw `nlri` (wire form, one after another). */
export function packWithdrawals(nlri: Uint8Array, options: PackOptions): PackedUpdates {
  if (options.family !== 'ipv4-unicast') {
    const { afi, safi } = FAMILY_NUMBERS[options.family];
    const prefix = Uint8Array.of(afi >>> 8, afi, safi);
    return packMultiprotocol(ATTRIBUTE.mpUnreach, prefix, EMPTY, nlri, options) ?? { octets: EMPTY, messages: 0 };
  }
  const cuts = cutPoints(nlri, options.maxMessage - FIXED_OCTETS, options.addPath) ?? [];
  return pack(
    nlri,
    cuts,
    () => FIXED_OCTETS,
    (target, offset, source, start, end) => {
      let at = writeHeader(target, offset, FIXED_OCTETS + end - start, MESSAGE_TYPE.update);
      at = writeU16(target, at, end - start);
      at = copy(target, at, source, start, end);
      return writeU16(target, at, 0);
    },
  );
}

/** The End-of-RIB marker of a family (RFC 4724 section 2). */
export function encodeEndOfRib(family: Family): Uint8Array {
  const { afi, safi } = FAMILY_NUMBERS[family];
  const block = family === 'ipv4-unicast' ? EMPTY : Uint8Array.of(FLAG.optional, ATTRIBUTE.mpUnreach, FAMILY_OCTETS, afi >>> 8, afi, safi);
  const message = new Uint8Array(FIXED_OCTETS + block.length);
  writeHeader(message, 0, message.length, MESSAGE_TYPE.update);
  writeU16(message, HEADER_OCTETS + 2, block.length);
  message.set(block, FIXED_OCTETS);
  return message;
}
