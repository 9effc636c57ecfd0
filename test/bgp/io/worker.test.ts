/** The loop of work slices against a speaker that only counts. */
import { setImmediate as nextPoll } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { monotonicNow } from '../../../src/bgp/io/index.ts';
import { createWorker, type Worker } from '../../../src/bgp/io/worker.ts';

it('does one slice between two polls, whatever its outputs lead to', async () => {
  const slices: number[] = [];
  let poll = 0;
  const worker: Worker = createWorker(
    {
      hasWork: () => slices.length < 20,
      joining: () => false,
      work: () => {
        slices.push(poll);
        return { outputs: [], more: slices.length < 20 };
      },
    },
    monotonicNow,
    // As a send that fills its socket.
    () => worker.request(),
  );
  worker.request();
  for (; slices.length < 20; poll++) await nextPoll();
  worker.stop();
  expect(new Set(slices).size).toBe(20);
});

it('goes on after a flush when something came in meanwhile', async () => {
  let waiting = 0;
  let done = 0;
  const worker = createWorker(
    {
      hasWork: () => waiting > 0,
      joining: () => false,
      work: () => {
        done += waiting;
        waiting = 0;
        return { outputs: [], more: false };
      },
    },
    monotonicNow,
    () => {
      // Arrives while the outputs of the first flush are carried out.
      if (done === 1) waiting = 1;
      worker.request();
    },
  );
  waiting = 1;
  worker.request();
  for (const end = monotonicNow() + 5000; done < 2 && monotonicNow() < end; ) await nextPoll();
  worker.stop();
  expect(done).toBe(2);
});

it.each([
  [false, 15],
  [true, 100],
])('waits for the end of a burst, while sessions come up (%s) for at most %d ms', async (joining, most) => {
  let at = 0;
  let flushedAt = -1;
  const worker = createWorker(
    {
      hasWork: () => true,
      joining: () => joining,
      work: () => {
        flushedAt = at;
        return { outputs: [], more: false };
      },
    },
    () => at,
    () => undefined,
  );
  for (; flushedAt < 0 && at < 1000; at++) {
    worker.request();
    await nextPoll();
  }
  worker.stop();
  expect(Math.abs(flushedAt - most)).toBeLessThanOrEqual(1);
});
