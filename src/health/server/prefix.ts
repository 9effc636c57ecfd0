/** Prefixes as they come in a query string: checked and made canonical here, so that a typing error never costs the speaker a thought. */
import { isIP } from 'node:net';

/** Canonical text of a prefix and its family. */
export interface PrefixText {
  readonly text: string;
  readonly family: 'ipv4-unicast' | 'ipv6-unicast';
}

/**
 * Reads `10.0.0.0/24`, `2001:db8::/32` or a bare address (then /32 or /128). Undefined for anything else, host bits
 * included. IPv6 text becomes that of RFC 5952.
 */
export function readPrefix(text: string): PrefixText | undefined {
  const parts = text.split('/');
  const [address = '', lengthText] = parts;
  const version = isIP(address);
  if (version === 0 || parts.length > 2 || address.includes('%')) return undefined;
  const bits = version === 4 ? 32 : 128;
  if (lengthText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(lengthText)) return undefined;
  const length = lengthText === undefined ? bits : Number(lengthText);
  if (length > bits) return undefined;
  const canonical = version === 4 ? address : new URL(`http://[${address}]`).hostname.slice(1, -1);
  const octets = version === 4 ? address.split('.').map(Number) : ipv6Octets(canonical);
  if (hasHostBits(octets, length)) return undefined;
  return { text: `${canonical}/${length}`, family: version === 4 ? 'ipv4-unicast' : 'ipv6-unicast' };
}

/** Octets of canonical text: hexadecimal groups only, at most one `::`. */
function ipv6Octets(canonical: string): number[] {
  const [head = '', tail] = canonical.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const middle = Array.from({ length: 8 - left.length - right.length }, () => 0);
  return [...left, ...middle, ...right].flatMap((group) => [group >> 8, group & 0xff]);
}

function hasHostBits(octets: readonly number[], length: number): boolean {
  return octets.some((octet, index) => {
    const networkBits = Math.min(Math.max(length - index * 8, 0), 8);
    return (octet & (0xff >> networkBits)) !== 0;
  });
}
