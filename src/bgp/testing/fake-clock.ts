/** Time that moves only when a test says so. */

/** Monotonic milliseconds from 0. */
export class FakeClock {
  #now = 0;

  readonly now = (): number => this.#now;

  /** Moves to a time not before the present one. */
  moveTo(at: number): void {
    if (at < this.#now) throw new Error(`time does not go back: ${at} < ${this.#now}`);
    this.#now = at;
  }
}

/** Numbers in [0, 1) from a seed, the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
