/** The file that tells CNI plugins the MTU of pods: digits and nothing else, as Calico's has them, whole at any moment. */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Readable for all, whatever the umask: plugins run as anybody. */
const MODE = 0o644;

/** The number in the file; undefined where there is none. */
export function readMtuFile(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return /^\d{1,5}$/.test(text) ? Number(text) : undefined;
  } catch {
    // Missing or not readable: writing it says which.
    return undefined;
  }
}

/** Replaces the file; its directory is made where it is missing. Throws the system's error and leaves the old file. */
export function writeMtuFile(path: string, mtu: number): void {
  const draft = `${path}.new`;
  mkdirSync(dirname(path), { recursive: true });
  rmSync(draft, { force: true });
  try {
    writeFileSync(draft, String(mtu), { mode: MODE, flag: 'wx' });
    chmodSync(draft, MODE);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
