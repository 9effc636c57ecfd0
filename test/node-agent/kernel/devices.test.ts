import { parseAddress, parsePrefix } from 'bgp-ts/net';
import type { AddressMessage, NetlinkEvent } from 'netlink';
import { describe, expect, it } from 'vitest';
import type { IpipBackend, IpipWanted } from '../../../node-agent/ebpf/types.ts';
import type { DeviceWish, EncapRoute } from '../../../node-agent/encap/types.ts';
import { createDeviceSync, DEVICE_AUDIT_MS } from '../../../node-agent/kernel/devices.ts';
import type { DeviceConfig, DeviceDeps, DeviceStatus } from '../../../node-agent/kernel/devices-types.ts';
import { makeHandClock } from './clock.ts';
import { makeFakeLinks } from './fake-links.ts';

const ip = (text: string): NonNullable<ReturnType<typeof parseAddress>> => {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
};
const nodeAddress: AddressMessage = { family: 'ipv4', interface: 2, length: 24, scope: 0, flags: 0, local: ip('172.31.0.1') };
const vxlan: DeviceWish = {
  ...{ kind: 'vxlan', family: 'ipv4', name: 'vxlan.calico', vni: 4096, port: 4789, mac: '66:00:00:00:00:01' },
  ...{ tunnel: ip('10.244.1.63'), local: ip('172.31.0.1'), reasons: [] },
};
const tunl: DeviceWish = { kind: 'ipip', name: 'tunl0', tunnel: ip('10.244.1.62'), local: ip('172.31.0.1'), reasons: [] };
const link = { kind: 'link', gone: false } as const;

function wants(devices: readonly DeviceWish[], more: Partial<DeviceConfig['wishes']> = {}): DeviceConfig {
  return { wishes: { node: 'n1', addresses: { ipv4: ip('172.31.0.1') }, devices, routes: [], issues: [], ...more } };
}

function setUp(more: Partial<DeviceDeps> = {}) {
  const clock = makeHandClock();
  const kernel = makeFakeLinks([nodeAddress]);
  const log: string[] = [];
  const told: DeviceStatus[] = [];
  const fatal: Error[] = [];
  const say = (fields: object, message: string) => log.push(`${message} ${JSON.stringify(fields)}`);
  const sync = createDeviceSync({
    ...{ kernel, log: { debug: say, info: say, warn: say, error: say }, now: clock.now, after: clock.after },
    ...{ kernelRelease: '6.1.0', takeOver: false, ipipBackend: 'auto', felix: () => undefined },
    changed: (status) => told.push(status),
    fatal: (error) => fatal.push(error),
    ...more,
  });
  const touch = () => {
    const eth0 = kernel.links.get('eth0');
    if (eth0 !== undefined) sync.listener.events([{ ...link, link: eth0 }]);
  };
  return { clock, kernel, log, told, fatal, sync, touch };
}

function fakeBackend() {
  const calls: string[] = [];
  const wanted: IpipWanted[] = [];
  let refuse: string | undefined;
  let faults: string[] = [];
  const zero = { packets: 0, octets: 0 };
  const backend: IpipBackend = {
    apply: (now) => {
      if (refuse !== undefined) throw new Error(refuse);
      calls.push('apply');
      wanted.push(now);
      const none = { written: 0, removed: 0 };
      return { blocks: none, sources: none, attached: 0, replaced: 0, detached: 0, faults };
    },
    status: () => ({
      ...{ attachments: [], blocks: 1, sources: 1, sourceHash: '' },
      counters: {
        ...{ encapsulated: zero, decapsulated: zero, 'not-ipv4': zero, 'no-peer': zero, 'no-route': zero, 'too-big': zero },
        ...{ headroom: zero, 'unknown-source': zero, malformed: zero, 'bad-checksum': zero, fragment: zero, ecn: zero },
      },
    }),
    close: () => calls.push('close'),
    remove: () => calls.push('remove'),
  };
  return {
    calls,
    wanted,
    backend,
    refuse: (why: string | undefined) => {
      refuse = why;
    },
    complain: (now: string[]) => {
      faults = now;
    },
  };
}

describe('the upkeep of devices', () => {
  it('does nothing before it is configured, then everything in order', () => {
    const { clock, kernel, sync, told } = setUp();
    clock.pass(60_000);
    expect(kernel.reads).toBe(0);
    expect(sync.status()).toBeUndefined();
    sync.configure(wants([vxlan]));
    clock.pass(0);
    expect(kernel.diary).toEqual([
      'create vxlan.calico vxlan',
      'change vxlan.calico alias',
      'add-address vxlan.calico',
      'change vxlan.calico set 1',
    ]);
    expect(told).toEqual([expect.objectContaining({ ready: true, steps: 4, repairs: 0, roles: { 'vxlan-v4': 10, 'parent-v4': 2 } })]);
  });

  it('repairs on an event, counts it, and tells nobody about what did not change', () => {
    const { clock, kernel, sync, touch, told } = setUp();
    sync.configure(wants([vxlan]));
    clock.pass(1_000);
    touch();
    clock.pass(1_000);
    expect(told).toHaveLength(1);
    kernel.links.delete('vxlan.calico');
    touch();
    clock.pass(1_000);
    expect(sync.status()).toMatchObject({ ready: true, repairs: 4 });
    expect(kernel.links.has('vxlan.calico')).toBe(true);
  });

  it('finds by its audit what no event told, and after lost events at once', () => {
    const { clock, kernel, sync } = setUp();
    sync.configure(wants([vxlan]));
    clock.pass(1_000);
    kernel.links.delete('vxlan.calico');
    clock.pass(DEVICE_AUDIT_MS);
    expect(kernel.links.has('vxlan.calico')).toBe(true);
    kernel.links.delete('vxlan.calico');
    sync.listener.lost('overrun');
    clock.pass(300);
    expect(kernel.links.has('vxlan.calico')).toBe(true);
  });

  it('looks a few times a second in a storm of events, not at each of them', () => {
    const { clock, kernel, sync, touch } = setUp();
    sync.configure(wants([vxlan]));
    clock.pass(1_000);
    const before = kernel.reads;
    for (let ms = 0; ms < 2_000; ms++) {
      touch();
      clock.pass(1);
    }
    expect(kernel.reads - before).toBeGreaterThan(5);
    expect(kernel.reads - before).toBeLessThanOrEqual(11);
  });

  it('does not look for what concerns others: interfaces of pods and their addresses', () => {
    const { clock, kernel, sync } = setUp();
    sync.configure(wants([vxlan]));
    clock.pass(1_000);
    const eth0 = kernel.links.get('eth0');
    const device = kernel.links.get('vxlan.calico');
    if (eth0 === undefined || device === undefined) return expect.fail('no interfaces');
    const looked = (event: NetlinkEvent): boolean => {
      const before = kernel.reads;
      sync.listener.events([event]);
      clock.pass(500);
      return kernel.reads > before;
    };
    const address = (index: number, text: string): NetlinkEvent => ({
      ...{ kind: 'address', gone: false },
      address: { ...nodeAddress, interface: index, local: ip(text) },
    });
    expect(looked({ ...link, link: { ...eth0, index: 77, name: 'cali77' } })).toBe(false);
    expect(looked(address(77, '10.244.1.5'))).toBe(false);
    expect(looked(address(77, '172.31.0.1'))).toBe(true);
    expect(looked(address(2, '10.1.1.1'))).toBe(true);
    expect(looked({ ...link, link: { ...eth0, index: 78, name: 'eth7' } })).toBe(true);
    expect(looked({ ...link, link: { ...eth0, name: 'renamed' } })).toBe(true);
    expect(looked({ ...link, gone: true, link: device })).toBe(true);
  });

  it('tries again after a refusal, later each time, and says it once', () => {
    const { clock, kernel, sync, log } = setUp();
    kernel.refuse = (words) => (words.startsWith('create') ? 'EPERM' : undefined);
    sync.configure(wants([vxlan]));
    const times: number[] = [];
    for (let ms = 0; ms < 20_000; ms++) {
      const before = kernel.diary.length;
      clock.pass(1);
      if (kernel.diary.length > before) times.push(ms + 1);
    }
    expect(times.slice(0, 4)).toEqual([1, 1000, 3000, 7000]);
    expect(sync.status()).toMatchObject({ ready: false, devices: [{ state: 'failed', detail: 'create vxlan.calico (not there): EPERM' }] });
    expect(log.filter((line) => line.includes('EPERM'))).toHaveLength(1);
    kernel.refuse = () => undefined;
    clock.pass(20_000);
    expect(sync.status()).toMatchObject({ ready: true, faults: [] });
  });

  it('makes a device anew where the kernel does not change it in place', () => {
    const { clock, kernel, sync, touch } = setUp();
    sync.configure(wants([vxlan]));
    clock.pass(1_000);
    kernel.addresses = kernel.addresses.map((one) => (one.interface === 2 ? { ...one, local: ip('172.31.0.2') } : one));
    kernel.diary.length = 0;
    kernel.refuse = (words) => (words === 'change vxlan.calico vxlan' ? 'ENOTSUP' : undefined);
    sync.configure(wants([{ ...vxlan, local: ip('172.31.0.2') }]));
    touch();
    clock.pass(1_000);
    expect(kernel.diary.slice(0, 3)).toEqual(['change vxlan.calico vxlan', 'remove vxlan.calico', 'create vxlan.calico vxlan']);
    expect(sync.status()?.ready).toBe(true);
  });

  it('says that the kernel accepts a request and does nothing', () => {
    const { clock, kernel, sync } = setUp({ kernelRelease: '5.6.0' });
    const { offload } = kernel;
    Object.assign(kernel, { offload: (name: string) => offload(name, 'txChecksum') || true });
    sync.configure(wants([vxlan]));
    clock.pass(500);
    // Once when it is made, once as a change of what is there.
    expect(kernel.diary.filter((words) => words.startsWith('offload'))).toHaveLength(2);
    expect(sync.status()).toMatchObject({
      ready: false,
      devices: [{ detail: expect.stringContaining('accepts it, and nothing changes') }],
    });
  });

  it('does not fight a writer that never stops: it says so and repairs at the pace of its audit', () => {
    const { clock, kernel, sync, touch } = setUp();
    sync.configure(wants([vxlan]));
    clock.pass(1_000);
    for (let seconds = 0; seconds < 30; seconds++) {
      kernel.links.delete('vxlan.calico');
      touch();
      clock.pass(1_000);
    }
    expect(sync.status()).toMatchObject({ faults: ['devices were repaired 30 times in a minute: somebody else writes them too'] });
    const before = sync.status()?.repairs ?? 0;
    for (let seconds = 0; seconds < 20; seconds++) {
      kernel.links.delete('vxlan.calico');
      touch();
      clock.pass(1_000);
    }
    const turns = ((sync.status()?.repairs ?? 0) - before) / 4;
    expect(turns).toBeGreaterThanOrEqual(1);
    expect(turns).toBeLessThanOrEqual(3);
    clock.pass(120_000);
    expect(sync.status()).toMatchObject({ ready: true, faults: [] });
  });

  it('goes on after a reading that failed', () => {
    const { clock, kernel, sync } = setUp();
    kernel.broken = new Error('interfaces: ENOBUFS');
    sync.configure(wants([vxlan]));
    clock.pass(100);
    expect(sync.status()).toBeUndefined();
    kernel.broken = undefined;
    clock.pass(1_000);
    expect(sync.status()?.ready).toBe(true);
  });

  it('stops touching devices when a Felix comes, and goes on when it went', () => {
    let felix: string | undefined;
    const { clock, kernel, sync } = setUp({ felix: () => felix });
    sync.configure(wants([vxlan]));
    clock.pass(100);
    felix = 'calico-node -felix (pid 9)';
    clock.pass(DEVICE_AUDIT_MS);
    expect(sync.status()).toMatchObject({ ready: false, devices: [{ state: 'refused' }] });
    kernel.links.delete('vxlan.calico');
    clock.pass(DEVICE_AUDIT_MS);
    expect(kernel.links.has('vxlan.calico')).toBe(false);
    felix = undefined;
    clock.pass(DEVICE_AUDIT_MS);
    expect(sync.status()?.ready).toBe(true);
  });

  it('says what it would do and does none of it', () => {
    const { kernel, sync } = setUp({ mtuFile: { read: () => 1500, write: () => expect.fail('written'), required: false } });
    sync.configure(wants([vxlan]));
    expect(sync.plan()).toMatchObject({
      steps: [{ step: 'create' }, { step: 'mark' }, { step: 'add-address' }, { step: 'up' }],
      mtuFile: 1450,
    });
    expect(kernel.diary).toEqual([]);
  });

  it('after stop does nothing more', () => {
    const { clock, kernel, sync, touch } = setUp();
    sync.configure(wants([vxlan]));
    clock.pass(100);
    sync.stop();
    kernel.links.delete('vxlan.calico');
    touch();
    clock.pass(60_000);
    expect(kernel.links.has('vxlan.calico')).toBe(false);
    expect(clock.waiting()).toBe(0);
  });
});

describe('checksum offload by kernel version, as netlink and ethtool are asked', () => {
  it.each([
    ['5.6.19', true],
    ['5.7.0', true],
    ['5.7.1', false],
  ])('%s: IPIP and VXLAN off before up: %j', (kernelRelease, off) => {
    const { clock, kernel, sync } = setUp({ kernelRelease });
    sync.configure(wants([vxlan, tunl]));
    clock.pass(100);
    const of = (name: string) => kernel.diary.filter((words) => words.split(' ')[1] === name).slice(-2);
    for (const name of ['vxlan.calico', 'tunl0']) {
      expect(of(name)).toEqual([off ? `offload ${name} off` : `add-address ${name}`, `change ${name} set 1`]);
      expect(kernel.offloads.get(name)).toBe(!off);
    }
  });
});

describe('the MTU file', () => {
  it('is written when it should say something else, and looked into by the audit', () => {
    let text: number | undefined;
    const written: number[] = [];
    const write = (mtu: number): void => {
      text = mtu;
      written.push(mtu);
    };
    const mtuFile = { read: () => text, write, required: false };
    const { clock, kernel, sync, touch } = setUp({ mtuFile });
    sync.configure(wants([vxlan]));
    clock.pass(100);
    expect(written).toEqual([1450]);
    const eth0 = kernel.links.get('eth0');
    if (eth0 !== undefined) kernel.links.set('eth0', { ...eth0, mtu: 1400 });
    touch();
    clock.pass(1_000);
    expect(written).toEqual([1450, 1350]);
    text = undefined;
    clock.pass(DEVICE_AUDIT_MS);
    expect(written).toEqual([1450, 1350, 1350]);
  });
});

describe('IPIP without ipip', () => {
  const absent = (kinds: string[]) => (words: string) => (kinds.some((kind) => words === `create tunl0 ${kind}`) ? 'ENOTSUP' : undefined);
  const block = parsePrefix('10.244.2.0/26');
  const routes: EncapRoute[] = [
    ...(block === undefined
      ? []
      : [
          { prefix: block, class: 'ipip-tunnel', target: { kind: 'via', device: 'ipip', gateway: ip('172.31.0.2') }, reasons: [] } as const,
        ]),
  ];

  it('is said once, in the words of the kernel, where there is nothing else', () => {
    const { clock, kernel, sync, log } = setUp();
    kernel.refuse = absent(['ipip']);
    sync.configure(wants([tunl]));
    clock.pass(30_000);
    expect(sync.status()).toMatchObject({
      devices: [{ state: 'refused', detail: 'kernel has no ipip, and no eBPF backend is available' }],
    });
    expect(log.filter((line) => line.startsWith('kernel has no ipip '))).toHaveLength(1);
    expect(kernel.diary).toEqual(['create tunl0 ipip']);
  });

  it('goes over to the eBPF backend, which is told blocks, device and parent', () => {
    const { backend, wanted, calls } = fakeBackend();
    const { clock, kernel, sync } = setUp({ openIpip: () => backend });
    kernel.refuse = absent(['ipip']);
    sync.configure(wants([tunl], { routes }));
    clock.pass(100);
    expect(sync.status()).toMatchObject({ ready: true, devices: [{ backend: 'ebpf', state: 'ready', mtu: 1480 }], roles: { ipip: 10 } });
    expect(kernel.links.get('tunl0')).toMatchObject({ kind: 'ifb', flags: 0x81 });
    expect(wanted.at(-1)).toEqual({
      ...{ peers: [{ block, host: ip('172.31.0.2') }], sources: [], local: ip('172.31.0.1') },
      ...{ device: 10, mac: '02:00:00:00:00:01', parents: [2] },
    });
    sync.configure(wants([]));
    clock.pass(100);
    expect(calls.at(-1)).toBe('remove');
    expect(kernel.links.has('tunl0')).toBe(false);
  });

  it('takes the next kind of stand-in where the kernel has not the first, with its other end up', () => {
    const { backend } = fakeBackend();
    const { clock, kernel, sync } = setUp({ openIpip: () => backend });
    kernel.refuse = absent(['ipip', 'ifb']);
    sync.configure(wants([tunl], { routes }));
    clock.pass(100);
    expect(kernel.diary.slice(0, 4)).toEqual(['create tunl0 ipip', 'create tunl0 ifb', 'create tunl0 veth', 'change #0 set 1']);
    expect(sync.status()?.ready).toBe(true);
  });

  it('keeps a stand-in that works after a restart, without asking the kernel for ipip again', () => {
    const first = setUp({ openIpip: () => fakeBackend().backend });
    first.kernel.refuse = absent(['ipip']);
    first.sync.configure(wants([tunl], { routes }));
    first.clock.pass(100);
    const second = setUp({ kernel: first.kernel, openIpip: () => fakeBackend().backend });
    first.kernel.diary.length = 0;
    second.sync.configure(wants([tunl], { routes }));
    second.clock.pass(100);
    expect(first.kernel.diary).toEqual([]);
    expect(second.sync.status()).toMatchObject({ ready: true, steps: 0, devices: [{ backend: 'ebpf' }] });
  });

  it('is what the option says', () => {
    const { backend } = fakeBackend();
    const forced = setUp({ ipipBackend: 'ebpf', openIpip: () => backend });
    forced.sync.configure(wants([tunl], { routes }));
    forced.clock.pass(100);
    expect(forced.kernel.diary[0]).toBe('create tunl0 ifb');
    const kernelOnly = setUp({ ipipBackend: 'kernel', openIpip: () => backend });
    kernelOnly.kernel.refuse = absent(['ipip']);
    kernelOnly.sync.configure(wants([tunl], { routes }));
    kernelOnly.clock.pass(100);
    expect(kernelOnly.sync.status()?.faults).toEqual(['kernel has no ipip, and ipipBackend is kernel']);
  });

  it('is not ready while the backend is refused, and tries again', () => {
    const { backend, refuse } = fakeBackend();
    refuse('program encapsulate: EINVAL');
    const { clock, kernel, sync } = setUp({ openIpip: () => backend });
    kernel.refuse = absent(['ipip']);
    sync.configure(wants([tunl], { routes }));
    clock.pass(100);
    expect(sync.status()).toMatchObject({ ready: false, faults: ['eBPF backend of IPIP: program encapsulate: EINVAL'] });
    refuse(undefined);
    clock.pass(2_000);
    expect(sync.status()?.ready).toBe(true);
  });

  it('is not ready while an interface cannot be served', () => {
    const { backend, complain } = fakeBackend();
    complain(['eth0: no Ethernet header']);
    const { clock, kernel, sync } = setUp({ openIpip: () => backend });
    kernel.refuse = absent(['ipip']);
    sync.configure(wants([tunl], { routes }));
    clock.pass(100);
    expect(sync.status()).toMatchObject({ ready: false, faults: ['eBPF backend of IPIP: eth0: no Ethernet header'] });
    complain([]);
    clock.pass(5_000);
    expect(sync.status()).toMatchObject({ ready: true, faults: [] });
  });

  it('applies what did not change once a second at most, and a change at once', () => {
    const { backend, calls } = fakeBackend();
    const { clock, kernel, sync, touch } = setUp({ openIpip: () => backend });
    kernel.refuse = absent(['ipip']);
    sync.configure(wants([tunl], { routes }));
    clock.pass(100);
    for (let ms = 0; ms < 1_000; ms += 10) {
      touch();
      clock.pass(10);
    }
    expect(calls.length).toBeLessThanOrEqual(2);
    const before = calls.length;
    sync.configure(wants([tunl], { routes: [...routes] }));
    clock.pass(0);
    expect(calls).toHaveLength(before + 1);
  });

  it('keeps the backend while the cluster does not know the node', () => {
    const { backend, calls } = fakeBackend();
    const { clock, kernel, sync } = setUp({ openIpip: () => backend });
    kernel.refuse = absent(['ipip']);
    sync.configure(wants([tunl], { routes }));
    clock.pass(100);
    const object = { apiVersion: 'v1', kind: 'Node', namespace: '', name: 'n1' };
    const issue = { code: 'NODE_MISSING', severity: 'error', object, field: '', got: '', rule: '', source: null, transient: true } as const;
    sync.configure(wants([], { issues: [issue] }));
    clock.pass(30_000);
    expect(calls).not.toContain('remove');
    expect(kernel.links.has('tunl0')).toBe(true);
  });
});
