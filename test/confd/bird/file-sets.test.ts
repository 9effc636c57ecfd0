/** Sets change together, the one before is kept, and only their owner can read them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type FileSets, openFileSets } from '../../../src/confd/bird/file-sets.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'linnet-sets-'));
  folders.push(made);
  return join(made, 'conf');
}

const set = (text: string): ReadonlyMap<string, string> =>
  new Map([
    ['a', text],
    ['b', text],
  ]);
const swap = async (sets: FileSets, text: string): Promise<void> => sets.commit(await sets.stage(set(text)));

it('swaps all files at once and keeps one set before', async () => {
  const path = folder();
  const sets = await openFileSets(path);
  expect(await sets.read()).toBeUndefined();
  for (const text of ['1', '2', '3']) await swap(sets, text);
  expect(await sets.read()).toEqual(set('3'));
  expect(readdirSync(path).filter((name) => name.startsWith('set-'))).toHaveLength(2);
  expect([await sets.rollBack(), await sets.rollBack()]).toEqual([true, false]);
  expect(await sets.read()).toEqual(set('2'));
});

it('a staged set is not in force, and goes when it is not wanted', async () => {
  const sets = await openFileSets(folder());
  await swap(sets, '1');
  const staged = await sets.stage(set('2'));
  expect(await sets.read()).toEqual(set('1'));
  await sets.discard(staged);
  expect(() => readFileSync(join(staged, 'a'))).toThrow('ENOENT');
});

it('is found again by the next process, which never writes into the set in force', async () => {
  const path = folder();
  await swap(await openFileSets(path), '1');
  const sets = await openFileSets(path);
  expect(await sets.read()).toEqual(set('1'));
  await sets.stage(set('2'));
  expect(await sets.read()).toEqual(set('1'));
});

it('nobody else can read the files', async () => {
  const path = folder();
  const sets = await openFileSets(path);
  await swap(sets, '1');
  expect([path, sets.current, join(sets.current, 'a')].map((each) => statSync(each).mode & 0o077)).toEqual([0, 0, 0]);
});
