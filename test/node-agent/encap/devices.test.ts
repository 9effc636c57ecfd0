import { parseAddress } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import type { DeviceSituation } from '../../../node-agent/encap/devices.ts';
import { mtuUses, parentOf, planDevices } from '../../../node-agent/encap/devices.ts';
import type { DeviceStep, SeenLink } from '../../../node-agent/encap/devices-types.ts';
import { DEVICE_MARK } from '../../../node-agent/encap/devices-types.ts';
import { planMtu } from '../../../node-agent/encap/mtu.ts';
import type { DeviceWish } from '../../../node-agent/encap/types.ts';

const ip = (text: string): NonNullable<ReturnType<typeof parseAddress>> => {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
};
const NODE = '172.31.0.1';
const link = (index: number, name: string, more: Partial<SeenLink> = {}): SeenLink => ({
  ...{ index, name, kind: '', mtu: 1500, mac: '02:00:00:00:00:01', up: true, operational: true, noArp: false, loopback: false },
  ...{ alias: '', addresses: [] },
  ...more,
});
const at = (address: string, length: number) => ({ address: ip(address), length });
const eth0 = link(2, 'eth0', { addresses: [at(NODE, 24), at('fd00:31::1', 64)] });
const eth1 = link(3, 'eth1');
const wish4: DeviceWish = {
  ...{ kind: 'vxlan', family: 'ipv4', name: 'vxlan.calico', vni: 4096, port: 4789, mac: '66:00:00:00:00:01' },
  ...{ tunnel: ip('10.244.1.63'), local: ip(NODE), reasons: [] },
};
const wish6: DeviceWish = {
  ...wish4,
  family: 'ipv6',
  name: 'vxlan-v6.calico',
  vni: 4097,
  tunnel: ip('fd44:1::3f'),
  local: ip('fd00:31::1'),
};
const tunl: DeviceWish = { kind: 'ipip', name: 'tunl0', tunnel: ip('10.244.1.62'), local: ip(NODE), reasons: [] };
const vx: NonNullable<SeenLink['vxlan']> = {
  ...{ vni: 4096, port: 4789, parent: 2, local: ip(NODE) },
  ...{ learning: false, external: false, l2miss: false, gbp: false },
};
const vxlan4 = link(9, 'vxlan.calico', {
  ...{ kind: 'vxlan', mtu: 1450, mac: '66:00:00:00:00:01', alias: DEVICE_MARK, checksumOffload: true },
  ...{ addresses: [at('10.244.1.63', 32), at('fe80::1', 64)], vxlan: vx },
});

function situation(links: readonly SeenLink[], devices: readonly DeviceWish[], more: Partial<DeviceSituation> = {}): DeviceSituation {
  return {
    ...{ links, wishes: { addresses: { ipv4: ip(NODE) }, devices } },
    mtu: planMtu({ links: links.filter((one) => one.vxlan === undefined), uses: mtuUses(links, devices) }),
    features: { checksumOffloadBroken: false },
    ...{ ipip: 'ipip', takeOver: false, held: new Set(), remake: new Set(), keepUnwanted: false },
    ...more,
  };
}
const words = (steps: readonly DeviceStep[]): string[] =>
  steps.map((step) => `${step.step} ${step.device}${'index' in step ? ` ${step.index}` : ''}`);
const plan = (...args: Parameters<typeof situation>) => planDevices(situation(...args));

describe('the plan for devices', () => {
  it('makes everything in an order in which nothing is used before it is whole', () => {
    const { steps, faults } = plan([eth0], [wish4, wish6]);
    expect(faults).toEqual([]);
    expect(words(steps)).toEqual([
      ...['create vxlan.calico', 'mark vxlan.calico 0', 'add-address vxlan.calico 0', 'up vxlan.calico 0'],
      ...['create vxlan-v6.calico', 'mark vxlan-v6.calico 0', 'add-address vxlan-v6.calico 0', 'up vxlan-v6.calico 0'],
    ]);
    expect(steps[0]).toMatchObject({ spec: { mtu: 1450, parent: 2, vni: 4096 }, because: 'not there' });
    expect(steps[4]).toMatchObject({ spec: { mtu: 1430, parent: 2, vni: 4097 } });
  });

  it('does nothing where everything is as wanted', () => {
    expect(plan([eth0, vxlan4], [wish4])).toEqual({ steps: [], faults: [], roles: { 'vxlan-v4': 9, 'parent-v4': 2 } });
  });

  const bad = (more: Partial<NonNullable<SeenLink['vxlan']>>): SeenLink => ({ ...vxlan4, vxlan: { ...vx, ...more } });
  it.each<[string, SeenLink, string[], string]>([
    ['MTU', { ...vxlan4, mtu: 1300 }, ['set-mtu vxlan.calico 9'], 'MTU 1300, wanted 1450'],
    ['MAC', { ...vxlan4, mac: '02:00:00:00:00:09' }, ['set-mac vxlan.calico 9'], 'MAC 02:00:00:00:00:09, wanted 66:00:00:00:00:01'],
    ['down', { ...vxlan4, up: false }, ['up vxlan.calico 9'], 'down'],
    ['checksum', { ...vxlan4, checksumOffload: false }, ['set-checksum vxlan.calico 9'], 'checksum offload off: the kernel does it right'],
    ['parent', bad({ parent: 3 }), ['change-vxlan vxlan.calico 9'], 'on interface 3, wanted 2'],
    ['source', bad({ local: ip('172.31.0.9') }), ['change-vxlan vxlan.calico 9'], 'source 172.31.0.9, wanted 172.31.0.1'],
    ['learning', bad({ learning: true }), ['change-vxlan vxlan.calico 9'], 'learning, wanted none'],
    [
      'another address',
      { ...vxlan4, addresses: [at('10.9.9.9', 24), ...vxlan4.addresses] },
      ['remove-address vxlan.calico 9'],
      '10.244.1.63/32 is the only address it has',
    ],
    [
      'a wrong length',
      { ...vxlan4, addresses: [at('10.244.1.63', 26)] },
      ['add-address vxlan.calico 9', 'remove-address vxlan.calico 9'],
      '10.244.1.63/32 is the only address it has',
    ],
  ])('changes in place: %s', (_what, seen, expected, because) => {
    const { steps } = plan([eth0, seen], [wish4]);
    expect(words(steps)).toEqual(expected);
    expect(steps[0]?.because).toBe(because);
  });

  it.each<[string, SeenLink, string]>([
    ['VNI', bad({ vni: 5 }), 'VNI 5, wanted 4096'],
    ['port', bad({ port: 8472 }), 'port 8472, wanted 4789'],
    ['external mode', bad({ external: true }), 'external mode'],
    ['group', bad({ group: ip('239.1.1.1') }), 'group 239.1.1.1, wanted none'],
    ['l2miss', bad({ l2miss: true }), 'l2miss'],
    ['gbp', bad({ gbp: true }), 'gbp'],
    ['kind', link(9, 'vxlan.calico', { kind: 'ifb', alias: DEVICE_MARK }), 'kind ifb, wanted vxlan'],
    ['a source of the other family', bad({ local: ip('fd00:31::1') }), 'source fd00:31::1 of the other family'],
  ])('makes anew: %s', (_what, seen, because) => {
    const { steps } = plan([eth0, seen], [wish4]);
    expect(words(steps).slice(0, 2)).toEqual(['delete vxlan.calico 9', 'create vxlan.calico']);
    expect(steps[0]?.because).toContain(because);
    expect(words(steps)).toContain('up vxlan.calico 0');
  });

  it('makes anew what the kernel refused to change, and takes link-local addresses for nobody’s', () => {
    const { steps } = plan([eth0, vxlan4], [wish4], { remake: new Set(['vxlan.calico']) });
    expect(words(steps).slice(0, 2)).toEqual(['delete vxlan.calico 9', 'create vxlan.calico']);
    const six = { ...vxlan4, name: 'vxlan-v6.calico', mtu: 1430, addresses: [at('fe80::1', 64), at('fd44:1::3f', 128)] };
    expect(plan([eth0, { ...six, vxlan: { ...vx, vni: 4097, local: ip('fd00:31::1') } }], [wish6]).steps).toEqual([]);
  });

  it('turns checksum offload off before a device comes up where the kernel does it wrong: all kinds', () => {
    const features = { checksumOffloadBroken: true };
    const { steps } = plan([eth0], [wish4, tunl], { features });
    expect(words(steps)).toEqual([
      ...['create vxlan.calico', 'mark vxlan.calico 0', 'add-address vxlan.calico 0', 'set-checksum vxlan.calico 0', 'up vxlan.calico 0'],
      ...['create tunl0', 'mark tunl0 0', 'add-address tunl0 0', 'set-checksum tunl0 0', 'up tunl0 0'],
    ]);
    expect(steps.filter(({ step }) => step === 'set-checksum')).toEqual([
      expect.objectContaining({ on: false }),
      expect.objectContaining({ on: false }),
    ]);
  });

  it('is bound to no interface where the node’s address is on the loopback', () => {
    const lo = link(1, 'lo', { loopback: true, addresses: [at(NODE, 32)] });
    const { steps, roles } = plan([lo, eth1], [wish4]);
    expect(steps[0]).toMatchObject({ spec: { parent: 0, mtu: 1450 } });
    expect(roles).toEqual({});
    expect(words(plan([lo, vxlan4], [wish4]).steps)).toContain('delete vxlan.calico 9');
  });

  it('waits for the node’s address without touching what works', () => {
    const lost = { ...eth0, addresses: [] };
    const { steps, faults, roles } = plan([lost, vxlan4], [wish4]);
    expect(steps).toEqual([]);
    expect(faults).toEqual([
      { device: 'vxlan.calico', kind: 'no-parent', text: 'node address 172.31.0.1 is on no interface: left as it is until it is' },
    ]);
    expect(roles).toEqual({ 'vxlan-v4': 9 });
    expect(plan([lost], [wish4])).toMatchObject({ steps: [], faults: [{ text: expect.stringContaining('not made') }] });
  });

  it('says nothing about addresses while none is allocated', () => {
    const { tunnel: _tunnel, ...without } = wish4;
    expect(plan([eth0, vxlan4], [without]).steps).toEqual([]);
  });
});

describe('IPIP', () => {
  const tunl0 = link(5, 'tunl0', { kind: 'ipip', mtu: 1480, mac: '', up: false, operational: false });
  it('takes the tunl0 that the module made', () => {
    expect(words(plan([eth0, tunl0], [tunl]).steps)).toEqual(['mark tunl0 5', 'add-address tunl0 5', 'up tunl0 5']);
  });

  it('is left as it came when nobody wants it: the kernel does not let it be deleted', () => {
    const used = { ...tunl0, up: true, alias: DEVICE_MARK, addresses: [at('10.244.1.62', 32)] };
    expect(words(plan([eth0, used], []).steps)).toEqual(['remove-address tunl0 5', 'down tunl0 5', 'mark tunl0 5']);
  });

  it('is a device that an eBPF program stands behind where the kernel has none', () => {
    const { steps } = plan([eth0], [tunl], { ipip: 'ifb' });
    expect(steps[0]).toMatchObject({ step: 'create', spec: { kind: 'ifb', name: 'tunl0', mtu: 1480 } });
    const standIn = { ...tunl0, kind: 'ifb', up: true, noArp: true, alias: DEVICE_MARK, addresses: [at('10.244.1.62', 32)] };
    expect(plan([eth0, standIn], [tunl], { ipip: 'ifb' })).toEqual({ steps: [], faults: [], roles: { ipip: 5, 'parent-v4': 2 } });
    expect(words(plan([eth0, { ...standIn, noArp: false }], [tunl], { ipip: 'ifb' }).steps)).toEqual(['no-arp tunl0 5']);
    expect(words(plan([eth0, standIn], [tunl]).steps).slice(0, 2)).toEqual(['delete tunl0 5', 'create tunl0']);
  });

  it('says why there is no way to have it', () => {
    const { steps, faults, roles } = plan([eth0], [tunl, wish4], { ipip: { none: 'kernel has no ipip' } });
    expect(faults).toEqual([{ device: 'tunl0', kind: 'no-backend', text: 'kernel has no ipip' }]);
    expect(words(steps)[0]).toBe('create vxlan.calico');
    expect(roles).not.toHaveProperty('ipip');
  });
});

describe('whose a device is', () => {
  const theirs = { ...vxlan4, alias: '' };
  it.each<[string, SeenLink[], Partial<DeviceSituation>, boolean]>([
    ['made by somebody', [eth0, theirs], {}, false],
    ['with a mark of another', [eth0, { ...theirs, alias: 'flannel' }], {}, false],
    ['taken over', [eth0, theirs], { takeOver: true }, true],
    ['the mark lost while we run', [eth0, theirs], { held: new Set(['vxlan.calico']) }, true],
    ['ours', [eth0, vxlan4], {}, true],
    ['a Felix runs', [eth0, vxlan4], { felix: 'calico-felix (pid 3)' }, false],
    ['a Felix runs, and nothing is there', [eth0], { felix: 'calico-felix (pid 3)' }, false],
    ['a Felix runs, taken over all the same', [eth0, theirs], { felix: 'calico-felix (pid 3)', takeOver: true }, true],
  ])('%s', (_what, links, more, ours) => {
    const { faults, roles, steps } = plan(links, [wish4], more);
    expect(faults.map(({ kind }) => kind)).toEqual(ours ? [] : ['owned']);
    if (ours) return;
    expect(steps).toEqual([]);
    expect(roles).not.toHaveProperty('vxlan-v4');
    expect(faults[0]?.text).toMatch(/--take-over to make it ours$/);
  });

  it('a tunl0 that is up or has an address is somebody’s', () => {
    const tunl0 = link(5, 'tunl0', { kind: 'ipip', up: true, operational: true });
    expect(plan([eth0, tunl0], [tunl]).faults[0]?.text).toContain('tunl0 (ipip, index 5) exists and lacks the mark');
  });

  it('what is marked and unwanted goes, unless the cluster forgot the node', () => {
    const link6 = { ...vxlan4, index: 10, name: 'vxlan-v6.calico' };
    expect(words(plan([eth0, link6, theirs], [wish4], { takeOver: true }).steps)[0]).toBe('delete vxlan-v6.calico 10');
    expect(plan([eth0, vxlan4], [], { keepUnwanted: true }).steps).toEqual([]);
    expect(plan([eth0, theirs], []).steps).toEqual([]);
  });
});

describe('the parent', () => {
  const here = [at(NODE, 24)];
  it.each<[string, SeenLink[], number, number | undefined]>([
    ['the one with the address', [eth1, eth0], 0, 2],
    ['none', [eth1], 0, undefined],
    ['the present one of two', [{ ...eth1, addresses: here }, eth0], 2, 2],
    ['an operational one of two', [{ ...eth1, addresses: here, operational: false }, eth0], 0, 2],
    ['one that is down where no other has it', [{ ...eth1, addresses: here, operational: false }], 0, 3],
    ['never a device of ours', [{ ...vxlan4, addresses: here }, eth0], 9, 2],
  ])('%s', (_what, links, current, index) => expect(parentOf(links, ip(NODE), current)?.index).toBe(index));
});
