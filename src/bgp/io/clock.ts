/** The real clock, for whoever builds a speaker on real sockets. */
import { performance } from 'node:perf_hooks';

/** Monotonic milliseconds of this process. */
export function monotonicNow(): number {
  return performance.now();
}

/** Wall-clock milliseconds of a monotonic time. */
export function wallClockOf(now: number): number {
  return Math.round(Date.now() - performance.now() + now);
}
