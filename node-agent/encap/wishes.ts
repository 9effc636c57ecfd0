/** Everything wanted of one node's encapsulation, from the cluster's resources alone (dataplane 3.1). Pure; not in order: who prints sorts. */
import type { Address } from 'bgp-ts/net';
import type { NodeResource } from '../../src/confd/resources/types.ts';
import { routesOf } from './routes.ts';
import { serviceLoopsOf } from './service-loops.ts';
import type { DeviceWish, EncapWishes, IpFamily, IpipWish, Reason, VxlanWish } from './types.ts';
import { vtepsOf, vxlanAddress, vxlanMac } from './vteps.ts';
import type { EncapContext, EncapInput } from './wishes-context.ts';
import { complain, makeContext } from './wishes-context.ts';

export type { EncapInput } from './wishes-context.ts';

/** What Felix takes where FelixConfiguration says nothing (dataplane 3.1). */
const VXLAN_DEFAULTS = { vni: 4096, port: 4789 } as const;

/** Names of the devices, which are Calico's. */
export const DEVICE_NAMES = { 'vxlan-v4': 'vxlan.calico', 'vxlan-v6': 'vxlan-v6.calico', ipip: 'tunl0' } as const;

/** Works it out from scratch: some tens of milliseconds for 5,000 nodes with 20 blocks each. Never throws. */
export function encapWishes(input: EncapInput): EncapWishes {
  const context = makeContext(input);
  const { self, own, issues } = context;
  const addresses = {
    ...(own.ipv4 === undefined ? {} : { ipv4: own.ipv4.address }),
    ...(own.ipv6 === undefined ? {} : { ipv6: own.ipv6.address }),
  };
  const nothing = { node: input.node, addresses, devices: [], vteps: [], routes: [], serviceLoops: [], issues };
  if (self === undefined) {
    const about = { ref: { apiVersion: 'v1', kind: 'Node', namespace: '', name: input.node } };
    complain(context, about, { code: 'NODE_MISSING', field: '', got: undefined, rule: 'this node is not in the cluster', transient: true });
    return nothing;
  }
  const devices = devicesOf(context, self);
  const vteps = { ipv4: vtepsOf(context, 'ipv4'), ipv6: vtepsOf(context, 'ipv6') };
  return {
    ...nothing,
    devices,
    vteps: [...vteps.ipv4.values(), ...vteps.ipv6.values()],
    routes: routesOf(context, vteps),
    serviceLoops: serviceLoopsOf(context),
  };
}

function devicesOf(context: EncapContext, self: NodeResource): DeviceWish[] {
  const devices: DeviceWish[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const local = context.enabled.vxlan[family] ? ownAddress(context, self, family, 'vxlan') : undefined;
    if (local !== undefined) devices.push(vxlanWish(context, self, family, local));
  }
  const local = context.enabled.ipip ? ownAddress(context, self, 'ipv4', 'ipip') : undefined;
  if (local !== undefined) devices.push(ipipWish(context, self, local));
  return devices;
}

function ownAddress(context: EncapContext, self: NodeResource, family: IpFamily, what: 'vxlan' | 'ipip'): Address | undefined {
  const address = context.own[family]?.address;
  if (address === undefined) {
    const field = family === 'ipv4' ? 'spec.bgp.ipv4Address' : 'spec.bgp.ipv6Address';
    const rule = `is missing: without it this node has no ${what} device for ${family}`;
    complain(context, self, { code: 'OWN_ADDRESS_MISSING', field, got: undefined, rule, transient: true });
  }
  return address;
}

/** Why a device is there: the pools that use it, else the setting that turns it on. */
function deviceReasons({ pools }: EncapContext, self: NodeResource, family: IpFamily, what: 'vxlan' | 'ipip'): Reason[] {
  const using = pools.filter((use) => use.encapsulation === what && use.cidr.family === family);
  if (using.length > 0) return using.map(({ pool }) => ({ object: pool.ref, rule: `${what}Mode ${pool[`${what}Mode`]}` }));
  return [{ object: self.ref, rule: `${what}Enabled of FelixConfiguration` }];
}

function vxlanWish(context: EncapContext, self: NodeResource, family: IpFamily, local: Address): VxlanWish {
  const { felix } = context;
  const tunnel = vxlanAddress(self, family);
  const mtu = family === 'ipv4' ? felix.vxlanMTU : felix.vxlanMTUV6;
  const name = DEVICE_NAMES[family === 'ipv4' ? 'vxlan-v4' : 'vxlan-v6'];
  if (tunnel === undefined) noTunnel(context, self, name);
  return {
    kind: 'vxlan',
    family,
    name,
    vni: felix.vxlanVNI ?? VXLAN_DEFAULTS.vni,
    port: felix.vxlanPort ?? VXLAN_DEFAULTS.port,
    mac: vxlanMac(self, family),
    ...(tunnel === undefined ? {} : { tunnel }),
    local,
    ...(mtu === undefined ? {} : { mtu }),
    reasons: deviceReasons(context, self, family, 'vxlan'),
  };
}

function ipipWish(context: EncapContext, self: NodeResource, local: Address): IpipWish {
  const { felix } = context;
  const tunnel = self.tunnels?.ipip;
  if (tunnel === undefined) noTunnel(context, self, DEVICE_NAMES.ipip);
  return {
    kind: 'ipip',
    name: DEVICE_NAMES.ipip,
    ...(tunnel === undefined ? {} : { tunnel }),
    local,
    ...(felix.ipipMTU === undefined ? {} : { mtu: felix.ipipMTU }),
    reasons: deviceReasons(context, self, 'ipv4', 'ipip'),
  };
}

const TUNNEL_FIELDS = {
  'vxlan.calico': 'spec.ipv4VXLANTunnelAddr',
  'vxlan-v6.calico': 'spec.ipv6VXLANTunnelAddr',
  tunl0: 'spec.bgp.ipv4IPIPTunnelAddr',
} as const;

function noTunnel(context: EncapContext, self: NodeResource, device: keyof typeof TUNNEL_FIELDS): void {
  const rule = `is not allocated yet: ${device} has no address, and other nodes send nothing to it`;
  const parts = {
    code: 'OWN_TUNNEL_MISSING',
    field: TUNNEL_FIELDS[device],
    got: undefined,
    rule,
    severity: 'warning',
    transient: true,
  } as const;
  complain(context, self, parts);
}
