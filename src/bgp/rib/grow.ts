/** Growing typed arrays: a larger copy with the old contents. */

type Columns = Int32Array | Uint32Array | Uint16Array | Uint8Array | Float64Array;

/** Up to so many elements an array grows fourfold: a table that fills for the first time is not copied a dozen times. */
const SMALL = 16_384;

/** The array itself where it holds `length` elements, else a copy of at least that and 1.5 times the old length, 4 times where it is small. */
export function grow<T extends Columns>(array: T, length: number, make: (length: number) => T): T {
  if (array.length >= length) return array;
  const larger = make(Math.max(length, array.length < SMALL ? array.length * 4 : array.length + (array.length >> 1), 64));
  larger.set(array);
  return larger;
}

/** Maker of 32-bit signed columns, for `grow`. */
export const int32 = (length: number): Int32Array<ArrayBuffer> => new Int32Array(length);
/** Maker of 32-bit unsigned columns. */
export const uint32 = (length: number): Uint32Array<ArrayBuffer> => new Uint32Array(length);
/** Maker of 16-bit unsigned columns. */
export const uint16 = (length: number): Uint16Array<ArrayBuffer> => new Uint16Array(length);
/** Maker of 8-bit unsigned columns. */
export const uint8 = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(length);
/** Maker of double columns. */
export const float64 = (length: number): Float64Array<ArrayBuffer> => new Float64Array(length);

/** A list of 32-bit numbers that grows and is reused. */
export class IntList {
  items: Int32Array<ArrayBuffer> = new Int32Array(16);
  length = 0;

  /** Appends. */
  push(value: number): void {
    if (this.length === this.items.length) this.items = grow(this.items, this.length * 2, int32);
    this.items[this.length++] = value;
  }

  /** Element at an index below `length`. */
  at(index: number): number {
    return this.items[index] ?? 0;
  }

  /** Empties the list; a large array is given back. */
  clear(): void {
    this.length = 0;
    if (this.items.length > 1 << 16) this.items = new Int32Array(64);
  }
}

/** First in, first out, of 32-bit numbers. */
export class IntQueue {
  private items: Int32Array<ArrayBuffer> = new Int32Array(64);
  private head = 0;
  private tail = 0;

  get length(): number {
    return this.tail - this.head;
  }

  push(value: number): void {
    if (this.tail === this.items.length) this.makeRoom();
    this.items[this.tail++] = value;
  }

  /** Takes the oldest; 0 where the queue is empty (ask `length` first). */
  shift(): number {
    if (this.head === this.tail) return 0;
    const value = this.items[this.head++] ?? 0;
    if (this.head === this.tail) {
      this.head = this.tail = 0;
      if (this.items.length > 1 << 16) this.items = new Int32Array(64);
    }
    return value;
  }

  private makeRoom(): void {
    if (this.head > this.items.length >> 1) {
      this.items.copyWithin(0, this.head, this.tail);
      this.tail -= this.head;
      this.head = 0;
    } else {
      this.items = grow(this.items, this.tail + 1, int32);
    }
  }
}
