/** What `npm run soak` says of its samples: a leak is found, noise is not. */
import { describe, expect, it } from 'vitest';
import { readArguments } from '../../tools/soak/arguments.js';
import type { Sample } from '../../tools/soak/verdict.js';
import { growth, leaks, slope } from '../../tools/soak/verdict.js';

const MIB = 1024 * 1024;
const samples = (rss: (minute: number) => number): Sample[] =>
  Array.from({ length: 40 }, (_, minute) => ({ minute, rss: rss(minute) * MIB, heap: 20 * MIB }));

describe('growth', () => {
  it.each([
    ['none where it is level', () => 100],
    ['none where it warms up and stays', (minute: number) => 100 + Math.min(minute, 8) * 5],
    ['none where the allocator breathes', (minute: number) => 100 + (minute % 5)],
  ])('%s', (_title, rss) => {
    expect(growth(samples(rss), 'rss')).toBeUndefined();
  });

  it('is said of a leak, with its speed', () => {
    const leaking = samples((minute) => 100 + minute);
    expect(slope(leaking, 'rss')).toBe(MIB);
    expect(growth(leaking, 'rss')).toBe('rss grew from 114.5 to 134.5 MiB, 1.0 MiB a minute');
    expect(growth(leaking, 'heap')).toBeUndefined();
  });

  it('is not said of too few samples', () => {
    expect(growth(samples((minute) => 100 * minute).slice(0, 6), 'rss')).toBeUndefined();
  });
});

it('names what was not given back', () => {
  expect(leaks({ fd: 20, Timeout: 1 }, { fd: 22, Timeout: 1, FSReqPromise: 1 })).toEqual([
    'fd: 22 instead of 20',
    'FSReqPromise: 1 instead of 0',
  ]);
});

describe('arguments', () => {
  it('have defaults', () => {
    expect(readArguments(['--minutes', '15'], 7)).toEqual({ minutes: 15, clients: 200, changes: 50, seed: 7 });
  });
  it.each([
    [['--minutes', '0'], '--minutes 0: must be a whole number from 1 to 10080'],
    [['--minutes'], '--minutes : must be a whole number from 1 to 10080'],
    [['--speed', '1'], '--speed: there is no such option'],
  ])('%j', (args, text) => {
    expect(readArguments(args, 7)).toBe(text);
  });
});
