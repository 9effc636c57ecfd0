/** What one run leaves for the next one in the state directory. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRestartState, readForwarding } from '../../src/main/restart-state.ts';

const NOW = { bootId: 'b2f1', networkNamespace: 'net:[4026531840]' };

describe('a start after another one', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'linnet-restart-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('is a restart where boot and network namespace are the same', async () => {
    expect((await openRestartState(directory, NOW)).restarted).toBe(false);
    expect((await openRestartState(directory, NOW)).restarted).toBe(true);
    expect((await openRestartState(directory, { ...NOW })).restarted).toBe(true);
  });

  it.each([
    ['the machine was booted', { ...NOW, bootId: 'c3' }],
    ['it runs in another network namespace', { ...NOW, networkNamespace: 'net:[1]' }],
  ])('is none where %s', async (_, then) => {
    await openRestartState(directory, NOW);
    expect((await openRestartState(directory, then)).restarted).toBe(false);
    expect((await openRestartState(directory, then)).restarted).toBe(true);
  });

  it('is none after an end for good, nor over a torn file; nothing else is left in the directory', async () => {
    const first = await openRestartState(directory, NOW);
    await first.forget();
    await first.forget();
    expect(readdirSync(directory)).toEqual([]);
    writeFileSync(join(directory, 'restart.json'), '{"schema":"linn');
    expect((await openRestartState(directory, NOW)).restarted).toBe(false);
    expect(readdirSync(directory)).toEqual(['restart.json']);
  });

  it('reads both from this machine', async () => {
    const { bootId, networkNamespace } = await readForwarding();
    expect(bootId).toMatch(/^[0-9a-f-]{36}$/);
    expect(networkNamespace).toMatch(/^net:\[\d+\]$/);
  });
});
