/** What the node's lifecycle keeps on the host: the operator's drain, and the moment a shutdown began (control-plane 8.3). */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../confd/resources/fields.ts';
import type { DrainFile, DrainMemory } from './drain.ts';

const DRAIN_NAME = 'drain.json';
const SCHEMA = 'linnet.drain-state/v1';

async function replace(path: string, text: string): Promise<void> {
  const half = `${path}.new`;
  await writeFile(half, text, { mode: 0o644 });
  await rename(half, path);
}

/** The drain of the node in its state directory. What cannot be read counts as none. */
export function drainFile(directory: string): DrainFile {
  const path = join(directory, DRAIN_NAME);
  return {
    read: async () => readDrain(await readFile(path, 'utf8').catch(() => '')),
    write: (memory) =>
      memory === undefined ? rm(path, { force: true }) : replace(path, `${JSON.stringify({ schema: SCHEMA, ...memory })}\n`),
  };
}

function readDrain(text: string): DrainMemory | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || value['schema'] !== SCHEMA) return undefined;
  const { phase, since } = value;
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
    write: (at) => attempt(replace(path, at.toISOString())),
    remove: () => attempt(rm(path, { force: true })),
  };
}
