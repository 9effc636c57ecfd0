/** What one node's encapsulation should be, by pool and node (dataplane 3.1; rows A5, A32, B20 at the level of what is wanted). */
import { createHash } from 'node:crypto';
import { comparePrefixes, formatAddress, formatPrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import { compareClasses } from '../../../node-agent/encap/classes.ts';
import { explainPrefix, formatTarget } from '../../../node-agent/encap/explain.ts';
import type { EncapRoute, EncapWishes } from '../../../node-agent/encap/types.ts';
import { derivedMac, sha1 } from '../../../node-agent/encap/vteps-mac.ts';
import { encapWishes } from '../../../node-agent/encap/wishes.ts';
import { formatIssue } from '../../../src/confd/resources/issue.ts';
import type { FelixFields, NodeResource, Resource } from '../../../src/confd/resources/types.ts';
import { address, affinity, configuration, node, pool, prefix, snapshotOf } from '../../worlds/build.ts';

interface Tunnels {
  readonly v4?: string;
  readonly v6?: string;
  readonly mac?: string;
  readonly ipip?: string;
}

/** A node with addresses and tunnel addresses. */
function tunnelNode(name: string, ipv4: string, ipv6: string, { v4, v6, mac, ipip }: Tunnels = {}): NodeResource {
  const tunnels = {
    ...(v4 === undefined ? {} : { vxlanV4: address(v4) }),
    ...(v6 === undefined ? {} : { vxlanV6: address(v6) }),
    ...(mac === undefined ? {} : { vxlanV4MAC: mac }),
    ...(ipip === undefined ? {} : { ipip: address(ipip) }),
  };
  return { ...node(name, { ipv4, ipv6 }), tunnels };
}

const N1 = tunnelNode('n1', '172.31.0.1/24', 'fd00:31::1/64', { v4: '10.1.1.0', v6: 'fd01:1::', ipip: '10.3.1.0' });
const N2 = tunnelNode('n2', '172.31.0.2/24', 'fd00:31::2/64', { v4: '10.1.2.0', v6: 'fd01:2::', ipip: '10.3.2.0' });
/** In another network. */
const FAR = tunnelNode('far', '172.31.9.3/24', 'fd00:39::3/64', {
  v4: '10.1.3.0',
  v6: 'fd01:3::',
  mac: '02:00:00:00:00:03',
  ipip: '10.3.3.0',
});
const NODES = [N1, N2, FAR];

const wishesOf = (resources: readonly Resource[], felix: FelixFields = {}): EncapWishes =>
  encapWishes({ snapshot: snapshotOf(resources), felix, node: 'n1' });

/** By prefix, then best class first. */
const compareRoutes = (a: EncapRoute, b: EncapRoute): number => comparePrefixes(a.prefix, b.prefix) || compareClasses(a.class, b.class);

/** `PREFIX CLASS TARGET`, in order. */
const shown = (wishes: EncapWishes): string[] =>
  [...wishes.routes].sort(compareRoutes).map((route) => `${formatPrefix(route.prefix)} ${route.class} ${formatTarget(route.target)}`);

const issuesOf = (wishes: EncapWishes): string[] => wishes.issues.map(formatIssue);

describe('routes', () => {
  const blocks = (base: string): Resource[] => [
    affinity('n1', `10.${base}.1.0/26`),
    affinity('n2', `10.${base}.2.0/26`),
    affinity('far', `10.${base}.3.0/26`),
  ];
  const ipip: FelixFields = { programClusterRoutes: 'Enabled' };
  const daemonOff = configuration('default', { programClusterRoutes: 'Disabled' });

  it.each([
    [
      'vxlan Always',
      pool('p', '10.1.0.0/16', { vxlanMode: 'Always' }),
      blocks('1'),
      [
        '10.1.1.0/26 blackhole-vxlan blackhole',
        '10.1.2.0/26 vxlan-tunnel via 10.1.2.0 on vxlan-v4',
        '10.1.2.0/32 vxlan-tunnel on vxlan-v4',
        '10.1.3.0/26 vxlan-tunnel via 10.1.3.0 on vxlan-v4',
        '10.1.3.0/32 vxlan-tunnel on vxlan-v4',
      ],
    ],
    [
      'vxlan CrossSubnet',
      pool('p', '10.1.0.0/16', { vxlanMode: 'CrossSubnet' }),
      blocks('1'),
      [
        '10.1.1.0/26 blackhole-vxlan blackhole',
        '10.1.2.0/26 vxlan-same-subnet via 172.31.0.2 on parent-v4',
        '10.1.2.0/32 vxlan-tunnel on vxlan-v4',
        '10.1.3.0/26 vxlan-tunnel via 10.1.3.0 on vxlan-v4',
        '10.1.3.0/32 vxlan-tunnel on vxlan-v4',
      ],
    ],
    [
      'ipip Always',
      pool('p', '10.3.0.0/16', { ipipMode: 'Always' }),
      blocks('3'),
      [
        '10.3.1.0/26 blackhole-ipip blackhole',
        '10.3.2.0/26 ipip-tunnel via 172.31.0.2 on ipip',
        '10.3.2.0/32 ipip-tunnel via 172.31.0.2 on ipip',
        '10.3.3.0/26 ipip-tunnel via 172.31.9.3 on ipip',
        '10.3.3.0/32 ipip-tunnel via 172.31.9.3 on ipip',
      ],
    ],
    [
      'ipip CrossSubnet',
      pool('p', '10.3.0.0/16', { ipipMode: 'CrossSubnet' }),
      blocks('3'),
      [
        '10.3.1.0/26 blackhole-ipip blackhole',
        '10.3.2.0/26 ipip-same-subnet via 172.31.0.2 on parent-v4',
        '10.3.2.0/32 ipip-tunnel via 172.31.0.2 on ipip',
        '10.3.3.0/26 ipip-tunnel via 172.31.9.3 on ipip',
        '10.3.3.0/32 ipip-tunnel via 172.31.9.3 on ipip',
      ],
    ],
    [
      'no encapsulation',
      pool('p', '10.4.0.0/16'),
      blocks('4'),
      ['10.4.1.0/26 blackhole-no-encap blackhole', '10.4.2.0/26 no-encap via 172.31.0.2 on parent-v4'],
    ],
    [
      'vxlan over IPv6',
      pool('p', 'fd01::/16', { vxlanMode: 'Always' }),
      [affinity('n1', 'fd01:1::/122'), affinity('n2', 'fd01:2::/122')],
      [
        'fd01:1::/122 blackhole-vxlan blackhole',
        'fd01:2::/122 vxlan-tunnel via fd01:2:: on vxlan-v6',
        'fd01:2::/128 vxlan-tunnel on vxlan-v6',
        'fd01:3::/128 vxlan-tunnel on vxlan-v6',
      ],
    ],
    [
      'vxlan CrossSubnet over IPv6',
      pool('p', 'fd01::/16', { vxlanMode: 'CrossSubnet' }),
      [affinity('n2', 'fd01:2::/122'), affinity('far', 'fd01:3::/122')],
      [
        'fd01:2::/122 vxlan-same-subnet via fd00:31::2 on parent-v6',
        'fd01:2::/128 vxlan-tunnel on vxlan-v6',
        'fd01:3::/122 vxlan-tunnel via fd01:3:: on vxlan-v6',
        'fd01:3::/128 vxlan-tunnel on vxlan-v6',
      ],
    ],
  ])('of %s', (_, used, affinities, expected) => {
    const felix = used.vxlanMode === 'Never' ? ipip : {};
    expect(shown(wishesOf([...NODES, used, ...affinities, daemonOff], felix))).toEqual(expected);
  });

  it('of a block of one address: no blackhole here, an ordinary route there (A32)', () => {
    const resources = [
      ...NODES,
      pool('p4', '10.1.0.0/16', { vxlanMode: 'Always' }),
      pool('p6', 'fd01::/16', { vxlanMode: 'Always' }),
      affinity('n1', '10.1.5.5/32'),
      affinity('n1', 'fd01:5::5/128'),
      affinity('n2', '10.1.6.6/32'),
    ];
    const lines = shown(wishesOf(resources)).filter((line) => !line.includes(' on vxlan') || line.includes('via'));
    expect(lines).toEqual(['10.1.6.6/32 vxlan-tunnel via 10.1.2.0 on vxlan-v4']);
  });

  it('have the encapsulation of their own pool, and go with it alone (A5)', () => {
    const pools = [
      pool('vx', '10.1.0.0/16', { vxlanMode: 'Always' }),
      pool('none', '10.4.0.0/16'),
      pool('six', 'fd01::/16', { vxlanMode: 'CrossSubnet' }),
    ];
    const rest = [...NODES, daemonOff, affinity('n2', '10.1.2.0/26'), affinity('n2', '10.4.2.0/26'), affinity('n2', 'fd01:2::/122')];
    const all = shown(wishesOf([...rest, ...pools], ipip)).filter((line) => line.includes('via'));
    const lines = {
      vx: '10.1.2.0/26 vxlan-tunnel via 10.1.2.0 on vxlan-v4',
      none: '10.4.2.0/26 no-encap via 172.31.0.2 on parent-v4',
      six: 'fd01:2::/122 vxlan-same-subnet via fd00:31::2 on parent-v6',
    };
    expect(all).toEqual(Object.values(lines));
    for (const [gone, line] of Object.entries(lines)) {
      const left = wishesOf([...rest, ...pools.filter((one) => one.ref.name !== gone)], ipip);
      expect(shown(left).filter((one) => one.includes('via'))).toEqual(all.filter((one) => one !== line));
      expect(left.issues).toEqual([]);
    }
  });

  it('of pending blocks and virtual hosts are none; a block that is going away keeps its route', () => {
    const used = pool('p', '10.1.0.0/16', { vxlanMode: 'Always' });
    const states = [
      affinity('n2', '10.1.8.0/26', 'pending'),
      affinity('n2', '10.1.9.0/26', 'pendingDeletion'),
      affinity('n1', '10.1.10.0/26', 'pendingDeletion'),
      affinity('n1', '10.1.11.0/26', 'pending'),
      { ...affinity('load-balancer', '10.1.12.0/26'), type: 'virtual' },
    ];
    const blocks = shown(wishesOf([...NODES, used, ...states])).filter((line) => line.includes('/26'));
    expect(blocks).toEqual(['10.1.9.0/26 vxlan-tunnel via 10.1.2.0 on vxlan-v4', '10.1.10.0/26 blackhole-vxlan blackhole']);
  });

  it('of a block that two nodes claim lead to the one that holds it, then to the first by name, and that is told', () => {
    const used = pool('p', '10.1.0.0/16', { vxlanMode: 'Always' });
    const claims = [affinity('n2', '10.1.8.0/26', 'pendingDeletion'), affinity('far', '10.1.8.0/26')];
    const even = [affinity('n2', '10.1.9.0/26'), affinity('far', '10.1.9.0/26')];
    for (const order of [[...claims, ...even], [...even, ...claims].reverse()]) {
      const wishes = wishesOf([...NODES, used, ...order]);
      expect(wishes.routes.filter((route) => route.prefix.length === 26).map((route) => route.node)).toEqual(['far', 'far']);
      expect(wishes.issues.map((issue) => issue.code)).toEqual(['BLOCK_TWO_NODES']);
    }
  });

  it('come from pod CIDRs where these stand for blocks', () => {
    const snapshot = snapshotOf([
      N1,
      { ...N2, podCIDRs: [prefix('10.1.2.0/24')] },
      pool('p', '10.1.0.0/16', { vxlanMode: 'Always' }),
      affinity('n2', '10.1.77.0/26'),
    ]);
    const wishes = encapWishes({ snapshot, felix: {}, node: 'n1', usePodCIDR: true });
    expect(shown(wishes)).toEqual(['10.1.2.0/24 vxlan-tunnel via 10.1.2.0 on vxlan-v4', '10.1.2.0/32 vxlan-tunnel on vxlan-v4']);
  });
});

describe('programClusterRoutes', () => {
  const pools = [
    pool('ipip', '10.3.0.0/16', { ipipMode: 'Always' }),
    pool('none', '10.4.0.0/16'),
    pool('vx', '10.1.0.0/16', { vxlanMode: 'Always' }),
  ];
  const blocks = [affinity('n2', '10.1.2.0/26'), affinity('n2', '10.3.2.0/26'), affinity('n2', '10.4.2.0/26')];
  type Mode = 'Enabled' | 'Disabled' | 'EnabledIPIPOnly' | 'EnabledNoEncapOnly' | undefined;

  it.each<[Mode, Mode, string, readonly string[]]>([
    [undefined, undefined, '10.1 10.3', []],
    ['EnabledNoEncapOnly', 'EnabledIPIPOnly', '10.1 10.3', []],
    ['EnabledIPIPOnly', 'EnabledNoEncapOnly', '10.1 10.4', []],
    ['Enabled', 'Disabled', '10.1', []],
    ['Disabled', 'Enabled', '10.1 10.3 10.4', []],
    ['Enabled', undefined, '10.1', ['ipip POOL_TWO_WRITERS']],
    ['Disabled', undefined, '10.1 10.3', ['none POOL_NO_WRITER']],
    ['Enabled', 'Enabled', '10.1', ['ipip POOL_TWO_WRITERS', 'none POOL_TWO_WRITERS']],
    [undefined, 'Disabled', '10.1', ['ipip POOL_NO_WRITER']],
  ])('BGP %s, Felix %s: routes of %s', (bgp, felix, expected, issues) => {
    const bgpPart = configuration('default', bgp === undefined ? {} : { programClusterRoutes: bgp });
    const wishes = wishesOf([...NODES, ...pools, ...blocks, bgpPart], felix === undefined ? {} : { programClusterRoutes: felix });
    const nets = wishes.routes
      .filter((route) => route.prefix.length === 26)
      .map((route) => formatPrefix(route.prefix).split('.').slice(0, 2).join('.'));
    expect(nets.sort().join(' ')).toBe(expected);
    expect(wishes.issues.map((issue) => `${issue.object.name} ${issue.code}`).sort()).toEqual(issues);
  });
});

describe('devices and endpoints', () => {
  const vx = pool('vx', '10.1.0.0/16', { vxlanMode: 'Always' });

  it('are those of the pools in use, with the settings of FelixConfiguration', () => {
    const felix: FelixFields = { vxlanVNI: 7, vxlanPort: 8472, vxlanMTUV6: 1400, ipipMTU: 1480 };
    const wishes = wishesOf(
      [...NODES, vx, pool('six', 'fd01::/16', { vxlanMode: 'Always' }), pool('i', '10.3.0.0/16', { ipipMode: 'Always' })],
      felix,
    );
    expect(wishes.devices).toMatchObject([
      {
        kind: 'vxlan',
        name: 'vxlan.calico',
        family: 'ipv4',
        vni: 7,
        port: 8472,
        mac: derivedMac('n1', 'ipv4'),
        tunnel: address('10.1.1.0'),
        local: address('172.31.0.1'),
      },
      {
        kind: 'vxlan',
        name: 'vxlan-v6.calico',
        family: 'ipv6',
        mtu: 1400,
        mac: derivedMac('n1', 'ipv6'),
        tunnel: address('fd01:1::'),
        local: address('fd00:31::1'),
      },
      { kind: 'ipip', name: 'tunl0', mtu: 1480, tunnel: address('10.3.1.0'), local: address('172.31.0.1') },
    ]);
    expect(wishes.devices[0]).not.toHaveProperty('mtu');
    expect(wishes.devices[0]?.reasons).toEqual([{ object: vx.ref, rule: 'vxlanMode Always' }]);
    const shownVteps = wishes.vteps.map(
      (one) => `${one.node} ${one.family} ${formatAddress(one.tunnel)} ${one.mac} ${formatAddress(one.host)}`,
    );
    expect(shownVteps).toEqual([
      'far ipv4 10.1.3.0 02:00:00:00:00:03 172.31.9.3',
      `n2 ipv4 10.1.2.0 ${derivedMac('n2', 'ipv4')} 172.31.0.2`,
      `far ipv6 fd01:3:: ${derivedMac('far', 'ipv6')} fd00:39::3`,
      `n2 ipv6 fd01:2:: ${derivedMac('n2', 'ipv6')} fd00:31::2`,
    ]);
  });

  it('are there without a pool where FelixConfiguration says so, and not where it forbids them', () => {
    expect(wishesOf(NODES, { vxlanEnabled: true, ipipEnabled: true }).devices.map((one) => one.name)).toEqual(['vxlan.calico', 'tunl0']);
    const forbidden = wishesOf([...NODES, vx, affinity('n2', '10.1.2.0/26')], { vxlanEnabled: false });
    expect(forbidden).toMatchObject({ devices: [], vteps: [], routes: [] });
    expect(issuesOf(forbidden)).toEqual(['IPPool/vx spec.vxlanMode: "Always" needs vxlan, which FelixConfiguration turns off']);
  });

  it('that lack something are issues that may heal, and cost nobody else anything', () => {
    const bare = node('bare', { ipv4: '172.31.0.7/24' });
    const lost = tunnelNode('lost', '172.31.0.8/24', 'fd00:31::8/64', { v4: '10.1.2.0' });
    const blocks = [
      affinity('n2', '10.1.2.0/26'),
      affinity('bare', '10.1.7.0/26'),
      affinity('bare', '10.1.7.64/26'),
      affinity('ghost', '10.1.9.0/26'),
    ];
    const wishes = wishesOf([...NODES, bare, lost, vx, ...blocks, affinity('lost', '10.1.10.0/26')]);
    expect(wishes.routes.filter((route) => route.prefix.length === 26).map((route) => formatPrefix(route.prefix))).toEqual([
      '10.1.10.0/26',
    ]);
    expect(issuesOf(wishes).sort()).toEqual([
      expect.stringMatching(/^BlockAffinity\/ghost.* spec.node: "ghost" is no known Node: no route leads to its blocks$/),
      'Node/bare spec.ipv4VXLANTunnelAddr: the node has blocks in a VXLAN pool and no address of its VXLAN device yet: no route leads there',
      'Node/n2 spec.ipv4VXLANTunnelAddr: "10.1.2.0" is that of Node/lost already; the node gets no traffic by VXLAN',
    ]);
    expect(wishes.issues.every((issue) => issue.transient)).toBe(true);
  });

  it('of a node without the address of a family, or that is not in the cluster', () => {
    const missing = encapWishes({ snapshot: snapshotOf([N2, vx]), felix: {}, node: 'n1' });
    expect(issuesOf(missing)).toEqual(['Node/n1: this node is not in the cluster']);
    const six = wishesOf([node('n1', { ipv6: 'fd00:31::1/64' }), N2, vx, affinity('n2', '10.1.2.0/26')]);
    expect(six).toMatchObject({ devices: [], vteps: [], routes: [] });
    expect(issuesOf(six)).toEqual(['Node/n1 spec.bgp.ipv4Address: is missing: without it this node has no vxlan device for ipv4']);
  });

  it('derive MACs with SHA-1 as everybody else does', () => {
    for (const text of ['', 'abc', 'n1', 'x'.repeat(55), 'x'.repeat(56), 'x'.repeat(64), 'Straße-1.example'.repeat(40)]) {
      expect(Buffer.from(sha1(text)).toString('hex')).toBe(createHash('sha1').update(text).digest('hex'));
    }
    expect(derivedMac('n1', 'ipv4')).toMatch(/^66(:[0-9a-f]{2}){5}$/);
    expect(derivedMac('n1', 'ipv6')).toBe(derivedMac('n1-v6', 'ipv4'));
  });
});

describe('service loops', () => {
  const ranges = configuration('default', {
    serviceClusterIPs: [prefix('10.96.0.0/12'), prefix('fd96::/112')],
    serviceExternalIPs: [prefix('192.0.2.7/32'), prefix('172.31.0.0/16')],
    serviceLoadBalancerIPs: [prefix('198.51.100.0/24'), prefix('192.0.2.7/32')],
  });
  const lines = (felix: FelixFields): string[] =>
    wishesOf([...NODES, ranges], felix).serviceLoops.map((loop) => `${formatPrefix(loop.prefix)} ${loop.action}`);

  it('are every range of services, dropped or rejected, but for those where nodes live', () => {
    expect(lines({})).toEqual(['10.96.0.0/12 drop', 'fd96::/112 drop', '192.0.2.7/32 drop', '198.51.100.0/24 drop']);
    expect(lines({ serviceLoopPrevention: 'Reject' })[0]).toBe('10.96.0.0/12 reject');
    expect(lines({ serviceLoopPrevention: 'Disabled' })).toEqual([]);
    expect(issuesOf(wishesOf([...NODES, ranges]))).toEqual([
      'BGPConfiguration/default spec.serviceExternalIPs: "172.31.0.0/16" holds Node/n1: packets to it are not stopped, and those to a port that no Service has may go in a circle',
    ]);
  });

  it('leave out ranges with blocks of pods', () => {
    const wishes = wishesOf([...NODES, ranges, affinity('n2', '10.97.1.0/26')]);
    expect(wishes.serviceLoops.map((loop) => formatPrefix(loop.prefix))).not.toContain('10.96.0.0/12');
    expect(issuesOf(wishes)[0]).toMatch(/^BGPConfiguration\/default spec.serviceClusterIPs: "10.96.0.0\/12" holds BlockAffinity\//);
  });
});

describe('why', () => {
  it('names the chosen route, its objects, what it hides, and the ranges and issues around it', () => {
    const resources = [
      ...NODES,
      pool('vx', '10.1.0.0/16', { vxlanMode: 'CrossSubnet' }),
      configuration('default', { serviceClusterIPs: [prefix('10.96.0.0/12')] }),
      affinity('n2', '10.1.2.0/26'),
      affinity('far', '10.1.3.0/26'),
    ];
    const wishes = wishesOf(resources);
    const why = explainPrefix(wishes, prefix('10.1.3.0/32'));
    expect(why.routes.map(({ prefix: at, class: name, target, verdict }) => `${at} ${name} ${target}: ${verdict}`)).toEqual([
      '10.1.3.0/32 vxlan-tunnel on vxlan-v4: chosen',
      '10.1.3.0/26 vxlan-tunnel via 10.1.3.0 on vxlan-v4: shadowed',
    ]);
    expect(why.routes[1]?.reasons.map(({ object, rule }) => `${object.kind}/${object.name}: ${rule}`)).toEqual([
      expect.stringMatching(/^BlockAffinity\/.*: a block of another node$/),
      'Node/far: tunnel endpoint 10.1.3.0 at 172.31.9.3',
      'IPPool/vx: vxlan CrossSubnet',
    ]);
    expect(explainPrefix(wishes, prefix('10.1.2.9/32')).routes[0]?.reasons[1]?.rule).toBe('172.31.0.2 is in the own network 172.31.0.0/24');
    expect(explainPrefix(wishes, prefix('10.96.0.1/32'))).toMatchObject({
      routes: [],
      serviceLoops: [{ prefix: '10.96.0.0/12', action: 'drop' }],
    });
    const outranked: EncapWishes = {
      ...wishes,
      routes: [...wishes.routes, { prefix: prefix('10.1.3.0/26'), class: 'blackhole-vxlan', target: { kind: 'blackhole' }, reasons: [] }],
    };
    // What is wrong with this node as a whole concerns every prefix.
    const adrift = wishesOf([N2, FAR, pool('vx', '10.1.0.0/16', { vxlanMode: 'CrossSubnet' })]);
    expect(explainPrefix(adrift, prefix('10.1.3.0/26')).issues.map(({ code }) => code)).toEqual(['NODE_MISSING']);
    expect(explainPrefix(outranked, prefix('10.1.3.0/26')).routes.map((one) => one.verdict)).toEqual(['chosen', 'outranked']);
  });
});
