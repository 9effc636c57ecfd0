/** The lateness of a loop, with the real one: a stall is seen while the thread works and soon after it did not. */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { measureLoop } from '../../../src/confd/native/loop-delay.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

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

it('looks seldom while the thread hardly works, and often again once it does', () => {
  const share = (utilization: number) => ({ idle: 0, active: 0, utilization });
  const used = vi.spyOn(performance, 'eventLoopUtilization').mockReturnValue(share(0));
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const read = measureLoop();
  expect(timers.mock.calls.map(([, ms]) => ms)).toEqual([100]);
  // A look keeps no thread alive.
  expect(timers.mock.results.map(({ value }) => value.hasRef())).toEqual([false]);
  read();
  vi.advanceTimersByTime(100);
  const since = share(0.5);
  used.mockReturnValue(since);
  read();
  vi.advanceTimersByTime(500);
  expect(timers.mock.calls.map(([, ms]) => ms)).toEqual([100, 500, 100]);
  read();
  // The share is that of the time since the last reading.
  expect(used.mock.calls.at(-1)?.[1]).toBe(since);
});

it('takes a timer that comes early for one in time', () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  vi.spyOn(performance, 'now').mockReturnValue(0);
  const read = measureLoop();
  vi.advanceTimersByTime(100);
  expect(read()).toEqual({ meanMs: 0, p99Ms: 0, maxMs: 0 });
});
