/**
 * Finds the folder with the reference corpora. It is named by LINNET_SHARED or lies beside the project; on a user's
 * machine it is absent and the suites that need it say so and skip.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const projectRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Absolute path of the shared folder; undefined where there is none. */
export function sharedFolder(): string | undefined {
  const named = process.env['LINNET_SHARED'];
  const folder = named === undefined || named === '' ? resolve(projectRoot, '..', 'shared') : resolve(named);
  return existsSync(folder) ? folder : undefined;
}

/**
 * The folder with corpora: the one named by LINNET_CORPUS, of any layout, else `corpus` in the shared folder; undefined where there is
 * none. `LINNET_CORPUS=DIR npx vitest run corpus` runs every adapter on what it finds below DIR.
 */
export function corpusFolder(): string | undefined {
  const named = process.env['LINNET_CORPUS'];
  if (named !== undefined && named !== '') return resolve(named);
  const shared = sharedFolder();
  const folder = shared === undefined ? undefined : join(shared, 'corpus');
  return folder !== undefined && existsSync(folder) ? folder : undefined;
}

/** Files anywhere below the folder of corpora whose names match, sorted; empty where there is no such folder. */
export function corpusFiles(name: RegExp): string[] {
  const folder = corpusFolder();
  if (folder === undefined) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

/** True where a suite that found `count` cases has nothing to run: no corpora at all, or a folder named by hand without any of its kind. */
export function corpusAbsent(count: number): boolean {
  const named = process.env['LINNET_CORPUS'];
  return corpusFolder() === undefined || (count === 0 && named !== undefined && named !== '');
}

/** The title of a suite that needs a corpus: says why it is skipped where it is. */
export function corpusTitle(title: string): string {
  if (corpusFolder() === undefined) return `${title} (skipped: no ../shared folder, and neither LINNET_SHARED nor LINNET_CORPUS is set)`;
  return title;
}
