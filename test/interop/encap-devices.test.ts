/** vxlan.calico, vxlan-v6.calico and tunl0 in the kernel: made, kept, followed and left alone, as `ip` and packets see it. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { UpkeepOptions, UpkeepUnderTest } from './harness/encap-devices.ts';
import { backendOf, ip, ipipRoute, ipipWish, joinByHand, startUpkeep, vtepMac, vxlanWish, wishesOf } from './harness/encap-devices.ts';
import type { EncapLab } from './harness/encap-lab.ts';
import { makeEncapLab } from './harness/encap-lab.ts';
import { CAN_RUN } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import { until } from './harness/wait.ts';

/** One interface as `ip -d -j` shows it. */
interface Shown {
  readonly ifindex: number;
  readonly mtu: number;
  readonly address: string;
  readonly flags: readonly string[];
  readonly ifalias?: string;
  readonly linkinfo?: { readonly info_kind: string; readonly info_data?: Readonly<Record<string, unknown>> };
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}

const NAMES = { ipv4: 'vxlan.calico', ipv6: 'vxlan-v6.calico' } as const;

describe.skipIf(!CAN_RUN)('devices of the agent', () => {
  let lab: EncapLab;
  let n1: Host;
  const running: UpkeepUnderTest[] = [];
  const both = (node: Host) => ({ wishes: wishesOf(node, [vxlanWish(node, 'ipv4'), vxlanWish(node, 'ipv6')]) });
  const upkeep = (node: Host, config: Parameters<typeof startUpkeep>[1], options?: UpkeepOptions): UpkeepUnderTest => {
    const started = startUpkeep(node, config, options);
    running.push(started);
    return started;
  };
  const show = async (name: string, node = n1): Promise<Shown> => {
    const [found]: Shown[] = JSON.parse(await lab.ip(node.namespace, '-d', '-j', 'addr', 'show', 'dev', name));
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  };
  const globals = (shown: Shown): string[] =>
    shown.addr_info.filter((one) => one.scope === 'global').map((one) => `${one.local}/${one.prefixlen}`);
  const offload = async (name: string, node = n1): Promise<string> =>
    /tx-checksum-ip-generic: (\w+)/.exec(await lab.in(node.namespace, ['ethtool', '-k', name]))?.[1] ?? 'none';
  const ready = (one: UpkeepUnderTest): Promise<void> =>
    until('the devices are ready', 20, () => expect(one.status()).toMatchObject({ ready: true, faults: [] }));

  beforeAll(async () => {
    lab = await makeEncapLab('encap devices');
    n1 = lab.nodes.n1;
  });
  beforeEach(async () => {
    for (const one of running.splice(0)) await one.stop();
    for (const name of ['vxlan.calico', 'vxlan-v6.calico', 'tunl0']) await lab.ip(n1.namespace, 'link', 'del', name).catch(() => '');
  });
  afterAll(async () => {
    for (const one of running) await one.stop();
    await lab?.close();
  });

  it('makes both VXLAN devices with everything that is theirs', async () => {
    const one = upkeep(n1, both(n1));
    await ready(one);
    const { ifindex: parent } = await show('eth0');
    for (const family of ['ipv4', 'ipv6'] as const) {
      const shown = await show(NAMES[family]);
      expect(shown).toMatchObject({
        mtu: family === 'ipv4' ? 1450 : 1430,
        address: vtepMac(family, 1),
        ifalias: 'linnet node-agent',
        linkinfo: { info_kind: 'vxlan', info_data: { id: family === 'ipv4' ? 4096 : 4097, port: 4789, learning: false, link: 'eth0' } },
      });
      expect(shown.flags).toContain('UP');
      expect(globals(shown)).toEqual([family === 'ipv4' ? '10.244.1.63/32' : 'fd44:1::3f/128']);
      expect(JSON.stringify(shown.linkinfo)).toContain(n1[family]);
      expect(one.device(NAMES[family])).toMatchObject({ state: 'ready', backend: 'kernel', parent: 'eth0', index: shown.ifindex });
    }
    expect(one.status().roles).toMatchObject({ 'parent-v4': parent, 'parent-v6': parent });
    expect(one.sync.plan()?.steps).toEqual([]);
  });

  it('carries packets of pods between nodes, both families', async () => {
    const { n2 } = lab.nodes;
    const two = upkeep(n2, both(n2));
    const one = upkeep(n1, both(n1));
    await ready(one);
    await ready(two);
    for (const family of ['ipv4', 'ipv6'] as const) await joinByHand(lab, 'n1', 'n2', family);
    const { p1a, p2a } = lab.pods;
    for (const [family, mtu, headers] of [
      ['ipv4', 1450, 28],
      ['ipv6', 1430, 48],
    ] as const) {
      expect(await lab.ping(p1a, p2a, family, 5)).toBe(5);
      // Packets of the MTU go whole; one octet more is answered by the node.
      const ping = (octets: number): Promise<string> =>
        lab.in(p1a.namespace, ['ping', '-n', '-M', 'do', '-c', '2', '-W', '1', '-s', String(octets - headers), p2a[family]]);
      expect(await ping(mtu)).toContain('2 received');
      await expect(ping(mtu + 1)).rejects.toThrow(new RegExp(`mtu ?= ?${mtu}`));
    }
  });

  it.each<[string, string[][]]>([
    ['the MTU', [['link', 'set', 'vxlan.calico', 'mtu', '1300']]],
    ['down', [['link', 'set', 'vxlan.calico', 'down']]],
    // The kernel takes the addresses of IPv6 away with it.
    ['IPv6: down', [['link', 'set', 'vxlan-v6.calico', 'down']]],
    ['the address removed', [['addr', 'del', '10.244.1.63/32', 'dev', 'vxlan.calico']]],
    ['other addresses', [['addr', 'add', '10.9.9.9/24', 'dev', 'vxlan.calico']]],
    [
      'IPv6: the address gone and another there',
      [
        ['addr', 'del', 'fd44:1::3f/128', 'dev', 'vxlan-v6.calico'],
        ['addr', 'add', 'fd99::1/64', 'dev', 'vxlan-v6.calico'],
      ],
    ],
    ['the MAC', [['link', 'set', 'vxlan.calico', 'address', '02:00:00:00:00:99']]],
    ['the source', [['link', 'set', 'vxlan.calico', 'type', 'vxlan', 'id', '4096', 'local', '10.1.1.1']]],
    ['the mark', [['link', 'set', 'vxlan.calico', 'alias', 'somebody']]],
    [
      'deleted',
      [
        ['link', 'del', 'vxlan.calico'],
        ['link', 'del', 'vxlan-v6.calico'],
      ],
    ],
    [
      'another device in its place',
      [
        ['link', 'add', 'evil', 'type', 'vxlan', 'id', '77', 'dstport', '4789', 'dev', 'eth0'],
        ['link', 'set', 'vxlan.calico', 'name', 'away'],
        ['link', 'set', 'evil', 'name', 'vxlan.calico'],
      ],
    ],
    [
      'a device of another kind',
      [
        ['link', 'add', 'evil', 'type', 'ifb'],
        ['link', 'set', 'vxlan.calico', 'name', 'away'],
        ['link', 'set', 'evil', 'name', 'vxlan.calico'],
      ],
    ],
  ])('repairs vandalism: %s', async (_what, commands) => {
    const one = upkeep(n1, both(n1));
    await ready(one);
    const looks = async () =>
      Promise.all(
        Object.values(NAMES).map(async (name) => {
          const shown = await show(name);
          const { mtu, address, ifalias, linkinfo } = shown;
          return { mtu, address, ifalias, linkinfo, up: shown.flags.includes('UP'), globals: globals(shown) };
        }),
      );
    const before = await looks();
    // Synchronous: the upkeep lives in this process, and must not repair between two commands.
    for (const command of commands) execFileSync('ip', ['-n', n1.namespace, ...command]);
    await until('repaired', 20, async () => expect(await looks()).toEqual(before));
    await until('counted', 20, () => expect(one.status().repairs).toBeGreaterThan(0));
    expect(one.fatal).toEqual([]);
  });

  it('repairs checksum offload, which somebody turned off', async () => {
    const one = upkeep(n1, both(n1));
    await ready(one);
    expect(await offload('vxlan.calico')).toBe('on');
    await lab.in(n1.namespace, ['ethtool', '-K', 'vxlan.calico', 'tx-checksum-ip-generic', 'off']);
    await until('on again', 20, async () => expect(await offload('vxlan.calico')).toBe('on'));
  });

  it('takes up what an earlier run made, without a step', async () => {
    const before = upkeep(n1, both(n1));
    await ready(before);
    const { ifindex } = await show('vxlan.calico');
    await before.stop();
    const after = upkeep(n1, both(n1));
    await ready(after);
    expect((await show('vxlan.calico')).ifindex).toBe(ifindex);
    expect(after.status().steps).toBe(0);
  });

  it('moves with the node’s address to another interface, in place', async () => {
    const { n3 } = lab.nodes;
    await lab.uplink(n3, 'eth1');
    const one = upkeep(n3, both(n3));
    await ready(one);
    const before = await show('vxlan.calico', n3);
    for (const [family, length] of [
      ['ipv4', 24],
      ['ipv6', 64],
    ] as const) {
      await lab.ip(n3.namespace, 'addr', 'del', `${n3[family]}/${length}`, 'dev', 'eth0');
      await lab.ip(n3.namespace, 'addr', 'add', `${n3[family]}/${length}`, 'dev', 'eth1');
    }
    await until('both on eth1', 20, () => {
      for (const name of Object.values(NAMES)) expect(one.device(name)).toMatchObject({ state: 'ready', parent: 'eth1' });
    });
    const after = await show('vxlan.calico', n3);
    expect(after.linkinfo?.info_data).toMatchObject({ link: 'eth1', local: n3.ipv4 });
    expect(after.ifindex).toBe(before.ifindex);
    // A name is only a name.
    await lab.ip(n3.namespace, 'link', 'set', 'eth1', 'down');
    await lab.ip(n3.namespace, 'link', 'set', 'eth1', 'name', 'uplink');
    await lab.ip(n3.namespace, 'link', 'set', 'uplink', 'up');
    await until('known by its new name', 20, () => expect(one.device('vxlan.calico')).toMatchObject({ parent: 'uplink' }));
    expect((await show('vxlan.calico', n3)).ifindex).toBe(before.ifindex);
  });

  it('comes back with the interface below it, which takes it along when it is deleted', async () => {
    const { n2 } = lab.nodes;
    await lab.uplink(n2, 'eth7');
    await lab.ip(n2.namespace, 'addr', 'add', '172.31.0.77/24', 'dev', 'eth7');
    const one = upkeep(n2, { wishes: wishesOf(n2, [vxlanWish(n2, 'ipv4', { local: ip('172.31.0.77') })]) });
    await ready(one);
    await lab.ip(n2.namespace, 'link', 'del', 'eth7');
    await until('it waits', 20, () => expect(one.device('vxlan.calico')).toMatchObject({ state: 'waiting' }));
    expect(one.device('vxlan.calico').detail).toBe('node address 172.31.0.77 is on no interface: not made until it is');
    await lab.uplink(n2, 'eth8');
    await lab.ip(n2.namespace, 'addr', 'add', '172.31.0.77/24', 'dev', 'eth8');
    await ready(one);
    expect(await show('vxlan.calico', n2)).toMatchObject({ linkinfo: { info_data: { link: 'eth8', local: '172.31.0.77' } } });
    await lab.ip(n2.namespace, 'link', 'del', 'eth8');
  });

  it('leaves a device whose node address is nowhere as it is, and says so', async () => {
    const config = { wishes: wishesOf(n1, [vxlanWish(n1, 'ipv4')]) };
    const one = upkeep(n1, config);
    await ready(one);
    const { ifindex } = await show('vxlan.calico');
    one.sync.configure({ wishes: wishesOf(n1, [vxlanWish(n1, 'ipv4', { local: ip('172.31.0.99') })]) });
    await until('it waits', 20, () => expect(one.device('vxlan.calico')).toMatchObject({ state: 'waiting' }));
    expect(one.device('vxlan.calico').detail).toBe('node address 172.31.0.99 is on no interface: left as it is until it is');
    expect((await show('vxlan.calico')).ifindex).toBe(ifindex);
    expect(one.status().ready).toBe(false);
  });

  it('is made anew only where the kernel cannot change it', async () => {
    const one = upkeep(n1, both(n1));
    await ready(one);
    const { ifindex } = await show('vxlan.calico');
    one.sync.configure({ wishes: wishesOf(n1, [vxlanWish(n1, 'ipv4', { mac: '66:00:00:00:00:77', mtu: 1400 }), vxlanWish(n1, 'ipv6')]) });
    await until('changed', 20, async () =>
      expect(await show('vxlan.calico')).toMatchObject({ mtu: 1400, address: '66:00:00:00:00:77', ifindex }),
    );
    one.sync.configure({ wishes: wishesOf(n1, [vxlanWish(n1, 'ipv4', { vni: 4099 }), vxlanWish(n1, 'ipv6')]) });
    await until('made anew', 20, async () => expect(await show('vxlan.calico')).toMatchObject({ linkinfo: { info_data: { id: 4099 } } }));
    expect((await show('vxlan.calico')).ifindex).not.toBe(ifindex);
  });

  it('removes what nobody wants any more, but not while the node is unknown', async () => {
    const one = upkeep(n1, both(n1));
    await ready(one);
    const missing = {
      ...({ code: 'NODE_MISSING', severity: 'error', field: '', got: '', rule: '', source: null, transient: true } as const),
      object: { apiVersion: 'v1', kind: 'Node', namespace: '', name: 'n1' },
    };
    one.sync.configure({ wishes: wishesOf(n1, [], { issues: [missing] }) });
    one.sync.flush();
    expect((await show('vxlan.calico')).ifalias).toBe('linnet node-agent');
    one.sync.configure({ wishes: wishesOf(n1, [vxlanWish(n1, 'ipv6')]) });
    await until('gone', 20, () => expect(lab.ip(n1.namespace, 'link', 'show', 'vxlan.calico')).rejects.toThrow('does not exist'));
    expect((await show('vxlan-v6.calico')).ifalias).toBe('linnet node-agent');
  });

  it('refuses a device that others made, says who and how, and takes it over only when told to', async () => {
    await lab.ip(
      n1.namespace,
      'link',
      'add',
      'vxlan.calico',
      'type',
      'vxlan',
      'id',
      '4096',
      'dstport',
      '4789',
      'dev',
      'eth0',
      'local',
      n1.ipv4,
    );
    await lab.ip(n1.namespace, 'addr', 'add', '10.244.1.9/32', 'dev', 'vxlan.calico');
    const { ifindex } = await show('vxlan.calico');
    const one = upkeep(n1, both(n1));
    await until('refused', 20, () => expect(one.device('vxlan.calico').state).toBe('refused'));
    expect(one.device('vxlan.calico').detail).toMatch(/exists and lacks the mark "linnet node-agent".*--take-over/);
    expect(one.device('vxlan-v6.calico').state).toBe('ready');
    expect(globals(await show('vxlan.calico'))).toEqual(['10.244.1.9/32']);
    await one.stop();
    const two = upkeep(n1, both(n1), { takeOver: true });
    await ready(two);
    expect(await show('vxlan.calico')).toMatchObject({ ifindex, ifalias: 'linnet node-agent', mtu: 1450 });
    await two.stop();
    const three = upkeep(n1, both(n1));
    await ready(three);
  });

  it('touches nothing while a Felix runs in the namespace', async () => {
    const one = upkeep(n1, both(n1), { felix: () => 'calico-node -felix (pid 17)' });
    await until('refused', 20, () => expect(one.device('vxlan.calico').state).toBe('refused'));
    expect(one.device('vxlan.calico').detail).toContain('calico-node -felix (pid 17) runs in this network namespace');
    await expect(lab.ip(n1.namespace, 'link', 'show', 'vxlan.calico')).rejects.toThrow('does not exist');
    expect(one.status().steps).toBe(0);
  });

  it('says that the kernel has no ipip where it has none, and that there is no other way', async () => {
    const one = upkeep(n1, { wishes: wishesOf(n1, [ipipWish(n1)]) });
    await until('it is said', 20, () => expect(one.device('tunl0').state).not.toBe('waiting'));
    if (one.device('tunl0').backend === 'kernel') return;
    expect(one.device('tunl0')).toMatchObject({ state: 'refused', detail: 'kernel has no ipip, and no eBPF backend is available' });
    expect(one.log.filter((line) => line.startsWith('kernel has no ipip'))).toHaveLength(1);
  });

  it('carries IPIP by eBPF behind tunl0, moves it with the node’s address, repairs it, and takes it away', async () => {
    const { n2 } = lab.nodes;
    const start = (node: Host, other: Host): UpkeepUnderTest => {
      const wishes = wishesOf(node, [ipipWish(node)], { routes: [ipipRoute(other)] });
      return upkeep(node, { wishes }, { ipipBackend: 'ebpf', openIpip: () => backendOf(node) });
    };
    const one = start(n1, n2);
    const two = start(n2, n1);
    await ready(one);
    await ready(two);
    expect(one.device('tunl0')).toMatchObject({ backend: 'ebpf', mtu: 1480, addresses: expect.arrayContaining(['10.244.1.62/32']) });
    const route = (): Promise<string> =>
      lab.ip(n1.namespace, 'route', 'replace', lab.blocks.n2.ipv4, 'via', n2.ipv4, 'dev', 'tunl0', 'onlink');
    await route();
    await lab.ip(n2.namespace, 'route', 'replace', lab.blocks.n1.ipv4, 'via', n1.ipv4, 'dev', 'tunl0', 'onlink');
    const pings = (): Promise<void> =>
      until('pods reach each other', 20, async () => expect(await lab.ping(lab.pods.p1a, lab.pods.p2a, 'ipv4')).toBe(3));
    await pings();
    // The node's address moves to another interface, and packets come in there.
    await lab.uplink(n2, 'eth1');
    await lab.ip(n2.namespace, 'addr', 'del', `${n2.ipv4}/24`, 'dev', 'eth0');
    await lab.ip(n2.namespace, 'addr', 'add', `${n2.ipv4}/24`, 'dev', 'eth1');
    await lab.ip(n1.namespace, 'neigh', 'flush', 'dev', 'eth0');
    await lab.ip(n2.namespace, 'route', 'replace', lab.blocks.n1.ipv4, 'via', n1.ipv4, 'dev', 'tunl0', 'onlink');
    await pings();
    // Deleted: the device and the program on it are back; routes are the business of others.
    await lab.ip(n1.namespace, 'link', 'del', 'tunl0');
    await until('it is back', 20, async () => expect(await show('tunl0')).toMatchObject({ mtu: 1480, ifalias: 'linnet node-agent' }));
    await route();
    await pings();
    one.sync.configure({ wishes: wishesOf(n1, []) });
    await until('it is gone', 20, () => expect(lab.ip(n1.namespace, 'link', 'show', 'tunl0')).rejects.toThrow('does not exist'));
    expect(one.status()).toMatchObject({ ready: true, faults: [] });
  });
});
