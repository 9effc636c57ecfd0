/** What `linnet peer` set, over the lives of the speaker's thread and of this process. */
import type { PeerMemory } from 'bgp-ts';
import type { Log } from '../confd/log.ts';
import { openPeerMemory } from './peer-memory.ts';

/** The memory of one state directory. */
export interface OperatorState {
  /** For a thread that is started now. */
  latest(): readonly PeerMemory[];
  /** Takes what the thread says, and writes it soon. */
  remember(peers: readonly PeerMemory[]): void;
  /** Writes for the last time; `kept`: peers keep the routes. */
  close(kept: boolean): Promise<void>;
}

/** Reads what the process before left in `directory`, which must exist. */
export async function openOperatorState(directory: string, log: Log): Promise<OperatorState> {
  let peers: readonly PeerMemory[] = [];
  const file = await openPeerMemory(directory, () => peers, log);
  peers = file.before.peers;
  return {
    latest: () => peers,
    remember: (now) => {
      peers = now;
      file.changed();
    },
    close: file.close,
  };
}
