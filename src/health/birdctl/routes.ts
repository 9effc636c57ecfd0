/** `show route` line by line, as BIRD 1.6.8 writes it (recorded: test/health/birdctl/bird16.json). Pure. */
import type { RouteJson } from '../status.ts';
import { OWN_PROTOCOLS, protocolName } from './protocols.ts';
import type { Reply } from './reply.ts';
import { shortTime } from './times.ts';

/** Where a next hop leads from here: the gateway that packets really take, and the interface. */
export interface Way {
  readonly gateway: string;
  readonly interface: string;
}

/** What the lines need beside the routes. */
export interface RouteContext {
  /** Wall-clock ms. */
  readonly now: number;
  readonly all: boolean;
  readonly way: (nextHop: string) => Way | undefined;
  /** Address of a peer by its id. */
  readonly addressOf: (peer: string) => string | undefined;
}

/** LOCAL_PREF above this is a route of raised priority, which BIRD prefers at 200 (control-plane 5.2; NormalRoutePriority 1024). */
const NORMAL_LOCAL_PREF = 2_147_483_647 - 1024;

/** Routes of one page; those of one prefix stand together, the best first. */
export function routeLines(reply: Reply, routes: readonly RouteJson[], context: RouteContext): string {
  const lines: string[] = [];
  let before = '';
  for (const route of bestFirst(routes)) {
    lines.push(reply.line(1007, `${(route.prefix === before ? '' : route.prefix).padEnd(18)} ${headOf(route, context)}`));
    before = route.prefix;
    if (context.all) lines.push(attributeLines(reply, route));
  }
  return lines.join('');
}

/** Stable: only within one prefix. */
function bestFirst(routes: readonly RouteJson[]): readonly RouteJson[] {
  const order = new Map<string, number>();
  for (const { prefix } of routes) if (!order.has(prefix)) order.set(prefix, order.size);
  const rank = (route: RouteJson): number => (order.get(route.prefix) ?? 0) * 2 + (route.best ? 0 : 1);
  return [...routes].sort((a, b) => rank(a) - rank(b));
}

/** Name of the protocol that a route is of. */
export function protocolOf(route: RouteJson): string {
  if (route.from !== 'local') return protocolName(route.from);
  return OWN_PROTOCOLS.find((one) => one.origin === (route.protocol ?? 'static'))?.name ?? 'static1';
}

function headOf(route: RouteJson, context: RouteContext): string {
  const way = route.nextHop === null ? undefined : context.way(route.nextHop);
  const from = route.from === 'local' ? undefined : context.addressOf(route.from);
  const via = from !== undefined && from !== way?.gateway ? ` from ${from}` : '';
  const head = `${destinationOf(route, way)} [${protocolOf(route)} ${shortTime(route.at, context.now)}${via}]${route.best ? ' *' : ''}`;
  return `${head} ${route.from === 'local' ? `(${localPreference(route)})` : bgpInfo(route, way !== undefined)}`;
}

function destinationOf(route: RouteJson, way: Way | undefined): string {
  if (route.nextHop === null) return route.interface === undefined ? 'blackhole' : `dev ${route.interface}`;
  if (route.from === 'local' && route.interface !== undefined) return `via ${route.nextHop} on ${route.interface}`;
  return way === undefined ? 'unreachable' : `via ${way.gateway} on ${way.interface}`;
}

function localPreference(route: RouteJson): number {
  return OWN_PROTOCOLS.find((one) => one.origin === (route.protocol ?? 'static'))?.preference ?? 200;
}

const ORIGINS = { igp: 'i', egp: 'e', incomplete: '?' } as const;

function bgpInfo(route: RouteJson, reachable: boolean): string {
  const preference = (route.localPref ?? 0) > NORMAL_LOCAL_PREF ? 200 : 100;
  const last = /(\d+)$/.exec(route.asPath ?? '')?.[1];
  const origin = ORIGINS[route.origin ?? 'incomplete'];
  return `(${preference}${route.stale ? 's' : ''}/${reachable ? 0 : '-'}) [${last === undefined ? '' : `AS${last}`}${origin}]`;
}

const TYPES = { static: 'static', kernel: 'inherit', device: 'device' } as const;
const WORDS = { igp: 'IGP', egp: 'EGP', incomplete: 'Incomplete' } as const;

function attributeLines(reply: Reply, route: RouteJson): string {
  const kind = route.from === 'local' ? TYPES[route.protocol ?? 'static'] : 'BGP';
  const type = reply.line(1008, `\tType: ${kind} unicast univ`);
  const attributes = route.from === 'local' ? localAttributes(route) : bgpAttributes(route);
  return type + reply.line(1012, ...attributes.map(([name, value]) => `\t${name}: ${value}`));
}

type Attribute = readonly [string, string];

function localAttributes({ protocol, metric }: RouteJson): Attribute[] {
  return protocol === 'kernel' && metric !== undefined ? [['Kernel.metric', String(metric)]] : [];
}

/** In the order of their codes, as BIRD sorts them. */
function bgpAttributes(route: RouteJson): Attribute[] {
  const pairs = (texts: readonly string[], separator: string): string =>
    texts.map((text) => `(${text.split(':').join(separator)})`).join(' ');
  const rows: (Attribute | undefined)[] = [
    ['BGP.origin', WORDS[route.origin ?? 'incomplete']],
    ['BGP.as_path', route.asPath ?? ''],
    route.nextHop === null ? undefined : ['BGP.next_hop', route.nextHop],
    route.med === undefined ? undefined : ['BGP.med', String(route.med)],
    // BIRD gives external routes its default (control-plane 2.5).
    ['BGP.local_pref', String(route.localPref ?? 100)],
    route.communities === undefined ? undefined : ['BGP.community', pairs(route.communities, ',')],
    route.originatorId === undefined ? undefined : ['BGP.originator_id', route.originatorId],
    route.clusterList === undefined ? undefined : ['BGP.cluster_list', route.clusterList.join(' ')],
    route.extendedCommunities === undefined ? undefined : ['BGP.ext_community', extended(route.extendedCommunities)],
    route.largeCommunities === undefined ? undefined : ['BGP.large_community', pairs(route.largeCommunities, ', ')],
  ];
  return rows.filter((row) => row !== undefined);
}

/** Octets as hex: route targets and origins of a two-octet AS are named, anything else is `generic` (RFC 4360). */
function extended(values: readonly string[]): string {
  const part = (hex: string, from: number, octets: number): number => Number.parseInt(hex.slice(from * 2, (from + octets) * 2), 16);
  return values
    .map((hex) => {
      const kind = { '0002': 'rt', '0003': 'ro' }[hex.slice(0, 4)];
      if (kind !== undefined) return `(${kind}, ${part(hex, 2, 2)}, ${part(hex, 4, 4)})`;
      return `(generic, 0x${hex.slice(0, 8)}, 0x${hex.slice(8)})`;
    })
    .join(' ');
}
