/** Parsers of single configuration values: text in, value or broken rule out. Nothing here reads files or the environment. */

import type { Address, Prefix } from 'bgp-ts/net';
import {
  ADDRESS_BITS,
  formatAddress,
  hasHostBits,
  hostPrefix,
  isLoopback,
  parseAddress,
  parseAddressWithLength,
  prefixFromAddress,
} from 'bgp-ts/net';
import type { LogLevel, NodeAddress, PrefixLimits, Readiness, Requirement, SocketAddress, TransportEntry } from './types.ts';

/** A value, or the rule that the text breaks, worded to follow "is". */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly rule: string };

const good = <T>(value: T): Parsed<T> => ({ ok: true, value });
const bad = (rule: string): { readonly ok: false; readonly rule: string } => ({ ok: false, rule });

/** Any text that is not empty. */
export function parseText(text: string): Parsed<string> {
  return text === '' ? bad('empty') : good(text);
}

/** URL of an HTTP server, without credentials in it. */
export function parseHttpUrl(text: string): Parsed<string> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) return bad('not an http:// or https:// URL');
  return url.username === '' && url.password === '' && url.search === '' ? good(text) : bad('a URL with more than host, port and path');
}

/** URLs of HTTP servers with commas between. */
export function parseHttpUrls(text: string): Parsed<readonly string[]> {
  const urls: string[] = [];
  for (const part of text.split(',')) {
    const parsed = parseHttpUrl(part.trim());
    if (!parsed.ok) return bad(`a list with ${JSON.stringify(part.trim())}, which is ${parsed.rule}`);
    urls.push(parsed.value);
  }
  return good(urls);
}

/** A name as Kubernetes gives to nodes and namespaces (RFC 1123 subdomain, at most 253 characters). */
export function parseName(text: string): Parsed<string> {
  return /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text) && text.length <= 253
    ? good(text)
    : bad('not a name of lower-case letters, digits, - and . (at most 253)');
}

/** One of a fixed set of words. */
export function parseWord<const T extends string>(...words: readonly T[]): (text: string) => Parsed<T> {
  return (text) => {
    const found = words.find((word) => word === text);
    return found === undefined ? bad(`not ${words.join(', ')}`) : good(found);
  };
}

const TRUE = new Set(['true', '1', 't', 'yes', 'y', 'on']);
const FALSE = new Set(['false', '0', 'f', 'no', 'n', 'off']);

/** `true` or `false` in the spellings that environments use. */
export function parseBoolean(text: string): Parsed<boolean> {
  const lower = text.toLowerCase();
  if (TRUE.has(lower)) return good(true);
  return FALSE.has(lower) ? good(false) : bad('not true or false');
}

/** A whole number between two bounds. */
export function parseInteger(low: number, high: number): (text: string) => Parsed<number> {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    return value >= low && value <= high ? good(value) : bad(`not a whole number ${low}-${high}`);
  };
}

/** Seconds proposed as hold time: 0, or 3-65535 (RFC 4271 section 4.2). */
export function parseHoldTime(text: string): Parsed<number> {
  const value = parseInteger(0, 65_535)(text);
  return value.ok && (value.value === 0 || value.value >= 3) ? value : bad('not 0 or 3-65535 seconds');
}

/** An AS number, 1-4294967295, also dotted as Calico takes it (`x.y`, high << 16 + low; RFC 5396 asdot). */
export function parseAsNumber(text: string): Parsed<number> {
  const dotted = /^(\d{1,5})\.(\d{1,5})$/.exec(text);
  const [high, low] = [Number(dotted?.[1] ?? 0), Number(dotted?.[2] ?? 0)];
  const plain = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  const value = dotted === null ? plain : high <= 0xffff && low <= 0xffff ? high * 65_536 + low : Number.NaN;
  return value >= 1 && value <= 0xffff_ffff ? good(value) : bad('not an AS number 1-4294967295 or x.y');
}

/** `hash`, or a dotted quad that may be a BGP Identifier: not 0.x, 127.x, or 224 and above (control-plane 14, calico#5146). */
export function parseRouterId(text: string): Parsed<string> {
  if (text === 'hash') return good(text);
  const address = parseAddress(text);
  const first = address?.family === 'ipv4' ? address.words[0] >>> 24 : 0;
  return first > 0 && first !== 127 && first < 224
    ? good(text)
    : bad('not "hash" or an IPv4 address other than 0.x, 127.x and 224.x or above');
}

/** A prefix; host bits must be 0. */
export function parseCidr(text: string): Parsed<Prefix> {
  const parts = parseAddressWithLength(text);
  const prefix =
    parts === undefined || hasHostBits(parts.address, parts.length) ? undefined : prefixFromAddress(parts.address, parts.length);
  return prefix === undefined ? bad('not a CIDR with the host bits 0') : good(prefix);
}

/** Looks up the network of an address on this machine's interfaces; undefined where it has none. */
export type NetworkOf = (address: Address) => Prefix | undefined;

/**
 * IP and IP6: a bare address (its mask is looked up on the interfaces, else it stands alone), an address with a mask, or
 * `none` or `autodetect` (control-plane 8.4).
 */
export function parseNodeAddress(family: Address['family'], networkOf: NetworkOf): (text: string) => Parsed<NodeAddress> {
  const kind = family === 'ipv4' ? 'IPv4' : 'IPv6';
  return (text) => {
    if (text === 'none' || text === 'autodetect') return good(text);
    const bare = parseAddress(text);
    const parts = bare === undefined ? parseAddressWithLength(text) : { address: bare, length: ADDRESS_BITS[bare.family] };
    if (parts?.address.family !== family) return bad(`not an ${kind} address, an ${kind} address with a mask, autodetect or none`);
    const network = (bare === undefined ? undefined : networkOf(bare)) ?? prefixFromAddress(parts.address, parts.length);
    return good({ address: parts.address, network: network ?? hostPrefix(parts.address) });
  };
}

/** `ADDRESS:PORT` or `[IPV6]:PORT`. */
function parseSocketAddress(text: string): Parsed<SocketAddress> {
  const parts = /^\[([^\]]+)\]:(\d+)$/.exec(text) ?? /^([^:]+):(\d+)$/.exec(text);
  const address = parseAddress(parts?.[1] ?? '');
  const port = parseInteger(1, 65_535)(parts?.[2] ?? '');
  return address !== undefined && port.ok
    ? good({ address, port: port.value })
    : bad('not ADDRESS:PORT or [IPV6]:PORT with a port of 1-65535');
}

/** A socket address, or `none` for no such listener. */
export function parseListener(text: string): Parsed<SocketAddress | 'none'> {
  if (text === 'none') return good('none');
  const parsed = parseSocketAddress(text);
  return parsed.ok ? parsed : bad(`${parsed.rule}, or none`);
}

/**
 * The listener that answers everything, without a token: only on loopback (contracts.md, Files, sockets, ports; TLS and
 * tokens are not built).
 */
export function parseLoopbackListener(text: string): Parsed<SocketAddress | 'none'> {
  const parsed = parseListener(text);
  if (!parsed.ok || parsed.value === 'none' || isLoopback(parsed.value.address)) return parsed;
  return bad(
    'not a loopback address: elsewhere this listener would need TLS and a token, which this version does not have (--metrics-listen serves metrics and probes)',
  );
}

const LEVELS: Readonly<Record<string, LogLevel>> = {
  trace: 'trace',
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
  fatal: 'fatal',
  panic: 'fatal',
  none: 'silent',
  silent: 'silent',
};

/** A log level in our spelling or Calico's (case-insensitive; `Warning`, `Panic`, `None`). */
export function parseLogLevel(text: string): Parsed<LogLevel> {
  const level = LEVELS[text.toLowerCase()];
  return level === undefined ? bad('not trace, debug, info, warn, error, fatal or none') : good(level);
}

/** Entries `NODE_ADDRESS=ADDRESS:PORT`, separated by commas or white space; each node address once. */
export function parseTransportMap(text: string): Parsed<readonly TransportEntry[]> {
  const entries: TransportEntry[] = [];
  const seen = new Set<string>();
  for (const part of text.split(/[,\s]+/).filter((word) => word !== '')) {
    const at = part.indexOf('=');
    const node = parseAddress(part.slice(0, Math.max(0, at)));
    const transport = parseSocketAddress(part.slice(at + 1));
    if (node === undefined || !transport.ok) return bad(`not NODE_ADDRESS=ADDRESS:PORT at ${JSON.stringify(part)}`);
    if (seen.has(formatAddress(node))) return bad(`naming ${formatAddress(node)} twice`);
    seen.add(formatAddress(node));
    entries.push({ node, transport: transport.value });
  }
  return good(entries);
}

const SESSION_KINDS = ['client', 'internal', 'external'] as const;
const parseCount = parseInteger(0, 0xffff_ffff);

/** Entries `KIND=NUMBER` with commas between. */
export function parsePrefixLimits(text: string): Parsed<PrefixLimits> {
  let limits: PrefixLimits = {};
  for (const part of text.split(',').map((word) => word.trim())) {
    const [name = '', number = '', ...more] = part.split('=');
    const kind = SESSION_KINDS.find((each) => each === name);
    const parsed = parseCount(number);
    if (kind === undefined || !parsed.ok || more.length > 0)
      return bad(`not KIND=NUMBER at ${JSON.stringify(part)} (client, internal or external; 0 to 4294967295)`);
    limits = { ...limits, [kind]: parsed.value };
  }
  return good(limits);
}

/** Calico's rule: sessions to local workloads are not counted (control-plane 8.2). */
export const READINESS: Readiness = { mesh: 'pooled', node: 'pooled', global: 'pooled', 'local-workload': 'ignored' };

const isClass = (text: string): text is keyof Readiness => Object.hasOwn(READINESS, text);
const parseRequirement = parseWord<Requirement>('pooled', 'all', 'one', 'ignored');

/** Entries `CLASS=RULE` with commas between; a class that is not named keeps its default. */
export function parseReadiness(text: string): Parsed<Readiness> {
  let readiness = READINESS;
  for (const part of text.split(',').map((word) => word.trim())) {
    const [name = '', rule = '', ...more] = part.split('=');
    const parsed = parseRequirement(rule);
    if (!isClass(name) || !parsed.ok || more.length > 0)
      return bad(`not CLASS=RULE at ${JSON.stringify(part)} (mesh, node, global or local-workload; pooled, all, one or ignored)`);
    readiness = { ...readiness, [name]: parsed.value };
  }
  return good(readiness);
}
