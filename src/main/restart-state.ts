/**
 * Whether a run before this one left routes with peers and with the kernel: then the first OPENs say so (R and F bits, RFC 4724
 * section 3) and peers keep what they have. Held in the state directory, so it outlives a kill.
 */
import { readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readState, writeState } from '../files/state-file.ts';

/** What stays the same as long as the kernel keeps the routes of this machine. */
export interface Forwarding {
  /** Boot of the machine: another one began with empty tables. */
  readonly bootId: string;
  /** Network namespace: another one has tables of its own. */
  readonly networkNamespace: string;
}

/** The memory of one state directory. */
export interface RestartState {
  /** True where a run before used the same tables and did not end its sessions for good. */
  readonly restarted: boolean;
  /** The next start is no restart: peers were told that the sessions end. */
  forget(): Promise<void>;
}

const NAME = 'restart.json';
const SCHEMA = 'linnet.restart/v1';

/** The tables of the machine as it runs now. Rejects where /proc cannot be read. */
export async function readForwarding(): Promise<Forwarding> {
  const [bootId, networkNamespace] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    readlink('/proc/self/ns/net'),
  ]);
  return { bootId: bootId.trim(), networkNamespace };
}

/** Reads what the run before left in `directory`, and leaves the same for the next one. Rejects where the directory cannot be written. */
export async function openRestartState(directory: string, now: Forwarding): Promise<RestartState> {
  const file = join(directory, NAME);
  // A file that is torn, missing or of another schema is no proof of a run before.
  const before = await readState(file, SCHEMA);
  await writeState(file, SCHEMA, { ...now }, 0o644);
  return {
    restarted: before?.['bootId'] === now.bootId && before['networkNamespace'] === now.networkNamespace,
    forget: () => rm(file, { force: true }),
  };
}
