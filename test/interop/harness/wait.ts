/** Waiting for something to become true, with a deadline and the last thing seen in the error. */
import { setTimeout as pause } from 'node:timers/promises';

/** Between two looks, in ms: short against what is waited for, long against the cost of starting a client program. */
const LOOK_EVERY = 150;

/** Seconds from the start of a daemon to its first answer: reading the interfaces takes seconds while others make and remove namespaces. */
export const START_SECONDS = 60;

/** Thrown by a look that no waiting can help, such as a daemon that ended. */
export class Hopeless extends Error {}

/**
 * Looks again until `look` returns without throwing; gives what it returned. After `seconds` it rejects with what was waited
 * for and the last reason.
 */
export async function until<T>(what: string, seconds: number, look: () => Promise<T> | T): Promise<T> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      if (Date.now() >= end)
        throw new Error(`${what}: not within ${seconds} s: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    await pause(LOOK_EVERY);
  }
}

/** Passes when `look` stays without throwing for the whole time: for what must not happen. */
export async function holds(what: string, seconds: number, look: () => Promise<void> | void): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    try {
      await look();
    } catch (error) {
      throw new Error(`${what}: did not hold: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
    await pause(LOOK_EVERY);
  }
}
