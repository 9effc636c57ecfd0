/**
 * What a group's members have been told, per prefix (Adj-RIB-Out of the whole group): export id, source, sequence number and
 * time of the last change. A member has a route unless it is the route's source or has its ORIGINATOR_ID (bgp-speaker 2.5).
 */
import type { ExportTable } from './export-table.ts';
import { grow, int32, uint16, uint32 } from './grow.ts';
import { type Audience, audienceKey, type SentCount } from './sent-count.ts';

/** The columns, by prefix id; all zero where nothing was ever told. */
export class SentState {
  /** Prefixes told. */
  count = 0;
  exports: Int32Array<ArrayBuffer> = new Int32Array(64);
  sources: Uint16Array<ArrayBuffer> = new Uint16Array(64);
  sequence: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  at: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  private readonly table: ExportTable;
  /** Route counts per audience: how many of the group's routes a member is not told. */
  private audiences: Map<number, Audience> = new Map();
  private recent: Audience = { source: -1, originator: -1, routes: 0 };

  constructor(table: ExportTable) {
    this.table = table;
  }

  /** Makes room for prefix ids below `top`. */
  reserve(top: number): void {
    if (this.exports.length >= top) return;
    this.exports = grow(this.exports, top, int32);
    const size = this.exports.length;
    this.sources = grow(this.sources, size, uint16);
    this.sequence = grow(this.sequence, size, uint32);
    this.at = grow(this.at, size, uint32);
  }

  /** Records what is told of a prefix from batch `seq` on. */
  set(prefix: number, id: number, source: number, seq: number, at: number): void {
    const old = this.exports[prefix] ?? 0;
    if (old !== 0) this.countAudience(this.sources[prefix] ?? 0, this.originator(old), -1);
    if (id !== 0) {
      this.countAudience(source, this.originator(id), 1);
      this.table.retain(id);
    }
    if (old !== 0) this.table.release(old);
    this.exports[prefix] = id;
    this.sources[prefix] = source;
    this.sequence[prefix] = seq;
    this.at[prefix] = at;
  }

  /** The same where what is remembered of the prefix is not to be trusted: what that counted for is left to `adopt`. */
  overwrite(prefix: number, id: number, source: number, seq: number, at: number): void {
    this.exports[prefix] = 0;
    this.set(prefix, id, source, seq, at);
  }

  /** Takes what was counted anew in place of the running counts; true where they differ. */
  adopt(count: SentCount): boolean {
    const same =
      this.count === count.total &&
      this.audiences.size === count.audiences.size &&
      [...count.audiences].every(([key, { routes }]) => this.audiences.get(key)?.routes === routes);
    this.count = count.total;
    this.audiences = count.audiences;
    this.recent = { source: -1, originator: -1, routes: 0 };
    return !this.table.adopt(count.uses) || !same;
  }

  /** ORIGINATOR_ID of an export, 0 where none. */
  originator(id: number): number {
    return this.table.originatorId[id] ?? 0;
  }

  /** True where the member is told the current state of the prefix. */
  isTold(prefix: number, peer: number, routerId: number): boolean {
    const id = this.exports[prefix] ?? 0;
    return id !== 0 && this.sources[prefix] !== peer && this.originator(id) !== routerId;
  }

  /** Routes told to a member. */
  told(peer: number, routerId: number): number {
    let excluded = 0;
    for (const audience of this.audiences.values())
      if (audience.source === peer || audience.originator === routerId) excluded += audience.routes;
    return this.count - excluded;
  }

  private countAudience(source: number, originator: number, by: number): void {
    this.count += by;
    let audience = this.recent;
    if (audience.source !== source || audience.originator !== originator) {
      const key = audienceKey(source, originator);
      const known = this.audiences.get(key);
      audience = known ?? { source, originator, routes: 0 };
      if (known === undefined) this.audiences.set(key, audience);
      this.recent = audience;
    }
    audience.routes += by;
    if (audience.routes === 0) {
      this.audiences.delete(audienceKey(source, originator));
      this.recent = { source: -1, originator: -1, routes: 0 };
    }
  }
}
