/** A kernel in memory that refuses what Linux refuses, and a clock that is turned by hand. */
import { prefixKey } from 'bgp-ts/net';
import type {
  AlienRoute,
  ApplyResult,
  Kernel,
  KernelAddress,
  KernelLink,
  KernelWatcher,
  Operation,
  OperationFailure,
  OwnNexthop,
  OwnRoute,
} from '../../../src/routes/kernel/table.ts';

/** What the fake holds; tests look and vandalise here. */
export interface FakeKernel extends Kernel {
  readonly own: Map<string, OwnRoute>;
  readonly objects: Map<number, OwnNexthop>;
  readonly foreign: Map<string, AlienRoute>;
  readonly foreignIds: Set<number>;
  readonly links: Map<number, KernelLink>;
  readonly addresses: KernelAddress[];
  /** Every operation asked for, in order. */
  readonly log: Operation[];
  watcher: KernelWatcher | undefined;
  readings: number;
}

const name = (route: { readonly prefix: OwnRoute['prefix']; readonly metric: number }): string =>
  `${prefixKey(route.prefix)} ${route.metric}`;

/** Makes an empty one. */
export function makeFakeKernel(nexthopObjects = true, protocol = 12): FakeKernel {
  const fake: FakeKernel = {
    protocol,
    nexthopObjects,
    own: new Map(),
    objects: new Map(),
    foreign: new Map(),
    foreignIds: new Set(),
    links: new Map(),
    addresses: [],
    log: [],
    watcher: undefined,
    readings: 0,
    read: () => {
      fake.readings += 1;
      return {
        routes: [...fake.own.values()],
        nexthops: [...fake.objects.values()],
        foreignIds: [...fake.foreignIds],
        aliens: [...fake.foreign.values()],
        links: [...fake.links.values()],
        addresses: fake.addresses,
      };
    },
    apply: (operations): ApplyResult => {
      const failures: OperationFailure[] = [];
      for (const operation of operations) {
        fake.log.push(operation);
        const code = carryOut(fake, operation);
        if (code !== undefined) failures.push({ operation, code, text: '' });
      }
      return { failures, lost: false };
    },
    watch: (watcher) => {
      fake.watcher = watcher;
    },
    close: () => {
      fake.watcher = undefined;
    },
  };
  return fake;
}

function carryOut(fake: FakeKernel, operation: Operation): string | undefined {
  switch (operation.kind) {
    case 'set-nexthop': {
      const { nexthop, replace } = operation;
      if (!isGroupAllowed(fake, nexthop.group)) return 'EINVAL';
      const before = fake.objects.get(nexthop.id);
      if (fake.foreignIds.has(nexthop.id) || (!replace && before !== undefined)) return 'EEXIST';
      // What is one hop never becomes a group, nor the other way round.
      if (before !== undefined && (before.hop === undefined) !== (nexthop.hop === undefined)) return 'EINVAL';
      fake.objects.set(nexthop.id, nexthop);
      return undefined;
    }
    case 'add-route':
      if (fake.own.has(name(operation.route)) || fake.foreign.has(name(operation.route))) return 'EEXIST';
      return put(fake, operation.route);
    case 'replace-route':
      return fake.own.has(name(operation.route)) ? put(fake, operation.route) : 'ENOENT';
    case 'remove-route':
      return fake.own.delete(name(operation.route)) ? undefined : 'ESRCH';
    case 'remove-alien':
      return fake.foreign.delete(name(operation.route)) ? undefined : 'ESRCH';
    case 'remove-nexthop':
      return dropObject(fake, operation.id);
    default: {
      const never: never = operation;
      return never;
    }
  }
}

/** Members are there, each once, and no groups themselves. */
function isGroupAllowed({ objects }: FakeKernel, group: OwnNexthop['group']): boolean {
  return new Set(group).size === group.length && group.every((member) => objects.get(member)?.hop !== undefined);
}

function put(fake: FakeKernel, route: OwnRoute): string | undefined {
  if (route.nexthop !== 0 && !fake.objects.has(route.nexthop)) return 'EINVAL';
  fake.own.set(name(route), route);
  return undefined;
}

/** As Linux does: routes and memberships over the object go with it, without a word. */
export function dropObject(fake: FakeKernel, id: number): string | undefined {
  if (!fake.objects.delete(id)) return 'ENOENT';
  for (const [key, route] of fake.own) if (route.nexthop === id) fake.own.delete(key);
  for (const other of [...fake.objects.values()]) {
    if (!other.group.includes(id)) continue;
    const group = other.group.filter((member) => member !== id);
    if (group.length === 0) dropObject(fake, other.id);
    else fake.objects.set(other.id, { ...other, group });
  }
  return undefined;
}

/** What nobody should do: an object is removed, and another of the other kind made with its id and our number. */
export function swapObject(fake: FakeKernel, id: number): void {
  const before = fake.objects.get(id);
  dropObject(fake, id);
  const [other] = [...fake.objects.values()].filter((one) => one.hop !== undefined);
  if (before === undefined || other?.hop === undefined) return;
  if (before.hop === undefined) fake.objects.set(id, { ...other, id });
  else fake.objects.set(id, { id, group: [other.id] });
}

/** Stands for a clock: what was asked for runs when it is turned far enough. */
export interface HandClock {
  now(): number;
  after(ms: number, call: () => void): () => void;
  /** Turns it on, running what comes due in order. */
  turn(ms: number): void;
}

/** Makes one at 0. */
export function makeHandClock(): HandClock {
  let at = 0;
  let waiting: { readonly due: number; readonly call: () => void }[] = [];
  return {
    now: () => at,
    after: (ms, call) => {
      const entry = { due: at + ms, call };
      waiting.push(entry);
      return () => {
        waiting = waiting.filter((one) => one !== entry);
      };
    },
    turn: (ms) => {
      const end = at + ms;
      for (;;) {
        const next = waiting.filter((one) => one.due <= end).sort((a, b) => a.due - b.due)[0];
        if (next === undefined) break;
        waiting = waiting.filter((one) => one !== next);
        at = Math.max(at, next.due);
        next.call();
      }
      at = end;
    },
  };
}
