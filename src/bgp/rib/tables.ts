/** What the parts of the RIB share: the tables of one family and the stores of the whole RIB. */
import type { IpFamily } from '../net/types.ts';
import type { Family } from '../wire/index.ts';
import type { AttributeStore } from './attribute-store.ts';
import type { BestFeed } from './best-feed.ts';
import type { DecisionOptions } from './decision.ts';
import { grow, IntQueue, int32 } from './grow.ts';
import { LOCAL } from './limits.ts';
import { PathTable } from './path-table.ts';
import type { PolicyRegistry } from './policies.ts';
import { CHANGED, DIRTY, PrefixTable, TOUCHED } from './prefix-table.ts';
import type { SourceColumns } from './sources.ts';
import type { WorkCounters } from './work.ts';

/** Stores common to both families. */
export interface Stores {
  readonly attributes: AttributeStore;
  readonly sources: SourceColumns;
  readonly policies: PolicyRegistry;
  readonly work: WorkCounters;
  readonly decision: DecisionOptions;
  readonly maxLogOctets: number;
  /** This speaker restarted and waits for its peers' tables: only local routes are told, and no End-of-RIB (RFC 4724 section 4.1). */
  deferring: boolean;
  /** Tenths of seconds since the RIB was made, as of the current call. */
  now: number;
}

/** Address family of a BGP family. */
export const ipFamilyOf = (family: Family): IpFamily => (family === 'ipv4-unicast' ? 'ipv4' : 'ipv6');

/** Prefixes and paths of one family, and the prefixes whose best path must be chosen again. */
export class FamilyTables {
  readonly family: Family;
  readonly prefixes: PrefixTable;
  readonly paths = new PathTable();
  readonly dirty = new IntQueue();
  /** Groups that are told more than best paths: where there is none, only a change of the best path matters. */
  pathGroups = 0;
  /** Told of every prefix that is decided again, where somebody reads it. */
  feed: BestFeed | undefined;
  private preferred: Int32Array<ArrayBuffer> = new Int32Array(64);
  private preferredLocal = 0;

  constructor(family: Family) {
    this.family = family;
    this.prefixes = new PrefixTable(ipFamilyOf(family));
  }

  /** Queues the prefix for decision; `row` is the path that changed or went. */
  touch(prefix: number, row: number): void {
    this.queue(prefix, this.prefixes.best[prefix] === row ? TOUCHED | CHANGED : CHANGED);
  }

  /** Queues the prefix for decision; it has a new path, at the head of its chain. */
  touchNew(prefix: number): void {
    this.queue(prefix, 0);
  }

  /** Queues up to `limit` prefixes from an id on whose choice may be another under other rules; the next id, -1 at the end. */
  touchAll(from: number, limit: number): number {
    const { prefixes, paths } = this;
    const end = Math.min(prefixes.top, from + limit);
    for (let prefix = from; prefix < end; prefix++) {
      const head = prefixes.isLive(prefix) ? (prefixes.head[prefix] ?? -1) : -1;
      if (head >= 0 && (paths.nextInPrefix[head] ?? -1) >= 0) this.queue(prefix, CHANGED);
    }
    return end < prefixes.top ? end : -1;
  }

  /** Sets the best path of a prefix: a row, or -1 for none. */
  setBest(prefix: number, row: number): void {
    const before = this.prefixes.best[prefix] ?? -1;
    if (before === row) return;
    if (before >= 0) this.countPreferred(this.paths.source[before] ?? LOCAL, -1);
    if (row >= 0) this.countPreferred(this.paths.source[row] ?? LOCAL, 1);
    this.prefixes.best[prefix] = row;
  }

  /** Best paths that a source has. */
  preferredOf(source: number): number {
    return source === LOCAL ? this.preferredLocal : (this.preferred[source] ?? 0);
  }

  private countPreferred(source: number, by: number): void {
    if (source === LOCAL) {
      this.preferredLocal += by;
      return;
    }
    this.preferred = grow(this.preferred, source + 1, int32);
    this.preferred[source] = (this.preferred[source] ?? 0) + by;
  }

  private queue(prefix: number, more: number): void {
    const flags = this.prefixes.flags[prefix] ?? 0;
    this.prefixes.flags[prefix] = flags | DIRTY | more;
    if ((flags & DIRTY) !== 0) return;
    this.dirty.push(prefix);
    this.feed?.note(prefix);
  }
}
