/** Devices are made and kept: when the kernel is looked at, what is repaired, and what is said of it. */
import type { NetlinkEvent } from 'netlink';
import { describe, expect, it } from 'vitest';
import { DEVICE_AUDIT_MS } from '../../../node-agent/kernel/devices.ts';
import { ip, link, nodeAddress, setUp, tunl, vxlan, wants } from './device-set-up.ts';

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

  it.each(['ENOTSUP', 'EOPNOTSUPP', 'EINVAL'])('makes a device anew where the kernel does not change it in place: %s', (code) => {
    const { clock, kernel, sync, touch } = setUp();
    sync.configure(wants([vxlan]));
    clock.pass(1_000);
    kernel.addresses = kernel.addresses.map((one) => (one.interface === 2 ? { ...one, local: ip('172.31.0.2') } : one));
    kernel.diary.length = 0;
    kernel.refuse = (words) => (words === 'change vxlan.calico vxlan' ? code : undefined);
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

  it('is not ready while what was there cannot be read', () => {
    const { clock, kernel, sync, told, touch } = setUp();
    sync.configure(wants([vxlan]));
    clock.pass(1_000);
    const [before, { length }] = [sync.status(), told];
    kernel.broken = new Error('interfaces: ENOBUFS');
    touch();
    clock.pass(1_500);
    const unread = { ...before, ready: false, faults: ['devices cannot be read: interfaces: ENOBUFS'] };
    // Said once, however often it is tried.
    expect([sync.status(), told.length]).toEqual([unread, length + 1]);
    kernel.broken = undefined;
    clock.pass(DEVICE_AUDIT_MS);
    expect([sync.status(), told.length]).toEqual([before, length + 2]);
  });

  it('says what is wrong once, and again where it comes back', () => {
    const { clock, kernel, sync, touch, log } = setUp();
    const told = (): number => log.filter((line) => line.includes('EPERM')).length;
    kernel.refuse = () => 'EPERM';
    sync.configure(wants([vxlan]));
    clock.pass(60_000);
    expect(told()).toBe(1);
    kernel.refuse = () => undefined;
    clock.pass(DEVICE_AUDIT_MS);
    expect(sync.status()?.ready).toBe(true);
    kernel.links.delete('vxlan.calico');
    kernel.refuse = () => 'EPERM';
    touch();
    clock.pass(1_000);
    expect(told()).toBe(2);
  });

  it('looks for a Felix and into the MTU file with its audit, not with each turn', () => {
    const looks = { felix: 0, file: 0 };
    const felix = (): undefined => {
      looks.felix += 1;
    };
    const read = (): number => {
      looks.file += 1;
      return 1450;
    };
    const { clock, sync, touch } = setUp({ felix, mtuFile: { read, write: () => expect.fail('written'), required: false } });
    sync.configure(wants([vxlan]));
    for (let turns = 0; turns < 8; turns++) {
      clock.pass(1_000);
      touch();
    }
    expect(looks).toEqual({ felix: 1, file: 1 });
    clock.pass(DEVICE_AUDIT_MS);
    expect(looks).toEqual({ felix: 2, file: 2 });
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
