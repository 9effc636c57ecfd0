import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SILENT_LOG } from '../../src/confd/log.ts';
import type { DrainMemory } from '../../src/node/drain.ts';
import { createDrain } from '../../src/node/drain.ts';
import { drainFile, shutdownFile } from '../../src/node/files.ts';

function world(stored?: DrainMemory) {
  const seen: string[] = [];
  let memory = stored;
  let now = 1000;
  const drain = createDrain({
    file: {
      read: async () => memory,
      write: async (next) => {
        memory = next;
        seen.push(`file ${next?.phase ?? 'none'}`);
      },
    },
    engine: async (phase) => {
      seen.push(phase);
    },
    now: () => now++,
    log: SILENT_LOG,
  });
  return { drain, seen, memory: () => memory };
}

describe('draining', () => {
  it('is on the host before the engine has it, and asks for nothing twice', async () => {
    const { drain, seen, memory } = world();
    await drain.restore();
    expect(await drain.ask('on')).toEqual({ phase: 'draining', since: 1000, causes: ['operator'] });
    await drain.ask('on');
    expect(await drain.ask('leave')).toEqual({ phase: 'left', since: 1000, causes: ['operator'] });
    expect(await drain.ask('off')).toEqual({ phase: 'off', since: 0, causes: [] });
    expect(seen).toEqual(['file draining', 'draining', 'file left', 'left', 'file none', 'off']);
    expect(memory()).toBeUndefined();
  });

  it('takes up what the run before was told', async () => {
    const { drain, seen } = world({ phase: 'left', since: 7 });
    await drain.restore();
    expect([drain.state(), seen]).toEqual([{ phase: 'left', since: 7, causes: ['operator'] }, ['left']]);
  });

  it('a cordon drains but never leaves, and goes with its cause; the operator stays', async () => {
    const { drain, seen } = world();
    await drain.cordoned(true);
    await drain.ask('on');
    await drain.cordoned(false);
    expect(drain.state()).toEqual({ phase: 'draining', since: 1001, causes: ['operator'] });
    await drain.ask('off');
    await drain.stopping();
    expect(seen).toEqual(['draining', 'file draining', 'file none', 'off', 'draining']);
    expect(drain.state().causes).toEqual(['shutdown']);
  });
});

describe('what is kept on the host', () => {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-drain-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('a drain is read as it was written; what is torn or of another version is none', async () => {
    const file = drainFile(folder);
    expect(await file.read()).toBeUndefined();
    await file.write({ phase: 'left', since: 5 });
    expect(await file.read()).toEqual({ phase: 'left', since: 5 });
    for (const text of [
      '{',
      '[]',
      '{"schema":"linnet.drain-state/v2","phase":"left","since":5}',
      '{"schema":"linnet.drain-state/v1","phase":"x"}',
    ]) {
      writeFileSync(join(folder, 'drain.json'), text);
      expect(await file.read()).toBeUndefined();
    }
    await file.write(undefined);
    await file.write(undefined);
    expect(await file.read()).toBeUndefined();
  });

  it('a shutdown file that cannot be written is told, not thrown', async () => {
    expect(await shutdownFile(join(folder, 'ts')).write(new Date(0))).toBeUndefined();
    expect(await shutdownFile(join(folder, 'ts')).remove()).toBeUndefined();
    expect(await shutdownFile(join(folder, 'no', 'ts')).write(new Date(0))).toContain('ENOENT');
  });
});
