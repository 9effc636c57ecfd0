import { describe, expect, it } from 'vitest';
import { createLiveClock } from '../../src/health/clock.ts';

describe('live clock', () => {
  it.each([
    ['small steps count in full', [0, 250, 500, 900], 900],
    ['a suspended process counts one second at most', [0, 250, 60_250], 1250],
    ['a step back counts nothing', [100, 350, 300, 400], 350],
  ])('%s', (_name, readings, lived) => {
    const left = [...readings];
    const clock = createLiveClock(() => left.shift() ?? 0);
    let now = 0;
    for (let i = 1; i < readings.length; i += 1) now = clock();
    expect(now).toBe(lived);
  });
});
