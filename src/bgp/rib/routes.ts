/** Dumps and status, read from the stored rows; dumps are cursors over prefix ids, each call looks at a bounded number. */
import type { Reason } from '../policy/types.ts';
import type { ExportRefusals } from '../speaker-status.ts';
import { CANONICAL, decodeAttributes, type Family, type PathAttributes } from '../wire/index.ts';
import { inMultiprotocol } from './export-rules.ts';
import type { Feed } from './feed.ts';
import type { Group } from './group.ts';
import type { Groups } from './groups.ts';
import type { Loop } from './import.ts';
import { generationOf } from './import-path.ts';
import { LOCAL, SCAN_CHUNK } from './limits.ts';
import type { LocalRoutes } from './local-routes.ts';
import { LOOPED, REJECTED } from './path-table.ts';
import type { PeerState } from './peer.ts';
import type { Peers } from './peers.ts';
import { type FamilyTables, ipFamilyOf, type Stores } from './tables.ts';
import type { Rib, RouteQuery, RouteView } from './types.ts';

/** What introspection reads. */
export interface Inspection {
  readonly stores: Stores;
  readonly tables: { readonly [family in Family]: FamilyTables };
  readonly groups: Groups;
  readonly peers: Peers;
  readonly locals: { readonly [family in Family]: LocalRoutes };
  /** Wall clock when the RIB was made, ms. */
  readonly born: number;
}

const NONE_REFUSED: ExportRefusals = { exportRejected: 0, exportFiltered: 0 };

/** Log at least half full ahead of the peer for this long, in tenths of seconds, makes it slow (bgp-speaker 2.6). */
const SLOW_AFTER = 300;

/** Counters of one family of a peer. */
export function statusOf(state: Inspection, peer: PeerState, family: Family): ReturnType<Rib['familyStatus']> {
  const own = peer.families[family];
  const feed = own.feed;
  return {
    received: own.chain.received,
    accepted: own.chain.accepted,
    preferred: state.tables[family].preferredOf(peer.index),
    advertised: feed?.attached === true ? feed.group.sent.told(feed.peer, feed.routerId) : 0,
    changes: { ...own.changes, ...(feed?.group.refused ?? NONE_REFUSED) },
    group: feed?.group.id ?? '',
    lag: feed?.lag ?? 0,
    slow: feed !== undefined && isSlow(state, feed),
  };
}

function isSlow(state: Inspection, feed: Feed): boolean {
  return feed.walk !== undefined || (feed.behindSince >= 0 && state.stores.now - feed.behindSince >= SLOW_AFTER);
}

/** What makes a received path unusable before any policy; undefined where nothing does, or its verdict is still to be formed again. */
export function loopAt(state: Inspection, family: Family, row: number): Loop | undefined {
  const { paths } = state.tables[family];
  const source = paths.source[row] ?? LOCAL;
  if (source === LOCAL || ((paths.flags[row] ?? 0) & LOOPED) === 0) return undefined;
  return state.peers.get(source).imports.loopOf(paths.received[row] ?? 0);
}

/** Import verdict of a row as words: the term that decided, and why. */
export function importGrounds(
  state: Inspection,
  family: Family,
  row: number,
): { readonly term: string; readonly reasons: readonly Reason[] } {
  const tables = state.tables[family];
  const source = tables.paths.source[row] ?? LOCAL;
  if (source === LOCAL) return { term: 'local', reasons: state.locals[family].at(row)?.reasons ?? [] };
  const { imports } = state.peers.get(source);
  const received = tables.paths.received[row] ?? 0;
  const loop = loopAt(state, family, row);
  if (loop !== undefined) return { term: loop, reasons: [] };
  return imports.outcome(received, tables.prefixes, tables.paths.prefix[row] ?? 0);
}

/** A row as data. `asReceived`: attributes before the import policy. */
export function viewOf(state: Inspection, family: Family, row: number, asReceived: boolean): RouteView {
  const { paths, prefixes } = state.tables[family];
  const prefix = paths.prefix[row] ?? 0;
  const source = paths.source[row] ?? LOCAL;
  const peer = source === LOCAL ? undefined : state.peers.get(source);
  const pathId = paths.pathId(row);
  return {
    prefix: prefixes.prefix(prefix),
    from: peer?.config.id ?? 'local',
    best: prefixes.best[prefix] === row,
    accepted: ((paths.flags[row] ?? 0) & REJECTED) === 0,
    stale: peer !== undefined && generationOf(state.tables[family], row) !== peer.families[family].generation,
    ...(pathId !== 0 && { pathId }),
    attributes: state.stores.attributes.decode((asReceived ? paths.received[row] : paths.attributes[row]) ?? 0, ipFamilyOf(family)),
    at: state.born + (paths.when[row] ?? 0) * 100,
    reasons: importGrounds(state, family, row).reasons,
  };
}

/** Attributes as a group's members are told them: of a prefix, or of a slot where the group has some. */
function toldAttributes(group: Group, slot: number): PathAttributes | undefined {
  const { rules, table } = group.exports;
  const wire = table.wire(group.sent.exports[slot] ?? 0).slice();
  const context = { ...CANONICAL, fourOctetAs: rules.fourOctetAs };
  if (!inMultiprotocol(rules)) return decodeAttributes(wire, context).attributes;
  const body = 1 + (wire[0] ?? 0);
  return decodeAttributes(wire.subarray(body), context, wire.subarray(1, body)).attributes;
}

function advertisedView(state: Inspection, family: Family, feed: Feed, prefix: number): RouteView[] {
  const { group } = feed;
  if (!feed.attached) return [];
  const { prefixes } = state.tables[family];
  const best = prefixes.best[prefix] ?? -1;
  return group.toldTo(feed, prefix).map((slot) => {
    const attributes = toldAttributes(group, slot);
    if (attributes === undefined) throw new Error(`told attributes of prefix ${prefix} do not decode`);
    const source = group.sent.sources[slot] ?? LOCAL;
    const row = toldRow(state, family, group, prefix, slot);
    return {
      prefix: prefixes.prefix(prefix),
      from: source === LOCAL ? 'local' : (state.peers.find(source)?.config.id ?? ''),
      best: row === best,
      accepted: true,
      stale: false,
      ...(group.slots !== undefined && { pathId: group.slots.pathId(slot) }),
      attributes,
      at: state.born + (group.sent.at[slot] ?? 0) * 100,
      reasons: row < 0 ? [] : importGrounds(state, family, row).reasons,
    };
  });
}

/** Row of what a group tells; -1 where it is gone and the group has not said so yet. */
export function toldRow(state: Inspection, family: Family, group: Group, prefix: number, slot: number): number {
  const tables = state.tables[family];
  if (group.slots === undefined) return group.onlyRow(prefix);
  const row = group.rowOf(slot);
  return rowsOf(tables, prefix).includes(row) ? row : -1;
}

/** Rows of a prefix's chain. */
export function rowsOf(tables: FamilyTables, prefix: number): number[] {
  const rows: number[] = [];
  for (let row = tables.prefixes.head[prefix] ?? -1; row >= 0; row = tables.paths.nextInPrefix[row] ?? -1) rows.push(row);
  return rows;
}

function viewsAt(state: Inspection, query: RouteQuery, prefix: number): RouteView[] {
  const { family } = query;
  const tables = state.tables[family];
  const feed = query.peer === undefined ? undefined : state.peers.find(query.peer)?.families[family].feed;
  switch (query.view) {
    case 'best': {
      const row = tables.prefixes.best[prefix] ?? -1;
      if (row < 0 || (query.peer !== undefined && tables.paths.source[row] !== query.peer)) return [];
      return [viewOf(state, family, row, false)];
    }
    case 'advertised':
      return feed === undefined ? [] : advertisedView(state, family, feed, prefix);
    case 'all':
    case 'received':
      return rowsOf(tables, prefix)
        .filter((row) =>
          query.peer === undefined ? query.view === 'all' || tables.paths.source[row] !== LOCAL : tables.paths.source[row] === query.peer,
        )
        .map((row) => viewOf(state, family, row, query.view === 'received'));
    default: {
      const never: never = query.view;
      return never;
    }
  }
}

/**
 * Up to `limit` prefixes' routes from a cursor on (0 to begin), in no particular order. A call looks at a bounded number of
 * prefixes, so it may return fewer routes, even none, with `next` set; undefined `next` is the end.
 */
export function listRoutes(state: Inspection, query: RouteQuery, cursor: number, limit: number): ReturnType<Rib['routes']> {
  const { prefixes } = state.tables[query.family];
  if (query.prefix !== undefined) {
    const [w0, w1, w2, w3] = query.prefix.words;
    const id = prefixes.find(w0, w1, w2, w3, query.prefix.length);
    return { routes: id < 0 ? [] : viewsAt(state, query, id), next: undefined };
  }
  const routes: RouteView[] = [];
  const end = Math.min(prefixes.top, cursor + SCAN_CHUNK);
  let at = cursor;
  for (; at < end && routes.length < limit; at++) if (prefixes.isLive(at)) routes.push(...viewsAt(state, query, at));
  return { routes, next: at < prefixes.top ? at : undefined };
}
