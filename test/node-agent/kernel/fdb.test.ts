import type { Address } from 'bgp-ts/net';
import { parseAddress } from 'bgp-ts/net';
import fc from 'fast-check';
import type { LinkMessage, NeighbourMessage, NetlinkEvent } from 'netlink';
import { NEIGHBOUR_FLAG, NEIGHBOUR_STATE } from 'netlink';
import { describe, expect, it } from 'vitest';
import type { IpFamily, Vtep } from '../../../node-agent/encap/types.ts';
import { createFdbSync, FDB_AUDIT_MS } from '../../../node-agent/kernel/fdb.ts';
import { planFdb, wantedEntries } from '../../../node-agent/kernel/fdb-plan.ts';
import type { FdbStatus } from '../../../node-agent/kernel/fdb-types.ts';
import { SILENT_LOG } from '../../../src/confd/log.ts';
import { makeHandClock } from './clock.ts';
import { makeFakeNeighbours } from './fake-neighbours.ts';

const DEVICE = 4;
const address = (text: string): Address => {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};
const macOf = (number: number): string => `66:00:00:00:${hex(number >> 8)}:${hex(number & 255)}`;
const hex = (octet: number): string => octet.toString(16).padStart(2, '0');
const vtep = (number: number, more: Partial<Vtep> = {}): Vtep => ({
  node: `n${number}`,
  family: 'ipv4',
  tunnel: address(`10.244.${number}.0`),
  mac: macOf(number),
  host: address(`172.31.0.${number}`),
  ...more,
});
const neighbour = (number: number, more: Partial<NeighbourMessage> = {}): NeighbourMessage => ({
  family: 'ipv4',
  interface: DEVICE,
  state: NEIGHBOUR_STATE.permanent,
  flags: 0,
  destination: address(`10.244.${number}.0`),
  mac: macOf(number),
  ...more,
});
const forwarding = (number: number, more: Partial<NeighbourMessage> = {}): NeighbourMessage => ({
  family: 'bridge',
  interface: DEVICE,
  state: NEIGHBOUR_STATE.permanent,
  flags: NEIGHBOUR_FLAG.self,
  destination: address(`172.31.0.${number}`),
  mac: macOf(number),
  ...more,
});
const text = (entry: NeighbourMessage): string => JSON.stringify(entry, Object.keys(entry).sort());

/** A world that is in order with `vteps`. */
function scene(vteps: readonly Vtep[] = [vtep(1), vtep(2), vtep(3)]) {
  const clock = makeHandClock();
  const kernel = makeFakeNeighbours();
  const told: FdbStatus[] = [];
  const sync = createFdbSync({ kernel, ...clock, log: SILENT_LOG, changed: (status) => told.push(status) });
  const configure = (wanted: readonly Vtep[], devices: { ipv4?: number; ipv6?: number } = { ipv4: DEVICE }): void => {
    sync.configure({ vteps: wanted, devices });
    clock.pass(1_000);
  };
  configure(vteps);
  kernel.log.length = 0;
  const hear = (entry: NeighbourMessage, gone = false): void => sync.listener.events([{ kind: 'neighbour', gone, neighbour: entry }]);
  return { clock, kernel, told, sync, configure, hear };
}

describe('what makes the tables of a device right', () => {
  const entries = wantedEntries([vtep(1), vtep(2)], 'ipv4', DEVICE);
  const both = { neighbours: [neighbour(1), neighbour(2)], forwarding: [forwarding(1), forwarding(2)] };
  const described = (now: Partial<typeof both>): string[] =>
    planFdb({ ...both, ...now }, entries).operations.map(({ kind, entry }) => {
      const last = entry.family === 'bridge' ? `${entry.mac?.slice(-1)}>${(entry.destination?.words[0] ?? 0) & 255}` : 'neighbour';
      return `${kind} ${last}${entry.port === undefined ? '' : `:${entry.port}`}`;
    });

  it.each<[string, Partial<typeof both>, string[]]>([
    ['nothing where they are right', {}, []],
    ['a neighbour that is missing', { neighbours: [neighbour(1)] }, ['set neighbour']],
    ['a neighbour with another MAC', { neighbours: [neighbour(1, { mac: macOf(9) }), neighbour(2)] }, ['set neighbour']],
    ['a neighbour that ages', { neighbours: [neighbour(1, { state: NEIGHBOUR_STATE.stale }), neighbour(2)] }, ['set neighbour']],
    ['a permanent neighbour of no endpoint', { neighbours: [...both.neighbours, neighbour(7)] }, ['remove neighbour']],
    ['an entry to another host', { forwarding: [forwarding(1, { destination: address('172.31.0.9') }), forwarding(2)] }, ['set 1>1']],
    ['an entry that ages', { forwarding: [forwarding(1, { state: NEIGHBOUR_STATE.reachable }), forwarding(2)] }, ['set 1>1']],
    ['an entry by another port', { forwarding: [forwarding(1, { port: 9999 }), forwarding(2)] }, ['set 1>1']],
    [
      'a MAC that leads to a nexthop object',
      { forwarding: [{ ...forwarding(1, { nexthop: 5 }) }, forwarding(2)] },
      ['remove 1>1', 'set 1>1'],
    ],
    ['a permanent entry of no endpoint', { forwarding: [...both.forwarding, forwarding(7)] }, ['remove 7>7']],
    [
      'learned entries of others, left alone',
      { forwarding: [...both.forwarding, forwarding(7, { state: 2 })], neighbours: [...both.neighbours, neighbour(8, { state: 4 })] },
      [],
    ],
    [
      'entries of another device or of a bridge, left alone',
      { forwarding: [...both.forwarding, forwarding(7, { interface: 9 }), forwarding(8, { flags: NEIGHBOUR_FLAG.master })] },
      [],
    ],
  ])('%s', (_name, now, operations) => {
    expect(described(now)).toEqual(operations);
  });

  it('counts what is right and what is foreign', () => {
    const now = {
      neighbours: [neighbour(1), neighbour(8, { state: 4 })],
      forwarding: [forwarding(1), forwarding(2), forwarding(9, { state: 2 })],
    };
    expect(planFdb(now, entries)).toMatchObject({ right: 3, foreign: 2 });
  });

  it('leads from any tables to the right ones, once and for all', () => {
    const number = fc.integer({ min: 1, max: 6 });
    const state = fc.constantFrom(NEIGHBOUR_STATE.permanent, NEIGHBOUR_STATE.reachable);
    const anyNeighbour = fc.tuple(number, number, state).map(([key, mac, of]) => neighbour(key, { mac: macOf(mac), state: of }));
    const anyForwarding = fc
      .tuple(number, number, state, fc.constantFrom(undefined, 7))
      .map(([key, host, of, port]) =>
        forwarding(key, { destination: address(`172.31.0.${host}`), state: of, ...(port === undefined ? {} : { port }) }),
      );
    fc.assert(
      fc.property(
        fc.uniqueArray(anyNeighbour, { selector: (entry) => entry.destination?.words[0] }),
        fc.uniqueArray(anyForwarding, { selector: (entry) => entry.mac }),
        fc.uniqueArray(number),
        (neighbours, forwards, wanted) => {
          const kernel = makeFakeNeighbours();
          kernel.entries = [...neighbours, ...forwards];
          const want = wantedEntries(
            wanted.map((one) => vtep(one)),
            'ipv4',
            DEVICE,
          );
          kernel.apply(planFdb(kernel.read(DEVICE, 'ipv4'), want).operations);
          expect(planFdb(kernel.read(DEVICE, 'ipv4'), want)).toMatchObject({ operations: [], right: wanted.length * 2 });
          const permanent = kernel.entries.filter((entry) => entry.state === NEIGHBOUR_STATE.permanent).map(text);
          expect(permanent.sort()).toEqual(wanted.flatMap((one) => [text(neighbour(one)), text(forwarding(one))]).sort());
          const others = [...neighbours, ...forwards].filter(
            (entry) => entry.state === 2 && !want.neighbours.has(entry.destination?.words[0] ?? 0) && !want.forwarding.has(entry.mac ?? ''),
          );
          for (const other of others) if (other.family === 'bridge') expect(kernel.entries.map(text)).toContain(text(other));
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('an endpoint of which no entry can be made', () => {
  it.each<[string, Partial<Vtep>, string, string]>([
    ['a MAC of a group', { mac: '67:00:00:00:00:01' }, 'spec.vxlanTunnelMACAddr', 'is no unicast MAC'],
    ['a MAC of zeros', { mac: '00:00:00:00:00:00' }, 'spec.vxlanTunnelMACAddr', 'is no unicast MAC'],
    ['no MAC', { mac: 'zz:00' }, 'spec.vxlanTunnelMACAddr', 'is no unicast MAC'],
    ['a tunnel address of the other family', { tunnel: address('fd00::1') }, 'spec.ipv4VXLANTunnelAddr', 'is no ipv4 address'],
    ['a host of the other family', { host: address('fd00::1') }, 'spec.bgp.ipv4Address', 'is no ipv4 address'],
    ['the MAC of another', { mac: macOf(1) }, 'spec.vxlanTunnelMACAddr', 'is that of Node/n1 already'],
    ['the tunnel address of another', { tunnel: address('10.244.1.0') }, 'spec.ipv4VXLANTunnelAddr', 'is that of Node/n1 already'],
  ])('has %s and costs no other', (_name, more, field, rule) => {
    const { issues, neighbours, forwarding: made } = wantedEntries([vtep(2, more), vtep(1), vtep(3)], 'ipv4', DEVICE);
    expect(issues).toMatchObject([{ object: { kind: 'Node', name: 'n2' }, field, rule: expect.stringContaining(rule) }]);
    expect([neighbours.size, made.size]).toEqual([2, 2]);
  });
});

describe('entries kept in order', () => {
  it('are written, and nothing is done without a cause', () => {
    const { kernel, sync, clock, told } = scene();
    expect(kernel.entries).toHaveLength(6);
    expect(sync.status()).toMatchObject({ ready: true, vteps: { ipv4: 3, ipv6: 0 }, entries: 6, operations: 6, repairs: 0, readings: 1 });
    clock.pass(FDB_AUDIT_MS - 1_001);
    expect(kernel.readings).toBe(1);
    clock.pass(1);
    expect([kernel.readings, kernel.log.length, told.length]).toEqual([2, 0, 1]);
  });

  it('wait for the device of their family', () => {
    const { sync, configure } = scene([]);
    const six = vtep(5, { family: 'ipv6', tunnel: address('fd44::5'), host: address('fd00:31::5') });
    configure([vtep(1), six]);
    expect(sync.status()).toMatchObject({ ready: false, detail: 'there is no ipv6 VXLAN device yet', vteps: { ipv4: 1, ipv6: 0 } });
    configure([vtep(1), six], { ipv4: DEVICE, ipv6: 5 });
    expect(sync.status()).toMatchObject({ ready: true, vteps: { ipv4: 1, ipv6: 1 }, entries: 4 });
  });

  it('follow the endpoints: only what differs is written', () => {
    const { kernel, configure } = scene();
    configure([vtep(1), vtep(2, { host: address('172.31.0.99') }), vtep(4)]);
    expect(kernel.log.map(({ kind, entry }) => `${kind} ${entry.family} ${entry.mac?.slice(-1)}`)).toEqual([
      'remove ipv4 3',
      'remove bridge 3',
      'set ipv4 4',
      'set bridge 2',
      'set bridge 4',
    ]);
  });

  it('are not read for the same endpoints again', () => {
    const { kernel, sync, configure } = scene([vtep(1), vtep(2)]);
    configure([vtep(2), vtep(1)]);
    sync.flush();
    expect(kernel.readings).toBe(1);
    configure([vtep(1), vtep(2, { node: 'n7' })]);
    expect([kernel.readings, kernel.log.length, sync.status().entries]).toEqual([2, 0, 4]);
    configure([vtep(1), vtep(2, { node: 'n7' })], { ipv4: 9 });
    expect([kernel.readings, kernel.log.length]).toEqual([3, 4]);
  });

  it.each<[string, NeighbourMessage, boolean, (kernel: ReturnType<typeof makeFakeNeighbours>) => void]>([
    [
      'deleted',
      forwarding(2),
      true,
      (kernel) =>
        kernel.entries.splice(
          kernel.entries.findIndex((one) => text(one) === text(forwarding(2))),
          1,
        ),
    ],
    [
      'corrupted',
      neighbour(2, { mac: macOf(9) }),
      false,
      (kernel) =>
        (kernel.entries = kernel.entries.map((one) => (text(one) === text(neighbour(2)) ? neighbour(2, { mac: macOf(9) }) : one))),
    ],
    ['added', forwarding(8), false, (kernel) => kernel.entries.push(forwarding(8))],
  ])('are repaired within a second after one was %s', (_name, entry, gone, vandalise) => {
    const { kernel, clock, sync, hear } = scene();
    vandalise(kernel);
    hear(entry, gone);
    clock.pass(1_000);
    expect([kernel.log.length, kernel.readings]).toEqual([1, 2]);
    expect(kernel.entries.map(text).sort()).toEqual([1, 2, 3].flatMap((one) => [text(neighbour(one)), text(forwarding(one))]).sort());
    expect(sync.status()).toMatchObject({ repairs: 1, drifted: 0, entries: 6 });
  });

  it('are not read for notifications of their own, of learned entries, or of other devices', () => {
    const { kernel, clock, hear } = scene();
    hear(forwarding(1));
    hear(neighbour(1));
    hear(forwarding(9), true);
    hear(forwarding(9, { state: 2 }));
    hear(neighbour(9, { state: 4 }));
    hear(forwarding(1, { interface: 7, destination: address('172.31.0.9') }));
    hear(forwarding(1, { flags: NEIGHBOUR_FLAG.master }), true);
    clock.pass(2_000);
    expect(kernel.readings).toBe(1);
  });

  it('are read once for a burst, and seldom in a storm', () => {
    const { kernel, clock, hear } = scene();
    for (let count = 0; count < 1_000; count++) hear(forwarding(9));
    clock.pass(50);
    expect(kernel.readings).toBe(2);
    for (let ms = 0; ms < 1_000; ms++) {
      hear(forwarding(9));
      clock.pass(1);
    }
    expect(kernel.readings).toBeLessThanOrEqual(13);
  });

  it('are read after a loss of notifications and when their device comes up', () => {
    const { kernel, clock, sync } = scene();
    sync.listener.lost('overrun');
    clock.pass(500);
    const link: Pick<LinkMessage, 'index' | 'flags'> = { index: DEVICE, flags: 1 };
    sync.listener.events([linkEvent(link.index, 1)]);
    clock.pass(500);
    sync.listener.events([linkEvent(DEVICE, 0), linkEvent(9, 1)]);
    clock.pass(500);
    expect(kernel.readings).toBe(3);
    expect(sync.status().losses).toBe(1);
  });

  it('that an audit alone finds wrong have drifted', () => {
    const { kernel, clock, sync } = scene();
    kernel.entries = kernel.entries.slice(2);
    clock.pass(FDB_AUDIT_MS);
    expect(sync.status()).toMatchObject({ repairs: 2, drifted: 2, entries: 6 });
  });

  it('that the kernel refuses cost no other, are an issue of their node, and are tried again ever later', () => {
    const { kernel, clock, sync, configure } = scene([]);
    kernel.refuses = ({ entry }) => (entry.mac === macOf(2) && entry.family === 'bridge' ? { code: 'EINVAL', text: 'Invalid' } : undefined);
    configure([vtep(1), vtep(2), vtep(3)]);
    expect(sync.status()).toMatchObject({ ready: true, entries: 5, failing: 1 });
    expect(sync.status().issues).toMatchObject([
      { object: { name: 'n2' }, rule: 'makes a forwarding entry that the kernel refuses: EINVAL, Invalid' },
    ]);
    const before = kernel.readings;
    clock.pass(60_000);
    expect(kernel.readings - before).toBeLessThanOrEqual(6);
    kernel.refuses = () => undefined;
    clock.pass(31_000);
    expect(sync.status()).toMatchObject({ entries: 6, failing: 0, issues: [], repairs: 0 });
  });

  it('of a device that cannot be read do not keep back those of the other', () => {
    const { kernel, sync, clock, configure } = scene([]);
    kernel.unreadable = new Error('ipv4 neighbours: ENODEV');
    configure([vtep(1)]);
    expect(sync.status()).toMatchObject({ ready: false, detail: 'ipv4 neighbours: ENODEV' });
    kernel.unreadable = undefined;
    clock.pass(2_000);
    expect(sync.status()).toMatchObject({ ready: true, entries: 2 });
  });

  it('of a device anew are being written until the answers say so', () => {
    const { clock, kernel, sync, configure } = scene();
    const { repairs } = sync.status();
    kernel.mute = true;
    sync.configure({ vteps: [vtep(1)], devices: { ipv4: DEVICE + 1 } });
    clock.pass(500);
    expect(sync.status()).toMatchObject({ ready: false, detail: 'entries are being written' });
    kernel.mute = false;
    clock.pass(1_500);
    expect(sync.status()).toMatchObject({ ready: true, entries: 2, repairs });
    // More of the same device are no beginning.
    kernel.mute = true;
    configure([vtep(1), vtep(2)], { ipv4: DEVICE + 1 });
    expect(sync.status().ready).toBe(true);
  });

  it('of a device that vanished wait for another, and are no issue', () => {
    const { kernel, sync, clock, hear, configure } = scene();
    kernel.refuses = () => ({ code: 'ENODEV', text: '' });
    kernel.entries = [];
    for (const number of [1, 2, 3]) hear(forwarding(number), true);
    sync.listener.events([linkEvent(DEVICE, 0, true)]);
    clock.pass(60_000);
    expect([kernel.log.length, kernel.readings]).toEqual([0, 1]);
    expect(sync.status()).toMatchObject({ ready: false, detail: 'the ipv4 VXLAN device is gone', issues: [] });
    // The same where the notification of its end was lost.
    kernel.refuses = ({ entry }) => (entry.interface === 6 ? { code: 'ENODEV', text: '' } : undefined);
    configure([vtep(1)], { ipv4: 6 });
    clock.pass(60_000);
    expect(sync.status()).toMatchObject({ ready: false, detail: 'the ipv4 VXLAN device is gone', issues: [], failing: 0 });
    configure([vtep(1)], { ipv4: 7 });
    expect(sync.status()).toMatchObject({ ready: true, entries: 2, repairs: 0 });
  });

  it('are told before anything is done: the plan names the node', () => {
    const { kernel, sync } = scene();
    kernel.entries = kernel.entries.filter((one) => text(one) !== text(forwarding(2)));
    kernel.entries.push(neighbour(8));
    const steps = sync
      .plan()
      .map(({ operation, node, family }) => [operation.kind, operation.entry.family, node, family satisfies IpFamily]);
    expect(steps).toEqual([
      ['remove', 'ipv4', '', 'ipv4'],
      ['set', 'bridge', 'n2', 'ipv4'],
    ]);
    expect(kernel.log).toEqual([]);
  });

  it('stay at the end, and nothing waits any more', () => {
    const { kernel, sync, clock, hear } = scene();
    sync.stop();
    hear(forwarding(9));
    clock.pass(FDB_AUDIT_MS * 2);
    expect([kernel.entries.length, kernel.readings, clock.waiting()]).toEqual([6, 1, 0]);
  });
});

function linkEvent(index: number, flags: number, gone = false): NetlinkEvent {
  const link = {
    index,
    name: 'v',
    flags,
    type: 1,
    mtu: 1450,
    master: 0,
    parent: 0,
    kind: 'vxlan',
    mac: '',
    alias: '',
    operState: 0,
    carrier: true,
  };
  return { kind: 'link', gone, link };
}
