/** What a loop has to look at next, and its sleep until there is something. */
import type { Clock } from '../../clock.ts';

/** Names noted since the last round; `everything` where a name was not enough. */
export interface Noted {
  readonly everything: boolean;
  readonly names: ReadonlySet<string>;
}

/** The bell of one loop. */
export interface Wake {
  /** Notes a name, or everything, and ends the sleep. */
  note(name: string | undefined): void;
  /** Takes what was noted. The first time that is everything. */
  take(): Noted;
  /** Sleeps at most `ms`; not at all while something is noted. True where nothing cut it short. */
  sleep(ms: number): Promise<boolean>;
}

/** Makes a bell that also rings when the signal aborts. */
export function createWake(clock: Clock, signal: AbortSignal): Wake {
  let everything = true;
  let names = new Set<string>();
  let sleeping: AbortController | undefined;
  signal.addEventListener('abort', () => sleeping?.abort(), { once: true });
  return {
    note(name) {
      if (name === undefined) everything = true;
      else names.add(name);
      sleeping?.abort();
    },
    take() {
      const noted = { everything, names };
      everything = false;
      names = new Set();
      return noted;
    },
    async sleep(ms) {
      if (everything || names.size > 0 || signal.aborted) return false;
      const cut = new AbortController();
      sleeping = cut;
      await clock.wait(ms, cut.signal);
      sleeping = undefined;
      return !cut.signal.aborted;
    },
  };
}
