/**
 * Sets of files that change together: each set is a folder, `current` is a link to the one in force, and renaming the link
 * swaps all files at once. The set before is kept.
 */
import { mkdir, readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../../files/replace.ts';
import type { FileSet } from './render.ts';

/** A folder of sets. */
export interface FileSets {
  /** Where the files in force are found, whichever set it is. */
  readonly current: string;
  /** The files in force; undefined where there were never any. */
  read(): Promise<FileSet | undefined>;
  /** Writes a set beside the others, not in force yet; only the owner can read it. Returns its folder. */
  stage(files: FileSet): Promise<string>;
  /** Puts a staged set in force. */
  commit(staged: string): Promise<void>;
  /** Puts the set before back in force; false where there is none. */
  rollBack(): Promise<boolean>;
  /** Removes a staged set that is not wanted after all. */
  discard(staged: string): Promise<void>;
}

const STAGED = /^set-(\d+)$/;

/** Opens (and makes) the folder. */
export async function openFileSets(directory: string): Promise<FileSets> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const link = join(directory, 'current');
  const target = (): Promise<string | undefined> => readlink(link).catch(() => undefined);
  let before: string | undefined;
  let highest = Math.max(0, ...(await setsOf(directory)).map(({ number }) => number));
  const point = async (name: string): Promise<void> => {
    const aside = join(directory, '.current');
    await rm(aside, { force: true });
    await symlink(name, aside);
    await rename(aside, link);
  };
  return {
    current: link,
    read: async () => ((await target()) === undefined ? undefined : await readSet(link)),
    stage: async (files) => {
      highest += 1;
      const folder = join(directory, `set-${highest}`);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { mode: 0o700 });
      // On the disk before the link can point to it: a crash never leaves half a set in force.
      for (const [name, text] of files) await replaceFile(join(folder, name), text);
      return folder;
    },
    commit: async (staged) => {
      const name = nameOf(staged);
      const replaced = await target();
      await point(name);
      before = replaced;
      const kept = new Set([name, replaced]);
      for (const set of await setsOf(directory))
        if (!kept.has(set.name)) await rm(join(directory, set.name), { recursive: true, force: true });
    },
    rollBack: async () => {
      if (before === undefined) return false;
      await point(before);
      before = undefined;
      return true;
    },
    discard: (staged) => rm(staged, { recursive: true, force: true }),
  };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

async function setsOf(directory: string): Promise<readonly { readonly name: string; readonly number: number }[]> {
  return (await readdir(directory)).flatMap((name) => {
    const found = STAGED.exec(name);
    return found === null ? [] : [{ name, number: Number(found[1]) }];
  });
}

async function readSet(folder: string): Promise<FileSet> {
  const names = await readdir(folder);
  return new Map(await Promise.all(names.sort().map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)));
}
