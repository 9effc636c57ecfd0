/** Neighbours and forwarding entries in memory, with the kernel's rules about keys and remotes. */
import type { NeighbourMessage } from 'netlink';
import { addressKeyOf } from '../../../node-agent/kernel/fdb-plan.ts';
import type { NeighbourKernel, NeighbourOperation } from '../../../node-agent/kernel/types.ts';

/** What the fake holds; tests look and vandalise here. */
export interface FakeNeighbours extends NeighbourKernel {
  entries: NeighbourMessage[];
  /** Every operation asked for, in order. */
  readonly log: NeighbourOperation[];
  readings: number;
  /** Operations that are refused, in the kernel's words. */
  refuses: (operation: NeighbourOperation) => { readonly code: string; readonly text: string } | undefined;
  /** Thrown by the next readings. */
  unreadable: Error | undefined;
}

const keyOf = ({ family, interface: device, destination, mac }: NeighbourMessage): string =>
  `${device} ${family} ${family === 'bridge' ? mac : destination && addressKeyOf(destination)}`;

/** One remote of a forwarding entry, or the only entry of a neighbour. */
const sameRemote = (a: NeighbourMessage, b: NeighbourMessage): boolean =>
  a.family !== 'bridge' || (a.port === b.port && a.vni === b.vni && JSON.stringify(a.destination) === JSON.stringify(b.destination));

/** Makes an empty one. */
export function makeFakeNeighbours(): FakeNeighbours {
  const fake: FakeNeighbours = {
    entries: [],
    log: [],
    readings: 0,
    refuses: () => undefined,
    unreadable: undefined,
    read: (device, family) => {
      fake.readings += 1;
      if (fake.unreadable !== undefined) throw fake.unreadable;
      const own = fake.entries.filter((entry) => entry.interface === device);
      return { neighbours: own.filter((entry) => entry.family === family), forwarding: own.filter((entry) => entry.family === 'bridge') };
    },
    apply: (operations) => {
      const failures = [];
      for (const operation of operations) {
        fake.log.push(operation);
        const refusal = fake.refuses(operation);
        if (refusal === undefined) perform(fake, operation);
        else failures.push({ item: operation, ...refusal });
      }
      return { failures, lost: false };
    },
  };
  return fake;
}

/** `set` changes the first remote of a MAC and leaves further ones, as drivers/net/vxlan does. */
function perform(fake: FakeNeighbours, { kind, entry }: NeighbourOperation): void {
  const at = fake.entries.findIndex((one) => keyOf(one) === keyOf(entry) && (kind === 'set' || sameRemote(one, entry)));
  if (kind === 'remove') fake.entries = fake.entries.filter((_, index) => index !== at);
  else if (at < 0) fake.entries.push(entry);
  else fake.entries[at] = entry;
}
