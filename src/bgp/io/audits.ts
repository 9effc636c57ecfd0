/** When the speaker audits itself: once in an interval, a slice at a time after polls, never while there is anything else to do. */
import type { Speaker } from '../speaker.ts';

/** Between two audits without an option, ms. */
export const AUDIT_MS = 60_000;

/** Of one slice, ms: sessions wait for no longer than that. */
const SLICE_MS = 1;

/** Wait after a slice, ms: an audit takes a fifth of an idle thread, nothing of a busy one. */
const PAUSE_MS = 4;

/** Wait for a busy speaker, ms. */
const BUSY_MS = 100;

/** Begins; `request` asks for a slice of the speaker's work. Timers do not keep the process alive. */
export function createAudits(
  speaker: Pick<Speaker, 'audit' | 'hasWork'>,
  now: () => number,
  intervalMs: number,
  request: () => void,
): { stop(): void } {
  let timer = setTimeout(slice, intervalMs).unref();

  function slice(): void {
    let wait = BUSY_MS;
    if (!speaker.hasWork()) {
      wait = speaker.audit(now, SLICE_MS) ? PAUSE_MS : intervalMs;
      request();
    }
    timer = setTimeout(slice, wait).unref();
  }

  return { stop: () => clearTimeout(timer) };
}
