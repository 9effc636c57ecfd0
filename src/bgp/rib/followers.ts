/** Who follows the log of a group: its members, those of them that walk the table instead, and who has to begin walking (bgp-speaker 2.6). */
import type { ChangeLog } from './change-log.ts';
import { heldBy } from './fall-behind.ts';
import type { Feed } from './feed.ts';
import { FALL_BEHIND_CHUNK } from './limits.ts';
import { Walk } from './walk.ts';

const NOBODY_ELSE: ReadonlySet<number> = new Set();

/** The members of one group. */
export class Followers {
  /** By peer index. */
  readonly members = new Map<number, Feed>();
  private readonly walkers = new Set<Feed>();
  private readonly byRouterId = new Map<number, Set<number>>();
  /** Members whose cursor is before this batch are to walk; 0: nobody. */
  private keepFrom = 0;
  private readonly log: ChangeLog;

  constructor(log: ChangeLog) {
    this.log = log;
  }

  /** Members that read the log. */
  get readers(): number {
    return this.members.size - this.walkers.size;
  }

  /** Peer indexes of the members with a BGP Identifier. */
  withRouterId(routerId: number): ReadonlySet<number> {
    return this.byRouterId.get(routerId) ?? NOBODY_ELSE;
  }

  /** The member follows the log from this cursor on, or goes on with its walk. */
  attach(feed: Feed, cursor: number): void {
    feed.attached = true;
    feed.cursor = cursor;
    this.members.set(feed.peer, feed);
    const same = this.byRouterId.get(feed.routerId);
    if (same === undefined) this.byRouterId.set(feed.routerId, new Set([feed.peer]));
    else same.add(feed.peer);
    if (feed.walk === undefined) this.log.follow(cursor);
    else this.walkers.add(feed);
  }

  /** The member leaves. */
  detach(feed: Feed): void {
    if (!feed.attached) return;
    feed.attached = false;
    this.members.delete(feed.peer);
    const same = this.byRouterId.get(feed.routerId);
    same?.delete(feed.peer);
    if (same?.size === 0) this.byRouterId.delete(feed.routerId);
    if (!this.walkers.delete(feed)) this.log.unfollow(feed.cursor);
  }

  /** The member walks from now on, without having read the log. */
  walk(feed: Feed, walk: Walk): void {
    feed.walk = walk;
    this.walkers.add(feed);
  }

  /** A walking member has caught up. */
  rejoin(feed: Feed): void {
    this.walkers.delete(feed);
    feed.cursor = this.log.head;
  }

  /** True where a walk still speaks of a slot. */
  isWalked(slot: number): boolean {
    for (const feed of this.walkers) if (feed.walk?.holds(slot) === true) return true;
    return false;
  }

  /** Notes since when members have not read the first half of the log. */
  noteSlow(now: number): void {
    const half = this.log.tail + (this.log.length >> 1);
    for (const feed of this.members.values()) if (feed.cursor < half && feed.behindSince < 0) feed.behindSince = now;
  }

  /** The log is too long: who has not read its first half walks the table from now on. `top`: numbers a walk looks at. */
  shorten(top: number): void {
    this.keepFrom = this.log.tail + (this.log.length >> 1);
    this.leaveBehind(top);
  }

  /** True while members that are too far behind still follow the log: the group does not flush meanwhile, so the log does not grow. */
  get isShortening(): boolean {
    return this.keepFrom > 0;
  }

  /** Lets some of them walk, as one unit of work: each looks at every prefix once. */
  leaveBehind(top: number): void {
    let left = FALL_BEHIND_CHUNK;
    for (const feed of this.members.values()) {
      if (feed.walk !== undefined || feed.cursor >= this.keepFrom) continue;
      if (left <= 0) return;
      const walk = new Walk(feed.cursor, heldBy(feed));
      this.log.unfollow(feed.cursor);
      this.walk(feed, walk);
      left -= top;
    }
    this.keepFrom = 0;
  }
}
