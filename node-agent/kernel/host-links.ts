/** From netlink's messages to the interfaces as the plan for devices sees them, and from its steps back to requests. Pure. */
import type { AddressMessage, LinkMessage } from 'netlink';
import { ADDRESS_FLAG, LINK_FLAG, OPER_STATE, ROUTE_SCOPE } from 'netlink';
import type { DeviceSpec, DeviceStep, SeenAddress, SeenLink, SeenVxlan } from '../encap/devices-types.ts';
import type { MtuLink } from '../encap/mtu.ts';
import type { LinkOperation, LinkTable } from './types.ts';

/** IFF_NOARP of linux/if.h. */
const NO_ARP = 0x80;

/** IFA_F_NODAD of linux/if_addr.h: nobody else has the address of a tunnel, and a second without it is a second without pods. */
const NO_DAD = 2;

/** Reads whether a device of ours offloads checksums; undefined where it has no such thing. */
export type ReadChecksum = (name: string) => boolean | undefined;

/** All interfaces; `checksumOf` is asked about those in `names` only. */
export function seenLinks(table: LinkTable, names: ReadonlySet<string>, checksumOf: ReadChecksum): SeenLink[] {
  const addresses = new Map<number, SeenAddress[]>();
  for (const { interface: index, local, address, length } of table.addresses) {
    const own = local ?? address;
    if (own === undefined) continue;
    const known = addresses.get(index);
    if (known === undefined) addresses.set(index, [{ address: own, length }]);
    else known.push({ address: own, length });
  }
  return table.links.map((link) => {
    const checksum = names.has(link.name) ? checksumOf(link.name) : undefined;
    return seenLink(link, addresses.get(link.index) ?? [], checksum);
  });
}

function seenLink(link: LinkMessage, addresses: readonly SeenAddress[], checksum: boolean | undefined): SeenLink {
  const { index, name, kind, mtu, mac, alias, flags } = link;
  const vxlan = seenVxlan(link);
  return {
    ...{ index, name, kind, mtu, mac, alias, addresses },
    up: (flags & LINK_FLAG.up) !== 0,
    operational: isOperational(link),
    noArp: (flags & NO_ARP) !== 0,
    loopback: (flags & LINK_FLAG.loopback) !== 0,
    ...(vxlan === undefined ? {} : { vxlan }),
    ...(checksum === undefined ? {} : { checksumOffload: checksum }),
  };
}

/** Drivers that do not tell are taken at their carrier (RFC 2863 section 3.1.13; dataplane A31). */
function isOperational({ flags, operState }: LinkMessage): boolean {
  if ((flags & LINK_FLAG.up) === 0) return false;
  return operState === OPER_STATE.up || (operState === OPER_STATE.unknown && (flags & LINK_FLAG.lowerUp) !== 0);
}

function seenVxlan({ vxlan }: LinkMessage): SeenVxlan | undefined {
  if (vxlan === undefined) return undefined;
  return {
    vni: vxlan.vni ?? 0,
    port: vxlan.port ?? 0,
    parent: vxlan.link ?? 0,
    ...(vxlan.local === undefined ? {} : { local: vxlan.local }),
    ...(vxlan.remote === undefined ? {} : { group: vxlan.remote }),
    learning: vxlan.learning ?? false,
    external: vxlan.external ?? false,
    l2miss: vxlan.l2miss ?? false,
    gbp: vxlan.gbp ?? false,
  };
}

/** Interfaces as the decision about MTUs needs them. Devices of tunnels do not carry the host's traffic, whatever they are called. */
export const mtuLinks = (links: readonly SeenLink[]): MtuLink[] => links.filter((link) => link.vxlan === undefined && !link.loopback);

function createRequest(spec: DeviceSpec): LinkOperation {
  const { name, mtu, kind } = spec;
  if (kind !== 'vxlan') return { kind: 'create', link: { name, mtu, kind, ...(kind === 'ipip' ? {} : { flags: NO_ARP, change: NO_ARP }) } };
  const { vni, port, parent, local, mac } = spec;
  return { kind: 'create', link: { name, mtu, kind, mac, vxlan: { vni, port, link: parent, local, learning: false } } };
}

/** The request of one step; `index` is that of the device. */
export function operationOf(step: DeviceStep, index: number): LinkOperation {
  const name = step.device;
  switch (step.step) {
    case 'create':
      return createRequest(step.spec);
    case 'delete':
      return { kind: 'remove', index, name };
    case 'change-vxlan': {
      const { parent, local, learning } = step;
      const vxlan = {
        ...(parent === undefined ? {} : { link: parent }),
        ...(local === undefined ? {} : { local }),
        ...(learning === undefined ? {} : { learning }),
      };
      return { kind: 'change', link: { index, kind: 'vxlan', vxlan } };
    }
    case 'set-mac':
      return { kind: 'change', link: { index, mac: step.mac } };
    case 'set-mtu':
      return { kind: 'change', link: { index, mtu: step.mtu } };
    case 'mark':
      return { kind: 'change', link: { index, alias: step.alias } };
    case 'no-arp':
      return { kind: 'change', link: { index, flags: NO_ARP, change: NO_ARP } };
    case 'add-address':
    case 'remove-address':
      return { kind: step.step, address: addressMessage(step.address, index) };
    case 'set-checksum':
      return { kind: 'offload', name, offload: 'txChecksum', on: step.on };
    case 'up':
    case 'down':
      return { kind: 'change', link: { index, flags: step.step === 'up' ? LINK_FLAG.up : 0, change: LINK_FLAG.up } };
    default: {
      const never: never = step;
      return never;
    }
  }
}

function addressMessage({ address, length }: SeenAddress, index: number): AddressMessage {
  return {
    family: address.family,
    interface: index,
    length,
    scope: ROUTE_SCOPE.universe,
    flags: ADDRESS_FLAG.permanent | (address.family === 'ipv6' ? NO_DAD : 0),
    local: address,
    address,
  };
}
