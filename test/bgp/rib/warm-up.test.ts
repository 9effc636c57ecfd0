import { expect, it } from 'vitest';
import { warmUp } from '../../../src/bgp/rib/index.ts';

it('stops when its time is over', () => {
  let now = 0;
  const rounds = warmUp(() => now++, 20);
  expect(rounds).toBeGreaterThan(0);
  expect(now).toBeLessThan(1000);
  expect(warmUp(() => 0, 0)).toBe(0);
});
