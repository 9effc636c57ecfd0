/** When self-audits run: after each interval, in slices, never while the speaker has anything else to do. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createAudits } from '../../../src/bgp/io/audits.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function audited() {
  const seen = { slices: 0, requests: 0, busy: false, left: 3 };
  const speaker = {
    hasWork: () => seen.busy,
    audit: () => {
      seen.slices++;
      seen.left--;
      return seen.left > 0;
    },
  };
  const audits = createAudits(
    speaker,
    () => 0,
    1_000,
    () => void seen.requests++,
  );
  return { seen, audits };
}

it('goes through everything once in an interval, and asks for the work that a slice may leave', () => {
  const { seen } = audited();
  vi.advanceTimersByTime(999);
  expect(seen.slices).toBe(0);
  vi.advanceTimersByTime(100);
  expect(seen).toMatchObject({ slices: 3, requests: 3 });
  vi.advanceTimersByTime(800);
  expect(seen.slices).toBe(3);
  vi.advanceTimersByTime(200);
  expect(seen.slices).toBe(4);
});

it('waits while the speaker is busy, also in the middle', () => {
  const { seen } = audited();
  vi.advanceTimersByTime(1_000);
  expect(seen.slices).toBe(1);
  seen.busy = true;
  vi.advanceTimersByTime(5_000);
  expect(seen.slices).toBe(1);
  seen.busy = false;
  vi.advanceTimersByTime(300);
  expect(seen.slices).toBe(3);
});

it('ends with its host', () => {
  const { seen, audits } = audited();
  vi.advanceTimersByTime(1_000);
  audits.stop();
  vi.advanceTimersByTime(10_000);
  expect(seen.slices).toBe(1);
});
