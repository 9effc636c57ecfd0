/** What the kernel shows and tells: readings of the whole table, and events in between. Pure but for the seam. */
import { addressKey, prefixKey } from 'bgp-ts/net';
import { routesEqual } from './plan.ts';
import type { SyncState } from './sync-state.ts';
import { GATHER_MS, machineOf } from './sync-state.ts';
import type { AlienRoute, KernelAddress, KernelEvent, KernelLink, KernelTable, OwnRoute } from './table.ts';

/** Reads the whole table and makes every prefix due; the error of a reading that fails, after which all is as before. */
export function readAll(state: SyncState): Error | undefined {
  state.readDue = false;
  state.lastRead = state.now();
  let table: KernelTable;
  try {
    table = sorted(state, state.kernel.read());
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const first = state.readings === 0;
  state.readings += 1;
  const found = first ? 0 : differences(state, table);
  state.repaired += found;
  if (state.auditing) state.drifted += found;
  state.auditing = false;
  state.holdings.replace(table.routes, table.nexthops);
  state.book.notice(table.nexthops, table.foreignIds);
  replaceAliens(state, table);
  state.machineDue = true;
  state.resolveDue = true;
  if (first && !state.settled) for (const key of state.holdings.keys()) state.kept.add(key);
  state.wanted.prune();
  for (const key of state.wanted.keys()) state.touched.add(key);
  for (const key of state.holdings.keys()) state.touched.add(key);
  return undefined;
}

/** Takes links and addresses of a reading, and puts routes with our number that are not ours among the others. */
function sorted(state: SyncState, table: KernelTable): KernelTable {
  state.links = new Map(table.links.map((link) => [link.index, link]));
  state.addresses = new Map(table.addresses.map((one) => [addressName(one), one]));
  const foreign = table.routes.filter((route) => state.wanted.isForeign(route, state.links));
  if (foreign.length === 0) return table;
  const others = new Set(foreign);
  return {
    ...table,
    routes: table.routes.filter((route) => !others.has(route)),
    aliens: [...table.aliens, ...foreign.map((route) => asAlien(route, state.kernel.protocol))],
  };
}

/** Routes that came, went or changed without a notification: what the reading finds and repairs. */
function differences({ holdings }: SyncState, table: KernelTable): number {
  let known = 0;
  let changed = 0;
  for (const route of table.routes) {
    const held = holdings.at(prefixKey(route.prefix)).find((one) => one.metric === route.metric);
    if (held !== undefined) known += 1;
    if (held === undefined || !routesEqual(held, route)) changed += 1;
  }
  return changed + holdings.count - known;
}

function replaceAliens(state: SyncState, table: KernelTable): void {
  const { aliens } = state.wanted;
  for (const key of aliens.keys()) state.wanted.aliensChanged(key);
  aliens.clear();
  for (const route of table.aliens) aliens.put(route);
  for (const key of aliens.keys()) state.wanted.aliensChanged(key);
}

const addressName = ({ interface: index, address }: KernelAddress): string => `${index} ${addressKey(address)}`;

/** Takes what others changed. */
export function noticeEvents(state: SyncState, events: readonly KernelEvent[]): void {
  for (const event of events) noticeEvent(state, event);
  state.arm(GATHER_MS);
}

function noticeEvent(state: SyncState, event: KernelEvent): void {
  switch (event.kind) {
    case 'own-route':
      if (state.wanted.isForeign(event.route, state.links)) {
        noticeAlien(state, asAlien(event.route, state.kernel.protocol), event.gone);
        break;
      }
      noticeOwn(state, event.route, event.gone);
      break;
    case 'own-nexthop':
      // IPv4 routes over it vanish without a word.
      state.wantReading();
      break;
    case 'alien':
      noticeAlien(state, event.route, event.gone);
      break;
    case 'link':
      noticeLink(state, event.link, event.gone);
      break;
    case 'address':
      if (event.gone) {
        state.addresses.delete(addressName(event.address));
        state.wantReading();
      } else state.addresses.set(addressName(event.address), event.address);
      state.machineDue = true;
      state.resolveDue = true;
      break;
    default: {
      const never: never = event;
      return never;
    }
  }
}

function noticeOwn(state: SyncState, route: OwnRoute, gone: boolean): void {
  const key = prefixKey(route.prefix);
  if (gone) state.holdings.remove(key, route);
  else state.holdings.put(key, route);
  state.repaired += 1;
  state.touched.add(key);
}

function noticeAlien(state: SyncState, route: AlienRoute, gone: boolean): void {
  const { aliens } = state.wanted;
  if (gone) aliens.remove(route);
  else aliens.put(route);
  const key = prefixKey(route.prefix);
  // It may have taken the place of ours, which the kernel does not say.
  if (!gone && state.holdings.at(key).some((one) => one.metric === route.metric)) state.wantReading();
  state.wanted.aliensChanged(key);
  state.touched.add(key);
  state.resolveDue = true;
}

/** Routes over an interface that goes down or loses its carrier vanish without a word; notifications about anything else of it are passed over. */
function noticeLink(state: SyncState, link: KernelLink, gone: boolean): void {
  const known = state.links.get(link.index);
  if (!gone && known?.up === link.up && known.carrier === link.carrier && known.name === link.name) return;
  if (gone) state.links.delete(link.index);
  else state.links.set(link.index, link);
  if (known !== undefined) state.wantReading();
  state.machineDue = true;
  state.resolveDue = true;
}

/** Takes the interfaces and addresses as they are now. */
export function noticeMachine(state: SyncState): void {
  state.machineDue = false;
  state.wanted.setMachine(machineOf(state));
}

/** A route with our number that the owner calls another's: what it is to us then. */
function asAlien({ prefix, metric, kind, hops }: OwnRoute, protocol: number): AlienRoute {
  return { prefix, metric, protocol, unicast: kind === 'via', hops };
}
