/** Waits between tries of one list and watch: from 0.8 s, doubling to 30 s, with jitter so that 5,000 nodes do not come together. */

/** Bounds in ms. */
export const BACKOFF_MS = { first: 800, last: 30_000 } as const;
/** Range of timeoutSeconds asked of a watch, s: the server ends it then, and load spreads over servers anew. */
export const WATCH_SECONDS = { least: 240, most: 300 } as const;

/**
 * Ms before the try that follows `failures` failures in a row, 1 or more. `random` is in [0, 1). A server's own Retry-After, in
 * s, is kept to, also beyond our bound, up to five minutes.
 */
export function backoffMs(failures: number, random: number, retryAfter = 0): number {
  const base = Math.min(BACKOFF_MS.last, BACKOFF_MS.first * 2 ** Math.min(failures - 1, 16));
  const jittered = Math.min(BACKOFF_MS.last, base * (1 + random * 0.5));
  return Math.max(jittered, Math.min(retryAfter, 300) * 1000);
}

/** Seconds for one watch. `random` is in [0, 1). */
export function watchSeconds(random: number): number {
  return WATCH_SECONDS.least + Math.floor(random * (WATCH_SECONDS.most - WATCH_SECONDS.least + 1));
}
