/**
 * Changes of one batch, encoded once for all members of a group. What must not reach a route's own source (bgp-speaker 2.5) is
 * marked as ranges to cut, by source and by ORIGINATOR_ID, so that each member's part is slices of the shared octets.
 */

import type { RouteChanges } from '../speaker-status.ts';
import type { ExportTable } from './export-table.ts';
import { IntList } from './grow.ts';
import type { RouteWriter } from './route-writer.ts';

/** Source tag of a route that no member of the group can be the source of. */
export const NOBODY = 65_535;

/** Where runs of messages end, and the routes announced and withdrawn up to there. */
interface Runs {
  readonly ends: number[];
  readonly announced: number[];
  readonly withdrawn: number[];
}

/** Where routes are counted that a member is told, and told that they are gone. */
export type Told = Pick<RouteChanges, 'exportAccepted' | 'exportWithdrawn'>;

/** Whole messages and the ranges (pairs of offsets, ascending) that a source or a BGP Identifier must not be given. */
export interface Encoded {
  readonly octets: Uint8Array;
  readonly runs: Runs;
  readonly bySource: ReadonlyMap<number, readonly number[]>;
  readonly byOriginator: ReadonlyMap<number, readonly number[]>;
}

/** Who wrote or originated the messages of a run: a source tag (NOBODY: no member) and an ORIGINATOR_ID (0: none). */
interface Excluded {
  readonly tag: number;
  readonly originator: number;
}

/** Ranges to cut while messages are written. */
class Cuts {
  readonly runs: Runs = { ends: [], announced: [], withdrawn: [] };
  readonly bySource = new Map<number, number[]>();
  readonly byOriginator = new Map<number, number[]>();

  mark(excluded: Excluded, start: number, end: number): void {
    if (excluded.tag !== NOBODY) addRange(this.bySource, excluded.tag, start, end);
    if (excluded.originator !== 0) addRange(this.byOriginator, excluded.originator, start, end);
  }

  /** A run ends here, after so many routes. */
  end(at: number, announced: number, withdrawn: number): void {
    this.runs.ends.push(at);
    this.runs.announced.push(announced);
    this.runs.withdrawn.push(withdrawn);
  }
}

function addRange(map: Map<number, number[]>, key: number, start: number, end: number): void {
  const ranges = map.get(key);
  if (ranges === undefined) map.set(key, [start, end]);
  else if (ranges.at(-1) === start) ranges[ranges.length - 1] = end;
  else ranges.push(start, end);
}

/** Collects changes; `encode` turns them into messages, routes with equal attributes together. */
export class ChangeSet {
  private readonly announced = new IntList();
  private readonly exports = new IntList();
  private readonly tags = new IntList();
  private readonly next = new IntList();
  private readonly withdrawn = new IntList();
  private readonly withdrawnTags = new IntList();
  private readonly withdrawnOriginators = new IntList();

  get size(): number {
    return this.announced.length + this.withdrawn.length;
  }

  /** Route told to all but its source: `tag` the source's peer index or NOBODY. */
  announce(prefix: number, id: number, tag: number): void {
    this.announced.push(prefix);
    this.exports.push(id);
    this.tags.push(tag);
  }

  /** Route no longer told to those who had it: all but its former source and originator (0 = none). */
  withdraw(prefix: number, tag: number, originator: number): void {
    this.withdrawn.push(prefix);
    this.withdrawnTags.push(tag);
    this.withdrawnOriginators.push(originator);
  }

  /** Writes everything and empties the set. Withdrawals come first, then attribute sets in order of first appearance. */
  encode(writer: RouteWriter, table: ExportTable): Encoded {
    const cuts = new Cuts();
    this.encodeWithdrawals(writer, cuts);
    this.encodeAnnouncements(writer, table, cuts);
    this.clear();
    return { octets: writer.out.octets(), runs: cuts.runs, bySource: cuts.bySource, byOriginator: cuts.byOriginator };
  }

  /** Empties the set. */
  clear(): void {
    for (const list of [this.announced, this.exports, this.tags, this.next, this.withdrawn, this.withdrawnTags, this.withdrawnOriginators])
      list.clear();
  }

  private encodeWithdrawals(writer: RouteWriter, cuts: Cuts): void {
    const { out } = writer;
    const runs = new Map<number, number[]>();
    for (let i = 0; i < this.withdrawn.length; i++) {
      const key = (this.withdrawnOriginators.at(i) >>> 0) * 65_536 + this.withdrawnTags.at(i);
      const run = runs.get(key);
      if (run === undefined) runs.set(key, [this.withdrawn.at(i)]);
      else run.push(this.withdrawn.at(i));
    }
    for (const [key, run] of runs) {
      const start = out.at;
      out.openWithdraw();
      for (const prefix of run) writer.add(prefix);
      out.close();
      cuts.mark({ tag: key % 65_536, originator: Math.floor(key / 65_536) }, start, out.at);
      cuts.end(out.at, 0, out.routes);
    }
  }

  private encodeAnnouncements(writer: RouteWriter, table: ExportTable, cuts: Cuts): void {
    const { out } = writer;
    const { first } = table.chains();
    const withdrawn = this.withdrawn.length;
    for (const id of this.chainByExport(table)) {
      const originator = table.originatorId[id] ?? 0;
      let tag = -1;
      let start = out.at;
      for (let i = (first[id] ?? 0) - 1; i >= 0; i = this.next.at(i)) {
        if (this.tags.at(i) !== tag) {
          if (tag >= 0) {
            out.close();
            cuts.mark({ tag, originator }, start, out.at);
            cuts.end(out.at, out.routes - withdrawn, withdrawn);
          }
          start = out.at;
          tag = this.tags.at(i);
          out.openAnnounce(table.wire(id));
        }
        writer.add(this.announced.at(i));
      }
      out.close();
      cuts.mark({ tag, originator }, start, out.at);
      cuts.end(out.at, out.routes - withdrawn, withdrawn);
      first[id] = 0;
    }
  }

  /** Links announcements of one export id in order; the ids in order of appearance. */
  private chainByExport(table: ExportTable): number[] {
    const { first, last } = table.chains();
    const ids: number[] = [];
    for (let i = 0; i < this.announced.length; i++) {
      const id = this.exports.at(i);
      this.next.push(-1);
      if (first[id] === 0) {
        ids.push(id);
        first[id] = i + 1;
      } else {
        this.next.items[(last[id] ?? 1) - 1] = i;
      }
      last[id] = i + 1;
    }
    return ids;
  }
}

const NO_RANGES: readonly number[] = [];

/** Routes up to an offset at which a run ends. */
function routesBefore(runs: Runs, sums: readonly number[], offset: number): number {
  let [low, high] = [0, runs.ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs.ends[middle] ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return offset === 0 ? 0 : (sums[low] ?? 0);
}

function count({ runs }: Encoded, start: number, end: number, told: Told): void {
  told.exportAccepted += routesBefore(runs, runs.announced, end) - routesBefore(runs, runs.announced, start);
  told.exportWithdrawn += routesBefore(runs, runs.withdrawn, end) - routesBefore(runs, runs.withdrawn, start);
}

/** All of it, counted. */
export function wholeOf(encoded: Encoded, told: Told): Uint8Array[] {
  const { octets } = encoded;
  if (octets.length === 0) return [];
  count(encoded, 0, octets.length, told);
  return [octets];
}

/** A member's part: the octets without the ranges cut for its index or its BGP Identifier, as views; its routes are counted. */
export function partFor(encoded: Encoded, peer: number, routerId: number, told: Told): Uint8Array[] {
  const a = encoded.bySource.get(peer) ?? NO_RANGES;
  const b = encoded.byOriginator.get(routerId) ?? NO_RANGES;
  if (a.length === 0 && b.length === 0) return wholeOf(encoded, told);
  const parts: Uint8Array[] = [];
  const keep = (from: number, to: number): void => {
    if (to <= from) return;
    count(encoded, from, to, told);
    parts.push(encoded.octets.subarray(from, to));
  };
  let at = 0;
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const fromA = j >= b.length || (i < a.length && (a[i] ?? 0) <= (b[j] ?? 0));
    const start = (fromA ? a[i] : b[j]) ?? 0;
    const end = (fromA ? a[i + 1] : b[j + 1]) ?? 0;
    if (fromA) i += 2;
    else j += 2;
    keep(at, start);
    at = Math.max(at, end);
  }
  keep(at, encoded.octets.length);
  return parts;
}
