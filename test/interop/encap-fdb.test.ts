/**
 * Neighbours and forwarding entries of 5,000 tunnel endpoints in the kernel's own tables: written, kept against vandals, beside what others
 * have there (dataplane A33), and after floods of notifications that nobody could read (B19).
 */
import type { Address } from 'bgp-ts/net';
import type { LinkRequest } from 'netlink';
import { encodeLink, NetlinkSocket, RTM } from 'netlink';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Vtep } from '../../node-agent/encap/types.ts';
import { createFdbSync } from '../../node-agent/kernel/fdb.ts';
import type { NetlinkNeighbours } from '../../node-agent/kernel/fdb-netlink.ts';
import { openNeighbours } from '../../node-agent/kernel/fdb-netlink.ts';
import type { FdbStatus, FdbSync } from '../../node-agent/kernel/fdb-types.ts';
import type { KernelWatch } from '../../node-agent/kernel/types.ts';
import type { WatchFigures } from '../../node-agent/kernel/watch.ts';
import { watchKernel } from '../../node-agent/kernel/watch.ts';
import { SILENT_LOG } from '../../src/confd/log.ts';
import { run } from './harness/exec.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import { until } from './harness/wait.ts';

const PEERS = 5_000;
const PEERS_V6 = 50;
const hex = (octet: number): string => octet.toString(16).padStart(2, '0');
const macOf = (number: number, family: Vtep['family']): string =>
  `66:0${family === 'ipv4' ? 4 : 6}:00:00:${hex(number >> 8)}:${hex(number & 255)}`;
const ip4 = (a: number, b: number, rest: number): Address => ({ family: 'ipv4', words: [((a << 24) | (b << 16) | rest) >>> 0, 0, 0, 0] });
const ip6 = (first: number, last: number): Address => ({ family: 'ipv6', words: [first, 0, 0, last] });
const nameOf = (number: number): string => `node-${String(number).padStart(5, '0')}`;
const vtep4 = (number: number): Vtep => ({
  node: nameOf(number),
  family: 'ipv4',
  tunnel: ip4(10, 244, number),
  mac: macOf(number, 'ipv4'),
  host: ip4(172, 20, number),
});
const vtep6 = (number: number): Vtep => ({
  node: nameOf(number),
  family: 'ipv6',
  tunnel: ip6(0xfd440000, number),
  mac: macOf(number, 'ipv6'),
  host: ip6(0xfd000031, number),
});
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const text4 = (a: number, b: number, number: number): string => `${a}.${b}.${number >> 8}.${number & 255}`;

describe.skipIf(!CAN_RUN)('neighbours and forwarding entries', () => {
  let lab: Lab;
  let namespace: string;
  const file = (): string => `/var/run/netns/${namespace}`;
  const inside = (...command: string[]): Promise<string> => run('nsenter', [`--net=${file()}`, ...command], 30_000);
  /** `bridge` or `ip` once with many lines. */
  const batch = async (program: string, lines: readonly string[]): Promise<void> => {
    await inside('sh', '-c', `printf '%s\\n' "$@" | ${program} -batch -`, 'sh', ...lines);
  };
  const index = async (device: string): Promise<number> => Number.parseInt(await inside('ip', '-o', 'link', 'show', 'dev', device), 10);
  const makeDevice = async (device: string, local: string): Promise<void> => {
    const kind = ['type', 'vxlan', 'id', '4096', 'dstport', '4789', 'nolearning', 'dev', 'eth0', 'local', local];
    await inside('ip', 'link', 'add', device, ...kind);
    await inside('ip', 'link', 'set', device, 'up');
  };
  const lines = async (...command: string[]): Promise<string[]> =>
    (await inside(...command))
      .trim()
      .split('\n')
      .filter((line) => line !== '');
  const permanentNeighbours = async (device: string): Promise<string[]> =>
    (await lines('ip', 'neigh', 'show', 'dev', device, 'nud', 'permanent')).map((line) => line.trim()).sort();
  const permanentForwarding = async (device: string): Promise<string[]> =>
    (await lines('bridge', 'fdb', 'show', 'dev', device))
      .map((line) => line.trim())
      .filter((line) => line.endsWith('permanent'))
      .sort();
  const wantedNeighbours = (count: number): string[] =>
    numbers(count)
      .map((number) => `${text4(10, 244, number)} lladdr ${macOf(number, 'ipv4')} PERMANENT`)
      .sort();
  const wantedForwarding = (count: number): string[] =>
    numbers(count)
      .map((number) => `${macOf(number, 'ipv4')} dst ${text4(172, 20, number)} self permanent`)
      .sort();
  const exact = async (count = PEERS): Promise<void> => {
    expect(await permanentNeighbours('vxlan.calico')).toEqual(wantedNeighbours(count));
    expect(await permanentForwarding('vxlan.calico')).toEqual(wantedForwarding(count));
  };

  let kernel: NetlinkNeighbours;
  let sync: FdbSync;
  let watch: KernelWatch & { figures(): WatchFigures };
  let statuses: FdbStatus[];
  let devices: { ipv4: number; ipv6: number };

  beforeAll(async () => {
    lab = await makeLab('encap-fdb');
  });
  afterAll(async () => await lab?.close(false));

  beforeEach(async ({ task }) => {
    namespace = await lab.lan.bare(`f${task.id.slice(-2)}`);
    await inside('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1');
    await inside('ip', 'addr', 'add', '172.20.255.1/16', 'dev', 'eth0');
    await inside('ip', 'addr', 'add', 'fd00:31::ffff/64', 'dev', 'eth0', 'nodad');
    for (const device of ['eth0', 'eth1']) await inside('ip', 'link', 'set', device, 'up');
    await makeDevice('vxlan.calico', '172.20.255.1');
    await makeDevice('vxlan-v6.calico', 'fd00:31::ffff');
    devices = { ipv4: await index('vxlan.calico'), ipv6: await index('vxlan-v6.calico') };
    kernel = openNeighbours(file());
    statuses = [];
    sync = begin();
    watch = listen();
  }, 60_000);
  afterEach(() => {
    watch?.close();
    sync?.stop();
    kernel?.close();
  });

  const seams = {
    log: SILENT_LOG,
    now: () => performance.now(),
    after: (ms: number, call: () => void) => {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
  };
  const begin = (): FdbSync => createFdbSync({ ...seams, kernel, changed: (status) => statuses.push(status) });
  const listen = (receiveBuffer?: number): KernelWatch & { figures(): WatchFigures } =>
    watchKernel({
      ...seams,
      namespace: file(),
      ...(receiveBuffer === undefined ? {} : { receiveBuffer }),
      ignorePorts: [kernel.portId],
      listeners: [sync.listener],
    });
  const settled = (entries: number): Promise<void> =>
    until('entries in order', 30, () => expect(sync.status()).toMatchObject({ ready: true, entries }));
  const ALL = PEERS * 2;

  it('are exactly two for each of 5,000 endpoints, beside entries of others; one bad MAC costs only itself', async () => {
    await batch('bridge', [
      'fdb add 66:ff:00:00:00:01 dev vxlan.calico dst 172.20.9.9 dynamic',
      'fdb add 66:04:00:00:77:77 dev vxlan.calico dst 172.20.9.9',
    ]);
    await batch('ip', [
      'neigh add 10.99.0.1 lladdr 66:ff:00:00:00:02 dev vxlan.calico nud stale',
      'neigh add 10.99.0.2 lladdr 66:ff:00:00:00:03 dev eth0 nud permanent',
    ]);
    const bad = { ...vtep4(1), node: 'node-bad', mac: '67:00:00:00:00:01' };
    const many = [...numbers(PEERS).map(vtep4), bad, ...numbers(PEERS_V6).map(vtep6)];
    sync.configure({ vteps: many, devices });
    await settled(ALL + PEERS_V6 * 2);
    await exact();
    expect(await permanentNeighbours('vxlan-v6.calico')).toHaveLength(PEERS_V6);
    expect(await permanentForwarding('vxlan-v6.calico')).toHaveLength(PEERS_V6);
    expect(sync.status()).toMatchObject({ vteps: { ipv4: PEERS, ipv6: PEERS_V6 }, failing: 0, repairs: 0 });
    expect(sync.status().issues.map(({ object, field }) => [object.name, field])).toEqual([['node-bad', 'spec.vxlanTunnelMACAddr']]);
    expect(sync.plan()).toEqual([]);
    expect((await inside('bridge', 'fdb', 'show', 'dev', 'vxlan.calico')).split('\n')).toContain('66:ff:00:00:00:01 dst 172.20.9.9 self ');
    expect(await inside('ip', 'neigh', 'show', 'nud', 'stale')).toContain('10.99.0.1 dev vxlan.calico lladdr 66:ff:00:00:00:02 STALE');
    expect(await inside('ip', 'neigh', 'show', 'dev', 'eth0')).toContain('10.99.0.2 lladdr 66:ff:00:00:00:03 PERMANENT');

    // Fewer endpoints: the others' entries go, and nothing else.
    sync.configure({ vteps: numbers(100).map(vtep4), devices });
    await settled(200);
    await exact(100);
    expect(await permanentForwarding('vxlan-v6.calico')).toEqual([]);
    expect(await inside('ip', 'neigh', 'show', 'dev', 'vxlan.calico')).toContain('10.99.0.1 lladdr 66:ff:00:00:00:02 STALE');
  }, 120_000);

  it('are repaired by notifications, whatever was done to them', async () => {
    sync.configure({ vteps: numbers(PEERS).map(vtep4), devices });
    await settled(ALL);
    const broken = (number: number): string => `66:0a:00:00:00:${hex(number)}`;
    const vandals: readonly (() => Promise<void>)[] = [
      () =>
        batch(
          'bridge',
          numbers(10).map((number) => `fdb del ${macOf(number, 'ipv4')} dev vxlan.calico`),
        ),
      () =>
        batch(
          'ip',
          numbers(10).map((number) => `neigh del ${text4(10, 244, number)} dev vxlan.calico`),
        ),
      () =>
        batch(
          'ip',
          numbers(10).map((number) => `neigh replace ${text4(10, 244, number)} lladdr ${broken(number)} dev vxlan.calico nud permanent`),
        ),
      () =>
        batch(
          'ip',
          numbers(10).map(
            (number) => `neigh replace ${text4(10, 244, number)} lladdr ${macOf(number, 'ipv4')} dev vxlan.calico nud reachable`,
          ),
        ),
      () =>
        batch(
          'bridge',
          numbers(10).map((number) => `fdb replace ${macOf(number, 'ipv4')} dev vxlan.calico dst 172.20.9.9`),
        ),
      () =>
        batch(
          'bridge',
          numbers(10).map((number) => `fdb replace ${macOf(number, 'ipv4')} dev vxlan.calico dst ${text4(172, 20, number)} dynamic`),
        ),
      async () => {
        await batch('ip', ['nexthop add id 9 via 172.20.9.9 fdb', 'nexthop add id 10 group 9 fdb']);
        const macs = numbers(10).map((number) => macOf(number, 'ipv4'));
        await batch(
          'bridge',
          macs.flatMap((mac) => [`fdb del ${mac} dev vxlan.calico`, `fdb add ${mac} dev vxlan.calico nhid 10`]),
        );
      },
      () =>
        batch(
          'bridge',
          numbers(10).map(
            (number) => `fdb replace ${macOf(number, 'ipv4')} dev vxlan.calico dst ${text4(172, 20, number)} port 9999 vni 7 via eth0`,
          ),
        ),
      () =>
        batch(
          'bridge',
          numbers(10).map((number) => `fdb add ${broken(number)} dev vxlan.calico dst 172.20.9.9`),
        ),
      () =>
        batch(
          'ip',
          numbers(10).map((number) => `neigh add 10.99.0.${number} lladdr ${broken(number)} dev vxlan.calico nud permanent`),
        ),
      () => batch('ip', ['neigh flush dev vxlan.calico nud permanent', 'link set vxlan.calico down', 'link set vxlan.calico up']),
    ];
    for (const [number, vandal] of vandals.entries()) {
      const { repairs } = sync.status();
      await vandal();
      await until(`repair after vandal ${number}`, 20, () => expect(sync.status().repairs).toBeGreaterThanOrEqual(repairs + 10));
      await until(`exact entries after vandal ${number}`, 20, () => exact());
    }
    // Many entries at once, by two hands: still one world in the end.
    await Promise.all([vandals[0]?.(), vandals[3]?.(), vandals[8]?.()]);
    await until('exact entries after all of them', 20, () => exact());
    expect(sync.status()).toMatchObject({ drifted: 0, failing: 0 });

    // The device itself: nothing is tried without it, and another one gets everything.
    await inside('ip', 'link', 'del', 'vxlan.calico');
    await until('the end of the device', 20, () => expect(sync.status().detail).toBe('the ipv4 VXLAN device is gone'));
    expect(sync.status().issues).toEqual([]);
    await makeDevice('vxlan.calico', '172.20.255.1');
    sync.configure({ vteps: numbers(PEERS).map(vtep4), devices: { ...devices, ipv4: await index('vxlan.calico') } });
    await settled(ALL);
    await exact();
  }, 180_000);

  it('are right after a flood of 100,000 notifications through a queue of 4 KiB, without a loop', async () => {
    watch.close();
    sync.configure({ vteps: numbers(PEERS).map(vtep4), devices });
    await settled(ALL);
    watch = listen(4_096);
    const flooder = new NetlinkSocket({ namespace: file() });
    const eth1 = await index('eth1');
    const flood = (count: number): void => {
      const changes = numbers(count).map((number): LinkRequest => ({ index: eth1, alias: `flood ${number}` }));
      expect(flooder.batch(changes, (out, link, flags, seq) => encodeLink(out, RTM.newLink, flags, seq, link)).failures).toEqual([]);
    };
    const { readings } = sync.status();
    // Each portion fills the queue many times over before this thread has a turn to read it.
    for (let portion = 0; portion < 20; portion++) {
      flood(5_000);
      await batch('bridge', [`fdb del ${macOf(portion + 1, 'ipv4')} dev vxlan.calico`]);
    }
    flooder.close();
    await until('exact entries after the flood', 60, () => exact());
    const { losses, reopened } = watch.figures();
    expect(losses).toBeGreaterThanOrEqual(1);
    await until('the socket to be open again', 30, () => expect(watch.figures().reopened).toBe(watch.figures().losses));
    expect(reopened).toBeLessThanOrEqual(12);
    expect(sync.status().readings - readings).toBeLessThanOrEqual(40);

    // Afterwards it hears again, and rests.
    await batch('bridge', [`fdb del ${macOf(1, 'ipv4')} dev vxlan.calico`]);
    await until('exact entries once more', 20, () => exact());
    await until('rest', 60, async () => {
      const before = { ...sync.status(), ...watch.figures(), cpu: process.cpuUsage() };
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      const { user, system } = process.cpuUsage(before.cpu);
      expect([sync.status().readings, watch.figures().losses]).toEqual([before.readings, before.losses]);
      expect((user + system) / 2_000_000).toBeLessThan(0.05);
    });
  }, 240_000);
});
