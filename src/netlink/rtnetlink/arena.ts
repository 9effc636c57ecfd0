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
  private view: DataView;
  private message = 0;

  /** `size` is the first size in octets. */
  constructor(size = 65_536) {
    this.octets = Buffer.alloc(size);
    this.view = viewOf(this.octets);
  }

  /** Forgets everything written. */
  reset(): void {
    this.length = 0;
  }

  /** Starts a message with a fixed part of `size` octets, zeroed; returns where that part begins. */
  begin(type: number, flags: number, seq: number, size: number): number {
    this.message = this.length;
    const at = this.structure(HEADER + size);
    this.view.setUint16(at + 4, type, true);
    this.view.setUint16(at + 6, flags, true);
    this.view.setUint32(at + 8, seq, true);
    return at + HEADER;
  }

  /** Ends the message begun last: writes its length. */
  end(): void {
    this.view.setUint32(this.message, this.length - this.message, true);
  }

  /** Room for a structure of `size` octets inside an attribute, zeroed; returns where it begins. `size` is a multiple of four, as all are. */
  structure(size: number): number {
    this.reserve(size);
    const at = this.length;
    this.length += size;
    for (let word = at; word < this.length; word += 4) this.view.setUint32(word, 0, true);
    return at;
  }

  /** An attribute with a 32-bit number. */
  uint32(type: number, value: number): void {
    const at = this.attribute(type, 4);
    this.view.setUint32(at, value, true);
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
    for (let word = 0; word < count; word++) this.view.setUint32(at + word * 4, ip.words[word] ?? 0);
  }

  /** Opens an attribute that holds others; returns the handle for `close`. Nested ones carry the NESTED bit unless `plain`. */
  open(type: number, plain = false): number {
    const start = this.length;
    this.attribute(plain ? type : type | NESTED, 0);
    return start;
  }

  /** Closes what `open` opened: writes its length, padded by what it holds. */
  close(start: number): void {
    this.view.setUint16(start, this.length - start, true);
  }

  /** Header of an attribute and zeroed, padded room for its value; returns where the value begins. */
  private attribute(type: number, length: number): number {
    const padded = (length + 3) & ~3;
    this.reserve(ATTRIBUTE_HEADER + padded);
    const at = this.length;
    this.view.setUint16(at, ATTRIBUTE_HEADER + length, true);
    this.view.setUint16(at + 2, type, true);
    if (padded > length) this.view.setUint32(at + padded, 0, true);
    this.length = at + ATTRIBUTE_HEADER + padded;
    return at + ATTRIBUTE_HEADER;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.octets.length) return;
    const larger = Buffer.alloc(Math.max(this.octets.length * 2, this.length + more));
    this.octets.copy(larger, 0, 0, this.length);
    this.octets = larger;
    this.view = viewOf(larger);
  }
}

/** Numbers are written through it: a tenth of what a Buffer's own methods cost. */
function viewOf(octets: Buffer): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.length);
}
