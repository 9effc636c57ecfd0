/** Which paths of a prefix an add-path group is told (RFC 7911): all that its rules let out, or the best N of them. */
import { bestOf, type DecisionTables } from './decision.ts';
import type { GroupExports } from './group-exports.ts';
import { IntList } from './grow.ts';
import { type PathTable, REJECTED } from './path-table.ts';

/**
 * Row of what a session of the n-th best path is told (RFC 6774), n > 1, or -1: the paths in the order of the decision, the best one
 * first whatever becomes of it, then those that the group's rules let out with a next hop that none before them has.
 */
export function diverseRow(decision: DecisionTables, exports: GroupExports, prefix: number, head: number): number {
  const { paths } = decision;
  let left = acceptedRows(paths, head);
  const nextHops = new Set<string>();
  for (let place = 1; left.length > 0; ) {
    const row = bestOf(decision, left);
    left = left.filter((other) => other !== row);
    const id = exports.idOf(prefix, paths.attributes[row] ?? 0, paths.source[row] ?? 0);
    if (id === 0) {
      if (place === 1) place++;
      continue;
    }
    const nextHop = exports.table.nextHopText(id);
    exports.table.releaseUnused(id);
    if (!nextHops.has(nextHop) && place++ === exports.rules.diversePath) return row;
    nextHops.add(nextHop);
  }
  return -1;
}

function acceptedRows(paths: PathTable, head: number): number[] {
  const rows: number[] = [];
  for (let row = head; row >= 0; row = paths.nextInPrefix[row] ?? -1) if (((paths.flags[row] ?? 0) & REJECTED) === 0) rows.push(row);
  return rows;
}

/** Chosen rows and their export ids, in the order of the decision where there is a limit. */
export class PathChoice {
  readonly rows = new IntList();
  readonly ids = new IntList();
  private left: number[] = [];

  /**
   * Chooses for one prefix whose chain begins at `head`. The exports are held until `release`: the state that is told now may be let
   * go before they are used.
   */
  choose(decision: DecisionTables, exports: GroupExports, prefix: number, head: number): void {
    const { paths } = decision;
    const limit = exports.rules.addPath;
    this.left = acceptedRows(paths, head);
    if (this.left.length > limit) this.chooseBest(decision, exports, prefix, limit);
    else for (const row of this.left) this.offer(decision, exports, prefix, row);
  }

  /** Empties the choice. */
  release(exports: GroupExports): void {
    for (let i = 0; i < this.ids.length; i++) exports.table.release(this.ids.at(i));
    this.rows.clear();
    this.ids.clear();
  }

  /** Best paths one after another, each among those that are left, because MED gives no order of all of them (RFC 4271 section 9.1.2.2 c). */
  private chooseBest(decision: DecisionTables, exports: GroupExports, prefix: number, limit: number): void {
    while (this.rows.length < limit && this.left.length > 0) {
      const row = bestOf(decision, this.left);
      this.left = this.left.filter((other) => other !== row);
      this.offer(decision, exports, prefix, row);
    }
  }

  private offer({ paths }: DecisionTables, exports: GroupExports, prefix: number, row: number): void {
    const id = exports.idOf(prefix, paths.attributes[row] ?? 0, paths.source[row] ?? 0);
    if (id === 0) return;
    exports.table.retain(id);
    this.rows.push(row);
    this.ids.push(id);
  }
}
