/** A small kernel with interfaces: makes, changes and removes them as Linux does, refuses what a test tells it to, and keeps a diary. */
import type { AddressMessage, LinkMessage } from 'netlink';
import { LINK_FLAG } from 'netlink';
import type { LinkKernel, LinkOperation } from '../../../node-agent/kernel/types.ts';

/** The fake and what tests do to it. */
export interface FakeLinks extends LinkKernel {
  readonly links: Map<string, LinkMessage>;
  addresses: AddressMessage[];
  readonly offloads: Map<string, boolean>;
  /** Operations in words, as they were asked for: `create vxlan.calico vxlan`. */
  readonly diary: string[];
  reads: number;
  /** Errno for an operation, by its words; undefined: it is done. */
  refuse: (words: string) => string | undefined;
  /** Set: readings throw it. */
  broken: Error | undefined;
}

const BLANK: LinkMessage = {
  ...{ index: 0, name: '', flags: 0, type: 1, mtu: 1500, master: 0, parent: 0, kind: '', mac: '02:00:00:00:00:01', alias: '' },
  ...{ operState: 2, carrier: false },
};

/** Interfaces `eth0` (index 2, up) with the addresses given. */
export function makeFakeLinks(addresses: readonly AddressMessage[]): FakeLinks {
  let next = 10;
  const eth0 = { ...BLANK, index: 2, name: 'eth0', flags: LINK_FLAG.up | LINK_FLAG.lowerUp, operState: 6, carrier: true };
  const byIndex = (index: number | undefined): LinkMessage | undefined => [...fake.links.values()].find((link) => link.index === index);
  const perform = (operation: LinkOperation): string | undefined => {
    switch (operation.kind) {
      case 'create': {
        const { name } = operation.link;
        if (fake.links.has(name)) return 'EEXIST';
        fake.links.set(name, { ...BLANK, ...operation.link, index: next++ });
        fake.offloads.set(name, true);
        return undefined;
      }
      case 'change': {
        const link = byIndex(operation.link.index);
        if (link === undefined) return 'ENODEV';
        const { change = 0, flags = 0, vxlan, ...rest } = operation.link;
        const bits = (link.flags & ~change) | (flags & change);
        const data = link.vxlan === undefined ? {} : { vxlan: { ...link.vxlan, ...vxlan } };
        fake.links.set(link.name, { ...link, ...rest, ...data, flags: bits, operState: (bits & LINK_FLAG.up) === 0 ? 2 : 6 });
        return undefined;
      }
      case 'remove':
        return fake.links.delete(operation.name) ? undefined : 'ENODEV';
      case 'add-address':
        fake.addresses = [...fake.addresses, operation.address];
        return undefined;
      case 'remove-address': {
        const text = JSON.stringify([operation.address.interface, operation.address.local]);
        fake.addresses = fake.addresses.filter((one) => JSON.stringify([one.interface, one.local]) !== text);
        return undefined;
      }
      case 'offload':
        fake.offloads.set(operation.name, operation.on);
        return undefined;
      default: {
        const never: never = operation;
        return never;
      }
    }
  };
  const fake: FakeLinks = {
    links: new Map([['eth0', eth0]]),
    addresses: [...addresses],
    ...{ offloads: new Map(), diary: [], reads: 0, refuse: () => undefined, broken: undefined },
    read: () => {
      fake.reads += 1;
      if (fake.broken !== undefined) throw fake.broken;
      return { links: [...fake.links.values()], addresses: fake.addresses };
    },
    apply: (operations) => {
      const failures = operations.flatMap((item) => {
        const words = describe(item, byIndex);
        fake.diary.push(words);
        const code = fake.refuse(words) ?? perform(item);
        return code === undefined ? [] : [{ item, code, text: '' }];
      });
      return { failures, lost: false };
    },
    offload: (name) => {
      const on = fake.offloads.get(name);
      if (on === undefined) throw new Error('ENODEV');
      return on;
    },
  };
  return fake;
}

function describe(operation: LinkOperation, byIndex: (index: number | undefined) => LinkMessage | undefined): string {
  switch (operation.kind) {
    case 'create':
      return `create ${operation.link.name} ${operation.link.kind}`;
    case 'change': {
      const { index, flags, change, kind: _kind, ...rest } = operation.link;
      const bits = change === undefined ? [] : [`${(flags ?? 0) === 0 ? 'clear' : 'set'} ${change}`];
      return ['change', byIndex(index)?.name ?? `#${index}`, ...Object.keys(rest), ...bits].join(' ');
    }
    case 'remove':
      return `remove ${operation.name}`;
    case 'add-address':
    case 'remove-address':
      return `${operation.kind} ${byIndex(operation.address.interface)?.name}`;
    case 'offload':
      return `offload ${operation.name} ${operation.on ? 'on' : 'off'}`;
    default: {
      const never: never = operation;
      return never;
    }
  }
}
