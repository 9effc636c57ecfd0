/** Time as the health thread lives it. Pure: the reader of the real clock is handed in. */
import { LIVE_STEP_MS } from './limits.ts';

/**
 * Milliseconds in which this thread really ran: a step longer than LIVE_STEP_MS (process stopped, machine suspended, no CPU)
 * counts as that much, so that waking up does not find every other thread stalled before it could push again. Must be read
 * at least every LIVE_TICK_MS. `read` is monotonic milliseconds.
 */
export function createLiveClock(read: () => number): () => number {
  let last = read();
  let lived = 0;
  return () => {
    const now = read();
    lived += Math.min(Math.max(now - last, 0), LIVE_STEP_MS);
    last = now;
    return lived;
  };
}
