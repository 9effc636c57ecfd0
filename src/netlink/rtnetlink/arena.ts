/**
 * Where messages are written: one buffer that grows and is used again, so that 500 messages cost no allocation. Numbers are
 * in the order of this machine, which is little-endian on both platforms there is a binary for; addresses in network order.
 */
import type { SocketIp } from '../tcp.ts';
import { HEADER, NESTED } from './constants.ts';

const ATTRIBUTE_HEADER = 4;

/** A buffer of whole messages. `octets` may be replaced by any call: read it only when done. */
export class Arena {
  octets: Buffer;
  length = 0;
  private message = 0;

  /** `size` is the first size in octets. */
  constructor(size = 65_536) {
    this.octets = Buffer.alloc(size);
  }

  /** Forgets everything written. */
  reset(): void {
    this.length = 0;
  }

  /** Starts a message with a fixed part of `size` octets, zeroed; returns where that part begins. */
  begin(type: number, flags: number, seq: number, size: number): number {
    this.message = this.length;
    this.reserve(HEADER + size);
    const at = this.length;
    this.octets.fill(0, at, at + HEADER + size);
    this.octets.writeUInt16LE(type, at + 4);
    this.octets.writeUInt16LE(flags, at + 6);
    this.octets.writeUInt32LE(seq >>> 0, at + 8);
    this.length = at + HEADER + size;
    return at + HEADER;
  }

  /** Ends the message begun last: writes its length. */
  end(): void {
    this.octets.writeUInt32LE(this.length - this.message, this.message);
  }

  /** Room for a structure of `size` octets inside an attribute, zeroed; returns where it begins. */
  structure(size: number): number {
    this.reserve(size);
    const at = this.length;
    this.octets.fill(0, at, at + size);
    this.length += size;
    return at;
  }

  /** An attribute with a 32-bit number. */
  uint32(type: number, value: number): void {
    const at = this.attribute(type, 4);
    this.octets.writeUInt32LE(value >>> 0, at);
  }

  /** An attribute without contents. */
  mark(type: number): void {
    this.attribute(type, 0);
  }

  /** An attribute with octets; padded to four. */
  bytes(type: number, value: Uint8Array): void {
    const at = this.attribute(type, value.length);
    this.octets.set(value, at);
  }

  /** An attribute with zero-terminated text. */
  text(type: number, value: string): void {
    this.bytes(type, Buffer.from(`${value}\0`));
  }

  /** An attribute with an address, 4 or 16 octets. */
  address(type: number, ip: SocketIp): void {
    const count = ip.family === 'ipv4' ? 1 : 4;
    const at = this.attribute(type, count * 4);
    for (let word = 0; word < count; word++) this.octets.writeUInt32BE((ip.words[word] ?? 0) >>> 0, at + word * 4);
  }

  /** Opens an attribute that holds others; returns the handle for `close`. Nested ones carry the NESTED bit unless `plain`. */
  open(type: number, plain = false): number {
    const start = this.length;
    this.attribute(plain ? type : type | NESTED, 0);
    return start;
  }

  /** Closes what `open` opened: writes its length, padded by what it holds. */
  close(start: number): void {
    this.octets.writeUInt16LE(this.length - start, start);
  }

  /** Header of an attribute and zeroed, padded room for its value; returns where the value begins. */
  private attribute(type: number, length: number): number {
    const padded = (length + 3) & ~3;
    this.reserve(ATTRIBUTE_HEADER + padded);
    const at = this.length;
    this.octets.writeUInt16LE(ATTRIBUTE_HEADER + length, at);
    this.octets.writeUInt16LE(type, at + 2);
    if (padded > length) this.octets.writeUInt32LE(0, at + padded);
    this.length = at + ATTRIBUTE_HEADER + padded;
    return at + ATTRIBUTE_HEADER;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.octets.length) return;
    const larger = Buffer.alloc(Math.max(this.octets.length * 2, this.length + more));
    this.octets.copy(larger, 0, 0, this.length);
    this.octets = larger;
  }
}
