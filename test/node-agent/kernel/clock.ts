/** A clock that is turned by hand. */

/** Time and what waits for it. */
export interface HandClock {
  readonly now: () => number;
  readonly after: (ms: number, call: () => void) => () => void;
  /** Lets so many ms pass, one waiting call after the other. */
  readonly pass: (ms: number) => void;
  /** Calls that wait. */
  readonly waiting: () => number;
}

/** Makes a clock that stands at 0. */
export function makeHandClock(): HandClock {
  let now = 0;
  const calls = new Set<{ readonly at: number; readonly call: () => void }>();
  return {
    now: () => now,
    after: (ms, call) => {
      const entry = { at: now + ms, call };
      calls.add(entry);
      return () => calls.delete(entry);
    },
    pass: (ms) => {
      const end = now + ms;
      for (;;) {
        const [next] = [...calls].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        calls.delete(next);
        now = Math.max(now, next.at);
        next.call();
      }
      now = end;
    },
    waiting: () => calls.size,
  };
}
