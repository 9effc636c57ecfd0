/**
 * UPDATE messages written straight into one growing buffer (RFC 4271 section 4.3, RFC 4760 sections 3 and 4). A run of routes with one
 * attribute set becomes as few messages as fit: each is filled up to the largest message. IPv4 with an IPv4 next hop goes into the
 * classic fields, all else into MP_REACH_NLRI and MP_UNREACH_NLRI, which then come first (RFC 7606 section 5.1).
 */
import { attributeEnd, writeAttributeHeader } from './attribute-header.ts';
import { HEADER_OCTETS, writeHeader } from './framing.ts';
import { ATTRIBUTE, FAMILY_NUMBERS, FLAG, MESSAGE_TYPE } from './iana.ts';
import { FAMILY_OCTETS } from './multiprotocol.ts';
import { writeIpv4Nlri, writeIpv6Prefix } from './nlri.ts';
import type { Family } from './types.ts';
import { writeU16, writeU32 } from './writer.ts';

/** Header, withdrawn routes length, total path attribute length. */
const FIXED_OCTETS = HEADER_OCTETS + 4;

/** Longest value of an attribute whose header has three octets; beyond it four. */
const SHORT_VALUE = 255;

const NEXT_HOP_OCTETS = 7;

const NO_ATTRIBUTES = new Uint8Array(0);

/** What messages look like for a group of peers. */
export interface UpdateShape {
  readonly family: Family;
  /** Announcements are MP_REACH_NLRI: always for IPv6, for IPv4 where next hops may be IPv6 (RFC 8950 section 3). */
  readonly multiprotocol: boolean;
  /** NLRI carry path identifiers (RFC 7911). */
  readonly addPath: boolean;
  /** Octets, 4096 or 65535 (RFC 8654). */
  readonly maxMessage: number;
}

/** Octets of the form of attributes that `writeAnnounced` makes, at most. */
export function announcedRoom(attributes: Uint8Array, nextHop: Uint8Array): number {
  return attributes.length + nextHop.length + NEXT_HOP_OCTETS;
}

/**
 * Writes what `UpdateWriter.openAnnounce` takes and returns the offset after it: a canonical block (or `toTwoOctetAs` of one) with NEXT_HOP
 * in its place; for MP_REACH_NLRI length and octets of the next hop (4, 16 or 32), then the block.
 */
export function writeAnnounced(
  target: Uint8Array,
  offset: number,
  attributes: Uint8Array,
  nextHop: Uint8Array,
  { multiprotocol }: Pick<UpdateShape, 'multiprotocol'>,
): number {
  if (multiprotocol) {
    target[offset] = nextHop.length;
    target.set(nextHop, offset + 1);
    target.set(attributes, offset + 1 + nextHop.length);
    return offset + 1 + nextHop.length + attributes.length;
  }
  const place = offset + nextHopPlace(attributes);
  target.set(attributes, offset);
  target.copyWithin(place + NEXT_HOP_OCTETS, place, offset + attributes.length);
  target.set(nextHop, writeAttributeHeader(target, place, FLAG.transitive, ATTRIBUTE.nextHop, nextHop.length));
  return offset + attributes.length + NEXT_HOP_OCTETS;
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

/** Octets of a message that announces `nlri` octets of routes with attributes of `length` octets in the form of `writeAnnounced`. */
export function announcementOctets({ multiprotocol }: Pick<UpdateShape, 'multiprotocol'>, length: number, nlri: number): number {
  // MP_REACH_NLRI: its header, AFI and SAFI, the reserved octet. A value that needs the long header is no smallest message.
  return FIXED_OCTETS + length + nlri + (multiprotocol ? 3 + FAMILY_OCTETS + 1 : 0);
}

/** Writes runs one after another: `openAnnounce` or `openWithdraw`, routes, `close`. A run has at least one route. */
export class UpdateWriter {
  /** Octets written. */
  at = 0;
  /** Whole messages written. */
  messages = 0;
  /** Routes written. */
  routes = 0;
  private buffer: Uint8Array = new Uint8Array(8 * 1024);
  private start = 0;
  /** Where NLRI begin, or in a multiprotocol attribute the value. */
  private bodyAt = 0;
  private limit = 0;
  private attributes: Uint8Array = NO_ATTRIBUTES;
  private withdrawing = false;
  private readonly shape: UpdateShape;
  private readonly afi: number;
  private readonly safi: number;
  private maxMessage: number;

  constructor(shape: UpdateShape) {
    const { afi, safi } = FAMILY_NUMBERS[shape.family];
    this.shape = shape;
    this.afi = afi;
    this.safi = safi;
    this.maxMessage = shape.maxMessage;
  }

  /** Starts over with an empty buffer; `maxMessage` in octets. */
  reset(maxMessage: number): void {
    this.maxMessage = maxMessage;
    this.at = 0;
    this.messages = 0;
    this.routes = 0;
  }

  /** A copy of everything written since `reset`. */
  octets(): Uint8Array {
    return this.buffer.slice(0, this.at);
  }

  /** Opens a run of announcements with attributes in the form of `writeAnnounced`, read until `close`. */
  openAnnounce(attributes: Uint8Array): void {
    this.attributes = attributes;
    this.withdrawing = false;
    this.openMessage();
  }

  /** Opens a run of withdrawals. */
  openWithdraw(): void {
    this.attributes = NO_ATTRIBUTES;
    this.withdrawing = true;
    this.openMessage();
  }

  /** Adds a route of the IPv4 family to the open run, in a new message where the current one is full. Host bits are clear. */
  addIpv4(word: number, length: number, pathId: number): void {
    const { addPath } = this.shape;
    this.makeRoom((addPath ? 5 : 1) + ((length + 7) >>> 3));
    this.at = writeIpv4Nlri(this.buffer, this.at, word, length, pathId, addPath);
    this.routes++;
  }

  /** The same of the IPv6 family; the four words of its address begin at `from`. */
  addIpv6(words: ArrayLike<number>, from: number, length: number, pathId: number): void {
    const { addPath } = this.shape;
    this.makeRoom((addPath ? 5 : 1) + ((length + 7) >>> 3));
    if (addPath) this.at = writeU32(this.buffer, this.at, pathId);
    this.at = writeIpv6Prefix(this.buffer, this.at, words, from, length);
    this.routes++;
  }

  /** Closes the run. */
  close(): void {
    this.closeMessage();
  }

  private makeRoom(octets: number): void {
    if (this.at + octets <= this.limit) return;
    this.closeMessage();
    this.openMessage();
  }

  private openMessage(): void {
    if (this.buffer.length < this.at + this.maxMessage) this.enlarge();
    this.start = this.at;
    this.at = writeHeader(this.buffer, this.at, 0, MESSAGE_TYPE.update);
    if (this.isMultiprotocol()) this.openMultiprotocol();
    else this.openClassic();
  }

  /** IPv4 is withdrawn in the field of old, whatever its next hops (RFC 4271 section 4.3). */
  private isMultiprotocol(): boolean {
    return this.withdrawing ? this.shape.family === 'ipv6-unicast' : this.shape.multiprotocol;
  }

  private openClassic(): void {
    const end = this.start + this.maxMessage;
    if (this.withdrawing) {
      this.at += 2;
      this.bodyAt = this.at;
      this.limit = end - 2;
      return;
    }
    this.at = writeU16(this.buffer, this.at, 0);
    this.at = writeU16(this.buffer, this.at, this.attributes.length);
    this.put(this.attributes);
    this.bodyAt = this.at;
    this.limit = end;
  }

  /** With the long header, which `closeMultiprotocol` takes back from a value that is short. */
  private openMultiprotocol(): void {
    const { buffer } = this;
    let at = writeU16(buffer, this.at, 0) + 2;
    buffer[at] = FLAG.optional | FLAG.extendedLength;
    buffer[at + 1] = this.withdrawing ? ATTRIBUTE.mpUnreach : ATTRIBUTE.mpReach;
    at += 4;
    this.bodyAt = at;
    at = writeU16(buffer, at, this.afi);
    buffer[at] = this.safi;
    this.at = at + 1;
    this.limit = this.start + this.maxMessage;
    if (!this.withdrawing) {
      const nextHop = 1 + (this.attributes[0] ?? 0);
      this.put(this.attributes.subarray(0, nextHop));
      buffer[this.at++] = 0;
      this.limit -= this.attributes.length - nextHop;
    }
    if (this.limit < this.bodyAt + SHORT_VALUE) this.limit++;
  }

  private closeMessage(): void {
    if (this.isMultiprotocol()) this.closeMultiprotocol();
    else if (this.withdrawing) {
      writeU16(this.buffer, this.bodyAt - 2, this.at - this.bodyAt);
      this.at = writeU16(this.buffer, this.at, 0);
    }
    writeU16(this.buffer, this.start + 16, this.at - this.start);
    this.messages++;
  }

  private closeMultiprotocol(): void {
    const { buffer } = this;
    const length = this.at - this.bodyAt;
    const attribute = this.bodyAt - 4;
    if (length > SHORT_VALUE) writeU16(buffer, attribute + 2, length);
    else {
      buffer.copyWithin(attribute + 3, this.bodyAt, this.at);
      this.at--;
      buffer[attribute] = FLAG.optional;
      buffer[attribute + 2] = length;
    }
    if (!this.withdrawing) this.put(this.attributes.subarray(1 + (this.attributes[0] ?? 0)));
    writeU16(buffer, attribute - 2, this.at - attribute);
  }

  private put(octets: Uint8Array): void {
    this.buffer.set(octets, this.at);
    this.at += octets.length;
  }

  private enlarge(): void {
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.at + this.maxMessage));
    larger.set(this.buffer.subarray(0, this.at));
    this.buffer = larger;
  }
}
