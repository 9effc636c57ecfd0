/** From any machine the upkeep arrives at what is wanted, stays there, and leaves what is not ours octet for octet as it was. */
import { parseAddress } from 'bgp-ts/net';
import fc from 'fast-check';
import type { AddressMessage, LinkMessage } from 'netlink';
import { describe, expect, it } from 'vitest';
import type { DeviceWish } from '../../../node-agent/encap/types.ts';
import { createDeviceSync } from '../../../node-agent/kernel/devices.ts';
import { makeHandClock } from './clock.ts';
import { makeFakeLinks } from './fake-links.ts';

const ip = (text: string): NonNullable<ReturnType<typeof parseAddress>> => {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
};
const MARK = 'linnet node-agent';
const LOCALS = ['172.31.0.1', '172.31.0.2'].map(ip);
const on = (index: number, local: ReturnType<typeof ip>, length: number): AddressMessage => ({
  ...{ family: local.family, interface: index, length, scope: 0, flags: 0 },
  local,
});

const local = fc.constantFrom(...LOCALS);
const mac = fc.constantFrom('66:00:00:00:00:01', '02:00:00:00:00:09');
const flag = fc.boolean();
const vxlanData = fc.record({
  ...{ vni: fc.constantFrom(4096, 5), port: fc.constantFrom(4789, 8472), link: fc.constantFrom(0, 2, 3), local, learning: flag },
  ...{ l2miss: flag, external: flag, gbp: flag },
});
const device = fc.record({
  kind: fc.constantFrom('vxlan', 'ifb', 'ipip', 'veth'),
  ...{
    mtu: fc.integer({ min: 1280, max: 1500 }),
    mac,
    alias: fc.constantFrom('', MARK, 'flannel'),
    flags: fc.constantFrom(0, 1, 0x81),
    vxlan: vxlanData,
  },
  addresses: fc.array(fc.constantFrom('10.244.1.63', '10.9.9.9', '10.244.1.62'), { maxLength: 3 }),
});
const wishes = fc.record({
  vxlan: fc.option(fc.record({ mac, local, mtu: fc.constantFrom(0, 1400, 9000) })),
  ipip: fc.option(fc.record({ local })),
});
type Seed = { readonly [name: string]: (typeof device extends fc.Arbitrary<infer D> ? D : never) | null };

function devicesOf(wanted: typeof wishes extends fc.Arbitrary<infer W> ? W : never): DeviceWish[] {
  const devices: DeviceWish[] = [];
  const common = { vni: 4096, port: 4789, tunnel: ip('10.244.1.63'), reasons: [] };
  if (wanted.vxlan !== null) devices.push({ kind: 'vxlan', family: 'ipv4', name: 'vxlan.calico', ...common, ...wanted.vxlan });
  if (wanted.ipip !== null) devices.push({ kind: 'ipip', name: 'tunl0', tunnel: ip('10.244.1.62'), reasons: [], ...wanted.ipip });
  return devices;
}

function machine(seed: Seed, locals: readonly number[]) {
  const kernel = makeFakeLinks(locals.map((index, which) => on(index, LOCALS[which] ?? ip('172.31.0.1'), 24)));
  const eth0 = kernel.links.get('eth0');
  if (eth0 === undefined) throw new Error('no eth0');
  kernel.links.set('eth1', { ...eth0, index: 3, name: 'eth1' });
  let index = 100;
  for (const [name, made] of Object.entries(seed)) {
    if (made === null) continue;
    const { addresses, vxlan, ...rest } = made;
    const link: LinkMessage = { ...eth0, ...rest, name, index: ++index, ...(rest.kind === 'vxlan' ? { vxlan } : {}) };
    kernel.links.set(name, link);
    kernel.offloads.set(name, true);
    kernel.addresses.push(...[...new Set(addresses)].map((text) => on(link.index, ip(text), 32)));
  }
  return kernel;
}

describe('the upkeep of devices on any machine', () => {
  it('converges, does nothing more, and touches nothing that is not ours', () => {
    const seeds = fc.record({
      'vxlan.calico': fc.option(device),
      tunl0: fc.option(device),
      flannel1: fc.option(device),
      docker0: fc.option(device),
    });
    const places = fc.tuple(fc.constantFrom(2, 3), fc.constantFrom(2, 3));
    fc.assert(
      fc.property(seeds, places, wishes, flag, (seed, locals, wanted, takeOver) => {
        // A device of another name with our mark is one of ours.
        const kernel = machine(seed, locals);
        const foreign = () =>
          ['eth0', 'eth1', 'flannel1', 'docker0']
            .map((name) => kernel.links.get(name))
            .filter((link) => link !== undefined && link.alias !== MARK)
            .map((link) => ({ link, addresses: kernel.addresses.filter((one) => one.interface === link?.index) }));
        const before = JSON.stringify(foreign());
        const names = JSON.stringify(foreign().map(({ link }) => link?.name));
        const clock = makeHandClock();
        const silent = () => undefined;
        const sync = createDeviceSync({
          ...{ kernel, log: { debug: silent, info: silent, warn: silent, error: silent }, now: clock.now, after: clock.after },
          ...{ kernelRelease: '6.1.0', takeOver, ipipBackend: 'kernel', felix: silent, changed: silent, fatal: silent },
        });
        const devices = devicesOf(wanted);
        sync.configure({ wishes: { node: 'n1', addresses: { ipv4: LOCALS[0] ?? ip('172.31.0.1') }, devices, routes: [], issues: [] } });
        clock.pass(0);
        expect(sync.plan()?.steps).toEqual([]);
        const refused = sync.status()?.devices.filter(({ state }) => state !== 'ready') ?? [];
        expect(refused.filter(({ state }) => state !== 'refused' || takeOver)).toEqual([]);
        const ready = devices.filter(({ name }) => !refused.some((one) => one.name === name));
        for (const wish of ready) {
          const link = kernel.links.get(wish.name);
          expect(link).toMatchObject({ kind: wish.kind, alias: MARK, mtu: wish.mtu === 1400 ? 1400 : wish.kind === 'ipip' ? 1480 : 1450 });
          expect((link?.flags ?? 0) & 1).toBe(1);
          const own = kernel.addresses.filter((one) => one.interface === link?.index);
          expect(own.map((one) => [one.local, one.length])).toEqual([[wish.tunnel, 32]]);
          if (wish.kind !== 'vxlan') continue;
          const data = { vni: 4096, port: 4789, learning: false, local: wish.local, link: locals[LOCALS.indexOf(wish.local)] };
          expect(link).toMatchObject({ mac: wish.mac, vxlan: data });
          expect([link?.vxlan?.l2miss, link?.vxlan?.external, link?.vxlan?.gbp].filter((on) => on === true)).toEqual([]);
        }
        kernel.diary.length = 0;
        clock.pass(15_000);
        expect(kernel.diary).toEqual([]);
        expect(JSON.stringify(foreign().filter(({ link }) => names.includes(`"${link?.name}"`)))).toBe(before);
        sync.stop();
      }),
      { numRuns: 300 },
    );
  });
});
