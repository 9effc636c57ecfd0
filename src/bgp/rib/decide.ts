/** Chooses best paths for prefixes that changed, and tells the groups. */
import { type DecisionTables, selectBest } from './decision.ts';
import type { Groups } from './groups.ts';
import { DIRTY, TOUCHED } from './prefix-table.ts';
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

/** Decides prefixes until about `limit` prefixes and paths have been looked at. */
export function decide(d: Decider, limit: number): void {
  const { prefixes, dirty, family } = d.tables;
  const { work } = d.stores;
  d.decision.visited = 0;
  for (let n = 0; dirty.length > 0 && n + d.decision.visited < limit; n++) {
    const prefix = dirty.shift();
    const flags = prefixes.flags[prefix] ?? 0;
    const head = prefixes.head[prefix] ?? -1;
    prefixes.flags[prefix] = flags & ~(DIRTY | TOUCHED);
    work.decisions++;
    const best = head < 0 ? -1 : selectBest(d.decision, head);
    if (best !== prefixes.best[prefix] || (flags & TOUCHED) !== 0) {
      prefixes.best[prefix] = best;
      work.bestChanges++;
      d.groups.touch(family, prefix);
    }
    if (head < 0) d.retired.add(prefix);
  }
}
