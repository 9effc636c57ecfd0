/** Networks as BIRD's commands write them: an address with or without a length, checked in BIRD's words. Pure. */

/** A checked network, or what BIRD says about it; no problem text: not a network at all. */
export type ReadNetwork = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly problem: string | undefined };

const BITS = { ipv4: 32, ipv6: 128 } as const;

/** Reads `10.0.0.0/24` or `10.0.0.1` (then /32), or the same of IPv6; IPv6 text becomes that of RFC 5952. */
export function readAddressOrPrefix(word: string, family: 'ipv4' | 'ipv6'): ReadNetwork {
  const [address = '', length, ...more] = word.split('/');
  const found = familyOf(address);
  if (found === undefined || more.length > 0) return { ok: false, problem: undefined };
  if (found !== family) return { ok: false, problem: WRONG_FAMILY[family] };
  const bits = BITS[family];
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return { ok: false, problem: undefined };
  const long = length === undefined ? bits : Number(length);
  if (long > bits) return { ok: false, problem: `Invalid prefix length ${long}` };
  const value = toNumber(address, family);
  if ((value & hostMask(bits - long)) !== 0n) return { ok: false, problem: 'Invalid prefix' };
  return { ok: true, text: `${textOf(address, family)}/${long}` };
}

const WRONG_FAMILY = {
  ipv4: 'This is an IPv4 router, therefore IPv6 addresses are not supported',
  ipv6: 'This is an IPv6 router, therefore IPv4 addresses are not supported',
} as const;

/** The networks that contain this one, longest first, itself included. */
export function* coveringNetworks(prefix: string): Iterable<string> {
  const [address = '', length = '0'] = prefix.split('/');
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const bits = BITS[family];
  const value = toNumber(address, family);
  for (let long = Number(length); long >= 0; long--) yield `${formatValue(value & ~hostMask(bits - long), family)}/${long}`;
}

/** True where an address is inside `network` (`address/length`). */
export function isInside(address: string, network: string): boolean {
  const family = familyOf(address);
  const [base = '', length = '0'] = network.split('/');
  if (family === undefined || familyOf(base) !== family) return false;
  const shift = BigInt(BITS[family] - Number(length));
  return toNumber(address, family) >> shift === toNumber(base, family) >> shift;
}

const hostMask = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  if (/^(\d{1,3})(\.\d{1,3}){3}$/.test(address)) return address.split('.').every((octet) => Number(octet) < 256) ? 'ipv4' : undefined;
  return address.includes(':') && URL.canParse(`http://[${address}]`) ? 'ipv6' : undefined;
}

function textOf(address: string, family: 'ipv4' | 'ipv6'): string {
  return formatValue(toNumber(address, family), family);
}

function toNumber(address: string, family: 'ipv4' | 'ipv6'): bigint {
  if (family === 'ipv4') return address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  const [head = '', tail] = canonical(address).split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const middle = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...middle, ...right].reduce((sum, group) => sum * 65_536n + BigInt(Number.parseInt(group, 16)), 0n);
}

const canonical = (address: string): string => new URL(`http://[${address}]`).hostname.slice(1, -1);

function formatValue(value: bigint, family: 'ipv4' | 'ipv6'): string {
  if (family === 'ipv4') return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) => ((value >> shift) & 65_535n).toString(16));
  return canonical(groups.join(':'));
}
