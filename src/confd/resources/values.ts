/**
 * Parsers of single values: text, numbers, addresses, prefixes, AS numbers, durations, communities, selectors. What counts as
 * a number or as text follows the API server: text where a number belongs is refused, except where Calico takes both.
 */
import type { Address, IpFamily, Prefix } from 'bgp-ts/net';
import { formatPrefix, hasHostBits, isMulticast, isUnspecified, parseAddress, parseAddressWithLength, prefixFromAddress } from 'bgp-ts/net';
import { fault, isAbsent, type Parser, warn } from './fields.ts';
import { parseSelector } from './selector.ts';
import type { Community, Selector } from './types.ts';

/** Longest AS number (RFC 6793). */
const MAX_AS_NUMBER = 4_294_967_295;

/**
 * Text of a scalar that stands where text belongs. Kubernetes' YAML reader turns an unquoted number or boolean into the text
 * of its value there: `yes` and `true` are the label value "true". Undefined for mappings and lists.
 */
export function scalarText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** Any text. */
export const text: Parser<string> = (value, at) => scalarText(value) ?? fault(at, value, 'is not text');

/** Text that a pattern accepts; `rule` reads after the value. */
export function matching(pattern: RegExp, rule: string): Parser<string> {
  return (value, at) => {
    const found = scalarText(value);
    return found !== undefined && pattern.test(found) ? found : fault(at, value, rule);
  };
}

/** true or false. */
export const flag: Parser<boolean> = (value, at) => (typeof value === 'boolean' ? value : fault(at, value, 'is not true or false'));

/** `A, B or C`, for rule texts. */
export function wordList(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** One of several words, exactly as written. */
export function oneOf<const W extends string>(...words: readonly W[]): Parser<W> {
  const rule = `is not ${wordList(words)}`;
  return (value, at) => words.find((word) => word === value) ?? fault(at, value, rule);
}

/** A whole number of a range. */
export function integer(min: number, max: number): Parser<number> {
  return (value, at) => {
    if (typeof value !== 'number') return fault(at, value, `is not a number ${min}-${max}`);
    if (!Number.isInteger(value)) return fault(at, value, `is not a whole number ${min}-${max}`);
    return value >= min && value <= max ? value : fault(at, value, `is not ${min}-${max}`);
  };
}

const AS_PLAIN = /^\d{1,10}$/;
const AS_DOTTED = /^(\d{1,5})\.(\d{1,5})$/;

/** AS number of `64512`, `"64512"` or `"1.10"` (RFC 5396 asdot+); undefined for anything else. 0 is no AS number (RFC 7607). */
export function parseAsNumber(value: unknown): number | undefined {
  const found = typeof value === 'string' ? asNumberOfText(value) : value;
  return typeof found === 'number' && Number.isInteger(found) && found >= 1 && found <= MAX_AS_NUMBER ? found : undefined;
}

function asNumberOfText(value: string): number | undefined {
  if (AS_PLAIN.test(value)) return Number(value);
  const parts = AS_DOTTED.exec(value);
  if (parts === null) return undefined;
  const [high, low] = [Number(parts[1]), Number(parts[2])];
  return high <= 0xffff && low <= 0xffff ? high * 0x10000 + low : undefined;
}

/** An AS number as number or text. */
export const asNumber: Parser<number> = (value, at) => {
  const found = parseAsNumber(value);
  if (found !== undefined) return found;
  // YAML reads 1.10 as the number 1.1, so the dotted form is lost before anyone could read it.
  if (typeof value === 'number' && !Number.isInteger(value)) return fault(at, value, 'is a fraction: the form x.y needs quotes');
  return fault(at, value, `is not 1-${MAX_AS_NUMBER} or x.y`);
};

const DURATION = /^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const DURATION_PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;
const UNIT_SECONDS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** Seconds, with their fraction, of a Go duration such as `1m30s`; undefined for anything else. */
export function parseDuration(value: string): number | undefined {
  if (!DURATION.test(value)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of value.matchAll(DURATION_PART)) seconds += Number(count) * (UNIT_SECONDS[unit ?? ''] ?? 0);
  return value.startsWith('-') ? -seconds : seconds;
}

/** A Go duration, rounded to whole seconds (control-plane 1.2, 1.3), within a range of seconds. */
export function duration(min: number, max: number): Parser<number> {
  return (value, at) => {
    const seconds = typeof value === 'string' ? parseDuration(value) : undefined;
    if (seconds === undefined) return fault(at, value, 'is not a duration such as 1m30s');
    const rounded = Math.round(seconds);
    return rounded >= min && rounded <= max ? rounded : fault(at, value, `is not ${min}s-${max}s`);
  };
}

const FAMILY_NAME = { ipv4: 'IPv4', ipv6: 'IPv6' } as const;

function ofFamily(family: IpFamily | undefined): string {
  return family === undefined ? 'IP' : FAMILY_NAME[family];
}

/** A bare address, of one family if given. No zone, no length. */
export function address(family?: IpFamily): Parser<Address> {
  return (value, at) => {
    const found = typeof value === 'string' ? parseAddress(value) : undefined;
    if (found === undefined) return fault(at, value, `is not an ${ofFamily(family)} address`);
    return family === undefined || found.family === family ? found : fault(at, value, `is not an ${ofFamily(family)} address`);
  };
}

/**
 * An IP prefix `ADDRESS/LENGTH`, of one family if given. Host bits are cleared as Calico clears them, with a warning that
 * names the prefix in use. A bare address is no prefix.
 */
export function cidr(family?: IpFamily): Parser<Prefix> {
  return (value, at) => {
    const found = typeof value === 'string' ? parseAddressWithLength(value) : undefined;
    const prefix = found === undefined ? undefined : prefixFromAddress(found.address, found.length);
    if (found === undefined || prefix === undefined)
      return fault(at, value, `is not an ${ofFamily(family)} prefix such as ${EXAMPLE[family ?? 'ipv4']}`);
    if (family !== undefined && prefix.family !== family) return fault(at, value, `is not an ${ofFamily(family)} prefix`);
    if (hasHostBits(found.address, found.length)) warn(at, value, `has host bits: read as ${formatPrefix(prefix)}`);
    return prefix;
  };
}

/** A prefix, or an address in place of the prefix that holds nothing else. */
export const addressOrCidr: Parser<Prefix> = (value, at) => {
  const bare = typeof value === 'string' ? parseAddress(value) : undefined;
  return bare === undefined ? cidr()(value, at) : prefixFromAddress(bare, bare.family === 'ipv4' ? 32 : 128);
};

/** A MAC address of one station, with colons or dashes; lower case with colons. */
export const mac: Parser<string> = (value, at) => {
  const octets = typeof value === 'string' && MAC.test(value) ? value.toLowerCase().replaceAll('-', ':') : '';
  const group = Number.parseInt(octets.slice(0, 2), 16) % 2 === 1;
  return octets === '' || group || octets === '00:00:00:00:00:00' ? fault(at, value, 'is not the MAC address of one station') : octets;
};

const MAC = /^[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})$/i;

const EXAMPLE = { ipv4: '10.0.0.0/16', ipv6: 'fd00::/64' } as const;

/** A node address: bare, or with the length of its network (control-plane 1.6). Host bits are the point of it. */
export function nodeAddress(family: IpFamily): Parser<{ readonly address: Address; readonly network: Prefix }> {
  const rule = `is not an ${FAMILY_NAME[family]} address, bare or with the length of its network`;
  return (value, at) => {
    if (typeof value !== 'string') return fault(at, value, rule);
    const bare = parseAddress(value);
    const found = bare === undefined ? parseAddressWithLength(value) : { address: bare, length: family === 'ipv4' ? 32 : 128 };
    if (found === undefined || found.address.family !== family) return fault(at, value, rule);
    if (isUnspecified(found.address) || isMulticast(found.address)) return fault(at, value, 'is not the address of one host');
    const network = prefixFromAddress(found.address, found.length);
    return network === undefined ? fault(at, value, rule) : { address: found.address, network };
  };
}

const PORT = /^[1-9]\d{0,4}$/;

/** A peer address: `a.b.c.d`, `a.b.c.d:port`, `v6`, `[v6]:port`, port 1-65535 (control-plane 1.3). */
export const peerAddress: Parser<{ readonly address: Address; readonly port?: number }> = (value, at) => {
  const rule = 'is not a.b.c.d, a.b.c.d:port, v6 or [v6]:port';
  if (typeof value !== 'string') return fault(at, value, rule);
  if (value.includes('%')) return fault(at, value, 'has a zone, which peers cannot have');
  const bare = parseAddress(value);
  const parts = bare === undefined ? /^(?:\[([^\]]*)\]|([^:[\]]*)):(.*)$/.exec(value) : null;
  const inner = parts === null ? undefined : parseAddress(parts[1] ?? parts[2] ?? '');
  const found = bare ?? inner;
  if (found === undefined || (bare === undefined && (parts?.[1] === undefined) === (found.family === 'ipv6')))
    return fault(at, value, rule);
  if (isUnspecified(found)) return fault(at, value, 'is not the address of one host');
  if (isMulticast(found)) warn(at, value, 'is a multicast address: no session will come up');
  if (bare !== undefined) return { address: bare };
  const port = Number(parts?.[3]);
  if (!PORT.test(parts?.[3] ?? '') || port > 65_535) return fault(at, value, 'has no port 1-65535 after the colon');
  return { address: found, port };
};

const COMMUNITY = /^(\d{1,10}):(\d{1,10})(?::(\d{1,10}))?$/;

/** Community of `aa:nn` (16 bits each, RFC 1997) or `aa:nn:mm` (32 bits each, RFC 8092); undefined for anything else. */
export function parseCommunity(value: string): Community | undefined {
  const parts = COMMUNITY.exec(value);
  if (parts === null) return undefined;
  const [a, b, c] = [Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 0)];
  if (parts[3] === undefined) {
    if (a > 0xffff || b > 0xffff) return undefined;
    return { kind: 'standard', standard: ((a << 16) | b) >>> 0, large: [0, 0, 0], text: value };
  }
  return a > 0xffffffff || b > 0xffffffff || c > 0xffffffff ? undefined : { kind: 'large', standard: 0, large: [a, b, c], text: value };
}

/** A community value. */
export const community: Parser<Community> = (value, at) =>
  (typeof value === 'string' ? parseCommunity(value) : undefined) ??
  fault(at, value, 'is not aa:nn (16 bits each) or aa:nn:mm (32 bits each)');

const DOTTED_QUAD = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** A route reflector cluster id: IPv4 syntax, kept as written. */
export const clusterId: Parser<string> = (value, at) =>
  typeof value === 'string' && DOTTED_QUAD.test(value) && parseAddress(value) !== undefined
    ? value
    : fault(at, value, 'is not a cluster id in the form of an IPv4 address');

/** A label selector (control-plane 9.6). */
export const selector: Parser<Selector> = (value, at) => {
  const written = scalarText(value);
  const parsed = written === undefined ? undefined : parseSelector(written);
  if (parsed === undefined) return fault(at, value, 'is not a selector');
  return parsed.ok ? parsed.selector : fault(at, value, `is not a selector: ${parsed.error}`);
};

/** A value that the API knows and that means nothing here, checked all the same; never part of the resource. */
export function checked(parser: Parser<unknown>): Parser<never> {
  return (value, at) => {
    if (!isAbsent(value)) parser(value, at);
    return undefined;
  };
}
