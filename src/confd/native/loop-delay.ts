/** Lateness of this thread's event loop, read and reset at each push. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Sampling interval, ms: coarse enough to cost little (each wake-up of an idle thread is 0.1 ms of a core), fine enough to see a stall that a session would feel. */
const RESOLUTION_MS = 100;

/** Mean, 99th percentile and maximum since the last reading, ms. */
export interface LoopDelay {
  readonly meanMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Begins to measure; each call of the result reads and starts over. */
export function measureLoop(): () => LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const late = (nanoseconds: number): number => (Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) : 0);
  return () => {
    const figures =
      histogram.count === 0
        ? { meanMs: 0, p99Ms: 0, maxMs: 0 }
        : { meanMs: late(histogram.mean), p99Ms: late(histogram.percentile(99)), maxMs: late(histogram.max) };
    histogram.reset();
    return figures;
  };
}
