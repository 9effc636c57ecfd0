/**
 * Self-audit of what peers are told (calico#11639: routes that vanish after days): best paths are chosen again, every group's state is
 * compared with exports made anew, and members with the log they follow. What differs is told again and counted; nothing should.
 */
import type { Family } from '../wire/index.ts';
import { auditMembers, auditPeer } from './audit-members.ts';
import { type DecisionTables, selectBest } from './decision.ts';
import type { Group } from './group.ts';
import { GroupExports } from './group-exports.ts';
import type { Groups } from './groups.ts';
import { AUDIT_CHUNK, AUDIT_COUNT_CHUNK, AUDIT_PEER_CHUNK, LOCAL } from './limits.ts';
import { PathChoice } from './path-choice.ts';
import { FAMILIES } from './peer.ts';
import type { Peers } from './peers.ts';
import { DIRTY } from './prefix-table.ts';
import { SentCount } from './sent-count.ts';
import type { FamilyTables, Stores } from './tables.ts';
import { newWorkCounters } from './work.ts';

/** What is audited. */
export interface Audited {
  readonly stores: Stores;
  readonly tables: { readonly [family in Family]: FamilyTables };
  readonly groups: Groups;
  readonly peers: Peers;
}

/** The audit of one RIB. Between two steps anything may happen. */
export class Audit {
  private readonly audited: Audited;
  private readonly scratch: Stores;
  private readonly choice = new PathChoice();
  private round: Generator<undefined> | undefined;
  /** Exports of the group that is looked at: its own may remember what is no longer so. */
  private fresh: GroupExports | undefined;

  constructor(audited: Audited) {
    this.audited = audited;
    // What an audit looks at is no work of the RIB's.
    this.scratch = { ...audited.stores, work: newWorkCounters() };
  }

  /** Goes on with the round, or begins one, until `isOver`; false at its end. Only while the RIB has no work: then everything must agree. */
  step(isOver: () => boolean): boolean {
    this.round ??= this.walk();
    do {
      if (this.round.next().done !== true) continue;
      this.round = undefined;
      this.fresh = undefined;
      return false;
    } while (!isOver());
    return true;
  }

  /** The attribute set's id will be reused. */
  forget(set: number): void {
    this.fresh?.forget(set);
  }

  private *walk(): Generator<undefined> {
    const { groups, peers } = this.audited;
    for (const family of FAMILIES) yield* this.bestPaths(this.audited.tables[family]);
    for (const group of [...groups.all()]) {
      yield* this.told(group);
      yield* this.counts(group);
      if (groups.has(group)) this.note('driftRepaired', auditMembers(group));
      yield;
    }
    let looked = 0;
    for (const peer of [...peers.all()]) {
      this.note('driftRepaired', auditPeer(peer, groups, peers.routerId));
      if (++looked % AUDIT_PEER_CHUNK === 0) yield;
    }
    this.audited.stores.work.auditRounds++;
  }

  private note(counter: 'driftRepaired' | 'driftChecked', count: number): void {
    this.audited.stores.work[counter] += count;
  }

  private decision(tables: FamilyTables): DecisionTables {
    const { attributes, sources, decision } = this.audited.stores;
    return { options: decision, attributes, sources, paths: tables.paths, visited: 0 };
  }

  private *bestPaths(tables: FamilyTables): Generator<undefined> {
    const { prefixes } = tables;
    const decision = this.decision(tables);
    for (let prefix = 0; prefix < prefixes.top; prefix++) {
      if (decision.visited > AUDIT_CHUNK || prefix % AUDIT_CHUNK === AUDIT_CHUNK - 1) {
        decision.visited = 0;
        yield;
      }
      if (!prefixes.isLive(prefix)) continue;
      const best = prefixes.best[prefix] ?? -1;
      const flags = prefixes.flags[prefix] ?? 0;
      if ((flags & DIRTY) === 0 && selectBest(decision, prefixes.head[prefix] ?? -1) === best) continue;
      // Nothing is queued while there is no work: the flag would keep it from being queued ever again.
      prefixes.flags[prefix] = flags & ~DIRTY;
      tables.touch(prefix, best);
      this.note('driftRepaired', 1);
    }
  }

  private *told(group: Group): Generator<undefined> {
    if (!this.audited.groups.has(group)) return;
    const { prefixes } = group.tables;
    const decision = this.decision(group.tables);
    let of = group.exports;
    this.fresh = this.exportsOf(group);
    let drifted: number[] = [];
    const repair = (): void => {
      if (drifted.length > 0) group.retell(drifted);
      this.note('driftRepaired', drifted.length);
      drifted = [];
    };
    let cost = 0;
    for (let prefix = 0; prefix < prefixes.top; prefix++) {
      if (cost > AUDIT_CHUNK) {
        repair();
        cost = 0;
        yield;
        if (!this.audited.groups.has(group)) return;
        if (group.exports !== of) this.fresh = this.exportsOf(group);
        of = group.exports;
      }
      decision.visited = 1;
      if (prefixes.isLive(prefix)) {
        this.note('driftChecked', 1);
        // Nothing waits for a flush while there is no work: what says so would never be flushed again.
        if (group.isPending(prefix) || this.hasDrifted(group, prefix, decision, this.fresh)) drifted.push(prefix);
      }
      cost += decision.visited;
    }
    repair();
  }

  private exportsOf({ stores: _, tables, exports }: Group): GroupExports {
    return new GroupExports(this.scratch, tables, exports.rules, exports.policy, exports.table);
  }

  /** True where what the group remembers to have told of a prefix is not what its exports, made anew, give. */
  private hasDrifted(group: Group, prefix: number, decision: DecisionTables, fresh: GroupExports): boolean {
    const { paths, prefixes } = group.tables;
    if (group.slots === undefined) {
      const row = group.onlyRow(prefix, fresh);
      const source = row < 0 ? LOCAL : (paths.source[row] ?? LOCAL);
      const id = row < 0 ? 0 : fresh.idOf(prefix, paths.attributes[row] ?? 0, source);
      const same = tells(group, prefix, id, source);
      if (id !== 0) fresh.table.releaseUnused(id);
      return !same;
    }
    const { choice } = this;
    choice.choose(decision, fresh, prefix, prefixes.head[prefix] ?? -1);
    const left = new Map(group.slotsOf(prefix).map((slot) => [group.rowOf(slot), slot]));
    let same = true;
    for (let i = 0; i < choice.rows.length; i++) {
      const row = choice.rows.at(i);
      const slot = left.get(row);
      left.delete(row);
      same &&= slot !== undefined && tells(group, slot, choice.ids.at(i), paths.source[row] ?? LOCAL);
    }
    decision.visited += choice.rows.length;
    choice.release(fresh);
    return !same || [...left.values()].some((slot) => group.sent.exports[slot] !== 0);
  }

  /** Routes by audience and uses of each export, counted anew. Given up where something was told meanwhile: the next round counts again. */
  private *counts(group: Group): Generator<undefined> {
    const { head } = group.log;
    const count = new SentCount();
    for (let from = 0; from < group.top; from += AUDIT_COUNT_CHUNK) {
      count.add(group.sent, from, Math.min(group.top, from + AUDIT_COUNT_CHUNK));
      yield;
      if (group.log.head !== head || !this.audited.groups.has(group)) return;
    }
    if (group.sent.adopt(count)) this.audited.stores.work.countsMended++;
  }
}

/** True where a slot tells just this. */
function tells({ sent }: Group, slot: number, id: number, source: number): boolean {
  const told = sent.exports[slot] ?? 0;
  return told === id && (id === 0 || sent.sources[slot] === source);
}
