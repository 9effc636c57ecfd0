/**
 * Recorded router logs: the messages in them to and from ours, and what a recording says of its configuration. A log is a folder with
 * `config.json`, `events.jsonl` (what came in) and `output/protocol.jsonl` (what the recorded router sent).
 */
import type { Address, Prefix } from 'bgp-ts/net';
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from 'bgp-ts/net';
import type { AsPathSegment, Capabilities, Family, PathAttributes, PathPrefix } from 'bgp-ts/wire';
import {
  decodeAttributes,
  decodeNlri,
  decodeOpen,
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
  encodeUpdate,
  familyFromNumbers,
  NO_CAPABILITIES,
  scanUpdate,
} from 'bgp-ts/wire';
import { entries, list, member, number, text } from '../interop/harness/json.ts';

/** A line of a log: what it is about, which kind, and its contents. */
export interface LogLine {
  readonly topic: string;
  readonly kind: string;
  readonly value: unknown;
}

/** Lines of a JSON-lines text. */
export function readLines(lines: string): LogLine[] {
  return lines.split('\n').flatMap((line) => {
    if (line.trim() === '') return [];
    const parsed: unknown = JSON.parse(line);
    const [[topic, inner] = ['', undefined]] = entries(parsed);
    const [[kind, value] = ['', undefined]] = entries(inner);
    return [{ topic, kind, value }];
  });
}

/** The name of a unit variant, or the key of one with contents. */
export function variant(value: unknown): string {
  return typeof value === 'string' ? value : (entries(value)[0]?.[0] ?? '');
}

/** An address, without the zone that a link-local one may name. */
export function addressOf(written: string): Address {
  const address = parseAddress(written.split('%')[0] ?? '');
  if (address === undefined) throw new Error(`not an address: ${written}`);
  return address;
}

/** The one text of an address: logs may write IPv6 in any of its forms. */
export const addressText = (written: string): string => formatAddress(addressOf(written));

export function prefixOf(written: string): Prefix {
  const prefix = parsePrefix(written);
  if (prefix === undefined) throw new Error(`not a prefix: ${written}`);
  return prefix;
}

/** A dotted quad as a number. */
export const idOf = (written: string): number => addressOf(written).words[0];

const AFI: { readonly [name: string]: number } = { ipv4: 1, ipv6: 2 };
const SAFI: { readonly [name: string]: number } = { unicast: 1 };

const familyOf = (value: unknown): Family | undefined =>
  familyFromNumbers(AFI[text(value, 'afi').toLowerCase()] ?? 0, SAFI[text(value, 'safi').toLowerCase()] ?? 0);

/** Capabilities as a log lists them. */
export function capabilitiesOf(values: readonly unknown[]): Capabilities {
  const found = new Map(values.map((value) => [variant(value), member(value, variant(value))]));
  const families = values.flatMap((value) => familyOf(member(value, 'MultiProtocol')) ?? []);
  const asn = number(found.get('FourOctetAsNumber'), 'asn');
  const addPath = list(found.get('AddPath')).flatMap((tuple) => {
    const family = familyOf(tuple);
    const mode = { Receive: 'receive', Send: 'send', ReceiveSend: 'both' } as const;
    const known = Object.entries(mode).find(([name]) => name === text(tuple, 'mode'))?.[1];
    return family === undefined || known === undefined ? [] : [{ family, mode: known }];
  });
  return {
    ...NO_CAPABILITIES,
    multiprotocol: found.has('MultiProtocol'),
    families,
    routeRefresh: found.has('RouteRefresh'),
    enhancedRouteRefresh: found.has('EnhancedRouteRefresh'),
    ...(asn === undefined ? {} : { fourOctetAs: asn }),
    ...(found.has('AddPath') ? { addPath } : {}),
  };
}

const SEGMENTS: { readonly [name: string]: AsPathSegment['type'] } = {
  Set: 'set',
  Sequence: 'sequence',
  ConfedSequence: 'confed-sequence',
  ConfedSet: 'confed-set',
};

const numbers = (values: readonly unknown[]): number[] => values.flatMap((value) => (typeof value === 'number' ? [value] : []));
const bytes = (value: unknown): number[] => numbers(Array.isArray(value) ? value : []);
const hexOf = (octets: readonly number[]): string => Buffer.from(octets).toString('hex');

function triple(octets: readonly number[]): readonly [number, number, number] {
  const view = Buffer.from(octets);
  return [view.readUInt32BE(0), view.readUInt32BE(4), view.readUInt32BE(8)];
}

/** Only the keys whose lists are not empty. */
function lists(attrs: unknown): Partial<PathAttributes> {
  const communities = numbers(list(attrs, 'comm'));
  const extendedCommunities = list(attrs, 'ext_comm').map((value) => hexOf(bytes(value)));
  const largeCommunities = list(attrs, 'large_comm').map((value) => triple(bytes(value)));
  return {
    ...(communities.length > 0 ? { communities } : {}),
    ...(extendedCommunities.length > 0 ? { extendedCommunities } : {}),
    ...(largeCommunities.length > 0 ? { largeCommunities } : {}),
  };
}

/** Attributes of a log; `nextHop` is that beside the routes. */
export function attributesOf(attrs: unknown, nextHop: string, linkLocal: string): PathAttributes {
  const base = member(attrs, 'base');
  const origin = text(base, 'origin').toLowerCase();
  const [med, localPref, aggregatorAs] = [number(base, 'med'), number(base, 'local_pref'), number(base, 'aggregator', 'asn')];
  const originator = text(base, 'originator_id');
  const cluster = list(base, 'cluster_list').flatMap((id) => (typeof id === 'string' ? [idOf(id)] : []));
  const atomic = member(base, 'atomic_aggregate');
  return {
    origin: origin === 'igp' || origin === 'egp' ? origin : 'incomplete',
    asPath: list(base, 'as_path', 'segments').map((segment) => ({
      type: SEGMENTS[text(segment, 'seg_type')] ?? 'sequence',
      asns: numbers(list(segment, 'members')),
    })),
    nextHop: addressOf(nextHop),
    ...(linkLocal === '' ? {} : { linkLocalNextHop: addressOf(linkLocal) }),
    ...(med === undefined ? {} : { med }),
    ...(localPref === undefined ? {} : { localPref }),
    ...(atomic === undefined || atomic === null || atomic === false ? {} : { atomicAggregate: true }),
    ...(aggregatorAs === undefined ? {} : { aggregator: { as: aggregatorAs, address: addressOf(text(base, 'aggregator', 'identifier')) } }),
    ...(originator === '' ? {} : { originatorId: idOf(originator) }),
    ...(cluster.length > 0 ? { clusterList: cluster } : {}),
    ...lists(attrs),
  };
}

/** The routes of an UPDATE in a log. */
export interface LoggedUpdate {
  readonly withdrawn: readonly PathPrefix[];
  readonly announced: readonly { readonly routes: readonly PathPrefix[]; readonly attributes: PathAttributes }[];
}

/** Names under which a path identifier may stand. */
const PATH_IDS = ['path_id', 'path-id', 'path_identifier', 'pathId', 'id'];

/** A route as a log writes it: its prefix as text, or an object or a pair with a path identifier (RFC 7911). */
export function routeOf(written: unknown): PathPrefix {
  if (typeof written === 'string') return { prefix: prefixOf(written) };
  const named = text(written, 'prefix') || text(written, 'nlri') || text(written, 'network');
  const pair = list(written);
  const prefix = prefixOf(named || String(pair.find((each) => typeof each === 'string')));
  const pathId = PATH_IDS.map((name) => number(written, name)).find((id) => id !== undefined) ?? numbers(pair)[0];
  return pathId === undefined ? { prefix } : { prefix, pathId };
}

const routesOf = (value: unknown): PathPrefix[] =>
  [...list(value, 'prefixes'), ...list(value, 'routes'), ...list(value, 'nlri')].map(routeOf);

export function updateOf(message: unknown): LoggedUpdate {
  const attrs = member(message, 'attrs');
  const inside = (name: string): unknown => {
    const value = member(message, name);
    return member(value, variant(value));
  };
  const announced = [member(message, 'reach'), inside('mp_reach')].flatMap((reach) => {
    const routes = routesOf(reach);
    const attributes = (): PathAttributes => attributesOf(attrs, text(reach, 'nexthop'), text(reach, 'll_nexthop'));
    return routes.length === 0 ? [] : [{ routes, attributes: attributes() }];
  });
  return { withdrawn: [...routesOf(member(message, 'unreach')), ...routesOf(inside('mp_unreach'))], announced };
}

/** A path identifier makes the octets those of a session with them. */
const withIds = (routes: readonly PathPrefix[]): { readonly addPath?: readonly Family[] } =>
  routes.some(({ pathId }) => pathId !== undefined) ? { addPath: ['ipv4-unicast', 'ipv6-unicast'] } : {};

/** Octets of an UPDATE of routes that came together. */
export function encodeAnnounced(routes: readonly PathPrefix[], attributes: PathAttributes): Uint8Array[] {
  return encodeUpdate({ announced: routes, attributes }, withIds(routes));
}

/** Octets of an UPDATE of routes that are gone; none for none. */
export function encodeWithdrawn(routes: readonly PathPrefix[]): Uint8Array[] {
  return encodeUpdate({ withdrawn: routes }, withIds(routes));
}

/** Octets of a logged message other than an UPDATE. */
export function encodeLogged(message: unknown): Uint8Array[] {
  const kind = variant(message);
  const value = member(message, kind);
  if (kind === 'Keepalive') return [encodeKeepalive()];
  if (kind === 'Open') {
    const asn = number(value, 'my_as') ?? 0;
    const head = { type: 'open', version: number(value, 'version') ?? 4, myAs: asn > 0xffff ? 23_456 : asn } as const;
    const capabilities = capabilitiesOf(list(value, 'capabilities'));
    return [encodeOpen({ ...head, holdTime: number(value, 'holdtime') ?? 90, bgpId: idOf(text(value, 'identifier')), capabilities })];
  }
  if (kind === 'Notification') {
    const [code, subcode] = [number(value, 'error_code') ?? 0, number(value, 'error_subcode') ?? 0];
    return [encodeNotification({ type: 'notification', code, subcode, data: Uint8Array.from(bytes(member(value, 'data'))) })];
  }
  if (kind === 'RouteRefresh') {
    const family = familyOf(value) ?? familyFromNumbers(number(value, 'afi') ?? 0, number(value, 'safi') ?? 0);
    return family === undefined ? [] : [encodeRouteRefresh({ family })];
  }
  throw new Error(`a message of kind ${kind}`);
}

/** What a peer was told, by prefix (and path identifier). */
export type View = Map<string, PathAttributes>;

/** Applies an UPDATE of a log to a view. */
export function applyLogged(view: View, message: unknown): void {
  const { withdrawn, announced } = updateOf(message);
  for (const route of withdrawn) view.delete(keyOf(route));
  for (const { routes, attributes } of announced) for (const route of routes) view.set(keyOf(route), attributes);
}

/** Prefix, and path identifier where there is one. */
export const keyOf = ({ prefix, pathId }: PathPrefix): string =>
  pathId === undefined ? formatPrefix(prefix) : `${formatPrefix(prefix)} ${pathId}`;

/** Applies an UPDATE of ours to a view. */
export function applySent(view: View, body: Uint8Array, external: boolean, addPathReceive: readonly Family[]): void {
  const families: readonly Family[] = ['ipv4-unicast', 'ipv6-unicast'];
  const ctx = { fourOctetAs: true, external, addPathReceive, extendedNextHop: families, families, loopback: true };
  const scanned = scanUpdate(body, ctx);
  if (!scanned.ok) throw new Error(`we sent an UPDATE that nobody can read: ${scanned.error.detail}`);
  for (const run of scanned.value.withdrawn) for (const route of decodeNlri(run)) view.delete(keyOf(route));
  for (const run of scanned.value.announced) {
    const { attributes } = decodeAttributes(scanned.value.attributes, ctx, run.nextHop);
    if (attributes === undefined) throw new Error('we sent attributes that nobody can read');
    for (const route of decodeNlri(run)) view.set(keyOf(route), attributes);
  }
}

/** An OPEN of ours as a log would say it. */
export function readOpen(body: Uint8Array): Capabilities & { readonly as: number; readonly holdTime: number; readonly bgpId: number } {
  const decoded = decodeOpen(body);
  if (!decoded.ok) throw new Error(`we sent an OPEN that nobody can read: ${decoded.error.detail}`);
  const { capabilities, holdTime, bgpId, myAs } = decoded.value;
  return { ...capabilities, as: capabilities.fourOctetAs ?? myAs, holdTime, bgpId };
}
