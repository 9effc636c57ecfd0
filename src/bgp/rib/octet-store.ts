/**
 * Strings of octets, each stored once in slabs and named by a small number. Nothing here is an object per entry: hundreds of
 * thousands of attribute sets as JavaScript strings cost collector pauses of tens of ms.
 */
import { grow, int32, uint32 } from './grow.ts';

const SLAB_BITS = 20;
const SLAB_OCTETS = 1 << SLAB_BITS;
/** The first slab begins with this many octets, as every update group has a store, and becomes so many times larger when it is full. */
const FIRST_SLAB_OCTETS = 4096;
const FIRST_SLAB_GROWTH = 16;
/** Blocks are multiples of this many octets, so that freed ones fit others. */
const GRAIN = 16;
const FIRST_SLOTS = 64;

/** Mixing hash of octets, four at a time; any 32-bit number. */
export function hashOctets(octets: Uint8Array, length: number): number {
  let h = length | 0;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    const word = (octets[at] ?? 0) | ((octets[at + 1] ?? 0) << 8) | ((octets[at + 2] ?? 0) << 16) | ((octets[at + 3] ?? 0) << 24);
    h = Math.imul(h ^ word, 0x9e3779b1);
    h = (h << 13) | (h >>> 19);
  }
  for (; at < length; at++) h = Math.imul(h ^ (octets[at] ?? 0), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 16), 0xc2b2ae35);
  return h ^ (h >>> 13);
}

/** Slab memory: blocks by address (slab number and offset), freed ones kept per size. */
class Slabs {
  private readonly slabs: Uint8Array[] = [];
  private readonly free = new Map<number, number[]>();
  private next = 0;
  private end = 0;

  slab(address: number): Uint8Array {
    return this.slabs[address >>> SLAB_BITS] ?? NOTHING;
  }

  allocate(length: number): number {
    const size = Math.ceil(length / GRAIN) * GRAIN;
    const freed = this.free.get(size)?.pop();
    if (freed !== undefined) return freed;
    while (this.next + size > this.end) this.addSlab();
    const address = this.next;
    this.next += size;
    return address;
  }

  release(address: number, length: number): void {
    const size = Math.ceil(length / GRAIN) * GRAIN;
    const freed = this.free.get(size);
    if (freed === undefined) this.free.set(size, [address]);
    else freed.push(address);
  }

  /** The first slab starts small and is replaced by larger ones while it fills, addresses unchanged. */
  private addSlab(): void {
    const last = this.slabs.length - 1;
    const current = this.slabs[last];
    if (current !== undefined && current.length < SLAB_OCTETS && last === 0) {
      const larger = new Uint8Array(Math.min(SLAB_OCTETS, current.length * FIRST_SLAB_GROWTH));
      larger.set(current);
      this.slabs[0] = larger;
      this.end = larger.length;
      return;
    }
    this.slabs.push(new Uint8Array(last < 0 ? FIRST_SLAB_OCTETS : SLAB_OCTETS));
    this.next = (last + 1) * SLAB_OCTETS;
    this.end = this.next + (this.slabs.at(-1)?.length ?? 0);
  }
}

const NOTHING = new Uint8Array(0);

/** The store. Ids start at `firstId` and are reused after `remove`; entries are 1 to some 70,000 octets. */
export class OctetStore {
  count = 0;
  /** One more than the highest id. */
  top: number;
  private readonly slabs = new Slabs();
  private addresses: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  private lengths: Int32Array<ArrayBuffer> = new Int32Array(64);
  private hashes: Int32Array<ArrayBuffer> = new Int32Array(64);
  private slots = new Int32Array(FIRST_SLOTS);
  private readonly freeIds: number[] = [];

  constructor(firstId = 0) {
    this.top = firstId;
  }

  /** Octets of an entry; -1 where the id is free. */
  length(id: number): number {
    return id < this.top ? (this.lengths[id] ?? -1) : -1;
  }

  /** The entry's octets, a view to be read at once. */
  view(id: number): Uint8Array {
    const address = this.addresses[id] ?? 0;
    const offset = address & (SLAB_OCTETS - 1);
    return this.slabs.slab(address).subarray(offset, offset + (this.lengths[id] ?? 0));
  }

  /** One octet of an entry. */
  octet(id: number, index: number): number {
    const address = this.addresses[id] ?? 0;
    return this.slabs.slab(address)[(address & (SLAB_OCTETS - 1)) + index] ?? 0;
  }

  /** True where an entry of another store has the same octets. */
  equals(id: number, other: OctetStore, otherId: number): boolean {
    if (this.hashes[id] !== other.hashes[otherId] || this.lengths[id] !== other.lengths[otherId]) return false;
    return this.matches(id, other.view(otherId));
  }

  /** Id of the first `length` octets, which have this `hashOctets`, or -1. */
  find(octets: Uint8Array, length: number, hash: number): number {
    const mask = this.slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const id = (this.slots[slot] ?? 0) - 1;
      if (id < 0) return -1;
      if (this.hashes[id] === hash && this.lengths[id] === length && this.matches(id, octets)) return id;
    }
  }

  /** Stores octets that are not there (`find` said so) and returns their id. */
  add(octets: Uint8Array, length: number, hash: number): number {
    const id = this.freeIds.pop() ?? this.top++;
    this.addresses = grow(this.addresses, id + 1, uint32);
    this.lengths = grow(this.lengths, id + 1, int32);
    this.hashes = grow(this.hashes, id + 1, int32);
    const address = this.slabs.allocate(length);
    const offset = address & (SLAB_OCTETS - 1);
    const slab = this.slabs.slab(address);
    for (let i = 0; i < length; i++) slab[offset + i] = octets[i] ?? 0;
    this.addresses[id] = address;
    this.lengths[id] = length;
    this.hashes[id] = hash;
    this.count++;
    if (this.count * 2 > this.slots.length) this.rehash();
    else this.place(id);
    return id;
  }

  /** Frees an entry and its id. */
  remove(id: number): void {
    this.unplace(id);
    this.slabs.release(this.addresses[id] ?? 0, this.lengths[id] ?? 0);
    this.lengths[id] = -1;
    this.freeIds.push(id);
    this.count--;
  }

  private matches(id: number, octets: Uint8Array): boolean {
    const address = this.addresses[id] ?? 0;
    const slab = this.slabs.slab(address);
    const offset = address & (SLAB_OCTETS - 1);
    const length = this.lengths[id] ?? 0;
    for (let i = 0; i < length; i++) if (slab[offset + i] !== octets[i]) return false;
    return true;
  }

  private place(id: number): void {
    const mask = this.slots.length - 1;
    let slot = (this.hashes[id] ?? 0) & mask;
    while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
    this.slots[slot] = id + 1;
  }

  private rehash(): void {
    this.slots = new Int32Array(this.slots.length * 2);
    for (let id = 0; id < this.top; id++) if ((this.lengths[id] ?? -1) > 0) this.place(id);
  }

  /** Empties the entry's slot and moves later entries of its run up. */
  private unplace(id: number): void {
    const mask = this.slots.length - 1;
    let gap = (this.hashes[id] ?? 0) & mask;
    while (this.slots[gap] !== id + 1) gap = (gap + 1) & mask;
    for (let next = (gap + 1) & mask; this.slots[next] !== 0; next = (next + 1) & mask) {
      const home = (this.hashes[(this.slots[next] ?? 0) - 1] ?? 0) & mask;
      if (((next - home) & mask) >= ((next - gap) & mask)) {
        this.slots[gap] = this.slots[next] ?? 0;
        gap = next;
      }
    }
    this.slots[gap] = 0;
  }
}
