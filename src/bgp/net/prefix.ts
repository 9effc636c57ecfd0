/**
 * Prefix values: text, order, containment. Host bits of a Prefix are always clear; whoever builds one from an address masks.
 */
import { ADDRESS_BITS, formatAddress, parseAddress } from './address.ts';
import type { Address, Prefix } from './types.ts';
import { compareWords, leadingBitsEqual, wordMask, wordsEqual } from './words.ts';

const LENGTH = /^(?:0|[1-9][0-9]{0,2})$/;

/** Prefix of the first `length` bits of an address, host bits cleared; undefined where length is not 0-32 or 0-128. */
export function prefixFromAddress(address: Address, length: number): Prefix | undefined {
  if (!Number.isInteger(length) || length < 0 || length > ADDRESS_BITS[address.family]) return undefined;
  const { family, words } = address;
  return {
    family,
    words: [
      (words[0] & wordMask(length)) >>> 0,
      (words[1] & wordMask(length - 32)) >>> 0,
      (words[2] & wordMask(length - 64)) >>> 0,
      (words[3] & wordMask(length - 96)) >>> 0,
    ],
    length,
  };
}

/** The prefix that holds only this address (/32 or /128). */
export function hostPrefix(address: Address): Prefix {
  return { family: address.family, words: address.words, length: ADDRESS_BITS[address.family] };
}

/** Parses `ADDRESS/LENGTH` keeping the host bits, as interface addresses have them; undefined for anything else. */
export function parseAddressWithLength(text: string): { readonly address: Address; readonly length: number } | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseAddress(text.slice(0, slash));
  const digits = text.slice(slash + 1);
  if (address === undefined || !LENGTH.test(digits)) return undefined;
  const length = Number(digits);
  return length <= ADDRESS_BITS[address.family] ? { address, length } : undefined;
}

/** Parses `ADDRESS/LENGTH`; host bits are cleared, undefined for anything else. Compare with `hasHostBits` where they are a fault. */
export function parsePrefix(text: string): Prefix | undefined {
  const parsed = parseAddressWithLength(text);
  return parsed === undefined ? undefined : prefixFromAddress(parsed.address, parsed.length);
}

/** True where bits after the first `length` of the address are set, so that it is no network address of that length. */
export function hasHostBits(address: Address, length: number): boolean {
  const prefix = prefixFromAddress(address, length);
  return prefix === undefined || !wordsEqual(prefix.words, address.words);
}

/** Canonical text, `ADDRESS/LENGTH`. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** Key for maps and sets: equal exactly where `prefixesEqual`. It is the canonical text. */
export function prefixKey(prefix: Prefix): string {
  return formatPrefix(prefix);
}

/** True where family, bits and length are equal. */
export function prefixesEqual(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && a.length === b.length && wordsEqual(a.words, b.words);
}

/** Total order: IPv4 before IPv6, then by address, then shorter before longer. Negative, 0 or positive. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  if (a.family !== b.family) return a.family === 'ipv4' ? -1 : 1;
  return compareWords(a.words, b.words) || a.length - b.length;
}

/** True where `inner` is equal to or more specific than `outer`; false across families. */
export function prefixContains(outer: Prefix, inner: Prefix): boolean {
  return outer.family === inner.family && outer.length <= inner.length && leadingBitsEqual(outer.words, inner.words, outer.length);
}

/** True where the address lies in the prefix; false across families. */
export function prefixContainsAddress(prefix: Prefix, address: Address): boolean {
  return prefix.family === address.family && leadingBitsEqual(prefix.words, address.words, prefix.length);
}
