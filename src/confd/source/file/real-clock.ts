/** The machine's clocks, for callers that bring none. */
import type { Clock } from '../../clock.ts';

/** Wall-clock and monotonic time, and waits that an abort cuts short. A pending wait keeps the process alive. */
export const REAL_CLOCK: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      if (signal.aborted) done();
    }),
};
