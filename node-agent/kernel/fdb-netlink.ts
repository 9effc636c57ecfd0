/** Neighbours and forwarding entries of this machine over rtnetlink. */
import type { Arena, NeighbourMessage } from 'netlink';
import { decodeNeighbour, encodeNeighbour, encodeNeighbourDump, NetlinkSocket, NLM_F, RTM } from 'netlink';
import type { NeighbourKernel, NeighbourOperation } from './types.ts';

/** Neighbours over a socket of their own. */
export interface NetlinkNeighbours extends NeighbourKernel {
  /** Notifications of our own changes of neighbours carry it; those of forwarding entries carry none. */
  readonly portId: number;
  close(): void;
}

/** Opens the neighbours of the thread's network namespace, or that of a file such as /var/run/netns/NAME. Throws where there is no netlink. */
export function openNeighbours(namespace?: string): NetlinkNeighbours {
  const socket = new NetlinkSocket(namespace === undefined ? {} : { namespace });
  const dump = (family: NeighbourMessage['family'], device: number): NeighbourMessage[] => {
    const request = (out: Arena, seq: number): void => encodeNeighbourDump(out, RTM.getNeighbour, seq, family, device);
    return socket.dump(family === 'bridge' ? 'forwarding entries' : `${family} neighbours`, request, decodeNeighbour);
  };
  return {
    portId: socket.portId,
    read: (device, family) => ({ neighbours: dump(family, device), forwarding: dump('bridge', device) }),
    apply: (operations) => {
      const { failures, lost } = socket.batch(operations, encode);
      return { failures: failures.filter(({ item, code }) => item.kind !== 'remove' || code !== 'ENOENT'), lost };
    },
    close: () => socket.close(),
  };
}

function encode(out: Arena, { kind, entry }: NeighbourOperation, flags: number, seq: number): void {
  if (kind === 'remove') encodeNeighbour(out, RTM.delNeighbour, flags, seq, entry);
  else encodeNeighbour(out, RTM.newNeighbour, flags | NLM_F.create | NLM_F.replace, seq, entry);
}
