/**
 * Deadlines as data: a binary heap with lazy removal. A deadline that moves later (every message received moves the hold
 * timer) costs nothing until the old one comes up.
 */

/** One thing that has a next deadline; `scheduledAt` is written by the queue alone, Infinity = none. */
export interface Scheduled {
  scheduledAt: number;
}

interface Entry<T> {
  readonly at: number;
  readonly item: T;
}

/** Earliest-first queue of items; each item has at most one live entry. Times are monotonic milliseconds. */
export class DeadlineQueue<T extends Scheduled> {
  readonly #heap: Entry<T>[] = [];

  /** Makes sure that `item` comes up no later than `at`; a later `at` than the present one is left to the item's next turn. */
  schedule(item: T, at: number): void {
    if (at >= item.scheduledAt) return;
    item.scheduledAt = at;
    this.#push({ at, item });
  }

  /** Forgets the item. */
  cancel(item: T): void {
    item.scheduledAt = Infinity;
  }

  /** The earliest deadline, Infinity without any. */
  next(): number {
    this.#dropStale();
    return this.#heap[0]?.at ?? Infinity;
  }

  /** The next item due at `now`, no longer scheduled; undefined when none is. */
  takeDue(now: number): T | undefined {
    this.#dropStale();
    const top = this.#heap[0];
    if (top === undefined || top.at > now) return undefined;
    this.#pop();
    top.item.scheduledAt = Infinity;
    return top.item;
  }

  #dropStale(): void {
    for (let top = this.#heap[0]; top !== undefined && top.at !== top.item.scheduledAt; top = this.#heap[0]) this.#pop();
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.at <= entry.at) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const right = heap[left + 1];
      let child = heap[left];
      if (child === undefined) break;
      let at = left;
      if (right !== undefined && right.at < child.at) {
        child = right;
        at = left + 1;
      }
      if (child.at >= last.at) break;
      heap[index] = child;
      index = at;
    }
    heap[index] = last;
  }
}
