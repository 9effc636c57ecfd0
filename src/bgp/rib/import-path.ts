/** Adj-RIB-In: announcements, withdrawals and local routes become rows, and rows that matter make their prefix dirty. */

import type { ImportClass } from './import.ts';
import { GENERATION_SHIFT, LOOPED, REJECTED, type SourceChain } from './path-table.ts';
import type { PeerFamily } from './peer.ts';
import type { FamilyTables, Stores } from './tables.ts';

const FLAG_MASK = (1 << GENERATION_SHIFT) - 1;

/** Generation of a row's session. */
export function generationOf(tables: FamilyTables, row: number): number {
  return (tables.paths.flags[row] ?? 0) >>> GENERATION_SHIFT;
}

/** The announcements of one run: all of one peer with one received attribute set. */
export interface Announcement {
  readonly peer: number;
  readonly own: PeerFamily;
  readonly imports: ImportClass;
  readonly set: number;
}

/** One prefix of a run, with its path identifier (0: none). */
export function announcePath(stores: Stores, tables: FamilyTables, announcement: Announcement, prefix: number, pathId: number): void {
  const { peer, own, imports, set } = announcement;
  const verdict = imports.evaluate(set, tables.prefixes, prefix);
  const row = tables.paths.find(tables.prefixes, prefix, peer, pathId);
  if (verdict >= 0) {
    if (row >= 0 && tables.paths.received[row] === set) own.changes.importIgnored++;
    else own.changes.importAccepted++;
  } else if ((-verdict & LOOPED) === 0) own.changes.importFiltered++;
  else own.changes.importRejected++;
  putPath(stores, tables, own.chain, {
    row,
    prefix,
    source: peer,
    pathId,
    received: set,
    chosen: verdict < 0 ? set : verdict,
    flags: verdict < 0 ? -verdict : 0,
    generation: own.generation,
  });
}

/** What a row is to say. `chosen` is the set after import. */
interface PathValue {
  readonly row: number;
  readonly prefix: number;
  readonly source: number;
  readonly pathId: number;
  readonly received: number;
  readonly chosen: number;
  readonly flags: number;
  readonly generation: number;
}

/** Makes or changes a row; the prefix is decided again only where something the decision reads has changed. Returns the row. */
export function putPath(stores: Stores, tables: FamilyTables, chain: SourceChain, value: PathValue): number {
  const { paths } = tables;
  const { attributes } = stores;
  const flags = value.flags | (value.generation << GENERATION_SHIFT);
  if (value.row < 0) return addPath(stores, tables, chain, value, flags);
  const row = value.row;
  const before = (paths.flags[row] ?? 0) & FLAG_MASK;
  const oldReceived = paths.received[row] ?? 0;
  const oldChosen = paths.attributes[row] ?? 0;
  paths.flags[row] = flags;
  if (oldReceived === value.received && oldChosen === value.chosen && before === value.flags) return row;
  attributes.retain(value.received);
  attributes.retain(value.chosen);
  paths.received[row] = value.received;
  paths.attributes[row] = value.chosen;
  paths.when[row] = stores.now;
  chain.accepted += Number((value.flags & REJECTED) === 0) - Number((before & REJECTED) === 0);
  if ((before & value.flags & REJECTED) === 0) tables.touch(value.prefix, row);
  attributes.release(oldChosen);
  attributes.release(oldReceived);
  return row;
}

function addPath(stores: Stores, tables: FamilyTables, chain: SourceChain, value: PathValue, flags: number): number {
  const { paths } = tables;
  const row = paths.add(tables.prefixes, chain, value.prefix, value.source, value.pathId);
  stores.attributes.retain(value.received);
  stores.attributes.retain(value.chosen);
  paths.received[row] = value.received;
  paths.attributes[row] = value.chosen;
  paths.flags[row] = flags;
  paths.when[row] = stores.now;
  if ((value.flags & REJECTED) === 0) {
    chain.accepted++;
    tables.touchNew(value.prefix);
  }
  return row;
}

/** Removes a row. The prefix is always queued, so that one without paths is released. */
export function removePath(stores: Stores, tables: FamilyTables, chain: SourceChain, row: number): void {
  const { paths, prefixes } = tables;
  const prefix = paths.prefix[row] ?? 0;
  const received = paths.received[row] ?? 0;
  const chosen = paths.attributes[row] ?? 0;
  if (((paths.flags[row] ?? 0) & REJECTED) === 0) chain.accepted--;
  tables.touch(prefix, row);
  if (prefixes.best[prefix] === row) tables.setBest(prefix, -1);
  paths.remove(prefixes, chain, row);
  stores.attributes.release(chosen);
  stores.attributes.release(received);
}
