/**
 * What a speaker remembers over a restart, as a file of the state directory (contracts.md, Files): what operators set, and who was
 * accepted from ranges. Readable by its owner alone, since texts of operators and addresses are in it; replaced as a whole.
 */
import { join } from 'node:path';
import type { PeerMemory } from 'bgp-ts';
import { formatAddress, parseAddress } from 'bgp-ts/net';
import type { Log } from '../confd/log.ts';
import { readState, type StateFields, writeState } from '../files/state-file.ts';

const SCHEMA = 'linnet.peer-memory/v1';
const NAME = 'peers.json';
const NOTHING: Remembered = { kept: false, peers: [] };

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
  const fields = await readState(path, SCHEMA, (because) => log.warn({ path, because }, 'peer state is not used'));
  const before = fields === undefined ? NOTHING : toRemembered(fields);
  let writing: Promise<void> = Promise.resolve();
  let waiting = false;
  let closed = false;
  const write = (kept: boolean): Promise<void> =>
    writeState(path, SCHEMA, toFields(kept, memory())).catch((error: unknown) => {
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

function toFields(kept: boolean, peers: readonly PeerMemory[]): StateFields {
  const entries = peers.map(({ dynamic, ...rest }) =>
    dynamic === undefined ? rest : { ...rest, address: formatAddress(dynamic.remote), as: dynamic.remoteAs },
  );
  return { kept, peers: entries };
}

/** Entries that are no peers are left out. */
function toRemembered({ kept, peers }: StateFields): Remembered {
  return { kept: kept === true, peers: Array.isArray(peers) ? peers.flatMap((each: unknown) => parsePeer(each) ?? []) : [] };
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
