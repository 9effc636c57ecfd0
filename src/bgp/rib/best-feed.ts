/**
 * Which prefixes may have another best path than a reader was told, in the order they changed: a reader that is slow is told
 * less often, never something old. One reader; nothing is noted before it asks for the first time.
 */
import { readAddress } from '../net/index.ts';
import type { Address, Prefix } from '../net/types.ts';
import type { AttributeStore } from './attribute-store.ts';
import { medOf } from './decision.ts';
import { grow, IntQueue, uint8 } from './grow.ts';
import { LOCAL } from './limits.ts';
import { type PathTable, REJECTED } from './path-table.ts';
import { DIRTY } from './prefix-table.ts';
import type { FamilyTables, Stores } from './tables.ts';
import type { BestChange } from './types.ts';

/** Prefixes to be told, each once. */
export class BestFeed {
  private readonly queue = new IntQueue();
  private marks = new Uint8Array(64);

  get length(): number {
    return this.queue.length;
  }

  /** Notes that the prefix is being decided again. */
  note(prefix: number): void {
    this.marks = grow(this.marks, prefix + 1, uint8);
    if (this.marks[prefix] === 1) return;
    this.marks[prefix] = 1;
    this.queue.push(prefix);
  }

  /** True while the reader has still to be told: the prefix keeps its id. */
  isPending(prefix: number): boolean {
    return this.marks[prefix] === 1;
  }

  /** Takes the oldest; ask `length` first. */
  shift(): number {
    const prefix = this.queue.shift();
    this.marks[prefix] = 0;
    return prefix;
  }
}

/** Starts noting, with everything that is there already. */
export function startFeed(tables: FamilyTables): BestFeed {
  const feed = new BestFeed();
  for (let prefix = 0; prefix < tables.prefixes.top; prefix++) if (tables.prefixes.isLive(prefix)) feed.note(prefix);
  tables.feed = feed;
  return feed;
}

/** Moves up to `limit` changes to `into`. Prefixes that wait for a decision are told after it. */
export function takeChanges(stores: Stores, tables: FamilyTables, feed: BestFeed, limit: number, into: BestChange[]): void {
  for (let n = feed.length; n > 0 && into.length < limit; n--) {
    const prefix = feed.shift();
    if (((tables.prefixes.flags[prefix] ?? 0) & DIRTY) !== 0) feed.note(prefix);
    else into.push(changeOf(stores, tables, prefix));
  }
}

function changeOf(stores: Stores, tables: FamilyTables, id: number): BestChange {
  const { prefixes, paths } = tables;
  const prefix: Prefix = prefixes.prefix(id);
  const best = prefixes.best[id] ?? -1;
  if (best < 0) return { prefix };
  if (paths.source[best] === LOCAL) return { prefix, local: true };
  const { attributes } = stores;
  const nextHops: Address[] = [];
  addNextHop(attributes, paths, best, nextHops);
  for (let row = prefixes.head[id] ?? -1; row >= 0; row = paths.nextInPrefix[row] ?? -1) {
    if (row !== best && isEqual(stores, paths, row, best)) addNextHop(attributes, paths, row, nextHops);
  }
  return { prefix, best: { nextHops, localPref: attributes.localPref(paths.attributes[best] ?? 0) } };
}

/** Equal as BIRD's `merge paths` sees it (bird-behaviour, add-path): in everything that is compared before identifiers. */
function isEqual({ attributes, sources, decision: options }: Stores, paths: PathTable, row: number, best: number): boolean {
  const [source = LOCAL, other = LOCAL] = [paths.source[row], paths.source[best]];
  if (source === LOCAL || ((paths.flags[row] ?? 0) & REJECTED) !== 0 || sources.external[source] !== sources.external[other]) return false;
  const [a = 0, b = 0] = [paths.attributes[row], paths.attributes[best]];
  if (a === b) return true;
  const { rank, asPathLength, origin } = attributes;
  if (attributes.way(a).cost !== attributes.way(b).cost) return false;
  if (rank[a] !== rank[b] || asPathLength[a] !== asPathLength[b] || origin[a] !== origin[b]) return false;
  return medOf({ options, attributes }, a) === medOf({ options, attributes }, b);
}

function addNextHop(attributes: AttributeStore, paths: PathTable, row: number, into: Address[]): void {
  const octets = attributes.nextHop(paths.attributes[row] ?? 0);
  const address = readAddress(octets, 0, octets.length === 4 ? 'ipv4' : 'ipv6');
  if (
    address === undefined ||
    into.some((one) => one.family === address.family && one.words.every((word, at) => word === address.words[at]))
  )
    return;
  into.push(address);
}
