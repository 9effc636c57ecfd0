import { describe, expect, it } from 'vitest';
import { RowMap } from '../../../src/bgp/rib/row-map.ts';
import { randomFrom } from './world-policies.ts';

describe('row map', () => {
  it('behaves as a map, across the borders of pages', () => {
    const random = randomFrom(42);
    const map = new RowMap<number>();
    const model = new Map<number, number>();
    for (let i = 0; i < 5_000; i++) {
      const row = 4_000 + random(200) + 1_000_000 * random(2);
      if (random(3) > 0) {
        map.set(row, i);
        model.set(row, i);
      } else {
        map.delete(row);
        model.delete(row);
      }
      const asked = 4_000 + random(200);
      expect(map.get(asked)).toBe(model.get(asked));
    }
    for (const row of [...model.keys()]) map.delete(row);
    for (const row of model.keys()) expect(map.get(row)).toBeUndefined();
  });
});
