/** Chooses best paths for prefixes that changed, and tells the groups. */
import { type DecisionTables, improveBest, selectBest } from './decision.ts';
import type { Groups } from './groups.ts';
import { CHANGED, DIRTY, TOUCHED } from './prefix-table.ts';
import type { Retired } from './retired.ts';
import type { FamilyTables, Stores } from './tables.ts';

/** What decisions of one family need. */
export interface Decider {
  readonly stores: Stores;
  readonly tables: FamilyTables;
  readonly decision: DecisionTables;
  readonly groups: Groups;
  readonly retired: Retired;
}

/** Where there are only new paths, compares them with the winner; else, or where that is not enough, all paths. */
function choose(d: Decider, prefix: number, head: number, flags: number): number {
  const { prefixes } = d.tables;
  const best = prefixes.best[prefix] ?? -1;
  const improved = best < 0 || (flags & CHANGED) !== 0 ? -1 : improveBest(d.decision, head, prefixes.decided[prefix] ?? -1, best);
  return improved >= 0 ? improved : selectBest(d.decision, head);
}

/** Decides prefixes until about `limit` prefixes and paths have been looked at. */
export function decide(d: Decider, limit: number): void {
  const { prefixes, dirty, family } = d.tables;
  const { work } = d.stores;
  d.decision.visited = 0;
  for (let n = 0; dirty.length > 0 && n + d.decision.visited < limit; n++) {
    const prefix = dirty.shift();
    const flags = prefixes.flags[prefix] ?? 0;
    const head = prefixes.head[prefix] ?? -1;
    prefixes.flags[prefix] = flags & ~(DIRTY | TOUCHED | CHANGED);
    work.decisions++;
    const best = head < 0 ? -1 : choose(d, prefix, head, flags);
    prefixes.decided[prefix] = head;
    if (best !== prefixes.best[prefix] || (flags & TOUCHED) !== 0) {
      d.tables.setBest(prefix, best);
      work.bestChanges++;
      d.groups.touch(family, prefix);
    } else if (d.tables.pathGroups > 0) {
      d.groups.touchPaths(family, prefix);
    }
    if (head < 0) d.retired.add(prefix);
  }
}
