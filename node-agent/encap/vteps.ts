/** The tunnel endpoints of the other nodes (dataplane 3.1, FDB/neigh), and those that cannot be used. Pure. */
import { addressKey, formatAddress } from 'bgp-ts/net';
import type { NodeResource } from '../../src/confd/resources/types.ts';
import type { IpFamily, Vtep } from './types.ts';
import { derivedMac } from './vteps-mac.ts';
import type { EncapContext } from './wishes-context.ts';
import { complain } from './wishes-context.ts';

const FIELD = { ipv4: 'spec.ipv4VXLANTunnelAddr', ipv6: 'spec.ipv6VXLANTunnelAddr' } as const;

/** Address of a node's VXLAN device of the family, as IPAM gave it. */
export function vxlanAddress(node: NodeResource, family: IpFamily): Vtep['tunnel'] | undefined {
  return family === 'ipv4' ? node.tunnels?.vxlanV4 : node.tunnels?.vxlanV6;
}

/** MAC of a node's VXLAN device of the family: that of its resource, else the one every node derives from its name. */
export function vxlanMac(node: NodeResource, family: IpFamily, macs?: Map<string, string>): string {
  const written = family === 'ipv4' ? node.tunnels?.vxlanV4MAC : node.tunnels?.vxlanV6MAC;
  if (written !== undefined) return written;
  const key = `${node.ref.name} ${family}`;
  const mac = macs?.get(key) ?? derivedMac(node.ref.name, family);
  macs?.set(key, mac);
  return mac;
}

/** Endpoints of the other nodes in a family, by node. Of two with one address or one MAC the first by name counts, and the other has an issue. */
export function vtepsOf(context: EncapContext, family: IpFamily): ReadonlyMap<string, Vtep> {
  const found = new Map<string, Vtep>();
  const { self, own, others } = context;
  if (self === undefined || own[family] === undefined || !context.enabled.vxlan[family]) return found;
  const holders = new Map<string, string>();
  const ownTunnel = vxlanAddress(self, family);
  if (ownTunnel !== undefined) holders.set(addressKey(ownTunnel), self.ref.name);
  holders.set(vxlanMac(self, family), self.ref.name);
  for (const node of others) {
    const host = node.bgp[family]?.address;
    const tunnel = vxlanAddress(node, family);
    if (host === undefined || tunnel === undefined) continue;
    const { name } = node.ref;
    const mac = vxlanMac(node, family, context.macs);
    const taken = [addressKey(tunnel), mac].find((value) => holders.has(value));
    if (taken !== undefined) {
      const rule = `is that of Node/${holders.get(taken)} already; the node gets no traffic by VXLAN`;
      complain(context, node, { code: 'NODE_VTEP_TAKEN', field: FIELD[family], got: taken, rule, transient: true });
      continue;
    }
    holders.set(addressKey(tunnel), name).set(mac, name);
    found.set(name, { node: name, family, tunnel, mac, host });
  }
  return found;
}

/** Notes that a node has blocks and no endpoint to send them to. */
export function complainNoVtep(context: EncapContext, node: NodeResource, family: IpFamily): void {
  const tunnel = vxlanAddress(node, family);
  // Its endpoint is there and another node's too: that is told already.
  if (tunnel !== undefined && node.bgp[family] !== undefined) return;
  const got = tunnel === undefined ? undefined : formatAddress(tunnel);
  const lacks = tunnel === undefined ? 'no address of its VXLAN device yet' : `no ${family} address`;
  const rule = `the node has blocks in a VXLAN pool and ${lacks}: no route leads there`;
  complain(context, node, { code: 'NODE_NO_VTEP', field: FIELD[family], got, rule, severity: 'warning', transient: true });
}
