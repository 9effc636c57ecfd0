/** All update groups: who belongs where, joining, leaving and moving. */
import type { Policy } from '../policy/types.ts';
import type { Family } from '../wire/index.ts';
import { encodeEndOfRib, encodeRouteRefresh } from '../wire/index.ts';
import type { GroupRules } from './export-rules.ts';
import { Feed } from './feed.ts';
import { Group } from './group.ts';
import { Joins, repeat } from './joins.ts';
import { FLUSH_CHUNK, FLUSH_DUE, FLUSH_SCAN_CHUNK } from './limits.ts';
import { Move } from './move.ts';
import { groupKeyOf, groupRulesOf, type PeerFamily, type PeerState } from './peer.ts';
import type { FamilyTables, Stores } from './tables.ts';

/** Where a feed should be. */
interface Place {
  readonly key: string;
  readonly rules: GroupRules;
  readonly policy: Policy;
}

const BORR = 1;
const EORR = 2;

/** The groups of one RIB, found by key. */
export class Groups {
  private readonly groups = new Map<string, { readonly group: Group; readonly joins: Joins }>();
  /** Feeds whose peer's configuration may ask for another group. */
  private readonly unsettled = new Map<Feed, Place>();
  private readonly moves: Move[] = [];
  private readonly moving = new Set<Feed>();
  private readonly stores: Stores;
  private readonly tables: { readonly [family in Family]: FamilyTables };
  private readonly onReady: (feed: Feed) => void;
  private made = 0;

  constructor(stores: Stores, tables: { readonly [family in Family]: FamilyTables }, onReady: (feed: Feed) => void) {
    this.stores = stores;
    this.tables = tables;
    this.onReady = onReady;
  }

  /** Every group. */
  *all(): Generator<Group> {
    for (const { group } of this.groups.values()) yield group;
  }

  /** True while the group has, or waits for, members: others are not kept up to date. */
  has(group: Group): boolean {
    return this.groups.get(group.key)?.group === group;
  }

  /** Queues a prefix in the groups of its family. */
  touch(family: Family, prefix: number): void {
    for (const { group } of this.groups.values()) if (group.tables.family === family) group.touch(prefix);
  }

  /** Queues a prefix in those groups of its family that are told more than the best path. */
  touchPaths(family: Family, prefix: number): void {
    for (const { group } of this.groups.values()) if (group.tables.family === family && group.readsAllPaths) group.touch(prefix);
  }

  /** The peer's family joins its group and is owed the table and End-of-RIB. */
  join(peer: PeerState, own: PeerFamily, routerId: number): void {
    const place = this.placeOf(peer, own.family, routerId);
    if (place === undefined || peer.session === undefined) return;
    const { group, joins } = this.at(place);
    own.feed = new Feed(peer.index, peer.session.remoteId, group, own.changes);
    joins.add(own.feed, [], [encodeEndOfRib(own.family)]);
  }

  /** The session is gone. */
  leave(own: PeerFamily): void {
    const feed = own.feed;
    if (feed === undefined) return;
    own.feed = undefined;
    this.unsettled.delete(feed);
    const moving = this.moving.delete(feed) ? this.moves.findIndex((move) => move.feed === feed) : -1;
    const cancelled = moving < 0 ? undefined : this.moves.splice(moving, 1)[0];
    cancelled?.cancel();
    this.groups.get(feed.group.key)?.joins.remove(feed);
    feed.group.followers.detach(feed);
    this.dropUnused(feed.group);
    if (cancelled !== undefined) this.dropUnused(cancelled.to);
  }

  /** The peer asked for everything again (RFC 2918, RFC 7313). */
  refresh(own: PeerFamily, enhanced: boolean): void {
    const feed = own.feed;
    if (feed === undefined || !feed.attached) return;
    const marker = (subtype: number): Uint8Array[] => (enhanced ? [encodeRouteRefresh({ family: own.family, subtype })] : []);
    if (feed.walk !== undefined) {
      repeat(feed, marker(BORR), marker(EORR));
      this.onReady(feed);
      return;
    }
    this.groups.get(feed.group.key)?.joins.add(feed, marker(BORR), marker(EORR));
  }

  /** The peer's configuration changed: where its group's key did, the next slices move it. */
  resettle(peer: PeerState, own: PeerFamily, routerId: number): void {
    const place = this.placeOf(peer, own.family, routerId);
    if (own.feed === undefined || place === undefined) return;
    if (place.key === own.feed.group.key && !this.moving.has(own.feed)) this.unsettled.delete(own.feed);
    else this.unsettled.set(own.feed, place);
  }

  /**
   * For an audit, while there is no work: true where the family is in the group that its configuration asks for and follows it. Where not it
   * is put there and told everything again.
   */
  holds(peer: PeerState, own: PeerFamily, feed: Feed, routerId: number): boolean {
    const place = this.placeOf(peer, own.family, routerId);
    if (place === undefined) return true;
    const { group, joins } = this.groups.get(feed.group.key) ?? this.at(place);
    const isMember = feed.group === group && feed.attached && group.members.get(feed.peer) === feed;
    if (isMember && place.key === group.key) {
      // Whoever was to be told of what it has to take may have missed it.
      if (feed.hasOutput()) this.onReady(feed);
      return true;
    }
    if (isMember) this.unsettled.set(feed, place);
    else if (!feed.attached && feed.group === group) joins.add(feed, [], [encodeEndOfRib(own.family)]);
    else {
      feed.group = group;
      group.startOver(feed);
      group.attach(feed, group.log.head);
    }
    return false;
  }

  hasWork(): boolean {
    if (this.unsettled.size > 0 || this.moves.length > 0) return true;
    for (const { group, joins } of this.groups.values()) if (groupHasWork(group) || joins.hasWork()) return true;
    return false;
  }

  /** One unit of work each; `between` is asked after every unit and ends the round where it says so. */
  step(between: () => boolean): void {
    if (this.unsettled.size > 0) this.settle();
    if (this.moves.length > 0) {
      this.moveOn();
      if (between()) return;
    }
    for (const entry of [...this.groups.values()]) {
      if (this.stepGroup(entry.group, entry.joins) && between()) return;
    }
  }

  /** True where no group, log or walk refers to the prefix any more. */
  isForgotten(family: Family, prefix: number): boolean {
    for (const { group } of this.groups.values()) {
      if (group.tables.family === family && !group.isForgotten(prefix)) return false;
    }
    return true;
  }

  /** The prefix's id will be reused; it `isForgotten`. */
  release(family: Family, prefix: number): void {
    for (const { group } of this.groups.values()) if (group.tables.family === family) group.slots?.release(prefix);
  }

  /** Lets images go, because the log kept for them keeps prefixes from being released. */
  dropImages(family: Family): void {
    for (const { group, joins } of this.groups.values()) if (group.tables.family === family) joins.dropImage();
  }

  /** The attribute set's id will be reused. */
  forget(set: number): void {
    for (const { group } of this.groups.values()) group.exports.forget(set);
  }

  private stepGroup(group: Group, joins: Joins): boolean {
    joins.expire();
    if (group.frozen === 0 && group.followers.isShortening) {
      group.followers.leaveBehind(group.top);
      return true;
    }
    if (group.frozen === 0 && group.scanAt >= 0) {
      group.scan(FLUSH_SCAN_CHUNK);
      return true;
    }
    if (joins.hasWork()) {
      joins.step();
      return true;
    }
    // While decisions are due, wait for a full batch: it packs better.
    const isDue = group.pending.length >= FLUSH_DUE || group.tables.dirty.length === 0;
    if (group.frozen > 0 || group.pending.length === 0 || !isDue) return false;
    group.flushPending(FLUSH_CHUNK);
    return true;
  }

  private placeOf(peer: PeerState, family: Family, routerId: number): Place | undefined {
    if (peer.session === undefined) return undefined;
    const rules = { ...groupRulesOf(peer.config, peer.session, family, routerId), deferring: this.stores.deferring };
    const policy = peer.config.exportPolicy;
    return { key: groupKeyOf(rules, policy), rules, policy };
  }

  private at(place: Place): { readonly group: Group; readonly joins: Joins } {
    const known = this.groups.get(place.key);
    if (known !== undefined) return known;
    const { family, kind } = place.rules;
    const id = `${family} ${kind} ${++this.made}`;
    const policy = this.stores.policies.use(place.policy);
    const group = new Group(this.stores, this.tables[family], { id, key: place.key, rules: place.rules, policy }, this.onReady);
    const entry = { group, joins: new Joins(group, this.onReady) };
    this.groups.set(place.key, entry);
    if (group.readsAllPaths) group.tables.pathGroups++;
    return entry;
  }

  private dropUnused(group: Group): void {
    const entry = this.groups.get(group.key);
    if (entry?.group !== group || group.members.size > 0 || entry.joins.size > 0 || group.frozen > 0) return;
    if (this.moves.some((move) => move.to === group)) return;
    this.groups.delete(group.key);
    if (group.readsAllPaths) group.tables.pathGroups--;
    this.stores.policies.drop(group.exports.policy);
  }

  /** Groups whose members all want the same new group become it in place: encoded once. The others move one by one. */
  private settle(): void {
    const byGroup = new Map<Group, Map<Feed, Place>>();
    for (const [feed, place] of this.unsettled) {
      if (this.moving.has(feed)) continue;
      this.unsettled.delete(feed);
      if (place.key === feed.group.key) continue;
      const feeds = byGroup.get(feed.group) ?? new Map<Feed, Place>();
      byGroup.set(feed.group, feeds.set(feed, place));
    }
    for (const [group, feeds] of byGroup) if (!this.rekey(group, feeds)) this.moveAll(feeds);
  }

  private rekey(group: Group, feeds: ReadonlyMap<Feed, Place>): boolean {
    const places = [...feeds.values()];
    const place = places[0];
    const entry = this.groups.get(group.key);
    if (place === undefined || entry === undefined || group.frozen > 0 || this.groups.has(place.key)) return false;
    if (places.some((other) => other.key !== place.key)) return false;
    if ([...group.members.values(), ...entry.joins.joining()].some((feed) => !feeds.has(feed))) return false;
    this.groups.delete(group.key);
    this.stores.policies.drop(group.exports.policy);
    if (group.readsAllPaths) group.tables.pathGroups--;
    group.rekey(place.key, place.rules, this.stores.policies.use(place.policy));
    if (group.readsAllPaths) group.tables.pathGroups++;
    this.groups.set(group.key, entry);
    return true;
  }

  private moveAll(feeds: ReadonlyMap<Feed, Place>): void {
    for (const [feed, place] of feeds) {
      const from = this.groups.get(feed.group.key);
      const { group, joins } = this.at(place);
      if (feed.attached) {
        this.moves.push(new Move(feed, group));
        this.moving.add(feed);
        continue;
      }
      for (const waiting of from?.joins.remove(feed) ?? []) joins.add(feed, waiting.before, waiting.after);
      const left = feed.group;
      feed.group = group;
      this.dropUnused(left);
    }
  }

  private moveOn(): void {
    const move = this.moves[0];
    if (move === undefined) return;
    if (!move.to.filled) {
      move.to.scan(FLUSH_SCAN_CHUNK);
      return;
    }
    const { from } = move;
    if (!move.step()) return;
    this.moves.shift();
    this.moving.delete(move.feed);
    for (const waiting of this.groups.get(from.key)?.joins.remove(move.feed) ?? []) {
      this.groups.get(move.to.key)?.joins.add(move.feed, waiting.before, waiting.after);
    }
    this.dropUnused(from);
  }
}

function groupHasWork(group: Group): boolean {
  return group.frozen === 0 && (group.scanAt >= 0 || group.pending.length > 0 || group.followers.isShortening);
}
