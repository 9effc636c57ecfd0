/** The lateness of a loop, with the real one: a stall is seen while the thread works and soon after it did not. */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { measureLoop } from '../../../src/confd/native/loop-delay.ts';

const stall = (ms: number): void => {
  for (const end = performance.now() + ms; performance.now() < end; );
};

it('sees a stall that a session would feel, also of a thread that hardly works', async () => {
  const read = measureLoop();
  expect(read()).toEqual({ meanMs: 0, p99Ms: 0, maxMs: 0 });
  // From here on it is looked at twice a second.
  await pause(120);
  read();
  stall(1200);
  await pause(20);
  const { meanMs, p99Ms, maxMs } = read();
  expect(maxMs).toBeGreaterThan(500);
  expect(p99Ms).toBe(maxMs);
  expect(meanMs).toBeGreaterThan(0);
  expect(read()).toEqual({ meanMs: 0, p99Ms: 0, maxMs: 0 });
});
