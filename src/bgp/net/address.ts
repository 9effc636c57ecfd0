/**
 * Address values: text, numbers, octets, order and the few classes of address that routing has to know.
 */
import { formatIpv4Number, parseIpv4Text } from './ipv4-text.ts';
import { formatIpv6Words, parseIpv6Text } from './ipv6-text.ts';
import type { Address, IpFamily } from './types.ts';
import { compareWords, wordsEqual } from './words.ts';

/** Octets of an address on the wire. */
const ADDRESS_OCTETS = { ipv4: 4, ipv6: 16 } as const;

/** Bits of an address, the longest prefix length. */
export const ADDRESS_BITS = { ipv4: 32, ipv6: 128 } as const;

/** Parses an IPv4 or IPv6 address; undefined for anything else (leading zeros, zones, lengths, blanks). */
export function parseAddress(text: string): Address | undefined {
  if (text.includes(':')) {
    const words = parseIpv6Text(text);
    return words === undefined ? undefined : { family: 'ipv6', words: [words[0], words[1], words[2], words[3]] };
  }
  const value = parseIpv4Text(text);
  return value === undefined ? undefined : addressFromNumber(value);
}

/** Canonical text: dotted decimal, or RFC 5952. */
export function formatAddress(address: Address): string {
  return address.family === 'ipv4' ? formatIpv4Number(address.words[0]) : formatIpv6Words(address.words);
}

/** IPv4 address of a 32-bit number (a BGP Identifier, a CLUSTER_ID); signed input is taken as its unsigned twin. */
export function addressFromNumber(value: number): Address {
  return { family: 'ipv4', words: [value >>> 0, 0, 0, 0] };
}

/** Unsigned 32-bit number of an IPv4 address; undefined for IPv6. */
export function numberFromAddress(address: Address): number | undefined {
  return address.family === 'ipv4' ? address.words[0] : undefined;
}

/** True where family and value are equal; an IPv4-mapped IPv6 address differs from the IPv4 one. */
export function addressesEqual(a: Address, b: Address): boolean {
  return a.family === b.family && wordsEqual(a.words, b.words);
}

/** Total order: IPv4 before IPv6, then by value. Negative, 0 or positive. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family === 'ipv4' ? -1 : 1;
  return compareWords(a.words, b.words);
}

/** Key for maps and sets: equal exactly where `addressesEqual`. It is the canonical text. */
export function addressKey(address: Address): string {
  return formatAddress(address);
}

function wordAt(octets: Uint8Array, offset: number): number {
  return (
    (((octets[offset] ?? 0) << 24) | ((octets[offset + 1] ?? 0) << 16) | ((octets[offset + 2] ?? 0) << 8) | (octets[offset + 3] ?? 0)) >>> 0
  );
}

/** Address in `octets` at `offset`, network order, 4 or 16 octets; undefined where they are not all there. */
export function readAddress(octets: Uint8Array, offset: number, family: IpFamily): Address | undefined {
  if (offset < 0 || offset + ADDRESS_OCTETS[family] > octets.length) return undefined;
  if (family === 'ipv4') return { family, words: [wordAt(octets, offset), 0, 0, 0] };
  return { family, words: [wordAt(octets, offset), wordAt(octets, offset + 4), wordAt(octets, offset + 8), wordAt(octets, offset + 12)] };
}

/** Writes the address at `offset` in network order and returns the offset after it; `target` must have the room. */
export function writeAddress(target: Uint8Array, offset: number, address: Address): number {
  const octets = ADDRESS_OCTETS[address.family];
  const view = new DataView(target.buffer, target.byteOffset + offset, octets);
  view.setUint32(0, address.words[0]);
  if (address.family === 'ipv6') {
    view.setUint32(4, address.words[1]);
    view.setUint32(8, address.words[2]);
    view.setUint32(12, address.words[3]);
  }
  return offset + octets;
}

/** The address as 4 or 16 fresh octets in network order. */
export function addressOctets(address: Address): Uint8Array {
  const octets = new Uint8Array(ADDRESS_OCTETS[address.family]);
  writeAddress(octets, 0, address);
  return octets;
}

/** True for 0.0.0.0 and ::. */
export function isUnspecified(address: Address): boolean {
  return address.words.every((word) => word === 0);
}

/** True for 224.0.0.0/4 (RFC 5771) and ff00::/8 (RFC 4291 section 2.7). */
export function isMulticast(address: Address): boolean {
  return address.family === 'ipv4' ? address.words[0] >>> 28 === 0xe : address.words[0] >>> 24 === 0xff;
}

/** True for 127.0.0.0/8 (RFC 1122 section 3.2.1.3) and ::1. */
export function isLoopback(address: Address): boolean {
  return address.family === 'ipv4' ? address.words[0] >>> 24 === 127 : wordsEqual(address.words, [0, 0, 0, 1]);
}

/** True for 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291 section 2.5.6). */
export function isLinkLocal(address: Address): boolean {
  return address.family === 'ipv4' ? address.words[0] >>> 16 === 0xa9fe : address.words[0] >>> 22 === 0x3fa;
}
