/**
 * The four unsigned 32-bit words that addresses and prefixes are made of: comparing and masking them.
 */

/** Four unsigned 32-bit words in network order. */
export type Words = readonly [number, number, number, number];

/** Word indexes in network order, for loops that must stay typed. */
const WORD_INDEXES = [0, 1, 2, 3] as const;

/** True where all four words are equal. */
export function wordsEqual(a: Words, b: Words): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3];
}

/** Orders words as unsigned big-endian numbers: negative, 0 or positive. */
export function compareWords(a: Words, b: Words): number {
  for (const index of WORD_INDEXES) {
    if (a[index] !== b[index]) return a[index] < b[index] ? -1 : 1;
  }
  return 0;
}

/** Network mask of one word for `bits` leading ones; bits below 0 count as 0, above 32 as 32. Unsigned. */
export function wordMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0;
}

/** Words with every bit after the first `length` cleared; length 0-128. */
export function maskWords(words: Words, length: number): Words {
  return [
    (words[0] & wordMask(length)) >>> 0,
    (words[1] & wordMask(length - 32)) >>> 0,
    (words[2] & wordMask(length - 64)) >>> 0,
    (words[3] & wordMask(length - 96)) >>> 0,
  ];
}

/** True where the first `length` bits (0-128) of both are equal. */
export function leadingBitsEqual(a: Words, b: Words, length: number): boolean {
  return (
    ((a[0] ^ b[0]) & wordMask(length)) === 0 &&
    ((a[1] ^ b[1]) & wordMask(length - 32)) === 0 &&
    ((a[2] ^ b[2]) & wordMask(length - 64)) === 0 &&
    ((a[3] ^ b[3]) & wordMask(length - 96)) === 0
  );
}

/** Number of equal leading bits, 0-128. */
export function commonLength(a: Words, b: Words): number {
  for (const index of WORD_INDEXES) {
    const difference = a[index] ^ b[index];
    if (difference !== 0) return index * 32 + Math.clz32(difference);
  }
  return 128;
}

/** Bit at `position` (0 is the most significant, up to 127): 0 or 1. */
export function bitAt(words: Words, position: number): 0 | 1 {
  const word = position < 64 ? (position < 32 ? words[0] : words[1]) : position < 96 ? words[2] : words[3];
  return ((word >>> (31 - (position & 31))) & 1) === 0 ? 0 : 1;
}
