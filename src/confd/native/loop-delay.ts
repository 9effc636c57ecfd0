/**
 * Lateness of this thread's event loop, read and reset at each push. A thread that has little to do is looked at seldom: each
 * look wakes it, which costs an idle thread 0.1 ms of a core, more than all else that it does.
 */
import { performance } from 'node:perf_hooks';

/** Sampling intervals, ms: of a thread that works, fine enough to see a stall that a session would feel, and of one that hardly does. */
const BUSY_MS = 100;
const IDLE_MS = 500;
/** Share of the time since the last reading from which on a thread works. */
const BUSY_SHARE = 0.05;

/** Mean, 99th percentile and maximum since the last reading, ms. */
export interface LoopDelay {
  readonly meanMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Begins to measure; each call of the result reads and starts over. Does not keep the process alive. */
export function measureLoop(): () => LoopDelay {
  let intervalMs = BUSY_MS;
  let samples: number[] = [];
  let before = performance.eventLoopUtilization();
  const look = (): void => {
    const due = performance.now() + intervalMs;
    setTimeout(() => {
      samples.push(Math.max(0, performance.now() - due));
      look();
    }, intervalMs).unref();
  };
  look();
  return () => {
    const figures = figuresOf(samples);
    const now = performance.eventLoopUtilization();
    intervalMs = performance.eventLoopUtilization(now, before).utilization < BUSY_SHARE ? IDLE_MS : BUSY_MS;
    before = now;
    samples = [];
    return figures;
  };
}

/** Of no sample: all 0. */
function figuresOf(samples: readonly number[]): LoopDelay {
  if (samples.length === 0) return { meanMs: 0, p99Ms: 0, maxMs: 0 };
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
  return { meanMs: sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length, p99Ms: at(0.99), maxMs: at(1) };
}
