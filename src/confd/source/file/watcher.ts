/** Notices that something in a set of directories changed. Says where to look, never what happened. */
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { errorCode } from './directory.ts';

/** Watches of the directories below one root. */
export interface Watcher {
  /** Starts watching a directory; `id` tells a new directory of an old name from the old one. Idempotent. */
  add(directory: string, id: string): void;
  /** Stops watching directories that are not in the map (by name and id). */
  keepOnly(directories: ReadonlyMap<string, string>): void;
  /** True where some directory could not be watched: only looking again will do. */
  readonly blind: boolean;
  close(): void;
}

/** Called with the name that changed, relative to the root; undefined where that is not known. */
export type Notice = (name: string | undefined) => void;

/** Makes a watcher of nothing. `failed` hears of directories that cannot be watched (inotify limits), once each. */
export function createWatcher(root: string, notice: Notice, failed: (directory: string, code: string) => void): Watcher {
  const watches = new Map<string, { readonly id: string; readonly handle: FSWatcher }>();
  const blind = new Set<string>();

  const drop = (directory: string): void => {
    watches.get(directory)?.handle.close();
    watches.delete(directory);
  };
  const cannot = (directory: string, error: unknown): void => {
    drop(directory);
    if (!blind.has(directory)) failed(directory, errorCode(error));
    blind.add(directory);
  };
  return {
    add(directory, id) {
      if (watches.get(directory)?.id === id) return;
      drop(directory);
      try {
        const handle = watch(join(root, directory), (_, name) => {
          notice(name === null ? undefined : directory === '' ? name : `${directory}/${name}`);
        });
        handle.on('error', (error) => cannot(directory, error));
        watches.set(directory, { id, handle });
        blind.delete(directory);
      } catch (error) {
        cannot(directory, error);
      }
    },
    keepOnly(directories) {
      for (const [directory, { id }] of [...watches]) if (directories.get(directory) !== id) drop(directory);
      for (const directory of [...blind]) if (!directories.has(directory)) blind.delete(directory);
    },
    get blind() {
      return blind.size > 0;
    },
    close() {
      for (const directory of [...watches.keys()]) drop(directory);
    },
  };
}
