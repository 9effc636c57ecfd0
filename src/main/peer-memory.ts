/**
 * What a speaker remembers over a restart, as a file of the state directory (contracts.md, Files): what operators set, and who was
 * accepted from ranges. Readable by its owner alone, since texts of operators and addresses are in it; replaced as a whole.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { PeerMemory } from 'bgp-ts';
import { formatAddress, parseAddress } from 'bgp-ts/net';
import type { Log } from '../confd/log.ts';

const SCHEMA = 'linnet.peer-memory/v1';
const NAME = 'peers.json';

/** What the file held. `kept`: the process before did not say goodbye, so that its peers may have kept its routes (RFC 4724). */
export interface Remembered {
  readonly kept: boolean;
  readonly peers: readonly PeerMemory[];
}

/** The file of one state directory. */
export interface PeerMemoryFile {
  readonly before: Remembered;
  /** Notes that something changed; it is written soon, the latest state only. */
  changed(): void;
  /** Writes for the last time; `kept` as in `Remembered`. Later changes are not written. */
  close(kept: boolean): Promise<void>;
}

/** Reads the file of a directory, which must exist; one that is missing or cannot be read says nothing, the latter to the log as well. */
export async function openPeerMemory(directory: string, memory: () => readonly PeerMemory[], log: Log): Promise<PeerMemoryFile> {
  const path = join(directory, NAME);
  const before = await readRemembered(path, log);
  let writing: Promise<void> = Promise.resolve();
  let waiting = false;
  let closed = false;
  const write = (kept: boolean): Promise<void> =>
    replace(path, format(kept, memory())).catch((error: unknown) => {
      log.error({ path, error: error instanceof Error ? error.message : String(error) }, 'peer state not written');
    });
  return {
    before,
    changed: () => {
      if (waiting || closed) return;
      waiting = true;
      writing = writing.then(async () => {
        waiting = false;
        if (!closed) await write(true);
      });
    },
    close: async (kept) => {
      closed = true;
      await writing;
      await write(kept);
    },
  };
}

function format(kept: boolean, peers: readonly PeerMemory[]): string {
  const entries = peers.map(({ dynamic, ...rest }) =>
    dynamic === undefined ? rest : { ...rest, address: formatAddress(dynamic.remote), as: dynamic.remoteAs },
  );
  return `${JSON.stringify({ schema: SCHEMA, kept, peers: entries }, undefined, 1)}\n`;
}

async function replace(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  const handle = await open(draft, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, path);
}

async function readRemembered(path: string, log: Log): Promise<Remembered> {
  const nothing: Remembered = { kept: false, peers: [] };
  try {
    const found = parseRemembered(JSON.parse(await readFile(path, 'utf8')));
    if (found === undefined) log.warn({ path }, 'peer state is of no known form, and not used');
    return found ?? nothing;
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!missing) log.warn({ path, error: error instanceof Error ? error.message : String(error) }, 'peer state cannot be read');
    return nothing;
  }
}

/** The content of a file; undefined where it is another kind of document. Entries that are no peers are left out. */
export function parseRemembered(value: unknown): Remembered | undefined {
  if (typeof value !== 'object' || value === null || !('schema' in value) || value.schema !== SCHEMA) return undefined;
  const peers: unknown = 'peers' in value ? value.peers : undefined;
  if (!Array.isArray(peers)) return undefined;
  return { kept: 'kept' in value && value.kept === true, peers: peers.flatMap((each: unknown) => parsePeer(each) ?? []) };
}

function parsePeer(value: unknown): PeerMemory | undefined {
  if (typeof value !== 'object' || value === null || !('id' in value) || typeof value.id !== 'string') return undefined;
  const remote = 'address' in value && typeof value.address === 'string' ? parseAddress(value.address) : undefined;
  const remoteAs = 'as' in value && typeof value.as === 'number' ? value.as : undefined;
  return {
    id: value.id,
    ...('shutdown' in value && typeof value.shutdown === 'string' ? { shutdown: value.shutdown } : {}),
    ...('draining' in value && value.draining === true ? { draining: true } : {}),
    ...(remote === undefined || remoteAs === undefined ? {} : { dynamic: { remote, remoteAs } }),
  };
}
