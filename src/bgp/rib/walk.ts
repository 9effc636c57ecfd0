/**
 * A peer that fell behind its group's log (bgp-speaker 2.6): the walk remembers one bit per prefix (does the peer hold it?)
 * and one sequence number per window of prefixes, and encodes current state; what happened in between collapses.
 */
import { ChangeSet, NOBODY } from './encoding.ts';
import type { Feed } from './feed.ts';
import type { Group } from './group.ts';
import { WALK_WINDOW } from './limits.ts';
import type { PathSlots } from './path-slots.ts';

/** A member's view, once it no longer follows the log. */
export class Walk {
  private held: Uint8Array;
  private readonly passed: number[] = [];
  private since: number;
  private window = 0;

  /** `since`: the member's cursor in its group. `held`: bits, one per prefix. */
  constructor(since: number, held: Uint8Array) {
    this.since = since;
    this.held = held;
  }

  /** True where the peer holds a route for the prefix. */
  holds(prefix: number): boolean {
    return ((this.held[prefix >> 3] ?? 0) & (1 << (prefix & 7))) !== 0;
  }

  /** The oldest sequence number a window stands at. */
  reached(): number {
    return this.passed.reduce((a, b) => Math.min(a, b), this.passed.length === 0 ? this.since : Infinity);
  }

  hasPassed(prefix: number, seq: number): boolean {
    return (this.passed[Math.floor(prefix / WALK_WINDOW)] ?? this.since) >= seq;
  }

  /** The member goes over to a group with other slots: what it holds is looked up there, in slots that tell nothing where need be. */
  renumber(from: PathSlots, to: Group): void {
    const held = this.held;
    this.held = new Uint8Array((to.top >> 3) + 1);
    for (let slot = 0; slot < from.top; slot++) {
      if (((held[slot >> 3] ?? 0) & (1 << (slot & 7))) !== 0) this.hold(to.slotFor(from.prefix[slot] ?? 0, from.row[slot] ?? 0), true);
    }
  }

  /** Forgets what was passed, so that everything is sent again (route refresh). */
  restart(): void {
    this.since = -1;
    this.passed.length = 0;
  }

  /** Queues windows' changes until about `limit` octets; true while something was queued. Ends the walk when all is passed. */
  step(feed: Feed, limit: number): boolean {
    const { group } = feed;
    const windows = Math.ceil(group.top / WALK_WINDOW);
    let queued = 0;
    for (let visited = 0; visited < windows && queued < limit; visited++) {
      if (this.window >= windows) this.window = 0;
      queued += this.passWindow(feed, group, this.window++);
    }
    if (!this.isCurrent(group, windows)) return queued > 0;
    feed.walk = undefined;
    group.followers.rejoin(feed);
    feed.push(feed.afterWalk.splice(0));
    return feed.hasOutput();
  }

  private isCurrent(group: Group, windows: number): boolean {
    for (let i = 0; i < windows; i++) if ((this.passed[i] ?? -1) !== group.log.head) return false;
    return true;
  }

  private passWindow(feed: Feed, group: Group, window: number): number {
    const from = this.passed[window] ?? this.since;
    const { sent } = group;
    const changes = new ChangeSet();
    const end = Math.min(group.top, (window + 1) * WALK_WINDOW, sent.exports.length);
    if (from < group.log.head) {
      for (let prefix = window * WALK_WINDOW; prefix < end; prefix++) {
        if ((sent.sequence[prefix] ?? 0) > from) this.catchUp(feed, group, prefix, changes);
      }
    }
    this.passed[window] = group.log.head;
    if (changes.size === 0) return 0;
    group.stores.work.walks++;
    const encoded = group.encode(changes);
    feed.pushWhole(encoded);
    return encoded.octets.length;
  }

  private catchUp(feed: Feed, group: Group, prefix: number, changes: ChangeSet): void {
    if (group.sent.isTold(prefix, feed.peer, feed.routerId)) {
      changes.announce(prefix, group.sent.exports[prefix] ?? 0, NOBODY);
      this.hold(prefix, true);
    } else if (this.holds(prefix)) {
      changes.withdraw(prefix, NOBODY, 0);
      this.hold(prefix, false);
    }
  }

  private hold(prefix: number, holds: boolean): void {
    const at = prefix >> 3;
    if (at >= this.held.length) {
      const larger = new Uint8Array(Math.max(at + 1, this.held.length * 2));
      larger.set(this.held);
      this.held = larger;
    }
    const bit = 1 << (prefix & 7);
    this.held[at] = holds ? (this.held[at] ?? 0) | bit : (this.held[at] ?? 0) & ~bit;
  }
}
