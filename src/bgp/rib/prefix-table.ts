/**
 * Prefixes of one family as columns, found by an open-addressing hash (bgp-speaker 2.4). Ids are dense and reused. Growing
 * the hash moves a few slots per insertion, so no insertion pays for a million.
 */
import type { IpFamily, Prefix } from '../net/types.ts';
import { grow, int32, uint8, uint32 } from './grow.ts';

/** Flags of a prefix. */
export const DIRTY = 1;
/** The best path's contents changed or it is gone: groups must look even where the winner's row is the same. */
export const TOUCHED = 2;
/** Something but a new path changed since the last decision: all paths must be compared. */
export const CHANGED = 8;
/** Without paths and waiting for release. */
export const RETIRED = 4;

/** A slot holds id + 1 in its lower 24 bits, eight bits of the hash above them (a wrong entry is seldom looked at), 0 where empty. */
const ID_MASK = 0xffffff;
const TOMBSTONE = -1;
/** Prefixes a table can hold: ids that fit a slot beside the tombstone. */
export const MAX_PREFIXES = ID_MASK - 1;
const MIGRATE_SLOTS = 32;
const FIRST_SLOTS = 256;

function hash(w0: number, w1: number, w2: number, w3: number, length: number): number {
  let h = Math.imul(w0 ^ (length * 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ w1, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 13) ^ w2, 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 16) ^ w3, 0x165667b1);
  return h ^ (h >>> 15);
}

/** The columns; `head` is the chain of paths, `best` the winner's row, both -1 where there is none. */
export class PrefixTable {
  readonly family: IpFamily;
  count = 0;
  /** One more than the highest id in use. */
  top = 0;
  lengths: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  flags: Uint8Array<ArrayBuffer> = new Uint8Array(64);
  head: Int32Array<ArrayBuffer> = new Int32Array(64);
  best: Int32Array<ArrayBuffer> = new Int32Array(64);
  /** Head of the chain at the last decision: rows before it are new. */
  decided: Int32Array<ArrayBuffer> = new Int32Array(64);
  /** Sources modulo 64 that may have a path: two words per prefix, cleared with the last path. */
  sources: Int32Array<ArrayBuffer> = new Int32Array(128);
  /** Addresses: one word a prefix, or four where `wide`. */
  words: Uint32Array<ArrayBuffer>;
  readonly wide: boolean;
  private readonly step: number;
  private free = -1;
  private slots: Int32Array = new Int32Array(FIRST_SLOTS);
  private used = 0;
  private old: Int32Array | undefined;
  private oldAt = 0;

  constructor(family: IpFamily) {
    this.family = family;
    this.wide = family === 'ipv6';
    this.step = this.wide ? 4 : 1;
    this.words = new Uint32Array(64 * this.step);
  }

  /** Word 0-3 of the address; 0 beyond the family's. */
  word(id: number, index: number): number {
    return index < this.step ? (this.words[id * this.step + index] ?? 0) : 0;
  }

  /** The prefix as a value. */
  prefix(id: number): Prefix {
    return {
      family: this.family,
      words: [this.word(id, 0), this.word(id, 1), this.word(id, 2), this.word(id, 3)],
      length: this.lengths[id] ?? 0,
    };
  }

  /** Id of the prefix, or -1. */
  find(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const slot = this.probe(this.slots, w0, w1, w2, w3, length);
    if (slot >= 0) return ((this.slots[slot] ?? 0) & ID_MASK) - 1;
    if (this.old === undefined) return -1;
    const before = this.probe(this.old, w0, w1, w2, w3, length);
    return before >= 0 ? ((this.old[before] ?? 0) & ID_MASK) - 1 : -1;
  }

  /** True where no prefix can be added. */
  get isFull(): boolean {
    return this.count >= MAX_PREFIXES;
  }

  /** Id of the prefix, made where it was not there. Throws where the table is full: ask `isFull` before taking what peers say. */
  ensure(w0: number, w1: number, w2: number, w3: number, length: number): number {
    const known = this.find(w0, w1, w2, w3, length);
    if (known >= 0) return known;
    const id = this.allocate();
    const at = id * this.step;
    this.words[at] = w0;
    if (this.wide) {
      this.words[at + 1] = w1;
      this.words[at + 2] = w2;
      this.words[at + 3] = w3;
    }
    this.lengths[id] = length;
    this.flags[id] = 0;
    this.head[id] = -1;
    this.best[id] = -1;
    this.decided[id] = -1;
    this.sources[2 * id] = 0;
    this.sources[2 * id + 1] = 0;
    this.place(id, hash(w0, w1, w2, w3, length));
    this.count++;
    return id;
  }

  /** Gives the id back. The caller has unlinked everything that names it. */
  remove(id: number): void {
    const [w0, w1, w2, w3, length] = [this.word(id, 0), this.word(id, 1), this.word(id, 2), this.word(id, 3), this.lengths[id] ?? 0];
    const slot = this.probe(this.slots, w0, w1, w2, w3, length);
    if (slot >= 0) this.close(slot);
    if (this.old !== undefined) {
      const before = this.probe(this.old, w0, w1, w2, w3, length);
      if (before >= 0) this.old[before] = TOMBSTONE;
    }
    this.head[id] = this.free;
    this.lengths[id] = 255;
    this.flags[id] = 0;
    this.best[id] = -1;
    this.free = id;
    this.count--;
  }

  /** False for ids that were given back. */
  isLive(id: number): boolean {
    return id < this.top && this.lengths[id] !== 255;
  }

  private allocate(): number {
    const id = this.free;
    if (id >= 0) {
      this.free = this.head[id] ?? -1;
      return id;
    }
    const need = this.top + 1;
    if (need > MAX_PREFIXES) throw new Error(`more than ${MAX_PREFIXES} prefixes`);
    if (need > this.lengths.length) {
      this.lengths = grow(this.lengths, need, uint8);
      this.flags = grow(this.flags, this.lengths.length, uint8);
      this.head = grow(this.head, this.lengths.length, int32);
      this.best = grow(this.best, this.lengths.length, int32);
      this.decided = grow(this.decided, this.lengths.length, int32);
      this.sources = grow(this.sources, this.lengths.length * 2, int32);
      this.words = grow(this.words, this.lengths.length * this.step, uint32);
    }
    return this.top++;
  }

  private hashOf(id: number): number {
    return hash(this.word(id, 0), this.word(id, 1), this.word(id, 2), this.word(id, 3), this.lengths[id] ?? 0);
  }

  private probe(slots: Int32Array, w0: number, w1: number, w2: number, w3: number, length: number): number {
    const mask = slots.length - 1;
    const h = hash(w0, w1, w2, w3, length);
    for (let slot = h & mask; ; slot = (slot + 1) & mask) {
      const value = slots[slot] ?? 0;
      if (value === 0) return -1;
      if (value >> 24 !== h >> 24 || value === TOMBSTONE) continue;
      const id = (value & ID_MASK) - 1;
      if (this.lengths[id] !== length || this.words[id * this.step] !== w0) continue;
      if (!this.wide || (this.words[id * 4 + 1] === w1 && this.words[id * 4 + 2] === w2 && this.words[id * 4 + 3] === w3)) return slot;
    }
  }

  private place(id: number, h: number): void {
    if (this.old !== undefined) this.migrate(this.old);
    // Load stays under 0.6, and the old slots are all moved long before the new ones fill.
    if (this.old === undefined && (this.used + 1) * 5 > this.slots.length * 3) {
      this.old = this.slots;
      this.oldAt = 0;
      this.slots = new Int32Array(this.old.length * 2);
      this.used = 0;
    }
    this.insert(id, h);
  }

  private insert(id: number, h: number): void {
    const mask = this.slots.length - 1;
    let slot = h & mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    this.slots[slot] = (h & ~ID_MASK) | (id + 1);
    this.used++;
  }

  private migrate(old: Int32Array): void {
    const end = Math.min(old.length, this.oldAt + MIGRATE_SLOTS);
    for (; this.oldAt < end; this.oldAt++) {
      const value = old[this.oldAt] ?? 0;
      if (value === 0 || value === TOMBSTONE) continue;
      const id = (value & ID_MASK) - 1;
      this.insert(id, this.hashOf(id));
    }
    if (this.oldAt === old.length) this.old = undefined;
  }

  /** Empties a slot and moves later entries of its run up (linear probing without tombstones). */
  private close(slot: number): void {
    const mask = this.slots.length - 1;
    let gap = slot;
    for (let next = (gap + 1) & mask; this.slots[next] !== 0; next = (next + 1) & mask) {
      const value = this.slots[next] ?? 0;
      const home = this.hashOf((value & ID_MASK) - 1) & mask;
      if (((next - home) & mask) >= ((next - gap) & mask)) {
        this.slots[gap] = value;
        gap = next;
      }
    }
    this.slots[gap] = 0;
    this.used--;
  }
}
