/** The space of young objects of a process that limits it, and of one that does not. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const BUILT = fileURLToPath(new URL('../../dist/src/main/young-space.js', import.meta.url));

/** MiB of the space after half a million objects that stay for a while. */
function grown(limited: boolean): number {
  const program = `
    import { getHeapSpaceStatistics } from 'node:v8';
    import { limitYoungSpace } from ${JSON.stringify(BUILT)};
    if (${limited}) limitYoungSpace();
    let kept = [];
    for (let turn = 0; turn < 400; turn++) {
      for (let i = 0; i < 5000; i++) kept.push({ turn, i });
      if (kept.length > 200000) kept = [];
    }
    console.log(getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size / 1048576);`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }));
}

describe('the space of young objects', () => {
  it('ends growing at half of what V8 would take', () => {
    expect([grown(true), grown(false)]).toEqual([16, 32]);
  });
});
