/**
 * Reads octets front to back. Reading past the end yields zeros and sets `overrun`, which stays set: callers check it
 * once per message instead of at each field. For the decoders that are not on the hot path.
 */

/** Cursor over octets with a sticky overrun mark. */
export class Reader {
  readonly octets: Uint8Array;
  readonly end: number;
  offset: number;
  overrun = false;

  /** Reads `octets` from `start` (default 0) up to `end` (default all, at most all). */
  constructor(octets: Uint8Array, start = 0, end = octets.length) {
    this.octets = octets;
    this.offset = start;
    this.end = Math.min(end, octets.length);
  }

  /** Octets not read yet. */
  get remaining(): number {
    return this.end - this.offset;
  }

  /** Claims `count` octets and returns where they begin, or -1 past the end. */
  #claim(count: number): number {
    const at = this.offset;
    if (at + count > this.end) {
      this.overrun = true;
      this.offset = this.end;
      return -1;
    }
    this.offset = at + count;
    return at;
  }

  /** Next octet. */
  u8(): number {
    const at = this.#claim(1);
    return at < 0 ? 0 : (this.octets[at] ?? 0);
  }

  /** Next two octets, network order. */
  u16(): number {
    const at = this.#claim(2);
    return at < 0 ? 0 : readU16(this.octets, at);
  }

  /** Next three octets, network order. */
  u24(): number {
    return this.u8() * 0x10000 + this.u16();
  }

  /** Next four octets, network order, unsigned. */
  u32(): number {
    const at = this.#claim(4);
    return at < 0 ? 0 : readU32(this.octets, at);
  }

  /** A view of the next `count` octets; empty past the end. */
  take(count: number): Uint8Array {
    const at = this.#claim(count);
    return at < 0 ? new Uint8Array(0) : this.octets.subarray(at, at + count);
  }

  /** A reader confined to the next `count` octets; where they are not all there both overrun. */
  sub(count: number): Reader {
    const at = this.#claim(count);
    const part = at < 0 ? new Reader(this.octets, this.end, this.end) : new Reader(this.octets, at, at + count);
    part.overrun = at < 0;
    return part;
  }
}

/** Two octets at `offset`, network order; octets past the end count as 0. */
export function readU16(octets: Uint8Array, offset: number): number {
  return ((octets[offset] ?? 0) << 8) | (octets[offset + 1] ?? 0);
}

/** Four octets at `offset`, network order, unsigned; octets past the end count as 0. */
export function readU32(octets: Uint8Array, offset: number): number {
  return (
    (((octets[offset] ?? 0) << 24) | ((octets[offset + 1] ?? 0) << 16) | ((octets[offset + 2] ?? 0) << 8) | (octets[offset + 3] ?? 0)) >>> 0
  );
}
