/** The upkeep of devices on a kernel that is made up. */
import { parseAddress } from 'bgp-ts/net';
import type { AddressMessage } from 'netlink';
import type { DeviceWish } from '../../../node-agent/encap/types.ts';
import { createDeviceSync } from '../../../node-agent/kernel/devices.ts';
import type { DeviceConfig, DeviceDeps, DeviceStatus } from '../../../node-agent/kernel/devices-types.ts';
import { makeHandClock } from './clock.ts';
import { makeFakeLinks } from './fake-links.ts';

/** An address of text that is one. */
export const ip = (text: string): NonNullable<ReturnType<typeof parseAddress>> => {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
};
/** The node's address on its interface to the network. */
export const nodeAddress: AddressMessage = { family: 'ipv4', interface: 2, length: 24, scope: 0, flags: 0, local: ip('172.31.0.1') };
/** VXLAN of IPv4, as a cluster asks for it. */
export const vxlan: DeviceWish = {
  ...{ kind: 'vxlan', family: 'ipv4', name: 'vxlan.calico', vni: 4096, port: 4789, mac: '66:00:00:00:00:01' },
  ...{ tunnel: ip('10.244.1.63'), local: ip('172.31.0.1'), reasons: [] },
};
/** IPIP, as a cluster asks for it. */
export const tunl: DeviceWish = { kind: 'ipip', name: 'tunl0', tunnel: ip('10.244.1.62'), local: ip('172.31.0.1'), reasons: [] };
/** What an event of an interface that is there begins with. */
export const link = { kind: 'link', gone: false } as const;

/** Wishes for these devices, and nothing else but what `more` says. */
export function wants(devices: readonly DeviceWish[], more: Partial<DeviceConfig['wishes']> = {}): DeviceConfig {
  return { wishes: { node: 'n1', addresses: { ipv4: ip('172.31.0.1') }, devices, routes: [], issues: [], ...more } };
}

/** The upkeep on a kernel and a clock that tests turn; `touch` is an event of the network's interface. */
export function setUp(more: Partial<DeviceDeps> = {}) {
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
