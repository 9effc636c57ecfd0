/**
 * An update group: peers of one family that are told the same (bgp-speaker 2.4). What changes is computed and encoded once,
 * into one log; members differ only in their cursors and in what is cut out for them (bgp-speaker 2.5).
 */
import type { ExportRefusals } from '../speaker-status.ts';
import { type Batch, batchOctets, ChangeLog } from './change-log.ts';
import type { DecisionTables } from './decision.ts';
import { type ChangeSet, type Encoded, NOBODY } from './encoding.ts';
import { type GroupRules, inMultiprotocol } from './export-rules.ts';
import { ExportTable } from './export-table.ts';
import type { Feed } from './feed.ts';
import { clearFlush, type Flush, newFlush, onlyFor, undoOf } from './flush.ts';
import { Followers } from './followers.ts';
import { GroupExports } from './group-exports.ts';
import { grow, IntQueue, uint8 } from './grow.ts';
import { LOCAL } from './limits.ts';
import { diverseRow, PathChoice } from './path-choice.ts';
import { PathSlots } from './path-slots.ts';
import type { PolicyRun } from './policies.ts';
import { RouteWriter } from './route-writer.ts';
import { SentState } from './sent-state.ts';
import type { FamilyTables, Stores } from './tables.ts';
import { Walk } from './walk.ts';

/** Work of a path told in a slot, and of an export that is made, in prefixes looked at. */
const TOLD_COST = 4;
const DERIVED_COST = 3;

/** What a group is made of. `id` is for people: `ipv4-unicast client 3`; equal `key`s are one group. */
export interface GroupIdentity {
  readonly id: string;
  readonly key: string;
  readonly rules: GroupRules;
  readonly policy: PolicyRun;
}

/** One update group; made by `Groups`. Sequence numbers are those of its log. */
export class Group {
  /** Short name for people: `ipv4-unicast client 3`. */
  readonly id: string;
  key: string;
  exports: GroupExports;
  readonly stores: Stores;
  readonly tables: FamilyTables;
  /** Of an add-path group: `sent` and all that follows from it is by slot. Undefined: by prefix, of which the best path is told. */
  readonly slots: PathSlots | undefined;
  readonly sent: SentState;
  readonly log = new ChangeLog();
  readonly followers = new Followers(this.log);
  readonly members = this.followers.members;
  readonly pending = new IntQueue();
  /** Prefix id that a scan of the whole table (new group, changed rules) visits next; -1: none is running. */
  scanAt = 0;
  /** Flushes wait while an image or a move reads the sent state. */
  frozen = 0;
  encodes = 0;
  /** What members were not told, a prefix at a time; of paths beside the best one nothing is counted. */
  readonly refused: ExportRefusals = { exportRejected: 0, exportFiltered: 0 };
  /** True once the whole table has been looked at: until then nobody joins. */
  filled = false;
  /** Last batch in which a route changed its source: its messages for single members exist only for members of that moment. */
  lastAudienceChange = 0;
  private pendingFlags: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  private readonly writer: RouteWriter;
  private readonly decision: DecisionTables;
  private readonly choice = new PathChoice();
  /** Every prefix that is flushed now is told, changed or not. */
  private retelling = false;
  private readonly onReady: (feed: Feed) => void;
  private readonly flush = newFlush();

  constructor(stores: Stores, tables: FamilyTables, identity: GroupIdentity, onReady: (feed: Feed) => void) {
    const { id, key, rules, policy } = identity;
    this.id = id;
    this.key = key;
    this.stores = stores;
    this.tables = tables;
    const table = new ExportTable(inMultiprotocol(rules));
    this.exports = new GroupExports(stores, tables, rules, policy, table);
    this.sent = new SentState(table);
    this.slots = rules.addPath > 0 ? new PathSlots() : undefined;
    this.writer = new RouteWriter(rules, tables.prefixes, this.slots);
    this.decision = { options: stores.decision, attributes: stores.attributes, sources: stores.sources, paths: tables.paths, visited: 0 };
    this.onReady = onReady;
  }

  /** Other rules or policy from now on; every prefix is looked at again, what stays the same on the wire is not sent. */
  rekey(key: string, rules: GroupRules, policy: PolicyRun): void {
    this.key = key;
    this.exports = new GroupExports(this.stores, this.tables, rules, policy, this.exports.table);
    this.scanAt = 0;
  }

  /** True while what members have been told is not all that is known: no End-of-RIB yet. */
  get owesMore(): boolean {
    return this.exports.rules.deferring || this.scanAt >= 0;
  }

  /** Queues a prefix whose best path changed. */
  touch(prefix: number): void {
    this.pendingFlags = grow(this.pendingFlags, prefix + 1, uint8);
    if (this.pendingFlags[prefix] === 1) return;
    this.pendingFlags[prefix] = 1;
    this.pending.push(prefix);
  }

  /** True while the prefix waits for a flush. */
  isPending(prefix: number): boolean {
    return this.pendingFlags[prefix] === 1;
  }

  /** Computes and encodes pending prefixes as one batch, until about `limit` prefixes, or paths of them, were looked at. */
  flushPending(limit: number): void {
    const flush = this.beginFlush();
    for (let left = limit; left > 0 && this.pending.length > 0; ) {
      const prefix = this.pending.shift();
      this.pendingFlags[prefix] = 0;
      left -= this.flushPrefix(flush, prefix);
    }
    this.endFlush(flush);
  }

  /** The same for the next `limit` prefixes of a running scan. */
  scan(limit: number): void {
    const { prefixes } = this.tables;
    const flush = this.beginFlush();
    let prefix = this.scanAt;
    for (let left = limit; left > 0 && prefix < prefixes.top; prefix++)
      left -= prefixes.isLive(prefix) ? this.flushPrefix(flush, prefix) : 1;
    this.scanAt = prefix >= prefixes.top ? -1 : prefix;
    if (this.scanAt < 0) this.filled = true;
    this.endFlush(flush);
    if (this.scanAt < 0) for (const feed of this.members.values()) if (feed.whenCaughtUp.length > 0) this.onReady(feed);
  }

  /**
   * Tells prefixes again, to everybody and whatever was told before: what is remembered of that is not to be trusted (audit.ts). Exports
   * are made anew.
   */
  retell(prefixes: Iterable<number>): void {
    const { rules, policy, table } = this.exports;
    this.exports = new GroupExports(this.stores, this.tables, rules, policy, table);
    const flush = this.beginFlush();
    this.retelling = true;
    for (const prefix of prefixes) {
      if (prefix < this.pendingFlags.length) this.pendingFlags[prefix] = 0;
      this.flushPrefix(flush, prefix);
    }
    this.retelling = false;
    this.endFlush(flush);
  }

  /** The member is told everything again and has everything else withdrawn: nobody knows what it holds. It may follow the log from nowhere. */
  startOver(feed: Feed): void {
    const held = new Uint8Array((this.top >> 3) + 1).fill(this.slots === undefined ? 0xff : 0);
    const { prefixes } = this.tables;
    for (let prefix = 0; prefix < prefixes.top; prefix++) {
      const live = prefixes.isLive(prefix);
      if (this.slots === undefined) {
        if (!live) held[prefix >> 3] = (held[prefix >> 3] ?? 0) & ~(1 << (prefix & 7));
      } else if (live) for (const slot of this.slotsOf(prefix)) held[slot >> 3] = (held[slot >> 3] ?? 0) | (1 << (slot & 7));
    }
    this.followers.walk(feed, new Walk(-1, held));
    this.onReady(feed);
  }

  /** Encodes changes by themselves, outside the log. */
  encode(changes: ChangeSet): Encoded {
    this.writer.out.reset(this.exports.rules.maxMessage);
    const encoded = changes.encode(this.writer, this.exports.table);
    this.stores.work.encodedRoutes += this.writer.out.routes;
    return encoded;
  }

  /** The member follows the log from this cursor on. */
  attach(feed: Feed, cursor: number): void {
    this.followers.attach(feed, cursor);
    this.onReady(feed);
  }

  /** True where no log entry, walk or pending change refers to the prefix: its id may be reused. */
  isForgotten(prefix: number): boolean {
    if (this.isPending(prefix) || this.frozen > 0) return false;
    return this.slots === undefined ? this.isSlotForgotten(prefix) : this.slotsOf(prefix).every((slot) => this.isSlotForgotten(slot));
  }

  private isSlotForgotten(slot: number): boolean {
    if ((this.sent.exports[slot] ?? 0) !== 0 || (this.sent.sequence[slot] ?? 0) >= this.log.tail) return false;
    return !this.followers.isWalked(slot);
  }

  /** One more than the highest number that `sent` is kept by. */
  get top(): number {
    return this.slots?.top ?? this.tables.prefixes.top;
  }

  /** What `sent` keeps of a prefix: its slots, or itself. */
  slotsOf(prefix: number): number[] {
    if (this.slots === undefined) return [prefix];
    const slots: number[] = [];
    for (let slot = this.slots.head(prefix); slot >= 0; slot = this.slots.next[slot] ?? -1) slots.push(slot);
    return slots;
  }

  /** Those of them that a member is told. */
  toldTo(feed: Feed, prefix: number): number[] {
    return this.slotsOf(prefix).filter((slot) => this.sent.isTold(slot, feed.peer, feed.routerId));
  }

  /** Row of the path that a slot tells; -1 where that is always the best one. */
  rowOf(slot: number): number {
    return this.slots?.row[slot] ?? -1;
  }

  /** The slot of a path, made where there is none. Without slots the prefix. */
  slotFor(prefix: number, row: number): number {
    const { slots } = this;
    if (slots === undefined) return prefix;
    const known = this.slotsOf(prefix).find((slot) => slots.row[slot] === row) ?? slots.add(prefix, row);
    this.sent.reserve(slots.top);
    return known;
  }

  /** Tag of a source in messages: itself where it could be a member, else NOBODY. */
  tagOf(source: number): number {
    const external = this.exports.rules.kind === 'external' ? 1 : 0;
    return source !== LOCAL && this.stores.sources.external[source] === external ? source : NOBODY;
  }

  private beginFlush(): Flush {
    this.sent.reserve(this.tables.prefixes.top);
    this.flush.seq = this.log.head + 1;
    return this.flush;
  }

  /** Returns what it cost: prefixes and paths looked at. */
  private flushPrefix(flush: Flush, prefix: number): number {
    if (this.slots !== undefined) return this.flushPaths(flush, prefix, this.slots);
    const { paths } = this.tables;
    this.decision.visited = 1;
    const derived = this.exports.derived;
    const row = this.onlyRow(prefix);
    const source = row < 0 ? LOCAL : (paths.source[row] ?? LOCAL);
    const id = row < 0 ? 0 : this.exports.idOf(prefix, paths.attributes[row] ?? 0, source);
    // A scan may come by a prefix that is looked at again for itself.
    if (row >= 0 && id === 0 && !this.isPending(prefix)) {
      if (this.exports.isBlocked(paths.attributes[row] ?? 0)) this.refused.exportRejected++;
      else this.refused.exportFiltered++;
    }
    this.tell(flush, prefix, id, source);
    return this.decision.visited + DERIVED_COST * (this.exports.derived - derived);
  }

  /** Row of the one path that a group without slots is told of a prefix, or would be if its rules let it out; -1 where there is none. */
  onlyRow(prefix: number, exports: GroupExports = this.exports): number {
    const { prefixes } = this.tables;
    if (exports.rules.diversePath === 1) return prefixes.best[prefix] ?? -1;
    return diverseRow(this.decision, exports, prefix, prefixes.head[prefix] ?? -1);
  }

  /** True where a change of any path matters, not only of the best one. */
  get readsAllPaths(): boolean {
    return this.slots !== undefined || this.exports.rules.diversePath > 1;
  }

  /** Each path told in the slot that it has; those no longer told are withdrawn; new ones take slots that nothing refers to, or new ones. */
  private flushPaths(flush: Flush, prefix: number, slots: PathSlots): number {
    const { paths, prefixes } = this.tables;
    const { choice } = this;
    this.decision.visited = 1;
    const derived = this.exports.derived;
    choice.choose(this.decision, this.exports, prefix, prefixes.head[prefix] ?? -1);
    const others = new Map(this.slotsOf(prefix).map((slot) => [slots.row[slot] ?? -1, slot]));
    const fresh: number[] = [];
    for (let i = 0; i < choice.rows.length; i++) {
      const row = choice.rows.at(i);
      const slot = others.get(row);
      others.delete(row);
      if (slot === undefined) fresh.push(i);
      else this.tell(flush, slot, choice.ids.at(i), paths.source[row] ?? LOCAL);
    }
    for (const slot of others.values()) this.tell(flush, slot, 0, LOCAL);
    const free = fresh.length === 0 ? [] : [...others.values()].filter((slot) => this.isSlotForgotten(slot));
    for (const i of fresh) {
      const row = choice.rows.at(i);
      const slot = free.pop() ?? slots.add(prefix, row);
      slots.row[slot] = row;
      this.sent.reserve(slots.top);
      this.tell(flush, slot, choice.ids.at(i), paths.source[row] ?? LOCAL);
    }
    const cost = this.decision.visited + TOLD_COST * choice.rows.length + DERIVED_COST * (this.exports.derived - derived);
    choice.release(this.exports);
    return cost;
  }

  /** Notes what is told from this flush on of a prefix, or of a slot. */
  private tell(flush: Flush, prefix: number, id: number, source: number): void {
    const { sent } = this;
    if (this.retelling) return this.tellAnew(flush, prefix, id, source);
    const old = sent.exports[prefix] ?? 0;
    const oldSource = sent.sources[prefix] ?? LOCAL;
    if (old === id && (id === 0 || oldSource === source)) return;
    const oldOriginator = sent.originator(old);
    flush.prefixes.push(prefix);
    flush.sources.push(oldSource);
    flush.originators.push(oldOriginator);
    flush.present.push(old === 0 ? 0 : 1);
    if (id === 0) flush.shared.withdraw(prefix, this.tagOf(oldSource), oldOriginator);
    else if (id !== old) flush.shared.announce(prefix, id, this.tagOf(source));
    if (old !== 0 && id !== 0) this.changeAudience(flush, prefix, old, oldSource, id, source);
    sent.set(prefix, id, source, flush.seq, this.stores.now);
  }

  /** The same without what was told before: members may hold anything. */
  private tellAnew(flush: Flush, prefix: number, id: number, source: number): void {
    const { sent } = this;
    flush.prefixes.push(prefix);
    flush.sources.push(LOCAL);
    flush.originators.push(0);
    flush.present.push(1);
    if (id === 0) flush.shared.withdraw(prefix, NOBODY, 0);
    else {
      flush.shared.announce(prefix, id, this.tagOf(source));
      for (const peer of [source, ...this.followers.withRouterId(sent.originator(id))])
        if (this.members.has(peer)) onlyFor(flush, peer).withdraw(prefix, NOBODY, 0);
      this.lastAudienceChange = flush.seq;
    }
    sent.overwrite(prefix, id, source, flush.seq, this.stores.now);
  }

  /** bgp-speaker 2.5, a→b: members that the new state excludes lose the old one; where only the audience changed, others gain it. */
  private changeAudience(flush: Flush, prefix: number, old: number, oldSource: number, id: number, source: number): void {
    const oldOriginator = this.sent.originator(old);
    const originator = this.sent.originator(id);
    if (oldSource === source && oldOriginator === originator) return;
    this.lastAudienceChange = flush.seq;
    const candidates = new Set([
      oldSource,
      source,
      ...this.followers.withRouterId(oldOriginator),
      ...this.followers.withRouterId(originator),
    ]);
    for (const peer of candidates) {
      const member = this.members.get(peer);
      if (member === undefined) continue;
      const before = peer !== oldSource && member.routerId !== oldOriginator;
      const after = peer !== source && member.routerId !== originator;
      if (before && !after) onlyFor(flush, peer).withdraw(prefix, NOBODY, 0);
      if (!before && after && id === old) onlyFor(flush, peer).announce(prefix, id, NOBODY);
    }
  }

  private endFlush(flush: Flush): void {
    if (flush.prefixes.length === 0) return;
    const { readers } = this.followers;
    if (readers === 0 && this.log.pin === Infinity) {
      this.log.skip(flush.seq);
    } else {
      this.log.append(this.batchOf(flush, readers));
      this.encodes++;
      this.stores.work.encodes++;
      this.stores.work.logEntries++;
    }
    clearFlush(flush);
    for (const feed of this.members.values()) this.onReady(feed);
    if (this.log.octets > this.stores.maxLogOctets / 2) this.followers.noteSlow(this.stores.now);
    if (this.log.octets > this.stores.maxLogOctets) this.shorten();
  }

  private batchOf(flush: Flush, readers: number): Batch {
    const shared = this.encode(flush.shared);
    const only = new Map<number, Encoded>();
    for (const [peer, changes] of flush.only) only.set(peer, this.encode(changes));
    return { seq: flush.seq, shared, only, undo: undoOf(flush), octets: batchOctets(shared, only, flush.prefixes.length), readers };
  }

  /** The log is too long: no more joiners by the old image, and who has not read its first half walks the table from now on. */
  private shorten(): void {
    this.log.pin = Infinity;
    this.log.trim();
    if (this.log.octets <= this.stores.maxLogOctets) return;
    this.followers.shorten(this.top);
  }
}
