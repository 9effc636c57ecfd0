/**
 * No lost wake-up in the loop of slices: whenever the speaker has work, a slice is on its way or running, whatever order requests, slices that
 * leave some, and outputs that bring new work come in. And never two at once: two chains would leave half as much to the polls.
 */
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createWorker } from '../../../src/bgp/io/worker.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setImmediate', 'clearImmediate', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Units of work that come in, ms that pass, or a request without work. */
type Step = { readonly kind: 'work' | 'time' | 'request'; readonly number: number };

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('work', 'work', 'time', 'request'),
  number: fc.integer({ min: 1, max: 40 }),
});

it('does everything that came in, one slice at a time', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.array(fc.nat(3), { minLength: 1, maxLength: 9 }), (steps, brings) => {
      let now = 0;
      let waiting = 0;
      let slices = 0;
      const speaker = {
        hasWork: () => waiting > 0,
        joining: () => false,
        work: () => {
          now += 1;
          waiting = Math.max(0, waiting - 5);
          return { outputs: [], more: waiting > 0 };
        },
      };
      const worker = createWorker(
        speaker,
        () => now,
        () => {
          slices++;
          // Some outputs fill a socket or empty one, which is an input at once, with work or without.
          const brought = brings[slices % brings.length] ?? 0;
          if (slices > 500) return;
          if (brought === 1) waiting += 2;
          if (brought > 0) worker.request();
        },
      );
      for (const { kind, number } of steps) {
        if (kind === 'time') {
          now += number;
          vi.advanceTimersByTime(number);
        } else {
          if (kind === 'work') waiting += number;
          worker.request();
        }
        expect(vi.getTimerCount()).toBeLessThanOrEqual(1);
        if (waiting > 0) expect(vi.getTimerCount()).toBe(1);
      }
      for (let turns = 0; vi.getTimerCount() > 0 && turns < 5_000; turns++) {
        now += 1;
        vi.advanceTimersByTime(1);
      }
      expect([waiting, vi.getTimerCount()]).toEqual([0, 0]);
      worker.stop();
    }),
    { numRuns: 200 },
  );
});
