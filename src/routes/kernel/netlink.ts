/** The kernel of this machine over rtnetlink: the main table, seen by one writer with one protocol number. */
import type { Address, Prefix } from 'bgp-ts/net';
import { isLinkLocal, prefixFromAddress } from 'bgp-ts/net';
import type { AddressMessage, Arena, LinkMessage, Monitor, NetlinkEvent, NexthopMessage, RouteHop, RouteMessage } from 'netlink';
import {
  ADDRESS_FLAG,
  decodeAddress,
  decodeLink,
  decodeNexthop,
  decodeRoute,
  encodeAddressDump,
  encodeLinkDump,
  encodeNexthop,
  encodeNexthopDump,
  encodeNexthopRemoval,
  encodeRoute,
  encodeRouteDump,
  GROUP,
  HOP_FLAG,
  isAlive,
  LINK_FLAG,
  MAIN_TABLE,
  NetlinkError,
  NetlinkSocket,
  NLM_F,
  openMonitor,
  ROUTE_SCOPE,
  ROUTE_TYPE,
  RTM,
} from 'netlink';
import type {
  AlienRoute,
  ApplyResult,
  Kernel,
  KernelAddress,
  KernelEvent,
  KernelHop,
  KernelLink,
  KernelTable,
  KernelWatcher,
  Operation,
  OwnNexthop,
  OwnRoute,
} from './table.ts';

/** How a kernel is opened. */
export interface NetlinkKernelOptions {
  /** Our number, 3-255: routes with it are ours, all others are not touched. */
  readonly protocol: number;
  /** A namespace's file; absent: the thread's own. */
  readonly namespace?: string;
  /** Off: routes carry their hops themselves, as on kernels before 5.3. Default: used where the kernel has them. */
  readonly nexthopObjects?: 'auto' | 'off';
  /** Octets of room for notifications that are not read yet. Default: that of the netlink workspace. */
  readonly receiveBuffer?: number;
}

const FAMILIES = ['ipv4', 'ipv6'] as const;
const GROUPS = [GROUP.link, GROUP.ipv4Address, GROUP.ipv6Address, GROUP.ipv4Route, GROUP.ipv6Route, GROUP.nexthop];

/** Opens the kernel. Throws where there is no netlink or no addon. */
export function openNetlinkKernel(options: NetlinkKernelOptions): Kernel {
  const place = options.namespace === undefined ? {} : { namespace: options.namespace };
  let socket = new NetlinkSocket(place);
  const { protocol } = options;
  const nexthopObjects = options.nexthopObjects !== 'off' && hasNexthops(socket);
  let monitor: Monitor | undefined;
  return {
    protocol,
    nexthopObjects,
    read: () => read(socket, protocol, nexthopObjects),
    apply: (operations) => apply(socket, protocol, operations),
    watch: (watcher: KernelWatcher) => {
      if (monitor !== undefined) {
        monitor.close();
        socket.close();
        socket = new NetlinkSocket(place);
      }
      monitor = openMonitor({
        ...place,
        ...(options.receiveBuffer === undefined ? {} : { receiveBuffer: options.receiveBuffer }),
        groups: nexthopObjects ? GROUPS : GROUPS.filter((group) => group !== GROUP.nexthop),
        ignorePorts: [socket.portId],
        onEvents: (events) => {
          const ours = events.map((event) => translate(event, protocol)).filter((event) => event !== undefined);
          if (ours.length > 0) watcher.events(ours);
        },
        onLost: watcher.lost,
        onError: watcher.failed,
      });
    },
    close: () => {
      monitor?.close();
      socket.close();
    },
  };
}

/** Whether this process may change routes (CAP_NET_ADMIN in its namespace): only then the kernel lets it force a buffer. */
export function mayWrite(): boolean {
  const socket = new NetlinkSocket();
  const { privileged } = socket;
  socket.close();
  return privileged;
}

function dumpNexthops(socket: NetlinkSocket): NexthopMessage[] {
  return socket.dump('nexthop objects', (out, seq) => encodeNexthopDump(out, RTM.getNexthop, seq), decodeNexthop);
}

/** Kernels before 5.3 do not know the message. */
function hasNexthops(socket: NetlinkSocket): boolean {
  try {
    dumpNexthops(socket);
    return true;
  } catch (error) {
    if (error instanceof NetlinkError) return false;
    throw error;
  }
}

function read(socket: NetlinkSocket, protocol: number, nexthopObjects: boolean): KernelTable {
  const routes: OwnRoute[] = [];
  const aliens: AlienRoute[] = [];
  for (const family of FAMILIES) {
    const request = (out: Arena, seq: number): void => encodeRouteDump(out, RTM.getRoute, seq, { family, table: MAIN_TABLE });
    for (const route of socket.dump(`${family} routes`, request, decodeRoute)) {
      if (route.table !== MAIN_TABLE) continue;
      if (route.protocol === protocol) routes.push(ownRoute(route));
      else aliens.push(alienRoute(route));
    }
  }
  const nexthops = nexthopObjects ? dumpNexthops(socket) : [];
  return {
    routes,
    aliens,
    nexthops: nexthops.filter((one) => one.protocol === protocol).map(ownNexthop),
    foreignIds: nexthops.filter((one) => one.protocol !== protocol).map((one) => one.id),
    links: socket.dump('interfaces', (out, seq) => encodeLinkDump(out, RTM.getLink, seq), decodeLink).map(kernelLink),
    addresses: socket
      .dump('addresses', (out, seq) => encodeAddressDump(out, RTM.getAddress, seq), decodeAddress)
      .map(kernelAddress)
      .filter((one) => one !== undefined),
  };
}

function kernelHop(hop: RouteHop): KernelHop {
  const onlink = (hop.flags & HOP_FLAG.onlink) !== 0;
  return { ...(hop.gateway === undefined ? {} : { gateway: hop.gateway }), interface: hop.interface, onlink };
}

function ownRoute(route: RouteMessage): OwnRoute {
  const { prefix, metric, type, nexthop } = route;
  if (type === ROUTE_TYPE.blackhole) return { prefix, metric, kind: 'blackhole', nexthop: 0, hops: [] };
  const kind = type === ROUTE_TYPE.unicast && route.tos === 0 ? 'via' : 'other';
  // Beside the id the kernel lists what the object stands for.
  const own = { prefix, metric, kind, nexthop, hops: nexthop === 0 ? route.hops.map(kernelHop) : [] } as const;
  return route.source === undefined ? own : { ...own, source: route.source };
}

function alienRoute(route: RouteMessage): AlienRoute {
  const { prefix, metric, protocol, type, hops } = route;
  return { prefix, metric, protocol, unicast: type === ROUTE_TYPE.unicast, hops: hops.filter(isAlive).map(kernelHop) };
}

function ownNexthop(message: NexthopMessage): OwnNexthop {
  if (message.group.length > 0) return { id: message.id, group: message.group.map((member) => member.id).sort((a, b) => a - b) };
  const { id, family, gateway, interface: index, flags } = message;
  const hop = { ...(gateway === undefined ? {} : { gateway }), interface: index, onlink: (flags & HOP_FLAG.onlink) !== 0 };
  return { id, hop, ...(family === undefined ? {} : { family }), group: [] };
}

function kernelLink(link: LinkMessage): KernelLink {
  const { index, name, flags } = link;
  return { index, name, up: (flags & LINK_FLAG.up) !== 0, carrier: (flags & LINK_FLAG.lowerUp) !== 0 };
}

/** As BIRD's direct protocol takes it: no secondary addresses, nothing of less than global scope. */
function kernelAddress(message: AddressMessage): KernelAddress | undefined {
  const address: Address | undefined = message.local ?? message.address;
  const around: Address | undefined = message.address ?? message.local;
  const network: Prefix | undefined = around === undefined ? undefined : prefixFromAddress(around, message.length);
  if (address === undefined || network === undefined) return undefined;
  // IPv6 uses the bit of "secondary" for temporary addresses; those are no second network either.
  const primary = message.scope < ROUTE_SCOPE.link && (message.flags & ADDRESS_FLAG.secondary) === 0 && !isLinkLocal(address);
  return { interface: message.interface, address, network, primary };
}

function translate(event: NetlinkEvent, protocol: number): KernelEvent | undefined {
  switch (event.kind) {
    case 'route': {
      const { gone, route } = event;
      if (route.table !== MAIN_TABLE) return undefined;
      if (route.protocol === protocol) return { kind: 'own-route', gone, route: ownRoute(route) };
      return { kind: 'alien', gone, route: alienRoute(route) };
    }
    case 'nexthop':
      return event.nexthop.protocol === protocol ? { kind: 'own-nexthop', gone: event.gone, id: event.nexthop.id } : undefined;
    case 'link':
      return { kind: 'link', gone: event.gone, link: kernelLink(event.link) };
    case 'address': {
      const address = kernelAddress(event.address);
      return address === undefined ? undefined : { kind: 'address', gone: event.gone, address };
    }
    case 'neighbour':
    case 'rule':
      return undefined;
    default: {
      const never: never = event;
      return never;
    }
  }
}

/** A message while it is made: optional parts by spreading would cost as much as all else of the hundred thousand. */
type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** 500 messages a send; a refused one stops nothing. */
function apply(socket: NetlinkSocket, protocol: number, operations: readonly Operation[]): ApplyResult {
  const { failures, lost } = socket.batch(operations, (out, operation, flags, seq) => encode(out, operation, protocol, flags, seq));
  return { failures: failures.map(({ item, code, text }) => ({ operation: item, code, text })), lost };
}

function encode(out: Arena, operation: Operation, protocol: number, flags: number, seq: number): void {
  switch (operation.kind) {
    case 'set-nexthop':
      encodeNexthop(
        out,
        RTM.newNexthop,
        flags | NLM_F.create | (operation.replace ? NLM_F.replace : NLM_F.exclusive),
        seq,
        nexthopMessage(operation.nexthop, protocol),
      );
      break;
    case 'add-route':
      encodeRoute(out, RTM.newRoute, flags | NLM_F.create | NLM_F.exclusive, seq, routeMessage(operation.route, protocol));
      break;
    case 'replace-route':
      encodeRoute(out, RTM.newRoute, flags | NLM_F.replace, seq, routeMessage(operation.route, protocol));
      break;
    case 'remove-route':
      encodeRoute(out, RTM.delRoute, flags, seq, removal(operation.route, protocol));
      break;
    case 'remove-alien':
      encodeRoute(out, RTM.delRoute, flags, seq, alienRemoval(operation.route));
      break;
    case 'remove-nexthop':
      encodeNexthopRemoval(out, RTM.delNexthop, flags, seq, operation.id);
      break;
    default: {
      const never: never = operation;
      return never;
    }
  }
}

function routeHop(hop: KernelHop): RouteHop {
  return {
    ...(hop.gateway === undefined ? {} : { gateway: hop.gateway }),
    interface: hop.interface,
    weight: 1,
    flags: hop.onlink ? HOP_FLAG.onlink : 0,
  };
}

function routeMessage(route: OwnRoute, protocol: number): RouteMessage {
  const message: Draft<RouteMessage> = {
    prefix: route.prefix,
    table: MAIN_TABLE,
    protocol,
    scope: ROUTE_SCOPE.universe,
    type: route.kind === 'blackhole' ? ROUTE_TYPE.blackhole : ROUTE_TYPE.unicast,
    tos: 0,
    flags: 0,
    metric: route.metric,
    nexthop: route.nexthop,
    hops: route.nexthop === 0 ? route.hops.map(routeHop) : [],
  };
  if (route.source !== undefined) message.source = route.source;
  return message;
}

/** Names the route by prefix, metric and our number, whatever its scope, type and hops: the kernel removes no other. */
function removal(route: OwnRoute, protocol: number): RouteMessage {
  const { prefix, metric } = route;
  return { prefix, table: MAIN_TABLE, protocol, scope: ROUTE_SCOPE.nowhere, type: 0, tos: 0, flags: 0, metric, nexthop: 0, hops: [] };
}

/** Another writer's route, named by its writer and way as well: one beside it stays. */
function alienRemoval({ prefix, metric, protocol, hops }: AlienRoute): RouteMessage {
  return { ...removal({ prefix, metric, kind: 'other', nexthop: 0, hops: [] }, protocol), hops: hops.slice(0, 1).map(routeHop) };
}

function nexthopMessage(nexthop: OwnNexthop, protocol: number): NexthopMessage {
  const { id, hop, family, group } = nexthop;
  const message: Draft<NexthopMessage> = {
    id,
    protocol,
    scope: ROUTE_SCOPE.universe,
    flags: hop?.onlink === true ? HOP_FLAG.onlink : 0,
    interface: hop?.interface ?? 0,
    blackhole: false,
    group: group.map((member) => ({ id: member, weight: 1 })),
  };
  if (family !== undefined) message.family = family;
  if (hop?.gateway !== undefined) message.gateway = hop.gateway;
  return message;
}
