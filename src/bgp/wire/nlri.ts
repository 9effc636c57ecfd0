/**
 * NLRI (RFC 4271 section 4.3, RFC 4760 section 5): length in bits, then as many octets as hold them; with ADD-PATH a
 * 4-octet path identifier before each (RFC 7911 section 3). Syntax is checked once, by `countNlri` while an UPDATE is
 * scanned; walking trusts it, allocates nothing per route and clears bits beyond the length (RFC 4271 section 4.3 calls
 * them irrelevant).
 */
import { readU32 } from './reader.ts';
import type { Family, NlriRun } from './types.ts';
import { writeU32 } from './writer.ts';

const PATH_ID_OCTETS = 4;

/** Longest prefix length of a family. */
export function maxPrefixLength(family: Family): 32 | 128 {
  return family === 'ipv4-unicast' ? 32 : 128;
}

/** Number of NLRI between two offsets; -1 where a length exceeds `maxLength` or the last one runs past the end (RFC 7606 section 5.3). */
export function countNlri(octets: Uint8Array, start: number, end: number, maxLength: number, addPath: boolean): number {
  const skip = addPath ? PATH_ID_OCTETS : 0;
  let at = start;
  let count = 0;
  while (at < end) {
    at += skip;
    if (at >= end) return -1;
    const length = octets[at] ?? 0;
    if (length > maxLength) return -1;
    at += 1 + ((length + 7) >>> 3);
    count += 1;
  }
  return at === end ? count : -1;
}

/** The first `size` octets (0-4) at `at` as the leading octets of a word, without reading beyond them. */
function leadingWord(octets: Uint8Array, at: number, size: number): number {
  if (size === 4) return ((octets[at] ?? 0) << 24) | ((octets[at + 1] ?? 0) << 16) | ((octets[at + 2] ?? 0) << 8) | (octets[at + 3] ?? 0);
  if (size === 3) return ((octets[at] ?? 0) << 24) | ((octets[at + 1] ?? 0) << 16) | ((octets[at + 2] ?? 0) << 8);
  if (size === 2) return ((octets[at] ?? 0) << 24) | ((octets[at + 1] ?? 0) << 16);
  return size === 1 ? (octets[at] ?? 0) << 24 : 0;
}

/** The word of a prefix that begins at bit `from`: read, masked to the prefix's length, unsigned. */
function prefixWord(octets: Uint8Array, at: number, length: number, from: number): number {
  const bits = length - from;
  if (bits <= 0) return 0;
  const offset = at + (from >>> 3);
  if (bits >= 32) return readU32(octets, offset);
  return (leadingWord(octets, offset, (bits + 7) >>> 3) & (-1 << (32 - bits))) >>> 0;
}

/** Visits each IPv4 route of a checked run: word unsigned, length 0-32, path identifier 0 without ADD-PATH. */
export function walkIpv4(octets: Uint8Array, addPath: boolean, visit: (word: number, length: number, pathId: number) => void): void {
  const end = octets.length;
  let at = 0;
  let pathId = 0;
  while (at < end) {
    if (addPath) {
      pathId = readU32(octets, at);
      at += PATH_ID_OCTETS;
    }
    const length = octets[at] ?? 0;
    visit(prefixWord(octets, at + 1, length, 0), length, pathId);
    at += 1 + ((length + 7) >>> 3);
  }
}

/** Visits each route of a checked IPv6 run: words unsigned, length 0-128, path identifier 0 without ADD-PATH. */
export function walkIpv6(
  octets: Uint8Array,
  addPath: boolean,
  visit: (word0: number, word1: number, word2: number, word3: number, length: number, pathId: number) => void,
): void {
  const end = octets.length;
  let at = 0;
  let pathId = 0;
  while (at < end) {
    if (addPath) {
      pathId = readU32(octets, at);
      at += PATH_ID_OCTETS;
    }
    const length = octets[at] ?? 0;
    const first = at + 1;
    visit(
      prefixWord(octets, first, length, 0),
      prefixWord(octets, first, length, 32),
      prefixWord(octets, first, length, 64),
      prefixWord(octets, first, length, 96),
      length,
      pathId,
    );
    at = first + ((length + 7) >>> 3);
  }
}

/** Visits each route of a run of either family; IPv4 has its word first and zeros after it. */
export function walkNlri(
  run: NlriRun,
  visit: (word0: number, word1: number, word2: number, word3: number, length: number, pathId: number) => void,
): void {
  if (run.family === 'ipv4-unicast') walkIpv4(run.octets, run.addPath, (word, length, pathId) => visit(word, 0, 0, 0, length, pathId));
  else walkIpv6(run.octets, run.addPath, visit);
}

/** Octets that one NLRI takes on the wire. */
export function nlriOctets(length: number, addPath: boolean): number {
  return (addPath ? PATH_ID_OCTETS + 1 : 1) + ((length + 7) >>> 3);
}

/** Writes one IPv4 NLRI (host bits clear) and returns the offset after it; `target` must have the room. */
export function writeIpv4Nlri(target: Uint8Array, offset: number, word: number, length: number, pathId: number, addPath: boolean): number {
  let at = addPath ? writeU32(target, offset, pathId) : offset;
  target[at] = length;
  at += 1;
  if (length > 0) target[at] = word >>> 24;
  if (length > 8) target[at + 1] = word >>> 16;
  if (length > 16) target[at + 2] = word >>> 8;
  if (length > 24) target[at + 3] = word;
  return at + ((length + 7) >>> 3);
}

/** Writes one IPv6 NLRI (host bits clear) and returns the offset after it; `target` must have the room. */
export function writeIpv6Nlri(
  target: Uint8Array,
  offset: number,
  words: readonly [number, number, number, number],
  length: number,
  pathId: number,
  addPath: boolean,
): number {
  return writeIpv6Prefix(target, addPath ? writeU32(target, offset, pathId) : offset, words, 0, length);
}

/** The prefix alone, its four words at `from` among others: of a table nothing needs to be made for a route. */
export function writeIpv6Prefix(target: Uint8Array, offset: number, words: ArrayLike<number>, from: number, length: number): number {
  target[offset] = length;
  let at = offset + 1;
  for (let bits = length, index = from; bits > 0; bits -= 32, index += 1) at = writeLeading(target, at, words[index] ?? 0, bits);
  return at;
}

/** Writes the octets of a word that hold its first `bits` bits, 1 or more; all four beyond 24. */
function writeLeading(target: Uint8Array, at: number, word: number, bits: number): number {
  target[at] = word >>> 24;
  if (bits <= 8) return at + 1;
  target[at + 1] = word >>> 16;
  if (bits <= 16) return at + 2;
  target[at + 2] = word >>> 8;
  if (bits <= 24) return at + 3;
  target[at + 3] = word;
  return at + 4;
}
