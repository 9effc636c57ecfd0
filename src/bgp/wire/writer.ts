/**
 * Writes octets front to back into a buffer that grows. For the encoders that are not on the hot path.
 */

/** Growing octet buffer. Numbers wider than their field are cut to it: encoders trust their typed input. */
export class Writer {
  #octets: Uint8Array;
  #length = 0;

  /** `capacity` in octets is only the first guess. */
  constructor(capacity = 64) {
    this.#octets = new Uint8Array(Math.max(capacity, 1));
  }

  /** Octets written so far. */
  get length(): number {
    return this.#length;
  }

  #room(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#octets.length) {
      const grown = new Uint8Array(Math.max(needed, this.#octets.length * 2));
      grown.set(this.#octets.subarray(0, at));
      this.#octets = grown;
    }
    this.#length = needed;
    return at;
  }

  /** One octet. */
  u8(value: number): this {
    const at = this.#room(1);
    this.#octets[at] = value;
    return this;
  }

  /** Two octets, network order. */
  u16(value: number): this {
    const at = this.#room(2);
    writeU16(this.#octets, at, value);
    return this;
  }

  /** Three octets, network order. */
  u24(value: number): this {
    return this.u8(value >>> 16).u16(value & 0xffff);
  }

  /** Four octets, network order. */
  u32(value: number): this {
    const at = this.#room(4);
    writeU32(this.#octets, at, value);
    return this;
  }

  /** Octets as they are. */
  bytes(value: Uint8Array): this {
    const at = this.#room(value.length);
    this.#octets.set(value, at);
    return this;
  }

  /** Writes a two-octet field again, at an offset already passed: lengths known only afterwards. */
  patchU16(offset: number, value: number): this {
    writeU16(this.#octets, offset, value);
    return this;
  }

  /** Everything written, as octets of its own. */
  finish(): Uint8Array {
    return this.#octets.slice(0, this.#length);
  }
}

/** Writes two octets in network order and returns the offset after them. */
export function writeU16(target: Uint8Array, offset: number, value: number): number {
  target[offset] = value >>> 8;
  target[offset + 1] = value;
  return offset + 2;
}

/** Writes four octets in network order and returns the offset after them. */
export function writeU32(target: Uint8Array, offset: number, value: number): number {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
  return offset + 4;
}

/**
 * A copy that shares no memory with its source, `start` to `end`. Not `slice`: on a Node Buffer, which is what sockets
 * hand in, that makes a view, and one kept message would keep the whole receive buffer.
 */
export function copyOctets(octets: Uint8Array, start = 0, end: number = octets.length): Uint8Array {
  return new Uint8Array(octets.subarray(start, end));
}

/** The parts one after another. */
export function concatOctets(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
