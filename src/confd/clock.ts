/** The Clock seam of everything below main (types only); main builds the real one. */

/** Time as numbers and waits that can be cut short. */
export interface Clock {
  /** Wall-clock ms. */
  now(): number;
  /** Monotonic ms with fractions, for durations. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}
