/** The label that block affinities carry for their node: a name of up to 253 characters does not fit into a label. */
import { createHash } from 'node:crypto';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Base32 without padding (RFC 4648 §6). */
export function base32(octets: Uint8Array): string {
  let text = '';
  let [bits, value] = [0, 0];
  for (const octet of octets) {
    value = ((value << 8) | octet) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(value >> (bits - 5)) & 31] ?? '';
  }
  return bits === 0 ? text : text + (ALPHABET[(value << (5 - bits)) & 31] ?? '');
}

/** Both spellings of the hash of a node's name: base32 is case-blind, labels are not. */
export function hostnameHashes(node: string): readonly string[] {
  const hash = base32(createHash('sha3-256').update(node).digest());
  return [hash, hash.toLowerCase()];
}
