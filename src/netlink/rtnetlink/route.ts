/** Route messages: struct rtmsg and its attributes. */
import type { SocketIp } from '../tcp.ts';
import type { Arena } from './arena.ts';
import type { AttributeRow, Draft } from './attributes.ts';
import { addressRow, attributeTable, familyOfNumber, readAttributes, readIp, uint32Row, writeAttributes } from './attributes.ts';
import { AF, HOP_FLAG, NLM_F } from './constants.ts';

/** An IP prefix as four words, as SocketIp with a length of 0-32 or 0-128; host bits are 0. */
export interface IpPrefix extends SocketIp {
  readonly length: number;
}

/** Where packets go. */
export interface RouteHop {
  /** May be of the other family (RTA_VIA); absent: on the link itself. */
  readonly gateway?: SocketIp;
  /** Interface index, 0 where the kernel is to choose. */
  readonly interface: number;
  /** 1-256; counts only among several hops. */
  readonly weight: number;
  /** HOP_FLAG bits. */
  readonly flags: number;
}

/** A route as the kernel holds or takes it. */
export interface RouteMessage {
  readonly prefix: IpPrefix;
  /** 1-4294967295; 254 is the main table. */
  readonly table: number;
  /** Who wrote it, 0-255. */
  readonly protocol: number;
  readonly scope: number;
  /** ROUTE_TYPE. */
  readonly type: number;
  readonly tos: number;
  /** rtm_flags without those of the hop. */
  readonly flags: number;
  /** 0 = none. */
  readonly metric: number;
  /** Id of a nexthop object, 0 = none. The kernel may list what it stands for in `hops` beside it. */
  readonly nexthop: number;
  readonly hops: readonly RouteHop[];
  /** Preferred source address. */
  readonly source?: SocketIp;
}

const RTMSG = 12;
const RTNEXTHOP = 8;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_MULTIPATH = 9;
const RTA_VIA = 18;
const HOP_FLAGS = 0xff;

const only = (route: RouteMessage): RouteHop | undefined => (route.nexthop === 0 && route.hops.length === 1 ? route.hops[0] : undefined);

type HopDraft = Draft<RouteHop>;

/** A route while it is read: 100,000 of them are made in one dump, so nothing is made twice. */
type RouteDraft = Omit<Draft<RouteMessage>, 'prefix' | 'hops'> & { readonly prefix: Draft<IpPrefix>; hops: HopDraft[] };

function firstHop(into: RouteDraft): HopDraft {
  const [hop] = into.hops;
  if (hop !== undefined) return hop;
  const made = { interface: 0, weight: 1, flags: 0 };
  into.hops = [made];
  return made;
}

/** An RTA_VIA is an address family number and an address of that family. */
function readVia(octets: Buffer, at: number, length: number): SocketIp | undefined {
  if (length < 2) return undefined;
  const ip = readIp(octets, at + 2, length - 2);
  return ip !== undefined && familyOfNumber(octets.readUInt16LE(at)) === ip.family ? ip : undefined;
}

function writeGateway(out: Arena, gateway: SocketIp, family: SocketIp['family']): void {
  if (gateway.family === family) return out.address(RTA_GATEWAY, gateway);
  const via = Buffer.alloc(gateway.family === 'ipv4' ? 6 : 18);
  via.writeUInt16LE(AF[gateway.family], 0);
  for (let word = 0; word * 4 + 2 < via.length; word++) via.writeUInt32BE((gateway.words[word] ?? 0) >>> 0, 2 + word * 4);
  out.bytes(RTA_VIA, via);
}

const HOP_ATTRIBUTES = attributeTable<HopDraft>([
  addressRow(
    RTA_GATEWAY,
    () => undefined,
    (into, value) => {
      into.gateway = value;
    },
  ),
  {
    type: RTA_VIA,
    write: () => undefined,
    read: (into, octets, at, length) => {
      const via = readVia(octets, at, length);
      if (via !== undefined) into.gateway = via;
      return via !== undefined;
    },
  },
]);

function readHops(octets: Buffer, at: number, length: number): HopDraft[] | undefined {
  const hops: HopDraft[] = [];
  const end = at + length;
  while (at + RTNEXTHOP <= end) {
    const size = octets.readUInt16LE(at);
    if (size < RTNEXTHOP || at + size > end) return undefined;
    const hop: HopDraft = { interface: octets.readInt32LE(at + 4), weight: (octets[at + 3] ?? 0) + 1, flags: octets[at + 2] ?? 0 };
    if (!readAttributes(HOP_ATTRIBUTES, hop, octets, at + RTNEXTHOP, at + size)) return undefined;
    hops.push(hop);
    at += (size + 3) & ~3;
  }
  return hops;
}

const MULTIPATH: AttributeRow<RouteMessage, RouteDraft> = {
  type: RTA_MULTIPATH,
  write: (out, route) => {
    if (route.nexthop !== 0 || route.hops.length < 2) return;
    const list = out.open(RTA_MULTIPATH, true);
    for (const hop of route.hops) {
      const at = out.structure(RTNEXTHOP);
      out.octets[at + 2] = hop.flags;
      out.octets[at + 3] = hop.weight - 1;
      out.octets.writeInt32LE(hop.interface, at + 4);
      if (hop.gateway !== undefined) writeGateway(out, hop.gateway, route.prefix.family);
      out.octets.writeUInt16LE(out.length - at, at);
    }
    out.close(list);
  },
  read: (into, octets, at, length) => {
    const hops = readHops(octets, at, length);
    if (hops !== undefined) into.hops = hops;
    return hops !== undefined;
  },
};

/** Attributes of a route, in the order they are written. */
const ROUTE_ATTRIBUTES = attributeTable<RouteMessage, RouteDraft>([
  {
    type: 1,
    write: (out, { prefix }) => {
      if (prefix.length > 0) out.address(1, prefix);
    },
    read: (into, octets, at, length) => {
      const ip = readIp(octets, at, length);
      if (ip === undefined || ip.family !== into.prefix.family) return false;
      into.prefix.words = ip.words;
      return true;
    },
  },
  uint32Row(
    RTA_OIF,
    (route) => only(route)?.interface || undefined,
    (into, value) => {
      firstHop(into).interface = value;
    },
  ),
  {
    type: RTA_GATEWAY,
    write: (out, route) => {
      const gateway = only(route)?.gateway;
      if (gateway !== undefined) writeGateway(out, gateway, route.prefix.family);
    },
    read: (into, octets, at, length) => {
      const gateway = readIp(octets, at, length);
      if (gateway !== undefined) firstHop(into).gateway = gateway;
      return gateway !== undefined;
    },
  },
  uint32Row(
    6,
    (route) => route.metric || undefined,
    (into, value) => {
      into.metric = value;
    },
  ),
  addressRow(
    7,
    (route) => route.source,
    (into, value) => {
      into.source = value;
    },
  ),
  MULTIPATH,
  uint32Row(
    15,
    (route) => route.table,
    (into, value) => {
      into.table = value;
    },
  ),
  {
    type: RTA_VIA,
    write: () => undefined,
    read: (into, octets, at, length) => {
      const gateway = readVia(octets, at, length);
      if (gateway !== undefined) firstHop(into).gateway = gateway;
      return gateway !== undefined;
    },
  },
  uint32Row(
    30,
    (route) => route.nexthop || undefined,
    (into, value) => {
      into.nexthop = value;
    },
  ),
]);

/** Writes one route message. `type` is RTM.newRoute or RTM.delRoute; NLM_F.request is added to the flags. */
export function encodeRoute(out: Arena, type: number, flags: number, seq: number, route: RouteMessage): void {
  const at = out.begin(type, flags | NLM_F.request, seq, RTMSG);
  const { octets } = out;
  octets[at] = AF[route.prefix.family];
  octets[at + 1] = route.prefix.length;
  octets[at + 3] = route.tos;
  octets[at + 4] = route.table < 256 ? route.table : 0;
  octets[at + 5] = route.protocol;
  octets[at + 6] = route.scope;
  octets[at + 7] = route.type;
  octets.writeUInt32LE((route.flags | (only(route)?.flags ?? 0)) >>> 0, at + 8);
  writeAttributes(out, ROUTE_ATTRIBUTES, route);
  out.end();
}

/** The route of a message whose body is `[at, end)`; undefined where it is malformed or of another family than IP. */
export function decodeRoute(octets: Buffer, at: number, end: number): RouteMessage | undefined {
  if (end - at < RTMSG) return undefined;
  const family = familyOfNumber(octets[at] ?? 0);
  const length = octets[at + 1] ?? 0;
  if (family === undefined || length > (family === 'ipv4' ? 32 : 128)) return undefined;
  const flags = octets.readUInt32LE(at + 8);
  const route: RouteDraft = {
    prefix: { family, words: NO_WORDS, length },
    table: octets[at + 4] ?? 0,
    protocol: octets[at + 5] ?? 0,
    scope: octets[at + 6] ?? 0,
    type: octets[at + 7] ?? 0,
    tos: octets[at + 3] ?? 0,
    flags: (flags & ~HOP_FLAGS) >>> 0,
    metric: 0,
    nexthop: 0,
    hops: [],
  };
  if (!readAttributes(ROUTE_ATTRIBUTES, route, octets, at + RTMSG, end)) return undefined;
  const [hop] = route.hops;
  if (hop !== undefined && route.hops.length === 1 && hop.flags === 0) hop.flags = flags & HOP_FLAGS;
  return route;
}

const NO_WORDS = [0, 0, 0, 0] as const;

/** What a dump of routes is narrowed to by the kernel (NETLINK_GET_STRICT_CHK). 0 or absent: everything. */
export interface RouteFilter {
  readonly family: 'ipv4' | 'ipv6';
  readonly table?: number;
  readonly protocol?: number;
}

/** Writes the request for a dump of routes. */
export function encodeRouteDump(out: Arena, type: number, seq: number, filter: RouteFilter): void {
  const at = out.begin(type, NLM_F.request | NLM_F.dump, seq, RTMSG);
  out.octets[at] = AF[filter.family];
  out.octets[at + 5] = filter.protocol ?? 0;
  if (filter.table !== undefined) out.uint32(15, filter.table);
  out.end();
}

/** True where the kernel uses the hop; it goes on using those whose link has no carrier. */
export function isAlive(hop: RouteHop): boolean {
  return (hop.flags & HOP_FLAG.dead) === 0;
}
