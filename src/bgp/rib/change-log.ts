/**
 * A group's log of encoded batches (bgp-speaker 2.4): a sequence number per batch, a count of the members that have still to
 * read each one, so that a batch goes when the last has.
 */
import { type Encoded, partFor, type Told, wholeOf } from './encoding.ts';

/** The state that one batch replaced, prefix by prefix: tells what a member held that has not read the batch yet. */
export interface Undo {
  readonly prefixes: Int32Array;
  /** Source and ORIGINATOR_ID of the state before; present = 0 where there was none. */
  readonly sources: Uint16Array;
  readonly originators: Uint32Array;
  readonly present: Uint8Array;
}

/** One flush of a group. `only` holds messages for single members: those that a change of source newly excludes or includes. */
export interface Batch {
  readonly seq: number;
  readonly shared: Encoded;
  readonly only: ReadonlyMap<number, Encoded>;
  readonly undo: Undo;
  readonly octets: number;
  /** Members that have not read it. */
  readers: number;
}

const BATCH_OVERHEAD = 256;

/** Octets a batch counts for, undo included. */
export function batchOctets(shared: Encoded, only: ReadonlyMap<number, Encoded>, changes: number): number {
  let octets = BATCH_OVERHEAD + shared.octets.length + changes * 11;
  for (const part of only.values()) octets += part.octets.length;
  return octets;
}

/** A member's messages in a batch, their routes counted. */
export function batchPart(batch: Batch, peer: number, routerId: number, told: Told): Uint8Array[] {
  const parts = partFor(batch.shared, peer, routerId, told);
  const own = batch.only.get(peer);
  if (own !== undefined) parts.push(...wholeOf(own, told));
  return parts;
}

/** The log; sequence numbers count from 1 and have no gaps. Bounded by whoever appends, see `Group`. */
export class ChangeLog {
  /** Sequence number of the newest batch ever appended; 0 before the first. */
  head = 0;
  octets = 0;
  /** Batches after this one are kept for joiners of an image; Infinity where there is none. */
  pin = Infinity;
  private batches: Batch[] = [];
  private first = 0;

  /** Batches held. */
  get length(): number {
    return this.batches.length - this.first;
  }

  /** The oldest sequence number that may still be read; head + 1 where the log is empty. */
  get tail(): number {
    return this.head - this.length + 1;
  }

  append(batch: Batch): void {
    this.batches.push(batch);
    this.octets += batch.octets;
    this.head = batch.seq;
    this.trim();
  }

  /** A flush that nobody follows: only the number moves on. The log is empty then. */
  skip(seq: number): void {
    this.head = seq;
  }

  /** The batch with this number, where it is held. */
  get(seq: number): Batch | undefined {
    return seq < this.tail ? undefined : this.batches[this.first + seq - this.tail];
  }

  /** A member has read the batch. */
  read(batch: Batch): void {
    batch.readers--;
    if (batch.readers <= 0) this.trim();
  }

  /** A member with this cursor follows the log from now on. */
  follow(cursor: number): void {
    for (let seq = Math.max(cursor + 1, this.tail); seq <= this.head; seq++) this.changeReaders(seq, 1);
  }

  /** A member with this cursor follows it no longer. */
  unfollow(cursor: number): void {
    for (let seq = Math.max(cursor + 1, this.tail); seq <= this.head; seq++) this.changeReaders(seq, -1);
    this.trim();
  }

  /**
   * Counts readers anew for members with these cursors. Returns the prefixes, or slots, of batches that waited for more of them than there
   * are: somebody's cursor went past without reading.
   */
  recount(cursors: readonly number[]): number[] {
    const sorted = [...cursors].sort((a, b) => a - b);
    const missed: number[] = [];
    let behind = 0;
    for (let seq = this.tail; seq <= this.head; seq++) {
      while (behind < sorted.length && (sorted[behind] ?? 0) < seq) behind++;
      const batch = this.get(seq);
      if (batch === undefined || batch.readers === behind) continue;
      if (batch.readers > behind) missed.push(...batch.undo.prefixes);
      batch.readers = behind;
    }
    this.trim();
    return missed;
  }

  /** Drops what everybody has read. */
  trim(): void {
    while (this.first < this.batches.length) {
      const oldest = this.batches[this.first];
      if (oldest === undefined || oldest.readers > 0 || oldest.seq > this.pin) break;
      this.octets -= oldest.octets;
      this.first++;
    }
    if (this.first > 64 && this.first * 2 > this.batches.length) {
      this.batches = this.batches.slice(this.first);
      this.first = 0;
    } else if (this.first === this.batches.length) {
      this.batches.length = 0;
      this.first = 0;
    }
  }

  private changeReaders(seq: number, by: number): void {
    const batch = this.get(seq);
    if (batch !== undefined) batch.readers += by;
  }
}
