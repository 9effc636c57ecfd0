/**
 * The compact side table of an add-path group (RFC 7911, bgp-speaker 2.4): one slot per advertised path. Slots take the place
 * of prefix ids in the group's sent state, log, walks and images, so the rules of those hold for each path by itself.
 */
import { grow, int32 } from './grow.ts';

/** Slots by prefix, linked; numbered from 0 and reused. */
export class PathSlots {
  /** One more than the highest slot. */
  top = 0;
  prefix: Int32Array<ArrayBuffer> = new Int32Array(64);
  /** Row of the path that the slot tells, or told last. */
  row: Int32Array<ArrayBuffer> = new Int32Array(64);
  next: Int32Array<ArrayBuffer> = new Int32Array(64);
  private heads: Int32Array<ArrayBuffer> = new Int32Array(64);
  private free = 0;

  /** First slot of a prefix, -1 where none. */
  head(prefix: number): number {
    return (this.heads[prefix] ?? 0) - 1;
  }

  /** Path identifier of a slot, 1 to 4294967295: that of its row, so it stays while the path does and is the same in every group. */
  pathId(slot: number): number {
    return (this.row[slot] ?? 0) + 1;
  }

  /** A new slot for a path of a prefix. */
  add(prefix: number, row: number): number {
    const slot = this.free > 0 ? this.free - 1 : this.top;
    if (slot === this.top) this.makeRoom();
    else this.free = this.next[slot] ?? 0;
    this.heads = grow(this.heads, prefix + 1, int32);
    this.prefix[slot] = prefix;
    this.row[slot] = row;
    this.next[slot] = this.head(prefix);
    this.heads[prefix] = slot + 1;
    return slot;
  }

  /** Frees every slot of a prefix, which nothing refers to any more. */
  release(prefix: number): void {
    for (let slot = this.head(prefix); slot >= 0; ) {
      const next = this.next[slot] ?? -1;
      this.next[slot] = this.free;
      this.free = slot + 1;
      slot = next;
    }
    if (prefix < this.heads.length) this.heads[prefix] = 0;
  }

  private makeRoom(): void {
    this.top++;
    this.prefix = grow(this.prefix, this.top, int32);
    this.row = grow(this.row, this.top, int32);
    this.next = grow(this.next, this.top, int32);
  }
}
