import { describe, expect, it } from 'vitest';
import { isEndedChild, orphanTurn } from '../../src/main/orphans.ts';

describe('orphans', () => {
  it('are collected once they were seen twice: what the runtime collects by itself is gone by then', async () => {
    const reaped: number[] = [];
    let ended: readonly number[] = [7, 8];
    const turn = orphanTurn({ ended: () => Promise.resolve(ended), reap: (pid) => reaped.push(pid) });
    await turn();
    expect(reaped).toEqual([]);
    ended = [8, 9];
    await turn();
    expect(reaped).toEqual([8]);
    ended = [9];
    await turn();
    await turn();
    expect(reaped).toEqual([8, 9, 9]);
  });

  it.each([
    ['8 (sleep) Z 1 8 8 0 -1', true],
    ['8 (sleep) S 1 8 8 0 -1', false],
    ['8 (sleep) Z 2 8 8 0 -1', false],
    ['8 (Z 1 ) x) Z 1 8 8 0 -1', true],
    ['8 (Z) Z 1 9) S 1 8', false],
    ['', false],
  ])('are told by /proc/PID/stat: %s', (stat, is) => {
    expect(isEndedChild(stat, 1)).toBe(is);
  });
});
