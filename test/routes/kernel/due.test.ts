/** Prefixes that wait their turn. */
import { expect, it } from 'vitest';
import { Due } from '../../../src/routes/kernel/due.ts';

const range = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => String(from + index));

it('gives what is due once, in portions and in order; what comes meanwhile comes after', () => {
  const due = new Due();
  for (const key of [...range(0, 5), '3', '0']) due.add(key);
  expect([due.size, due.take(2), due.size]).toEqual([5, ['0', '1'], 3]);
  // One that was in the portion before is due again; one that still waits may come twice.
  for (const key of ['0', '4', '9']) due.add(key);
  expect(due.size).toBe(6);
  expect([due.take(10), due.take(2), due.take(2), due.take(2)]).toEqual([['2', '3', '4'], ['0', '4'], ['9'], []]);
  expect(due.size).toBe(0);
});
