/** Which notifications concern the devices: on a node with many pods most interfaces and addresses come and go without any bearing on them. Pure. */
import { addressKey } from 'bgp-ts/net';
import type { NetlinkEvent } from 'netlink';
import type { SeenLink } from '../encap/devices-types.ts';
import { DEVICE_MARK } from '../encap/devices-types.ts';
import { interfacePattern } from '../encap/mtu.ts';
import type { DeviceConfig } from './devices-types.ts';

/** What to look for, as of the last look at the machine. */
export interface Concern {
  /** Names of wanted devices. */
  readonly names: ReadonlySet<string>;
  /** Our devices, and the interfaces below them, by index. */
  readonly indexes: ReadonlySet<number>;
  /** Node addresses. */
  readonly locals: ReadonlySet<string>;
  /** Interfaces whose MTU counts. */
  readonly pattern: RegExp;
}

/** The concern of a configuration on a machine. */
export function concernOf(config: DeviceConfig, links: readonly SeenLink[]): Concern {
  const { devices, addresses } = config.wishes;
  const names = new Set(devices.map(({ name }) => name));
  const own = [addresses.ipv4, addresses.ipv6].filter((address) => address !== undefined);
  const locals = new Set([...devices.map(({ local }) => local), ...own].map(addressKey));
  const isOurs = (link: SeenLink): boolean =>
    names.has(link.name) || link.alias === DEVICE_MARK || link.addresses.some(({ address }) => locals.has(addressKey(address)));
  return {
    names,
    locals,
    indexes: new Set(links.filter(isOurs).map(({ index }) => index)),
    pattern: interfacePattern(config.mtuPattern).pattern,
  };
}

/** Whether the devices, the interfaces below them or the host's MTU may be other than before. */
export function concerns({ names, indexes, locals, pattern }: Concern, event: NetlinkEvent): boolean {
  if (event.kind === 'link') {
    const { index, name, alias } = event.link;
    return indexes.has(index) || names.has(name) || alias === DEVICE_MARK || pattern.test(name);
  }
  if (event.kind !== 'address') return false;
  const { interface: index, local, address } = event.address;
  const own = local ?? address;
  return indexes.has(index) || (own !== undefined && locals.has(addressKey(own)));
}
