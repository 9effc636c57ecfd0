/** Files of a set on their way: what differs, staged beside its destination, swapped, and put back where a swap fails half way. */
import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** One file of a set as it should be. */
export interface WantedFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  /** Absent: as the file is, 0644 for a new one. */
  readonly mode: number | undefined;
  /** Absent: the process's own. */
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

interface Present {
  readonly text: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const DEFAULT_MODE = 0o644;

async function present(path: string): Promise<Present | undefined> {
  try {
    const [text, { mode, uid, gid }] = await Promise.all([readFile(path, 'utf8'), stat(path)]);
    return { text, mode: mode & 0o7777, uid, gid };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The file with its mode and owners decided, and whether the one there differs in any of them. */
export async function compareFile(wanted: WantedFile): Promise<{ readonly whole: Present; readonly differs: boolean }> {
  const there = await present(wanted.path);
  const whole: Present = {
    text: wanted.text,
    mode: wanted.mode ?? there?.mode ?? DEFAULT_MODE,
    uid: wanted.uid ?? process.geteuid?.() ?? 0,
    gid: wanted.gid ?? process.getegid?.() ?? 0,
  };
  const same =
    there !== undefined && there.text === whole.text && there.mode === whole.mode && there.uid === whole.uid && there.gid === whole.gid;
  return { whole, differs: !same };
}

/** Files staged in a folder beside each destination folder; the whole set is there, so that includes find each other. */
export interface Staged {
  /** Where a destination is staged. */
  pathOf(destination: string): string;
  /** Renames the staged files over their destinations: all of them, or none. */
  swap(destinations: readonly string[]): Promise<void>;
  remove(): Promise<void>;
  /** The folders, for those who keep them. */
  readonly folders: readonly string[];
}

/** Writes a set to its staging folders. */
export async function stageFiles(files: readonly { readonly path: string; readonly whole: Present }[]): Promise<Staged> {
  const folders = new Map<string, string>();
  const remove = async (): Promise<void> => {
    for (const folder of folders.values()) await rm(folder, { recursive: true, force: true });
  };
  const pathOf = (destination: string): string => join(folders.get(dirname(destination)) ?? '', basename(destination));
  try {
    for (const { path, whole } of files) {
      const place = dirname(path);
      if (!folders.has(place)) {
        await mkdir(place, { recursive: true });
        folders.set(place, await mkdtemp(join(place, '.linnet-stage-')));
      }
      await writeWhole(pathOf(path), whole);
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    pathOf,
    remove,
    folders: [...folders.values()],
    swap: async (destinations) => {
      const before = new Map<string, Present | undefined>();
      try {
        for (const path of destinations) {
          const old = await present(path);
          before.set(path, old);
          await moveOver(pathOf(path), path);
        }
      } catch (error) {
        for (const [path, old] of before) await (old === undefined ? rm(path, { force: true }) : writeWhole(path, old));
        throw error;
      }
    },
  };
}

/** Readable by its owner only until owner and mode are right. */
async function writeWhole(path: string, { text, mode, uid, gid }: Present): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  if (process.geteuid?.() === 0) await chown(path, uid, gid);
  await chmod(path, mode);
}

/** A file that is a mount of its own cannot be replaced, only written (control-plane 7). */
async function moveOver(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EBUSY')) throw error;
    await writeFile(to, await readFile(from));
  }
}
