/**
 * Paths of one family as columns: one row per route a peer sent us (accepted or not) or per local route. Rows hang in two
 * chains, that of their prefix and that of their source (bgp-speaker 2.4).
 */
import { grow, int32, uint8, uint16, uint32 } from './grow.ts';
import type { PrefixTable } from './prefix-table.ts';

/** Rejected by the import policy: kept so that a changed policy needs no refresh from the peer. */
export const REJECTED = 1;
/** Loop found on import (own AS, ORIGINATOR_ID or CLUSTER_LIST); also REJECTED. */
export const LOOPED = 2;
/** The upper four bits count the sessions of the source modulo 16; older rows are stale. */
export const GENERATION_SHIFT = 4;

/** Head of a source's chain of rows; lives with the peer. */
export interface SourceChain {
  head: number;
  /** Number of rows, and of those not rejected. */
  received: number;
  accepted: number;
  /** Row that a running job will visit next; moved on when that row goes. */
  jobAt: number;
}

/** The columns; rows are numbered from 0 and reused. */
export class PathTable {
  count = 0;
  prefix: Int32Array<ArrayBuffer> = new Int32Array(64);
  /** Attribute set as received, and as the import policy left it. */
  received: Int32Array<ArrayBuffer> = new Int32Array(64);
  attributes: Int32Array<ArrayBuffer> = new Int32Array(64);
  source: Uint16Array<ArrayBuffer> = new Uint16Array(64);
  flags: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  nextInPrefix: Int32Array<ArrayBuffer> = new Int32Array(64);
  nextInSource: Int32Array<ArrayBuffer> = new Int32Array(64);
  previousInSource: Int32Array<ArrayBuffer> = new Int32Array(64);
  /** Tenths of seconds since the RIB was made. */
  when: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  /** Path identifiers (RFC 7911); empty until a peer sends one. */
  pathIds: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  private top = 0;
  private free = -1;

  /** Row of the source's path for the prefix, or -1. */
  find(prefixes: PrefixTable, prefix: number, source: number, pathId: number): number {
    // Most lookups are for a path that is not there: the mask says so without a walk of the chain.
    if (((prefixes.sources[2 * prefix + ((source >> 5) & 1)] ?? 0) & (1 << (source & 31))) === 0) return -1;
    for (let row = prefixes.head[prefix] ?? -1; row >= 0; row = this.nextInPrefix[row] ?? -1) {
      if (this.source[row] === source && this.pathId(row) === pathId) return row;
    }
    return -1;
  }

  /** Path identifier of a row, 0 where none. */
  pathId(row: number): number {
    return this.pathIds.length === 0 ? 0 : (this.pathIds[row] ?? 0);
  }

  /** A new row, linked into both chains. */
  add(prefixes: PrefixTable, chain: SourceChain, prefix: number, source: number, pathId: number): number {
    const row = this.allocate();
    this.prefix[row] = prefix;
    this.source[row] = source;
    this.flags[row] = 0;
    if (pathId !== 0) this.pathIds = grow(this.pathIds, this.prefix.length, uint32);
    if (this.pathIds.length > 0) this.pathIds[row] = pathId;
    this.nextInPrefix[row] = prefixes.head[prefix] ?? -1;
    prefixes.head[prefix] = row;
    const mask = 2 * prefix + ((source >> 5) & 1);
    prefixes.sources[mask] = (prefixes.sources[mask] ?? 0) | (1 << (source & 31));
    this.previousInSource[row] = -1;
    this.nextInSource[row] = chain.head;
    if (chain.head >= 0) this.previousInSource[chain.head] = row;
    chain.head = row;
    chain.received++;
    this.count++;
    return row;
  }

  /** Unlinks a row from both chains and frees it. Attribute references are the caller's to drop. */
  remove(prefixes: PrefixTable, chain: SourceChain, row: number): void {
    const prefix = this.prefix[row] ?? 0;
    const next = this.nextInPrefix[row] ?? -1;
    if (prefixes.head[prefix] === row) prefixes.head[prefix] = next;
    else this.nextInPrefix[this.before(prefixes.head[prefix] ?? -1, row)] = next;
    if (prefixes.head[prefix] === -1) {
      prefixes.sources[2 * prefix] = 0;
      prefixes.sources[2 * prefix + 1] = 0;
    }
    const after = this.nextInSource[row] ?? -1;
    const previous = this.previousInSource[row] ?? -1;
    if (previous >= 0) this.nextInSource[previous] = after;
    else chain.head = after;
    if (after >= 0) this.previousInSource[after] = previous;
    if (chain.jobAt === row) chain.jobAt = after;
    chain.received--;
    this.nextInPrefix[row] = this.free;
    this.free = row;
    this.count--;
  }

  private before(head: number, row: number): number {
    let at = head;
    while (this.nextInPrefix[at] !== row) at = this.nextInPrefix[at] ?? row;
    return at;
  }

  private allocate(): number {
    const row = this.free;
    if (row >= 0) {
      this.free = this.nextInPrefix[row] ?? -1;
      return row;
    }
    const need = this.top + 1;
    if (need > this.prefix.length) this.growTo(need);
    return this.top++;
  }

  private growTo(need: number): void {
    this.prefix = grow(this.prefix, need, int32);
    const length = this.prefix.length;
    this.received = grow(this.received, length, int32);
    this.attributes = grow(this.attributes, length, int32);
    this.source = grow(this.source, length, uint16);
    this.flags = grow(this.flags, length, uint8);
    this.nextInPrefix = grow(this.nextInPrefix, length, int32);
    this.nextInSource = grow(this.nextInSource, length, int32);
    this.previousInSource = grow(this.previousInSource, length, int32);
    this.when = grow(this.when, length, uint32);
    if (this.pathIds.length > 0) this.pathIds = grow(this.pathIds, length, uint32);
  }
}
