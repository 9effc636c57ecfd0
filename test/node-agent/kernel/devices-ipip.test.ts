/** What the eBPF backend of IPIP is told, of wishes and the machine's interfaces. */
import { parseAddress, parsePrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import type { SeenLink } from '../../../node-agent/encap/devices-types.ts';
import { DEVICE_MARK } from '../../../node-agent/encap/devices-types.ts';
import type { EncapRoute, EncapWishes } from '../../../node-agent/encap/types.ts';
import { ipipWanted } from '../../../node-agent/kernel/devices-ipip.ts';

function address(text: string): NonNullable<ReturnType<typeof parseAddress>> {
  const parsed = parseAddress(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
}
function route(block: string, gateway: string, same: boolean): EncapRoute {
  const prefix = parsePrefix(block);
  if (prefix === undefined) throw new Error(block);
  const target = { kind: 'via', device: same ? 'parent-v4' : 'ipip', gateway: address(gateway) } as const;
  return { prefix, class: same ? 'ipip-same-subnet' : 'ipip-tunnel', target, reasons: [] };
}
const link = (index: number, name: string, more: Partial<SeenLink> = {}): SeenLink => ({
  ...{ index, name, kind: '', mtu: 1500, mac: `0a:00:00:00:00:0${index}`, up: true, operational: true, noArp: false, loopback: false },
  ...{ alias: '', addresses: [] },
  ...more,
});
const carries = (text: string): Pick<SeenLink, 'addresses'> => ({ addresses: [{ address: address(text), length: 32 }] });
const local = address('172.31.0.1');
const wishes: EncapWishes = {
  ...{ node: 'n1', addresses: { ipv4: local }, vteps: [], serviceLoops: [], issues: [] },
  devices: [{ kind: 'ipip', name: 'tunl0', local, reasons: [] }],
  routes: [route('10.244.2.0/26', '172.31.0.2', true), route('10.244.3.0/26', '172.32.0.3', false)],
};
const config = { wishes, otherUses: [] };
const tunnel = link(9, 'tunl0', { kind: 'ifb', noArp: true });

describe('the eBPF backend of IPIP is told', () => {
  it('blocks behind the tunnel, the nodes beside it as senders too, and every interface to the network, first that of the node’s address', () => {
    const links = [link(1, 'lo', { loopback: true }), link(2, 'eth0'), link(3, 'eth1', carries('172.31.0.1')), link(4, 'cali12'), tunnel];
    expect(ipipWanted(config, links)).toEqual({
      peers: [{ block: parsePrefix('10.244.3.0/26'), host: address('172.32.0.3') }],
      ...{ sources: [address('172.31.0.2')], local, device: 9, mac: tunnel.mac, parents: [3, 2] },
    });
  });

  it('no device of our own to take packets from, whatever the pattern says', () => {
    const links = [
      link(2, 'eth0', carries('172.31.0.1')),
      link(3, 'vxlan.calico', { alias: DEVICE_MARK }),
      { ...tunnel, alias: DEVICE_MARK },
    ];
    expect(ipipWanted({ ...config, mtuPattern: '.*' }, links)?.parents).toEqual([2]);
  });

  it('networks of others that may send, as far as they are IPv4', () => {
    const externalNodes = [parsePrefix('198.51.100.0/24'), parsePrefix('2001:db8::/48')].filter((one) => one !== undefined);
    const links = [link(2, 'eth0', carries('172.31.0.1')), tunnel];
    expect(ipipWanted({ ...config, externalNodes }, links)?.externals).toEqual([parsePrefix('198.51.100.0/24')]);
  });

  it('every interface to the network where the address is on the loopback', () => {
    const lo = link(1, 'lo', { loopback: true, ...carries('172.31.0.1') });
    const links = [lo, link(2, 'eth0'), link(3, 'eth1'), link(4, 'eth2', { up: false }), link(5, 'cali12'), tunnel];
    expect(ipipWanted(config, links)?.parents).toEqual([2, 3]);
    expect(ipipWanted(config, [lo, tunnel])).toBeUndefined();
  });

  it('nothing while there is no device, the kernel’s own, or no address', () => {
    const eth0 = link(2, 'eth0', carries('172.31.0.1'));
    expect(ipipWanted(config, [eth0])).toBeUndefined();
    expect(ipipWanted(config, [eth0, { ...tunnel, kind: 'ipip' }])).toBeUndefined();
    expect(ipipWanted(config, [link(2, 'eth0'), tunnel])).toBeUndefined();
  });
});
