/**
 * The header of a path attribute: flags (1), type code (1), length (1, or 2 with the extended length flag).
 * RFC 4271 section 4.3.
 */
import { FLAG } from './iana.ts';
import { readU16 } from './reader.ts';
import { writeU16 } from './writer.ts';

/** Longest value whose length fits one octet. */
const SHORT_VALUE = 255;

/** Octets of the header of the attribute at `at`, by its flags. */
export function headerOctets(octets: Uint8Array, at: number): 3 | 4 {
  return ((octets[at] ?? 0) & FLAG.extendedLength) === 0 ? 3 : 4;
}

/** Offset after the attribute at `at`; -1 where it does not end at or before `end` (RFC 7606 section 4). */
export function attributeEnd(octets: Uint8Array, at: number, end: number): number {
  const header = headerOctets(octets, at);
  if (at + header > end) return -1;
  const length = header === 3 ? (octets[at + 2] ?? 0) : readU16(octets, at + 2);
  const after = at + header + length;
  return after <= end ? after : -1;
}

/** Octets of a whole attribute with a value of `length`. */
export function attributeOctets(length: number): number {
  return (length > SHORT_VALUE ? 4 : 3) + length;
}

/** Writes a header with the shortest length form and returns the offset of the value. */
export function writeAttributeHeader(target: Uint8Array, offset: number, flags: number, code: number, length: number): number {
  target[offset + 1] = code;
  if (length > SHORT_VALUE) {
    target[offset] = flags | FLAG.extendedLength;
    return writeU16(target, offset + 2, length);
  }
  target[offset] = flags & ~FLAG.extendedLength;
  target[offset + 2] = length;
  return offset + 3;
}

/** One attribute cut from a block. */
export interface RawAttribute {
  readonly code: number;
  readonly flags: number;
  readonly value: Uint8Array;
}

/** The attributes of a well-formed block in their order; what does not fit at the end is left out. */
export function splitAttributes(block: Uint8Array): RawAttribute[] {
  const parts: RawAttribute[] = [];
  let at = 0;
  while (at < block.length) {
    const after = attributeEnd(block, at, block.length);
    if (after < 0) break;
    parts.push({ code: block[at + 1] ?? 0, flags: block[at] ?? 0, value: block.subarray(at + headerOctets(block, at), after) });
    at = after;
  }
  return parts;
}

/** A block of the attributes in ascending order of their codes. */
export function joinAttributes(parts: readonly RawAttribute[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += attributeOctets(part.value.length);
  const block = new Uint8Array(size);
  let at = 0;
  for (const part of parts.toSorted((a, b) => a.code - b.code)) {
    at = writeAttributeHeader(block, at, part.flags, part.code, part.value.length);
    block.set(part.value, at);
    at += part.value.length;
  }
  return block;
}

/** Value of the attribute with this code in a well-formed block; undefined where it has none. No view is made of the others. */
export function findAttribute(block: Uint8Array, code: number): Uint8Array | undefined {
  let at = 0;
  while (at < block.length) {
    const after = attributeEnd(block, at, block.length);
    if (after < 0) return undefined;
    if (block[at + 1] === code) return block.subarray(at + headerOctets(block, at), after);
    at = after;
  }
  return undefined;
}
