/** What the node's lifecycle keeps on the host: the operator's drain, and the moment a shutdown began (control-plane 8.3). */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFile } from '../files/replace.ts';
import { readState, type StateFields, writeState } from '../files/state-file.ts';
import type { DrainFile, DrainMemory } from './drain.ts';

const DRAIN_NAME = 'drain.json';
const SCHEMA = 'linnet.drain-state/v1';

/** Neither file holds anything that others on the host may not know. */
const MODE = 0o644;

/** The drain of the node in its state directory. What cannot be read counts as none. */
export function drainFile(directory: string): DrainFile {
  const path = join(directory, DRAIN_NAME);
  return {
    read: async () => readDrain(await readState(path, SCHEMA)),
    write: (memory) => (memory === undefined ? rm(path, { force: true }) : writeState(path, SCHEMA, { ...memory }, MODE)),
  };
}

function readDrain(fields: StateFields | undefined): DrainMemory | undefined {
  const { phase, since } = fields ?? {};
  return (phase === 'draining' || phase === 'left') && typeof since === 'number' ? { phase, since } : undefined;
}

/** The shutdown timestamp file; a directory that is missing or not ours is no reason to fail: undefined, or why it was not done. */
export interface ShutdownFile {
  write(at: Date): Promise<string | undefined>;
  remove(): Promise<string | undefined>;
}

/** At a path of the operator's or Calico's choice. The text is the time in RFC 3339, as Calico's. */
export function shutdownFile(path: string): ShutdownFile {
  const attempt = (work: Promise<void>): Promise<string | undefined> =>
    work.then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
  return {
    write: (at) => attempt(replaceFile(path, at.toISOString(), MODE)),
    remove: () => attempt(rm(path, { force: true })),
  };
}
