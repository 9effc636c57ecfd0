/**
 * Notifications of the kernel: what others (and we) changed. When they come faster than they are read the kernel drops some
 * and says so once; then everything must be read again, and that is all an overrun leads to here.
 */
import { addon } from '../addon.ts';
import type { AddressMessage } from './address.ts';
import { decodeAddress } from './address.ts';
import { RTM } from './constants.ts';
import type { LinkMessage } from './link.ts';
import { decodeLink } from './link.ts';
import { eachMessage } from './messages.ts';
import type { NeighbourMessage } from './neighbour.ts';
import { decodeNeighbour } from './neighbour.ts';
import type { NexthopMessage } from './nexthop.ts';
import { decodeNexthop } from './nexthop.ts';
import { ignorePorts } from './port-filter.ts';
import type { RouteMessage } from './route.ts';
import { decodeRoute } from './route.ts';
import type { RuleMessage } from './rule.ts';
import { decodeRule } from './rule.ts';
import type { NetlinkOptions } from './socket.ts';
import { closeQuietly, errorName, openNetlink, setOption } from './socket.ts';

/** One thing that came or went. `change` is also said of every later change of a thing that is there. */
export type NetlinkEvent =
  | { readonly kind: 'route'; readonly gone: boolean; readonly route: RouteMessage }
  | { readonly kind: 'nexthop'; readonly gone: boolean; readonly nexthop: NexthopMessage }
  | { readonly kind: 'link'; readonly gone: boolean; readonly link: LinkMessage }
  | { readonly kind: 'address'; readonly gone: boolean; readonly address: AddressMessage }
  | { readonly kind: 'neighbour'; readonly gone: boolean; readonly neighbour: NeighbourMessage }
  | { readonly kind: 'rule'; readonly gone: boolean; readonly rule: RuleMessage };

/** How a monitor is opened. */
export interface MonitorOptions extends NetlinkOptions {
  /** GROUP numbers. */
  readonly groups: readonly number[];
  /** Octets of the kernel's queue, as far as this process may (SO_RCVBUFFORCE). Default 64 MiB. */
  readonly receiveBuffer?: number;
  /** Changes made through sockets with these port ids, at most 255, are not told: the kernel itself leaves them out. */
  readonly ignorePorts?: readonly number[];
  readonly onEvents: (events: readonly NetlinkEvent[]) => void;
  /** Notifications were lost, and those from before are through: read everything again. Once an overrun, however many were lost. */
  readonly onLost: () => void;
  /** The socket broke; it is closed and no more will come. */
  readonly onError: (error: Error) => void;
}

/** A running monitor. */
export interface Monitor {
  /** Ends it; idempotent. */
  close(): void;
}

const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const READABLE = 1;
const ENOBUFS = 105;
const EAGAIN = 11;
const EINTR = 4;
const DEFAULT_RECEIVE_BUFFER = 64 * 1024 * 1024;
const RECEIVE_OCTETS = 262_144;

/** Datagrams of one wake-up: then other work of the thread has its turn. */
const READS_PER_WAKE = 2_000;

const READERS: { readonly [type: number]: (octets: Buffer, at: number, end: number) => NetlinkEvent | undefined } = {
  [RTM.newRoute]: (octets, at, end) => routeEvent(false, octets, at, end),
  [RTM.delRoute]: (octets, at, end) => routeEvent(true, octets, at, end),
  [RTM.newNexthop]: (octets, at, end) => nexthopEvent(false, octets, at, end),
  [RTM.delNexthop]: (octets, at, end) => nexthopEvent(true, octets, at, end),
  [RTM.newLink]: (octets, at, end) => linkEvent(false, octets, at, end),
  [RTM.delLink]: (octets, at, end) => linkEvent(true, octets, at, end),
  [RTM.newAddress]: (octets, at, end) => addressEvent(false, octets, at, end),
  [RTM.delAddress]: (octets, at, end) => addressEvent(true, octets, at, end),
  [RTM.newNeighbour]: (octets, at, end) => neighbourEvent(false, octets, at, end),
  [RTM.delNeighbour]: (octets, at, end) => neighbourEvent(true, octets, at, end),
  [RTM.newRule]: (octets, at, end) => ruleEvent(false, octets, at, end),
  [RTM.delRule]: (octets, at, end) => ruleEvent(true, octets, at, end),
};

function routeEvent(gone: boolean, octets: Buffer, at: number, end: number): NetlinkEvent | undefined {
  const route = decodeRoute(octets, at, end);
  return route === undefined ? undefined : { kind: 'route', gone, route };
}

function nexthopEvent(gone: boolean, octets: Buffer, at: number, end: number): NetlinkEvent | undefined {
  const nexthop = decodeNexthop(octets, at, end);
  return nexthop === undefined ? undefined : { kind: 'nexthop', gone, nexthop };
}

function linkEvent(gone: boolean, octets: Buffer, at: number, end: number): NetlinkEvent | undefined {
  const link = decodeLink(octets, at, end);
  return link === undefined ? undefined : { kind: 'link', gone, link };
}

function addressEvent(gone: boolean, octets: Buffer, at: number, end: number): NetlinkEvent | undefined {
  const address = decodeAddress(octets, at, end);
  return address === undefined ? undefined : { kind: 'address', gone, address };
}

function neighbourEvent(gone: boolean, octets: Buffer, at: number, end: number): NetlinkEvent | undefined {
  const neighbour = decodeNeighbour(octets, at, end);
  return neighbour === undefined ? undefined : { kind: 'neighbour', gone, neighbour };
}

function ruleEvent(gone: boolean, octets: Buffer, at: number, end: number): NetlinkEvent | undefined {
  const rule = decodeRule(octets, at, end);
  return rule === undefined ? undefined : { kind: 'rule', gone, rule };
}

/** Reads the notifications in a received buffer. Messages of other kinds, or that cannot be read, are left out. */
export function decodeEvents(octets: Buffer, length: number): NetlinkEvent[] {
  const events: NetlinkEvent[] = [];
  eachMessage(octets, length, (type, _flags, _seq, _port, at, end) => {
    const event = READERS[type]?.(octets, at, end);
    if (event !== undefined) events.push(event);
    return true;
  });
  return events;
}

/** Starts listening. Throws where the socket cannot be opened. */
export function openMonitor(options: MonitorOptions): Monitor {
  const { fd } = openNetlink(options, options.receiveBuffer ?? DEFAULT_RECEIVE_BUFFER);
  const received = Buffer.alloc(RECEIVE_OCTETS);
  let open = true;
  // From an overrun until its queue is empty the kernel drops whatever else comes, and does not say so again (NETLINK_S_CONGESTED):
  // who reads everything earlier misses that.
  let lost = false;
  const wake = (status: number): void => {
    const events: NetlinkEvent[] = [];
    let empty = false;
    let broken: Error | undefined;
    for (let reads = 0; reads < READS_PER_WAKE; reads++) {
      const length = addon().recv(fd, received);
      if (length === -EAGAIN) {
        empty = true;
        break;
      }
      if (length === -EINTR) continue;
      if (length === -ENOBUFS || length > received.length) lost = true;
      else if (length < 0) {
        broken = new Error(`netlink monitor: ${errorName(-length)}`);
        break;
      } else for (const event of decodeEvents(received, length)) events.push(event);
    }
    // An overrun is an error of the socket, and at an error libuv stops watching for good (uv_poll_start).
    if (status < 0 && broken === undefined) {
      addon().unwatch(handle);
      handle = addon().watch(fd, READABLE, wake);
    }
    if (events.length > 0) options.onEvents(events);
    if (lost && empty) {
      lost = false;
      options.onLost();
    }
    if (broken === undefined) return;
    close();
    options.onError(broken);
  };
  let handle: ReturnType<ReturnType<typeof addon>['watch']>;
  const close = (): void => {
    if (!open) return;
    open = false;
    addon().unwatch(handle);
    closeQuietly(fd);
  };
  try {
    ignorePorts(fd, options.ignorePorts ?? []);
    for (const group of options.groups) setOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
    handle = addon().watch(fd, READABLE, wake);
  } catch (error) {
    addon().close(fd);
    throw error;
  }
  return { close };
}
