/**
 * What another decoder says of a message (ExaBGP's JSON, all its versions' ways to write a path, a list of routes or a community) and what
 * ours says, as plain values to compare. What ours does not carry is left out on both sides: other families, attributes without a row.
 */
import { addressFromNumber, formatAddress, formatPrefix, parseAddress, parsePrefix } from 'bgp-ts/net';
import type { Capabilities, OpenMessage, PathAttributes, PathPrefix, Route } from 'bgp-ts/wire';
import { entries, list, member, number, text } from '../../interop/harness/json.ts';
import { toHex } from './hex.ts';

/** A message as values: keys of what is said. */
export type Said = { readonly [key: string]: unknown };

const FAMILY_NAMES: { readonly [name: string]: string } = { 'ipv4 unicast': 'ipv4', 'ipv6 unicast': 'ipv6' };
const familyNamed = (name: string): string | undefined => FAMILY_NAMES[name.replaceAll(/[/_-]/g, ' ').toLowerCase()];

const idText = (id: number): string => formatAddress(addressFromNumber(id));
const address = (written: string): string => {
  const parsed = parseAddress(written.split(/[ ,]/)[0] ?? '');
  return parsed === undefined ? written : formatAddress(parsed);
};
const prefix = (written: string): string => {
  const parsed = parsePrefix(written);
  return parsed === undefined ? written : formatPrefix(parsed);
};

/** A route as text: prefix, and its path identifier as a dotted quad where there is one. */
function routeText(route: unknown, key?: string): string {
  const written = key ?? (typeof route === 'string' ? route : text(route, 'nlri') || text(route, 'prefix'));
  const id = member(route, 'path-information') ?? member(route, 'path-id');
  const shown = typeof id === 'number' ? idText(id) : id;
  return shown === undefined ? prefix(written) : `${prefix(written)} path ${String(shown)}`;
}

/** Routes in a list, or as the keys of an object. */
function routeTexts(routes: unknown): string[] {
  if (Array.isArray(routes)) return routes.map((route) => routeText(route)).toSorted();
  return entries(routes)
    .map(([key, route]) => routeText(route, key))
    .toSorted();
}

const SEGMENT_NAMES: { readonly [name: string]: string } = {
  'as-sequence': 'sequence',
  'as-set': 'set',
  'confederation-sequence': 'confed-sequence',
  'as-confed-sequence': 'confed-sequence',
  'confed-sequence': 'confed-sequence',
  'confederation-set': 'confed-set',
  'as-confed-set': 'confed-set',
  'confed-set': 'confed-set',
};

/** A path: segments by number, or AS numbers with sets as lists among them. */
function pathValue(path: unknown): unknown {
  const segments = Array.isArray(path) ? [{ element: 'as-sequence', value: path }] : entries(path).map(([, segment]) => segment);
  return segments
    .map((segment) => ({
      type: SEGMENT_NAMES[text(segment, 'element')] ?? text(segment, 'element'),
      asns: list(segment, 'value').map(Number),
    }))
    .filter(({ asns }) => asns.length > 0);
}

const COMMUNITIES: { readonly [name: string]: number } = {
  'no-export': 0xffffff01,
  'no-advertise': 0xffffff02,
  'no-export-subconfed': 0xffffff03,
  'no-peer': 0xffffff04,
  'graceful-shutdown': 0xffff0000,
  blackhole: 0xffff029a,
};

/** A community as a number: a pair, `high:low`, a name or a number. */
function communityValue(value: unknown): unknown {
  if (typeof value === 'number') return value;
  const parts = typeof value === 'string' ? value.split(':').map(Number) : list(value).map(Number);
  const [high, low] = parts;
  if (typeof value === 'string' && COMMUNITIES[value] !== undefined) return COMMUNITIES[value];
  return high === undefined || low === undefined ? value : high * 65_536 + low;
}

const extendedValue = (value: unknown): unknown => {
  const plain = member(value, 'value') ?? value;
  return typeof plain === 'number' || /^\d+$/.test(String(plain)) ? BigInt(String(plain)).toString(16).padStart(16, '0') : plain;
};

const numberLists = (value: unknown): unknown =>
  list(value).map((item) => (typeof item === 'string' ? item.split(':') : list(item)).map(Number));

/** How each attribute that ours decodes is written, by its name there. */
const ATTRIBUTES: { readonly [name: string]: readonly [key: string, read: (value: unknown) => unknown] } = {
  origin: ['origin', (value) => value],
  'as-path': ['asPath', pathValue],
  med: ['med', Number],
  'local-preference': ['localPref', Number],
  'atomic-aggregate': ['atomicAggregate', (value) => (value === true ? true : undefined)],
  aggregator: ['aggregator', (value) => value],
  'originator-id': ['originatorId', (value) => value],
  'cluster-list': ['clusterList', (value) => value],
  community: ['communities', (value) => list(value).map(communityValue)],
  'large-community': ['largeCommunities', numberLists],
  'extended-community': ['extendedCommunities', (value) => list(value).map(extendedValue)],
};

/** Attributes as the JSON says them; an empty path is not said. */
export function attributesSaid(attribute: unknown): Said {
  const said = entries(attribute).flatMap(([name, value]) => {
    const row = ATTRIBUTES[name];
    const read = row?.[1](value);
    return row === undefined || read === undefined || (row[0] === 'asPath' && list(read).length === 0) ? [] : [[row[0], read] as const];
  });
  return Object.fromEntries(said);
}

/** Ours in the same words. */
export function attributesOurs(attributes: PathAttributes): Said {
  const { nextHop: _hop, linkLocalNextHop: _local, unknown: _unknown, asPath, aggregator, originatorId, clusterList, ...rest } = attributes;
  return {
    ...rest,
    ...(asPath.length === 0 ? {} : { asPath }),
    ...(aggregator === undefined ? {} : { aggregator: `${aggregator.as}:${formatAddress(aggregator.address)}` }),
    ...(originatorId === undefined ? {} : { originatorId: idText(originatorId) }),
    ...(clusterList === undefined ? {} : { clusterList: clusterList.map(idText) }),
  };
}

/** Routes by family and next hop as the JSON of an UPDATE says them: announced and withdrawn, of the families that are carried. */
export function routesSaid(update: unknown): Said {
  const announced = entries(update, 'announce').flatMap(([name, hops]) => {
    const family = familyNamed(name);
    if (family === undefined) return [];
    return entries(hops).map(([hop, routes]) => [`${family} by ${address(hop)}`, routeTexts(routes)] as const);
  });
  const withdrawn = entries(update, 'withdraw').flatMap(([name, routes]) => {
    const family = familyNamed(name);
    return family === undefined ? [] : [[`${family} gone`, routeTexts(routes)] as const];
  });
  return Object.fromEntries([...announced, ...withdrawn]);
}

const ownText = ({ prefix: at, pathId }: PathPrefix): string =>
  pathId === undefined ? formatPrefix(at) : `${formatPrefix(at)} path ${idText(pathId)}`;

/** Ours in the same words. */
export function routesOurs(announced: readonly Route[], withdrawn: readonly PathPrefix[]): Said {
  const said = new Map<string, string[]>();
  const add = (key: string, route: PathPrefix): void => {
    said.set(key, [...(said.get(key) ?? []), ownText(route)].toSorted());
  };
  for (const route of announced) add(`${route.prefix.family} by ${formatAddress(route.attributes.nextHop)}`, route);
  for (const route of withdrawn) add(`${route.prefix.family} gone`, route);
  return Object.fromEntries(said);
}

/** The family of an End-of-RIB in the JSON, in our words; undefined where it says none. */
export function endOfRibSaid(message: unknown): string | undefined {
  const eor = member(message, 'eor');
  return eor === undefined ? undefined : familyNamed(`${text(eor, 'afi')} ${text(eor, 'safi')}`);
}

const ADD_PATH_MODES: { readonly [mode: string]: string } = {
  send: 'send',
  receive: 'receive',
  'send/receive': 'both',
  'receive/send': 'both',
};

/** What the JSON says of an OPEN. */
export function openSaid(open: unknown): Said {
  const capabilities = new Map(entries(open, 'capabilities'));
  const families = list(capabilities.get('1'), 'families').flatMap((name) => familyNamed(String(name)) ?? []);
  const asn4 = number(capabilities.get('65'), 'asn4');
  const restartTime = number(capabilities.get('64'), 'time');
  const addPath = entries(capabilities.get('69')).flatMap(([name, mode]) => {
    const family = familyNamed(name);
    return family === undefined ? [] : [`${family} ${ADD_PATH_MODES[String(mode)] ?? String(mode)}`];
  });
  const texts = [text(capabilities.get('75'), 'software'), text(capabilities.get('73'), 'hostname')].filter((each) => each !== '');
  return {
    version: number(open, 'version'),
    holdTime: number(open, 'hold_time') ?? number(open, 'hold-time'),
    bgpId: text(open, 'router_id') || text(open, 'router-id'),
    as: asn4 ?? number(open, 'asn'),
    codes: [...capabilities.keys()].map(Number).toSorted((a, b) => a - b),
    families: families.toSorted(),
    ...(asn4 === undefined ? {} : { asn4 }),
    ...(restartTime === undefined ? {} : { restartTime }),
    ...(addPath.length === 0 ? {} : { addPath: addPath.toSorted() }),
    texts,
  };
}

/** Codes that an OPEN of ours holds: those with a row, and the others. */
function codesOf({ multiprotocol, routeRefresh, extendedMessage, enhancedRouteRefresh, ...rest }: Capabilities): number[] {
  const known: readonly (readonly [boolean, number])[] = [
    [multiprotocol, 1],
    [routeRefresh, 2],
    [rest.extendedNextHop !== undefined, 5],
    [extendedMessage, 6],
    [rest.gracefulRestart !== undefined, 64],
    [rest.fourOctetAs !== undefined, 65],
    [rest.addPath !== undefined, 69],
    [enhancedRouteRefresh, 70],
    [rest.longLivedGracefulRestart !== undefined, 71],
  ];
  const codes = [...known.filter(([has]) => has).map(([, code]) => code), ...rest.unknown.map(({ code }) => code)];
  return [...new Set(codes)].toSorted((a, b) => a - b);
}

/** Ours in the same words; of the texts that the JSON shows, those that stand in a capability. */
export function openOurs({ version, holdTime, bgpId, myAs, capabilities }: OpenMessage, texts: unknown): Said {
  const { families, fourOctetAs, gracefulRestart, addPath = [], unknown } = capabilities;
  const short = (family: string): string => family.replace('-unicast', '');
  const held = (each: unknown): boolean => unknown.some(({ value }) => toHex(value).includes(Buffer.from(String(each)).toString('hex')));
  return {
    version,
    holdTime,
    bgpId: idText(bgpId),
    as: fourOctetAs ?? myAs,
    codes: codesOf(capabilities),
    families: families.map(short).toSorted(),
    ...(fourOctetAs === undefined ? {} : { asn4: fourOctetAs }),
    ...(gracefulRestart === undefined ? {} : { restartTime: gracefulRestart.restartTime }),
    ...(addPath.length === 0 ? {} : { addPath: addPath.map(({ family, mode }) => `${short(family)} ${mode}`).toSorted() }),
    texts: list(texts).filter(held),
  };
}
