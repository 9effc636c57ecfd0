/**
 * From what the kernel holds of ours and what it should hold to the operations between them, in an order that never leaves a
 * wanted destination without a route: objects first, then routes that come or change, then routes that go; or, where the owner wants
 * it so, what goes first. Pure.
 */
import type { Address, Prefix } from 'bgp-ts/net';
import { addressesEqual } from 'bgp-ts/net';
import type { Holdings } from './holdings.ts';
import { hopsEqual } from './holdings.ts';
import type { NexthopBook, ResolvedHop } from './nexthop-book.ts';
import { setKey } from './nexthop-book.ts';
import type { AlienRoute, Operation, OwnNexthop, OwnRoute } from './table.ts';

/** One list for all routes over objects, of which there may be a million. */
const NO_HOPS: OwnRoute['hops'] = [];

/** A route the kernel should hold. No hops: a blackhole. Hops are sorted by key. */
export interface Target {
  readonly prefix: Prefix;
  readonly metric: number;
  readonly hops: readonly ResolvedHop[];
  /** Preferred source address: one of this machine's own. */
  readonly source?: Address;
}

/** What a plan is made from. */
export interface PlanInput {
  readonly now: Holdings;
  readonly book: NexthopBook;
  /** Keys of the prefixes to look at, each once. */
  readonly touched: readonly string[];
  /** Asked once for each. */
  readonly wanted: (key: string) => Target | undefined;
  /** Another writer holds this prefix with this metric: it is left alone. */
  readonly taken: (key: string, metric: number) => boolean;
  /** A route nobody wants stays for now: the peer it came from may still be on its way back. */
  readonly keep: (key: string) => boolean;
  readonly nexthopObjects: boolean;
  /** Routes of others that must go from the prefix. */
  readonly evict: (key: string) => readonly AlienRoute[];
  /** What goes, goes before what comes. Otherwise no wanted destination is ever without a route. */
  readonly removalsFirst: boolean;
}

/** The operations for the prefixes touched. The book is brought up to date; the holdings change when operations succeed. */
export function plan(input: PlanInput): Operation[] {
  const targets = input.touched.map(input.wanted);
  if (input.nexthopObjects) renameMoved(input, targets);
  const objects: Operation[] = [];
  const changes: Operation[] = [];
  const removals: Operation[] = [];
  const evictions: Operation[] = [];
  const ensured = new Map<string, number>();
  for (const [index, key] of input.touched.entries()) {
    const target = targets[index];
    const here = input.now.at(key);
    for (const route of input.evict(key)) evictions.push({ kind: 'remove-alien', key, route });
    for (const held of here) {
      const stays = target === undefined ? input.keep(key) : held.metric === target.metric;
      if (!stays) removals.push({ kind: 'remove-route', key, route: held });
    }
    if (target === undefined || input.taken(key, target.metric)) continue;
    const wanted = routeOf(input, target, ensured, objects);
    const held = here.find((one) => one.metric === wanted.metric);
    if (held === undefined) changes.push({ kind: 'add-route', key, route: wanted });
    else if (!routesEqual(held, wanted)) changes.push({ kind: 'replace-route', key, route: wanted });
  }
  return input.removalsFirst ? [...evictions, ...removals, ...objects, ...changes] : [...evictions, ...objects, ...changes, ...removals];
}

/** The operations that bring the named hops to where they lead now: one message each, whatever the number of routes. */
export function planHops(input: Pick<PlanInput, 'now' | 'book'>, hops: Iterable<ResolvedHop>): Operation[] {
  const operations: Operation[] = [];
  for (const resolved of hops) {
    const id = input.book.idOf(resolved.key);
    const held = id === undefined ? undefined : input.now.nexthops.get(id);
    if (held?.hop === undefined || hopsEqual(held.hop, resolved.hop)) continue;
    operations.push({ kind: 'set-nexthop', nexthop: single(held.id, resolved), replace: true });
  }
  return operations;
}

/** The removal of objects that nothing uses, groups before their members; to be planned again until nothing is left. */
export function planIdle({ now, book }: Pick<PlanInput, 'now' | 'book'>): Operation[] {
  const ids = [...now.idle];
  for (const id of ids) book.release(id);
  return ids.map((id) => ({ kind: 'remove-nexthop', id }));
}

/**
 * Where every route of an object moves to one next hop that has no object yet, the object moves instead: a node that changed
 * its address costs one message.
 */
function renameMoved({ now, book, touched }: PlanInput, targets: readonly (Target | undefined)[]): void {
  if (now.count === 0) return;
  const moves = new Map<string, Map<number, number>>();
  for (const [index, key] of touched.entries()) {
    const target = targets[index];
    const hop = target?.hops[0];
    if (target === undefined || hop === undefined || target.hops.length > 1 || book.idOf(hop.key) !== undefined) continue;
    const id = now.at(key).find((one) => one.metric === target.metric)?.nexthop ?? 0;
    if (id === 0) continue;
    const from = moves.get(hop.key) ?? new Map<number, number>();
    moves.set(hop.key, from.set(id, (from.get(id) ?? 0) + 1));
  }
  for (const [name, from] of moves) {
    for (const [id, count] of from) {
      if (now.usesOf(id) !== count || now.nexthops.get(id)?.hop === undefined || book.nameOf(id) === undefined) continue;
      book.rename(id, name);
      break;
    }
  }
}

function routeOf(input: PlanInput, target: Target, ensured: Map<string, number>, objects: Operation[]): OwnRoute {
  const { prefix, metric, hops, source } = target;
  if (hops.length === 0) return { prefix, metric, kind: 'blackhole', nexthop: 0, hops: [] };
  const route: OwnRoute = input.nexthopObjects
    ? { prefix, metric, kind: 'via', nexthop: ensure(input, hops, ensured, objects), hops: NO_HOPS }
    : { prefix, metric, kind: 'via', nexthop: 0, hops: hops.map((one) => one.hop) };
  return source === undefined ? route : { ...route, source };
}

/** Id of the object for these hops; the operations that make it so are added where they are not there yet. `ensured`: ids by name, of this plan. */
function ensure(input: PlanInput, hops: readonly ResolvedHop[], ensured: Map<string, number>, objects: Operation[]): number {
  const name = setKey(hops);
  const known = ensured.get(name);
  if (known !== undefined) return known;
  const [first] = hops;
  let wanted: Omit<OwnNexthop, 'id'>;
  if (first !== undefined && hops.length === 1) wanted = { hop: first.hop, family: familyOf(first), group: [] };
  else wanted = { group: hops.map((one) => ensure(input, [one], ensured, objects)).sort((a, b) => a - b) };
  const nexthop: OwnNexthop = { id: input.book.claim(name, wanted, input.now.nexthops), ...wanted };
  ensured.set(name, nexthop.id);
  const held = input.now.nexthops.get(nexthop.id);
  if (held === undefined || !nexthopsEqual(held, nexthop)) objects.push({ kind: 'set-nexthop', nexthop, replace: held !== undefined });
  return nexthop.id;
}

function single(id: number, resolved: ResolvedHop): OwnNexthop {
  return { id, hop: resolved.hop, family: familyOf(resolved), group: [] };
}

/** Family of the object: that of its gateway. */
function familyOf({ hop, key }: ResolvedHop): 'ipv4' | 'ipv6' {
  return hop.gateway?.family ?? (key.includes(':') ? 'ipv6' : 'ipv4');
}

function nexthopsEqual(a: OwnNexthop, b: OwnNexthop): boolean {
  if (a.hop === undefined || b.hop === undefined) {
    return a.hop === b.hop && a.group.length === b.group.length && a.group.every((id, index) => id === b.group[index]);
  }
  return hopsEqual(a.hop, b.hop);
}

/** True where the kernel's route is the wanted one. */
export function routesEqual(held: OwnRoute, wanted: OwnRoute): boolean {
  if (held.kind !== wanted.kind || held.nexthop !== wanted.nexthop || !sourcesEqual(held.source, wanted.source)) return false;
  if (wanted.nexthop !== 0) return true;
  // The kernel may list several hops in another order than they were written in.
  return held.hops.length === wanted.hops.length && wanted.hops.every((hop) => held.hops.some((other) => hopsEqual(hop, other)));
}

function sourcesEqual(a: Address | undefined, b: Address | undefined): boolean {
  return a === undefined || b === undefined ? a === b : addressesEqual(a, b);
}
