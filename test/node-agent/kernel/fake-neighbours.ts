/** Neighbours and forwarding entries in memory, one for each key as in the kernel. */
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
  /** Does nothing, and no answer comes. */
  mute: boolean;
  /** Thrown by the next readings. */
  unreadable: Error | undefined;
}

const keyOf = ({ family, interface: device, destination, mac }: NeighbourMessage): string =>
  `${device} ${family} ${family === 'bridge' ? mac : destination && addressKeyOf(destination)}`;

/** Makes an empty one. */
export function makeFakeNeighbours(): FakeNeighbours {
  const fake: FakeNeighbours = {
    entries: [],
    log: [],
    readings: 0,
    refuses: () => undefined,
    mute: false,
    unreadable: undefined,
    read: (device, family) => {
      fake.readings += 1;
      if (fake.unreadable !== undefined) throw fake.unreadable;
      const own = fake.entries.filter((entry) => entry.interface === device);
      return { neighbours: own.filter((entry) => entry.family === family), forwarding: own.filter((entry) => entry.family === 'bridge') };
    },
    apply: (operations) => {
      if (fake.mute) return { failures: [], lost: true };
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

function perform(fake: FakeNeighbours, { kind, entry }: NeighbourOperation): void {
  fake.entries = fake.entries.filter((one) => keyOf(one) !== keyOf(entry));
  if (kind === 'set') fake.entries.push(entry);
}
