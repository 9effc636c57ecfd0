/**
 * The directory in which others find the status of workload endpoints (dataplane 3.3, A26): CNI plugins and the BGP daemon read it
 * as whoever they are, so the directory is 0755 and each file 0644 whatever the umask or the agent before left there; a reader sees
 * a whole file or none.
 */
import type { Stats } from 'node:fs';
import { chmod, chown, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../src/files/replace.ts';

/** Name below the prefix. */
const STATUS_NAME = 'endpoint-status';
const DIRECTORY_MODE = 0o755;
const FILE_MODE = 0o644;

/** The directory of one agent. */
export interface EndpointStatus {
  readonly directory: string;
  /** Replaces one endpoint's file; `name` is escaped. Rejects with the system's error. */
  write(name: string, document: unknown): Promise<void>;
  /** One that is not there is no failure. */
  remove(name: string): Promise<void>;
  /** Puts modes and ownership right. Gives what was wrong, one sentence each. */
  audit(): Promise<readonly string[]>;
}

/** A name of an endpoint has slashes in it; Calico's files have %2F in their place. */
export function fileNameOf(name: string): string {
  return encodeURIComponent(name).replaceAll('.', '%2E');
}

const modeText = (mode: number): string => `0${(mode & 0o7777).toString(8)}`;

async function found(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

/** Mode and owner of one path; what was wrong, in words. */
async function repair(path: string, seen: Stats, mode: number): Promise<string[]> {
  const wrong: string[] = [];
  const [uid, gid] = [process.geteuid?.() ?? seen.uid, process.getegid?.() ?? seen.gid];
  if (seen.uid !== uid && uid === 0) {
    await chown(path, uid, gid);
    wrong.push(`${path} belonged to user ${seen.uid}`);
  }
  if ((seen.mode & 0o7777) !== mode) {
    await chmod(path, mode);
    wrong.push(`${path} had mode ${modeText(seen.mode)}`);
  }
  return wrong;
}

async function audit(directory: string): Promise<string[]> {
  const seen = await found(directory);
  if (seen === undefined) {
    await mkdir(directory, { recursive: true });
    await chmod(directory, DIRECTORY_MODE);
    return [];
  }
  // A link would lead what is written, and the modes, to a place that somebody else chose.
  if (!seen.isDirectory()) throw new Error(`${directory} is no directory`);
  const wrong = await repair(directory, seen, DIRECTORY_MODE);
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const file = await found(path);
    if (file?.isFile() === true) wrong.push(...(await repair(path, file, FILE_MODE)));
  }
  return wrong;
}

/** Opens the directory below `prefix` and puts it right. Rejects where it cannot be had. */
export async function openEndpointStatus(prefix: string): Promise<EndpointStatus> {
  const directory = join(prefix, STATUS_NAME);
  await audit(directory);
  return {
    directory,
    async write(name, document) {
      const path = join(directory, fileNameOf(name));
      await replaceFile(path, `${JSON.stringify(document)}\n`, FILE_MODE);
      await chmod(path, FILE_MODE);
    },
    remove: (name) => rm(join(directory, fileNameOf(name)), { force: true }),
    audit: () => audit(directory),
  };
}
