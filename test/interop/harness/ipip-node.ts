/** A node of the encapsulation lab whose IPIP is the eBPF backend: the stand-in device, its routes, and the backend in its namespace. */
import type { Prefix } from 'bgp-ts/net';
import { parseAddress, parsePrefix } from 'bgp-ts/net';
import { decodeLink, encodeLinkDump, inNamespace, NetlinkSocket, RTM } from 'netlink';
import type { IpipOptions } from '../../../node-agent/ebpf/ipip.ts';
import { openIpip } from '../../../node-agent/ebpf/ipip.ts';
import type { IpipApplied, IpipBackend, IpipPeer, IpipStatus, IpipWanted } from '../../../node-agent/ebpf/types.ts';
import type { EncapLab, EncapNode } from './encap-lab.ts';
import { namespaceFile } from './encap-lab.ts';

/** A node with the backend. */
export interface IpipNode {
  readonly name: EncapNode;
  readonly namespace: string;
  /** The backend's calls, made inside the node's namespace. */
  apply(more?: Partial<IpipWanted>): IpipApplied;
  status(): IpipStatus;
  close(): void;
  remove(): void;
  /** What `apply` applies by itself: all other nodes of the lab. */
  wanted(): IpipWanted;
  /** Index of an interface of the node; throws where there is none. */
  index(device: string): number;
}

/** An IPv4 prefix of text that is one. */
export function prefixOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new Error(`${text} is no prefix`);
  return prefix;
}

/** An address of text that is one. */
export function addressOf(text: string): NonNullable<ReturnType<typeof parseAddress>> {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

/** Makes the device as the agent does, with the node's tunnel address (the .63 of its block), and the routes of the other nodes' blocks. */
export async function makeTunnel(lab: EncapLab, name: EncapNode, kind = 'ifb', mtu = 1480): Promise<void> {
  const { namespace } = lab.nodes[name];
  await lab.ip(namespace, 'link', 'add', 'tunl0', 'type', kind, ...(kind === 'veth' ? ['peer', 'name', 'tunl0-end'] : []));
  if (kind === 'veth') await lab.ip(namespace, 'link', 'set', 'tunl0-end', 'up');
  await lab.ip(namespace, 'link', 'set', 'tunl0', 'arp', 'off', 'mtu', String(mtu), 'up');
  await lab.ip(namespace, 'addr', 'replace', lab.blocks[name].ipv4.replace('.0/26', '.63/32'), 'dev', 'tunl0');
  for (const [other, block] of Object.entries(lab.blocks)) {
    if (other === name) continue;
    const gateway = other === 'n1' ? lab.nodes.n1 : other === 'n2' ? lab.nodes.n2 : lab.nodes.n3;
    await lab.ip(namespace, 'route', 'replace', block.ipv4, 'via', gateway.ipv4, 'dev', 'tunl0', 'onlink');
  }
}

/** The backend in a node's namespace; nothing is applied yet. */
export function makeIpipNode(lab: EncapLab, name: EncapNode, options: IpipOptions): IpipNode {
  const { namespace, ipv4 } = lab.nodes[name];
  const backend: IpipBackend = openIpip(options);
  const links = () =>
    inNamespace(namespaceFile(namespace), () => {
      const socket = new NetlinkSocket();
      try {
        return socket.dump('links', (out, seq) => encodeLinkDump(out, RTM.getLink, seq), decodeLink);
      } finally {
        socket.close();
      }
    });
  const link = (device: string) => {
    const found = links().find((each) => each.name === device);
    if (found === undefined) throw new Error(`${name} has no ${device}`);
    return found;
  };
  const peers = (): IpipPeer[] =>
    Object.entries(lab.blocks).flatMap(([other, block]) => {
      const host = other === 'n1' ? lab.nodes.n1 : other === 'n2' ? lab.nodes.n2 : lab.nodes.n3;
      return other === name ? [] : [{ block: prefixOf(block.ipv4), host: addressOf(host.ipv4) }];
    });
  const wanted = (): IpipWanted => {
    const { index, mac } = link('tunl0');
    return { peers: peers(), local: addressOf(ipv4), device: index, mac, parents: [link('eth0').index] };
  };
  const inside = <T>(action: () => T extends PromiseLike<unknown> ? never : T): T => inNamespace(namespaceFile(namespace), action);
  return {
    name,
    namespace,
    apply: (more = {}) => {
      const all = { ...wanted(), ...more };
      return inside(() => backend.apply(all));
    },
    status: () => inside(() => backend.status()),
    close: () => inside(() => backend.close()),
    remove: () => inside(() => backend.remove()),
    wanted,
    index: (device) => link(device).index,
  };
}
