/** Byte vectors: hex with blanks and one comment per field. */

/** Octets of lines of hex; `#` begins a comment. */
export function hex(text: string): Uint8Array {
  const digits = text
    .split('\n')
    .map((line) => line.replace(/#.*/, ''))
    .join('')
    .replaceAll(/\s/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) => Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16));
}

/** Hex of octets, lower case. */
export function toHex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('');
}

/** Marker of every message. */
export const MARKER = 'ffffffff ffffffff ffffffff ffffffff';
