/** Which paths of a prefix an add-path group is told (RFC 7911): all that its rules let out, or the best N of them. */
import { bestOf, type DecisionTables } from './decision.ts';
import type { GroupExports } from './group-exports.ts';
import { IntList } from './grow.ts';
import { REJECTED } from './path-table.ts';

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
    this.left.length = 0;
    for (let row = head; row >= 0; row = paths.nextInPrefix[row] ?? -1) {
      if (((paths.flags[row] ?? 0) & REJECTED) === 0) this.left.push(row);
    }
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
