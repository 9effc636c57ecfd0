/** When the speaker's work is done: slices between polls, in flushes that leave half of the time to reading. */
import {
  BURST_GATHER_MS,
  BURST_INPUTS,
  FLUSH_SPACING_MAX_MS,
  FLUSH_SPACING_MS,
  GATHER_MS,
  JOIN_GATHER_MS,
  WORK_SLICE_MS,
} from '../session/index.ts';
import type { Speaker } from '../speaker.ts';
import type { SpeakerOutput } from '../speaker-types.ts';

/** Slices of the speaker's work between polls. */
export interface Worker {
  /** Something came in; there may be work. */
  request(): void;
  stop(): void;
}

/**
 * When work is done. After quiet a change goes out as soon as one poll brought nothing more, so that a burst is encoded once (at
 * most 15 ms are waited, 50 while a wave of inputs comes in, 100 while sessions come up). While busy, flushes begin at least as far apart as
 * the last one took, never less than 5 ms and never more than 16: fan-out leaves time to reading, and changes in between are batched
 * (bgp-speaker 2.4).
 * After every request and every slice: where the speaker has work, exactly one slice is on its way (or runs now), until `stop`.
 */
export function createWorker(
  speaker: Pick<Speaker, 'work' | 'hasWork' | 'joining'>,
  now: () => number,
  perform: (outputs: readonly SpeakerOutput[]) => void,
): Worker {
  let immediate: NodeJS.Immediate | undefined;
  let timeout: NodeJS.Timeout | undefined;
  let busyMs = 0;
  let nextFlushAt = -Infinity;
  let gatherFrom = Infinity;
  let inputs = 0;
  let running = false;
  let stopped = false;

  function run(): void {
    immediate = undefined;
    timeout = undefined;
    const from = now();
    if (inputs > 0 && from < gatherFrom + gatherMs(inputs, speaker.joining(from))) {
      inputs = 0;
      immediate = setImmediate(run);
      return;
    }
    // What outputs lead to at once (a full socket) asks for work too; a second chain of slices would leave less to the polls.
    running = true;
    const { outputs, more } = speaker.work(now, WORK_SLICE_MS);
    perform(outputs);
    running = false;
    const to = now();
    busyMs += to - from;
    if (more && !stopped) {
      gatherFrom = -Infinity;
      immediate = setImmediate(run);
      return;
    }
    nextFlushAt = to + Math.min(FLUSH_SPACING_MAX_MS, Math.max(FLUSH_SPACING_MS, busyMs));
    busyMs = 0;
    schedule();
  }

  function schedule(): void {
    if (stopped || running || immediate !== undefined || timeout !== undefined || !speaker.hasWork()) return;
    const from = now();
    const wait = nextFlushAt - from;
    gatherFrom = Math.max(from, nextFlushAt);
    if (wait <= 0) immediate = setImmediate(run);
    else timeout = setTimeout(run, Math.ceil(wait));
  }

  return {
    request: () => {
      inputs++;
      schedule();
    },
    stop: () => {
      stopped = true;
      clearImmediate(immediate);
      clearTimeout(timeout);
    },
  };
}

/** Longest wait, ms, where the last poll brought so many inputs. */
function gatherMs(inputs: number, joining: boolean): number {
  if (joining) return JOIN_GATHER_MS;
  return inputs >= BURST_INPUTS ? BURST_GATHER_MS : GATHER_MS;
}
