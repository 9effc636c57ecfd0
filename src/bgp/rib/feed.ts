/**
 * What one peer is owed in one family: octets already set aside for it, then the log of its group from its cursor on, or,
 * where it fell behind the log, a walk of the table.
 */

import { batchPart } from './change-log.ts';
import type { Encoded, Told } from './encoding.ts';
import { partFor, wholeOf } from './encoding.ts';
import type { Group } from './group.ts';
import type { Walk } from './walk.ts';

/** A member, or a member to be, of a group. */
export class Feed {
  readonly peer: number;
  /** BGP Identifier of the session. */
  readonly routerId: number;
  /** Where the routes of what is queued are counted. */
  private readonly told: Told;
  group: Group;
  /** False until the table image is queued. */
  attached = false;
  /** Last batch read. */
  cursor = 0;
  walk: Walk | undefined;
  /** When more than half of a full log lay ahead, tenths of seconds since the RIB was made; -1: it does not. */
  behindSince = -1;
  /** Queued behind everything when a walk ends (EoRR). */
  readonly afterWalk: Uint8Array[] = [];
  /**
   * Queued once the peer has been given everything known by then (End-of-RIB, RFC 4724 section 2): a speaker that defers its
   * first updates must not send the marker before them.
   */
  readonly whenCaughtUp: Uint8Array[] = [];
  private queue: Uint8Array[] = [];
  private first = 0;

  constructor(peer: number, routerId: number, group: Group, told: Told) {
    this.peer = peer;
    this.told = told;
    this.routerId = routerId;
    this.group = group;
  }

  /** Sets octets aside, in order. */
  push(octets: readonly Uint8Array[]): void {
    for (const part of octets) if (part.length > 0) this.queue.push(part);
  }

  /** Sets aside all of what was encoded for this peer alone. */
  pushWhole(encoded: Encoded): void {
    this.push(wholeOf(encoded, this.told));
  }

  /** Sets its part of shared messages aside. */
  pushPart(encoded: Encoded): void {
    this.push(partFor(encoded, this.peer, this.routerId, this.told));
  }

  /** True where `take` has something to give. */
  hasOutput(): boolean {
    if (this.first < this.queue.length) return true;
    if (!this.attached) return false;
    return this.walk !== undefined || this.cursor < this.group.log.head || (this.whenCaughtUp.length > 0 && !this.group.owesMore);
  }

  /** Log entries behind; the whole table's worth of uncertainty counts as those since the walk began. */
  get lag(): number {
    return this.attached ? this.group.log.head - (this.walk === undefined ? this.cursor : this.walk.reached()) : 0;
  }

  /** True where everything changed up to this batch was given out. */
  hasDelivered(prefix: number, seq: number): boolean {
    if (!this.attached || this.first < this.queue.length) return false;
    return this.walk === undefined ? this.cursor >= seq : this.walk.hasPassed(prefix, seq);
  }

  /** Moves whole messages to `out` until it holds `limit` octets; returns the octets moved. */
  take(out: Uint8Array[], limit: number): number {
    let taken = 0;
    while (taken < limit) {
      const next = this.queue[this.first];
      if (next !== undefined) {
        out.push(next);
        taken += next.length;
        this.first++;
      } else {
        this.queue.length = 0;
        this.first = 0;
        if (!this.refill(limit - taken)) break;
      }
    }
    return taken;
  }

  /** Reads everything left in the log into the queue: before a refresh or a move. */
  drainLog(): void {
    while (this.walk === undefined && this.readBatch());
  }

  private refill(limit: number): boolean {
    if (!this.attached) return false;
    if (this.walk !== undefined) return this.walk.step(this, limit);
    if (this.readBatch()) return true;
    if (!this.group.owesMore) this.push(this.whenCaughtUp.splice(0));
    return this.first < this.queue.length;
  }

  private readBatch(): boolean {
    const { log } = this.group;
    if (this.cursor >= log.head) return false;
    const batch = log.get(this.cursor + 1);
    this.cursor++;
    if (this.cursor === log.head) this.behindSince = -1;
    if (batch !== undefined) {
      this.push(batchPart(batch, this.peer, this.routerId, this.told));
      log.read(batch);
    }
    return true;
  }
}
