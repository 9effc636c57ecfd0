/** Finding attributes in canonical octets (sorted by code, RFC 4271 section 4.3 form), without decoding the rest. */

/** A value's place; `start` = `end` where the attribute is absent. `at` is its header, or where it would have to be inserted. */
export interface AttributeSpan {
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

const EXTENDED_LENGTH = 0x10;

/** Unsigned 32-bit number, network order. */
export function readUint32(octets: Uint8Array, at: number): number {
  return (((octets[at] ?? 0) << 24) | ((octets[at + 1] ?? 0) << 16) | ((octets[at + 2] ?? 0) << 8) | (octets[at + 3] ?? 0)) >>> 0;
}

/** Where an attribute stands in canonical octets. */
export function findAttribute(octets: Uint8Array, code: number): AttributeSpan {
  let at = 0;
  while (at + 2 < octets.length) {
    const current = octets[at + 1] ?? 0;
    if (current > code) break;
    const wide = ((octets[at] ?? 0) & EXTENDED_LENGTH) !== 0;
    const start = at + (wide ? 4 : 3);
    const end = start + (wide ? ((octets[at + 2] ?? 0) << 8) | (octets[at + 3] ?? 0) : (octets[at + 2] ?? 0));
    if (current === code) return { at, start, end };
    at = end;
  }
  return { at, start: at, end: at };
}
