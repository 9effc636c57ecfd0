/**
 * UPDATE messages written straight into one growing buffer (RFC 4271 section 4.3, RFC 4760 sections 3 and 4). One run of
 * prefixes with one attribute set becomes as few messages as fit. IPv6 puts MP_REACH_NLRI first (RFC 7606 section 5.1).
 */
import type { Family } from '../wire/index.ts';
import { type GroupRules, inMultiprotocol } from './export-rules.ts';
import type { PathSlots } from './path-slots.ts';
import type { PrefixTable } from './prefix-table.ts';

const HEADER = 19;
const UPDATE = 2;
const MP_REACH = 14;
const MP_UNREACH = 15;
const EXTENDED_OPTIONAL = 0x90;
/** AFI and SAFI. */
const FAMILY_OCTETS = { 'ipv4-unicast': [0, 1, 1], 'ipv6-unicast': [0, 2, 1] } as const;
/** Largest NLRI of one prefix: length octet and address. */
const MAX_NLRI = { 'ipv4-unicast': 5, 'ipv6-unicast': 17 } as const;
/** Octets around attributes and NLRI: header, two lengths; MP_REACH adds its header, AFI, SAFI, next hop length, reserved. */
const OVERHEAD = HEADER + 4;
const MP_OVERHEAD = OVERHEAD + 4 + 3 + 1;

/** Octets of a path identifier before its prefix (RFC 7911 section 3). */
const PATH_ID = 4;

/** Octets of a message that carries attributes of this length (the export table's form) and one prefix of any length. */
export function smallestUpdate(rules: Pick<GroupRules, 'family' | 'addPath' | 'extendedNextHop'>, wireLength: number): number {
  const { family, addPath } = rules;
  return (inMultiprotocol(rules) ? MP_OVERHEAD : OVERHEAD) + wireLength + MAX_NLRI[family] + (addPath > 0 ? PATH_ID : 0);
}

const NO_ATTRIBUTES = new Uint8Array(0);

/** Writes runs one after another; `start` of the current message is kept until it is closed. */
export class UpdateWriter {
  at = 0;
  messages = 0;
  routes = 0;
  private buffer: Uint8Array = new Uint8Array(8 * 1024);
  private start = 0;
  private bodyAt = 0;
  private limit = 0;
  private wire: Uint8Array = NO_ATTRIBUTES;
  private withdrawing = false;
  private readonly prefixes: PrefixTable;
  private readonly family: Family;
  private readonly wide: boolean;
  private readonly slots: PathSlots | undefined;
  private maxMessage: number;

  /** `slots`: what is added are paths, told with their identifiers; undefined: prefixes. */
  constructor(rules: GroupRules, prefixes: PrefixTable, slots: PathSlots | undefined) {
    this.family = rules.family;
    this.wide = inMultiprotocol(rules);
    this.prefixes = prefixes;
    this.slots = slots;
    this.maxMessage = rules.maxMessage;
  }

  /** Starts over with an empty buffer. */
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

  /** Opens a run of announcements with attributes in the export table's form. */
  openAnnounce(wire: Uint8Array): void {
    this.wire = wire;
    this.withdrawing = false;
    this.openMessage();
  }

  /** Opens a run of withdrawals. */
  openWithdraw(): void {
    this.wire = NO_ATTRIBUTES;
    this.withdrawing = true;
    this.openMessage();
  }

  /** Adds a prefix, or the path of a slot, to the open run, in a new message where the current one is full. */
  add(slot: number): void {
    if (this.slots === undefined) this.addPrefix(slot, 0);
    else this.addPrefix(this.slots.prefix[slot] ?? 0, this.slots.pathId(slot));
  }

  /** Path identifier 0: none is written. */
  private addPrefix(prefix: number, pathId: number): void {
    const length = this.prefixes.lengths[prefix] ?? 0;
    const octets = 1 + ((length + 7) >> 3);
    if (this.at + octets + PATH_ID > this.limit && this.at + octets + (pathId === 0 ? 0 : PATH_ID) > this.limit) {
      this.closeMessage();
      this.openMessage();
    }
    if (pathId !== 0) {
      this.put16(this.at, pathId >>> 16);
      this.put16(this.at + 2, pathId);
      this.at += PATH_ID;
    }
    const buffer = this.buffer;
    buffer[this.at] = length;
    for (let i = 1, word = 0; i < octets; i++) {
      if (((i - 1) & 3) === 0) word = this.prefixes.word(prefix, (i - 1) >> 2);
      buffer[this.at + i] = word >>> (24 - 8 * ((i - 1) & 3));
    }
    this.at += octets;
    this.routes++;
  }

  /** Closes the run. */
  close(): void {
    this.closeMessage();
  }

  private openMessage(): void {
    if (this.buffer.length < this.at + this.maxMessage) this.enlarge();
    this.start = this.at;
    this.buffer.fill(0xff, this.at, this.at + 16);
    this.buffer[this.at + 18] = UPDATE;
    this.at += HEADER;
    if (this.isMultiprotocol()) this.openMultiprotocol();
    else this.openClassic();
  }

  /** IPv4 is withdrawn in the field of old, whatever its next hops (RFC 4271 section 4.3). */
  private isMultiprotocol(): boolean {
    return this.withdrawing ? this.family === 'ipv6-unicast' : this.wide;
  }

  private openClassic(): void {
    const end = this.start + this.maxMessage;
    if (this.withdrawing) {
      this.at += 2;
      this.bodyAt = this.at;
      this.limit = end - 2;
      return;
    }
    this.put16(this.at, 0);
    this.put16(this.at + 2, this.wire.length);
    this.at += 4;
    this.put(this.wire);
    this.bodyAt = this.at;
    this.limit = end;
  }

  private openMultiprotocol(): void {
    this.put16(this.at, 0);
    this.buffer[this.at + 4] = EXTENDED_OPTIONAL;
    this.buffer[this.at + 5] = this.withdrawing ? MP_UNREACH : MP_REACH;
    this.buffer.set(FAMILY_OCTETS[this.family], this.at + 8);
    this.bodyAt = this.at + 8;
    this.at += 11;
    if (!this.withdrawing) {
      const nextHop = 1 + (this.wire[0] ?? 0);
      this.put(this.wire.subarray(0, nextHop));
      this.buffer[this.at++] = 0;
      this.limit = this.start + this.maxMessage - (this.wire.length - nextHop);
    } else {
      this.limit = this.start + this.maxMessage;
    }
  }

  private closeMessage(): void {
    if (this.isMultiprotocol()) this.closeMultiprotocol();
    else if (this.withdrawing) {
      this.put16(this.bodyAt - 2, this.at - this.bodyAt);
      this.put16(this.at, 0);
      this.at += 2;
    }
    this.put16(this.start + 16, this.at - this.start);
    this.messages++;
  }

  private closeMultiprotocol(): void {
    this.put16(this.bodyAt - 2, this.at - this.bodyAt);
    if (!this.withdrawing) this.put(this.wire.subarray(1 + (this.wire[0] ?? 0)));
    this.put16(this.bodyAt - 6, this.at - (this.bodyAt - 4));
  }

  private put(octets: Uint8Array): void {
    this.buffer.set(octets, this.at);
    this.at += octets.length;
  }

  private put16(at: number, value: number): void {
    this.buffer[at] = value >>> 8;
    this.buffer[at + 1] = value;
  }

  private enlarge(): void {
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.at + this.maxMessage));
    larger.set(this.buffer.subarray(0, this.at));
    this.buffer = larger;
  }
}
