/**
 * A member changes groups while its session is up (role, policy or next hop mode changed): what it was told by the old group is
 * compared with what the new one tells, and only the difference is sent.
 */
import { ChangeSet, NOBODY } from './encoding.ts';
import type { Feed } from './feed.ts';
import type { Group } from './group.ts';
import { SCAN_CHUNK } from './limits.ts';

/** One member on its way from one group to another. */
export class Move {
  readonly feed: Feed;
  readonly from: Group;
  readonly to: Group;
  private at = 0;

  /** Starts: both groups hold still until `step` or `cancel` ends it. */
  constructor(feed: Feed, to: Group) {
    this.feed = feed;
    this.from = feed.group;
    this.to = to;
    this.from.frozen++;
    this.to.frozen++;
    feed.drainLog();
    to.stores.work.moves++;
  }

  /** Compares a chunk of prefixes; true when the member has moved. */
  step(): boolean {
    if (this.feed.walk !== undefined) {
      if (this.from.slots !== undefined) this.feed.walk.renumber(this.from.slots, this.to);
      this.finish();
      this.feed.walk.restart();
      return true;
    }
    const top = this.to.tables.prefixes.top;
    const end = Math.min(top, this.at + SCAN_CHUNK);
    const gone = new ChangeSet();
    const changes = new ChangeSet();
    for (; this.at < end; this.at++) {
      if (this.to.slots === undefined) this.compare(this.at, changes);
      else this.comparePaths(this.at, gone, changes);
    }
    if (gone.size > 0) this.feed.pushWhole(this.from.encode(gone));
    if (changes.size > 0) this.feed.pushWhole(this.to.encode(changes));
    if (end < top) return false;
    this.finish();
    return true;
  }

  /** Gives up, the session being gone. */
  cancel(): void {
    this.from.frozen--;
    this.to.frozen--;
  }

  private finish(): void {
    this.cancel();
    this.from.followers.detach(this.feed);
    this.feed.group = this.to;
    this.to.attach(this.feed, this.to.log.head);
  }

  private compare(prefix: number, changes: ChangeSet): void {
    const { peer, routerId } = this.feed;
    const before = this.from.sent.isTold(prefix, peer, routerId);
    if (!this.to.sent.isTold(prefix, peer, routerId)) {
      if (before) changes.withdraw(prefix, NOBODY, 0);
      return;
    }
    const id = this.to.sent.exports[prefix] ?? 0;
    const same = before && this.from.exports.table.tellsAs(this.from.sent.exports[prefix] ?? 0, this.to.exports.table, id);
    if (!same) changes.announce(prefix, id, NOBODY);
  }

  /** A path is the same in both groups where its row is: that is its path identifier. */
  private comparePaths(prefix: number, gone: ChangeSet, changes: ChangeSet): void {
    const { from, to, feed } = this;
    const before = new Map(from.toldTo(feed, prefix).map((slot) => [from.rowOf(slot), slot]));
    for (const slot of to.toldTo(feed, prefix)) {
      const old = before.get(to.rowOf(slot));
      before.delete(to.rowOf(slot));
      const id = to.sent.exports[slot] ?? 0;
      const same = old !== undefined && from.exports.table.tellsAs(from.sent.exports[old] ?? 0, to.exports.table, id);
      if (!same) changes.announce(slot, id, NOBODY);
    }
    for (const slot of before.values()) gone.withdraw(slot, NOBODY, 0);
  }
}
