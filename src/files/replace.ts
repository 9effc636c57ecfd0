/** Files that are whole at any moment: written beside the one in force, on the disk, then renamed over it. */
import { open, rename, rm } from 'node:fs/promises';

/** Mode of a file that its owner alone may read. */
const OWNER_ONLY = 0o600;

/**
 * Replaces the file at `path`, in a directory that exists: a crash leaves the old text or the new one, never a part. Pieces of a text too
 * long for one string are written in order. `mode`, less the umask, is also that of a file that was there with another; default 0600.
 * Rejects with the system's error, and then leaves the old file and no draft.
 */
export async function replaceFile(path: string, text: string | Iterable<string>, mode: number = OWNER_ONLY): Promise<void> {
  const draft = `${path}.new`;
  // A draft of a run that was killed may have the mode of another version.
  await rm(draft, { force: true });
  try {
    const file = await open(draft, 'wx', mode);
    try {
      for (const piece of typeof text === 'string' ? [text] : text) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}
