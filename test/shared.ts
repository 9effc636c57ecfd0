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

/** Files under `corpus/<folder>` of the shared folder whose names match, sorted; empty where the folder is absent. */
export function corpusFiles(folder: string, name: RegExp): string[] {
  const shared = sharedFolder();
  const path = shared === undefined ? undefined : join(shared, 'corpus', folder);
  if (path === undefined || !existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}

/** The title of a suite that needs the corpus: says why it is skipped where it is. */
export function corpusTitle(title: string): string {
  return sharedFolder() === undefined ? `${title} (skipped: no ../shared folder and LINNET_SHARED is not set)` : title;
}
