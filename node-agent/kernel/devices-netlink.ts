/** Interfaces and their addresses over rtnetlink, and offload features over ethtool's ioctl. */
import type { Arena, BatchFailure } from 'netlink';
import {
  decodeAddress,
  decodeLink,
  encodeAddress,
  encodeAddressDump,
  encodeLink,
  encodeLinkDump,
  NetlinkError,
  NetlinkSocket,
  NLM_F,
  RTM,
  readOffload,
  setOffload,
} from 'netlink';
import type { LinkKernel, LinkOperation, Outcome } from './types.ts';

/** Devices over a socket of their own. */
export interface NetlinkLinks extends LinkKernel {
  /** Notifications of our own changes carry it. */
  readonly portId: number;
  close(): void;
}

/** Opens the devices of the thread's network namespace, or that of a file such as /var/run/netns/NAME. Throws where there is no netlink. */
export function openLinks(namespace?: string): NetlinkLinks {
  const socket = new NetlinkSocket(namespace === undefined ? {} : { namespace });
  return {
    portId: socket.portId,
    read: () => ({
      links: socket.dump('interfaces', (out, seq) => encodeLinkDump(out, RTM.getLink, seq), decodeLink),
      addresses: socket.dump('addresses', (out, seq) => encodeAddressDump(out, RTM.getAddress, seq), decodeAddress),
    }),
    apply: (operations) => {
      const failures: BatchFailure<LinkOperation>[] = [];
      let lost = false;
      // One at a time: an offload goes another way, and the order of them all matters.
      for (const operation of operations) {
        const outcome = applyOne(socket, operation, namespace);
        failures.push(...outcome.failures);
        lost = lost || outcome.lost;
      }
      return { failures, lost };
    },
    offload: (name, offload) => readOffload(name, offload, namespace),
    close: () => socket.close(),
  };
}

function applyOne(socket: NetlinkSocket, operation: LinkOperation, namespace: string | undefined): Outcome<LinkOperation> {
  if (operation.kind !== 'offload') return socket.batch([operation], encode);
  try {
    setOffload(operation.name, operation.offload, operation.on, namespace);
    return { failures: [], lost: false };
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    return { failures: [{ item: operation, code: error.code, text: error.message }], lost: false };
  }
}

function encode(out: Arena, operation: LinkOperation, flags: number, seq: number): void {
  switch (operation.kind) {
    case 'create':
      encodeLink(out, RTM.newLink, flags | NLM_F.create | NLM_F.exclusive, seq, operation.link);
      break;
    case 'change':
      encodeLink(out, RTM.newLink, flags, seq, operation.link);
      break;
    case 'remove':
      encodeLink(out, RTM.delLink, flags, seq, { index: operation.index });
      break;
    case 'add-address':
      encodeAddress(out, RTM.newAddress, flags | NLM_F.create | NLM_F.replace, seq, operation.address);
      break;
    case 'remove-address':
      encodeAddress(out, RTM.delAddress, flags, seq, operation.address);
      break;
    case 'offload':
      throw new Error('an offload is no netlink message');
    default: {
      const never: never = operation;
      return never;
    }
  }
}
