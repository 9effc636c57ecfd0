/** What the figures of encapsulation share: a cluster of VXLAN nodes as a snapshot has it, a namespace with its device, and medians. */
import { execFileSync } from 'node:child_process';

/** Runs `ip` with these words; gives what it said. */
export const ip = (...words) => execFileSync('ip', words, { encoding: 'utf8' });

/** An IPv4 address of its 32 bits. */
export const address = (value) => ({ family: 'ipv4', words: [value >>> 0, 0, 0, 0] });

/** The middle one of numbers, the upper of two. */
export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const ref = (kind, name) => ({ apiVersion: 'projectcalico.org/v3', kind, namespace: '', name });

/** Node `index` in a subnet of its own from 172.16.0.0 on, with these addresses of its tunnel. */
export function node(index, tunnels) {
  const host = 0xac100001 + index * 256;
  return {
    kind: 'Node',
    ref: ref('Node', `node-${index}`),
    bgp: { ipv4: { address: address(host), network: { ...address(host - 1), length: 24 } } },
    tunnels,
    podCIDRs: [],
  };
}

/** Block `index` from 10.0.0.0 on, of 64 addresses, at node `owner`. */
export function block(name, owner, index) {
  const cidr = { ...address(0x0a000000 + index * 64), length: 26 };
  return { kind: 'BlockAffinity', ref: ref('BlockAffinity', name), node: `node-${owner}`, type: 'host', state: 'confirmed', cidr };
}

/** These nodes and blocks, in their order, in one pool with VXLAN everywhere. */
export function snapshotOf(nodes, blocks) {
  const cidr = { ...address(0x0a000000), length: 8 };
  const pool = { kind: 'IPPool', ref: ref('IPPool', 'pool'), cidr, vxlanMode: 'Always', ipipMode: 'Never' };
  return {
    nodes: new Map(nodes.map((each) => [each.ref.name, each])),
    affinities: new Map(blocks.map((each) => [each.ref.name, each])),
    pools: new Map([['pool', pool]]),
    configurations: new Map(),
  };
}

/** Makes a namespace with `vxlan.calico` on the interface of node 0; gives the device's index. */
export function makeDevice(namespace) {
  ip('netns', 'add', namespace);
  ip('-n', namespace, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1');
  for (const name of ['lo', 'eth0', 'eth1']) ip('-n', namespace, 'link', 'set', name, 'up');
  ip('-n', namespace, 'addr', 'add', '172.16.0.1/24', 'dev', 'eth0');
  ip('-n', namespace, 'link', 'add', 'vxlan.calico', 'type', 'vxlan', 'id', '4096', 'dstport', '4789', 'nolearning', 'dev', 'eth0');
  ip('-n', namespace, 'link', 'set', 'vxlan.calico', 'up');
  return Number.parseInt(ip('-n', namespace, '-o', 'link', 'show', 'dev', 'vxlan.calico'), 10);
}
