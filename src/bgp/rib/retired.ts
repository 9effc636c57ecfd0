/** Prefixes without paths, until nothing refers to them: a log entry or a walking peer may still have to say that they are gone. */

import type { Groups } from './groups.ts';
import { IntQueue } from './grow.ts';
import { RELEASE_CHUNK } from './limits.ts';
import { DIRTY, RETIRED } from './prefix-table.ts';
import type { FamilyTables } from './tables.ts';

/** The retired prefixes of one family. */
export class Retired {
  private readonly queue = new IntQueue();
  private readonly tables: FamilyTables;
  private readonly groups: Groups;
  /** Entries to look at before waiting for something to change. */
  private due = 0;

  constructor(tables: FamilyTables, groups: Groups) {
    this.tables = tables;
    this.groups = groups;
  }

  /** The prefix has lost its last path. */
  add(prefix: number): void {
    const { flags } = this.tables.prefixes;
    const before = flags[prefix] ?? 0;
    if ((before & RETIRED) === 0) this.queue.push(prefix);
    flags[prefix] = before | RETIRED;
    this.due = this.queue.length;
  }

  /** Something was read or sent: what could not be released may be now. */
  retry(): void {
    this.due = this.queue.length;
  }

  hasWork(): boolean {
    return this.due > 0;
  }

  /** Looks at a chunk. */
  step(): void {
    const { prefixes, family } = this.tables;
    this.groups.dropImages(family);
    for (let n = Math.min(this.due, RELEASE_CHUNK); n > 0; n--, this.due--) {
      const prefix = this.queue.shift();
      const flags = prefixes.flags[prefix] ?? 0;
      if ((prefixes.head[prefix] ?? -1) >= 0) prefixes.flags[prefix] = flags & ~RETIRED;
      else if ((flags & DIRTY) === 0 && !this.isUntold(prefix) && this.groups.isForgotten(family, prefix)) {
        this.groups.release(family, prefix);
        prefixes.remove(prefix);
      } else this.queue.push(prefix);
    }
  }

  private isUntold(prefix: number): boolean {
    return this.tables.feed?.isPending(prefix) === true;
  }
}
