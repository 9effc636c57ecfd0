/** Files that are replaced as a whole, and state read back from them. */
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceFile } from '../../src/files/replace.ts';
import { readState, writeState } from '../../src/files/state-file.ts';

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'linnet-files-'));
  path = join(folder, 'state.json');
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const modeOf = async (): Promise<number> => (await stat(path)).mode & 0o777;

describe('a file that is replaced', () => {
  it.each([
    ['one text', 'new\n'],
    ['pieces', ['ne', 'w\n']],
  ])('from %s has the whole text and the mode asked for, whatever was there', async (_, text) => {
    await writeFile(path, 'old and longer\n');
    await chmod(path, 0o666);
    await replaceFile(path, text);
    expect([await readFile(path, 'utf8'), await modeOf()]).toEqual(['new\n', 0o600]);
    await replaceFile(path, text, 0o644);
    expect([await modeOf(), await readdir(folder)]).toEqual([0o644, ['state.json']]);
  });

  it('has nothing of a draft that a killed run left, nor its mode', async () => {
    await writeFile(`${path}.new`, 'half of something that is longer', { mode: 0o666 });
    await replaceFile(path, 'x');
    expect([await readFile(path, 'utf8'), await modeOf(), await readdir(folder)]).toEqual(['x', 0o600, ['state.json']]);
  });

  it('is not written through a draft that is a link elsewhere', async () => {
    const other = join(folder, 'other');
    await writeFile(other, 'not ours');
    await symlink(other, `${path}.new`);
    await replaceFile(path, 'ours');
    expect([await readFile(other, 'utf8'), await readFile(path, 'utf8')]).toEqual(['not ours', 'ours']);
  });

  it('stays as it was where its text cannot be made', async () => {
    await writeFile(path, 'old');
    const broken = function* (): Generator<string> {
      yield 'half';
      throw new Error('no more text');
    };
    await expect(replaceFile(path, broken())).rejects.toThrow('no more text');
    expect([await readFile(path, 'utf8'), await readdir(folder)]).toEqual(['old', ['state.json']]);
  });

  it('rejects with what the system says where the directory is missing', async () => {
    await expect(replaceFile(join(folder, 'none', 'state.json'), 'x')).rejects.toThrow(/ENOENT/);
  });
});

describe('state', () => {
  const SCHEMA = 'linnet.example/v1';
  const read = async (): Promise<{ readonly fields: unknown; readonly told: readonly string[] }> => {
    const told: string[] = [];
    return { fields: await readState(path, SCHEMA, (because) => told.push(because)), told };
  };

  it('comes back as it was written', async () => {
    await writeState(path, SCHEMA, { phase: 'left', since: 7 });
    expect(await read()).toEqual({ fields: { schema: SCHEMA, phase: 'left', since: 7 }, told: [] });
  });

  it('is none, and nothing to tell, where there is no file', async () => {
    expect(await read()).toEqual({ fields: undefined, told: [] });
  });

  it.each([
    ['', /JSON/],
    ['{"schema":"linnet.exam', /JSON/],
    ['null', /schema linnet\.example\/v1/],
    ['[]', /schema/],
    ['"linnet.example/v1"', /schema/],
    ['{"schema":"linnet.example/v2"}', /schema/],
  ])('is none where the file holds %j, and that is told', async (text, told) => {
    await writeFile(path, text);
    const found = await read();
    expect(found.fields).toBeUndefined();
    expect(found.told).toEqual([expect.stringMatching(told)]);
  });
});
