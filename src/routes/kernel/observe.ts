/** What the kernel shows and tells: readings of the whole table, events in between, and what is learned from both. Pure but for the seam. */
import type { Address, Prefix } from 'bgp-ts/net';
import { addressKey, prefixKey } from 'bgp-ts/net';
import type { LearnedRoute } from './learn.ts';
import { learnDevices, learnedEqual, learnKernel } from './learn.ts';
import { routesEqual } from './plan.ts';
import type { SyncState } from './sync-state.ts';
import { GATHER_MS } from './sync-state.ts';
import type { KernelAddress, KernelEvent, KernelLink, KernelTable } from './table.ts';

/** Reads the whole table and makes every prefix due. A reading that fails is told and tried again with the next cause. */
export function readAll(state: SyncState): void {
  state.readDue = false;
  state.lastRead = state.now();
  let table: KernelTable;
  try {
    table = state.kernel.read();
  } catch (error) {
    state.failed(error instanceof Error ? error : new Error(String(error)));
    return;
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
  state.links = new Map(table.links.map((link) => [link.index, link]));
  state.addresses = new Map(table.addresses.map((one) => [addressName(one), one]));
  state.devicesDue = true;
  state.resolveDue = true;
  if (first && !state.settled) for (const key of state.holdings.keys()) state.kept.add(key);
  state.wanted.prune();
  for (const key of state.wanted.keys()) state.touched.add(key);
  for (const key of state.holdings.keys()) state.touched.add(key);
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
  for (const key of aliens.keys()) state.relearn.add(key);
  aliens.clear();
  for (const route of table.aliens) aliens.put(route);
  for (const key of aliens.keys()) state.relearn.add(key);
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
      if (event.gone) state.holdings.remove(event.route);
      else state.holdings.put(event.route);
      state.repaired += 1;
      state.touched.add(prefixKey(event.route.prefix));
      break;
    case 'own-nexthop':
      // IPv4 routes over it vanish without a word.
      state.wantReading();
      break;
    case 'alien': {
      const { aliens } = state.wanted;
      if (event.gone) aliens.remove(event.route);
      else aliens.put(event.route);
      const key = prefixKey(event.route.prefix);
      // It may have taken the place of ours, which the kernel does not say.
      if (!event.gone && state.holdings.at(key).some((one) => one.metric === event.route.metric)) state.wantReading();
      state.relearn.add(key);
      state.touched.add(key);
      state.takenKeys.delete(key);
      state.resolveDue = true;
      break;
    }
    case 'link':
      noticeLink(state, event.link, event.gone);
      break;
    case 'address':
      if (event.gone) {
        state.addresses.delete(addressName(event.address));
        state.wantReading();
      } else state.addresses.set(addressName(event.address), event.address);
      state.devicesDue = true;
      state.resolveDue = true;
      break;
    default: {
      const never: never = event;
      return never;
    }
  }
}

/** Routes over an interface that goes down vanish without a word; notifications about anything else of it are passed over. */
function noticeLink(state: SyncState, link: KernelLink, gone: boolean): void {
  const known = state.links.get(link.index);
  if (!gone && known?.up === link.up && known.name === link.name) return;
  if (gone) state.links.delete(link.index);
  else state.links.set(link.index, link);
  if (known !== undefined) state.wantReading();
  state.devicesDue = true;
  state.resolveDue = true;
}

/** Takes the interfaces and addresses as they are now. */
export function noticeDevices(state: SyncState): void {
  state.devicesDue = false;
  state.wanted.setMachine(
    [...state.addresses.values()].map((one): Address => one.address),
    state.links.values(),
  );
  const devices = learnDevices(state.addresses.values(), state.links, state.learn);
  for (const key of [...state.devices.keys(), ...devices.keys()]) state.relearn.add(key);
  state.devices = devices;
}

/** Tells what is learned now and was not, or no more, of the prefixes that are due. */
export function tellLearned(state: SyncState): void {
  if (state.relearn.size === 0) return;
  const set: LearnedRoute[] = [];
  const remove: Prefix[] = [];
  for (const key of state.relearn) {
    // The network of an interface is preferred to a route (BIRD's 240 against 10).
    const route = state.devices.get(key) ?? learnKernel(state.wanted.aliens.at(key), state.links, state.learn);
    const before = state.told.get(key);
    if (learnedEqual(before, route)) continue;
    if (route === undefined) {
      if (before !== undefined) remove.push(before.prefix);
      state.told.delete(key);
    } else {
      set.push(route);
      state.told.set(key, route);
    }
  }
  state.relearn.clear();
  if (set.length > 0 || remove.length > 0) state.learned({ set, remove });
}
