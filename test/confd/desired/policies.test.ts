/** Export and import policies, one case per clause of control-plane 3.4, 5.1-5.3, 5.6 and 6, asked through the evaluator. */

import type { Policy } from 'bgp-ts/policy';
import { describe, expect, it } from 'vitest';
import { desire } from '../../../src/confd/desired/desire.ts';
import type { DesiredPeer, DesireOptions } from '../../../src/confd/desired/types.ts';
import type { BGPFilterRule, Resource } from '../../../src/confd/resources/types.ts';
import { affinity, community, configuration, filter, node, peer, pool, prefix, snapshotOf } from '../../worlds/build.ts';
import { bgpRoute, decide, kernelRoute, staticRoute, type TestRoute } from '../../worlds/route.ts';

const me = node('me', { ipv4: '10.0.0.1/24', ipv6: 'fd00::1/64' });
const reflector = node('me', { ipv4: '10.0.0.1/24', ipv6: 'fd00::1/64', cluster: '1.1.1.1' });
const ranges = {
  serviceClusterIPs: [prefix('10.96.0.0/16')],
  serviceExternalIPs: [prefix('50.0.0.0/24'), prefix('50.1.0.1/32')],
  serviceLoadBalancerIPs: [prefix('80.0.0.0/24')],
};
const config = configuration('default', { nodeToNodeMeshEnabled: false, ...ranges });
const ORDINARY = 2147482623;

function peersOf(resources: readonly Resource[], options: Partial<DesireOptions> = {}): readonly DesiredPeer[] {
  const peerings = [
    peer('ibgp', { peerIP: '10.0.0.9', asNumber: 64512 }),
    peer('ebgp', { peerIP: '10.0.0.8', asNumber: 65001 }),
    peer('ibgp6', { peerIP: 'fd00::9', asNumber: 64512 }),
  ];
  return desire(snapshotOf([me, config, ...peerings, ...resources]), { node: 'me', ...options }).desired?.peers ?? [];
}

type To = 'ibgp' | 'ebgp' | 'ibgp6';
const IDS = { ibgp: 'Global_10_0_0_9', ebgp: 'Global_10_0_0_8', ibgp6: 'Global_fd00__9' } as const;

function policy(direction: 'import' | 'export', to: To, resources: readonly Resource[], options: Partial<DesireOptions> = {}): Policy {
  const found = peersOf(resources, options).find((entry) => entry.id === IDS[to]);
  if (found === undefined) throw new Error(`no peer ${to}`);
  return direction === 'export' ? found.exportPolicy : found.importPolicy;
}

const accepts = (resources: readonly Resource[], route: TestRoute, to: To = 'ibgp', options: Partial<DesireOptions> = {}): boolean =>
  decide(policy('export', to, resources, options), route).accept;

describe('5.1 (1) priority', () => {
  const exported = [pool('p', '192.168.0.0/16')];

  it.each<[string, TestRoute, number, Resource[]]>([
    ['a local route without a metric is ordinary', staticRoute('192.168.1.0/26'), ORDINARY, []],
    ['the metric of a kernel route', kernelRoute('192.168.9.1/32', 512), 2147483135, []],
    ['metric 0 is the highest', kernelRoute('192.168.9.1/32', 0), 2147483647, []],
    ['a BGP route keeps its LOCAL_PREF', bgpRoute('192.168.9.0/26', { localPref: 777 }), 777, []],
    ['and 100 where it had none', bgpRoute('192.168.9.0/26'), 100, []],
    [
      'ipv4NormalRoutePriority is the default metric',
      staticRoute('192.168.1.0/26'),
      2147483647 - 5000,
      [configuration('default', { nodeToNodeMeshEnabled: false, ipv4NormalRoutePriority: 5000 })],
    ],
  ])('%s', (_, route, localPref, resources) => {
    expect(decide(policy('export', 'ibgp', [...exported, ...resources]), route)).toMatchObject({ accept: true, localPref });
  });

  it('is per family', () => {
    const six = [
      pool('p', 'fd00:1::/48'),
      configuration('default', { nodeToNodeMeshEnabled: false, ipv4NormalRoutePriority: 1, ipv6NormalRoutePriority: 80 }),
    ];
    expect(decide(policy('export', 'ibgp6', six), staticRoute('fd00:1::/122')).localPref).toBe(2147483647 - 80);
  });
});

describe('5.1 (3) and (10) pools', () => {
  const kept = pool('kept', '192.168.5.0/24', { disableBGPExport: true });
  const whole = pool('whole', '192.168.0.0/16');

  it.each<[string, Resource[], TestRoute, boolean]>([
    ['inside an exported pool', [whole], kernelRoute('192.168.9.1/32'), true],
    ['the pool itself', [whole], bgpRoute('192.168.0.0/16'), true],
    ['outside any pool (11)', [whole], kernelRoute('172.16.0.1/32'), false],
    ['a pool kept from BGP, inside one that is not', [whole, kept], kernelRoute('192.168.5.1/32'), false],
    ['even its blocks', [whole, kept, affinity('me', '192.168.5.0/26')], staticRoute('192.168.5.0/26'), false],
    ['no pool at all', [], kernelRoute('192.168.9.1/32'), false],
    [
      'of two pools with one CIDR the lowest name counts (1.1)',
      [pool('b', '192.168.0.0/16'), pool('a', '192.168.0.0/16', { disableBGPExport: true })],
      kernelRoute('192.168.9.1/32'),
      false,
    ],
    [
      'encapsulated pools are exported too (5.5)',
      [pool('p', '192.168.0.0/16', { vxlanMode: 'Always' })],
      kernelRoute('192.168.9.1/32'),
      true,
    ],
  ])('%s', (_, resources, route, expected) => {
    expect(accepts(resources, route)).toBe(expected);
  });

  it('names the pool that decided', () => {
    expect(decide(policy('export', 'ibgp', [whole, kept]), kernelRoute('192.168.5.1/32'))).toMatchObject({
      accept: false,
      reasons: [{ object: 'IPPool/kept', rule: 'control-plane 5.1 (3)' }],
    });
  });
});

describe('5.1 (4) and (5) interfaces', () => {
  const exported = pool('p', '192.168.0.0/16');
  const bird = configuration('default', { nodeToNodeMeshEnabled: false, programClusterRoutes: 'EnabledIPIPOnly' });

  it.each<[string, string, To, Resource[], boolean]>([
    ['wireguard.cali to an internal peer', 'wireguard.cali', 'ibgp', [], false],
    ['vxlan.calico to an internal peer', 'vxlan.calico', 'ibgp', [], false],
    ['tunl0 to an internal peer', 'tunl0', 'ibgp', [], false],
    ['tunl0 where BIRD owns IPIP routes', 'tunl0', 'ibgp', [bird], true],
    ['wireguard.cali to an external peer', 'wireguard.cali', 'ebgp', [], true],
    ['bpfin.cali to an external peer', 'bpfin.cali', 'ebgp', [], false],
    ['bpfin.cali to an internal peer', 'bpfin.cali', 'ibgp', [bird], false],
    ['cali1234 is a workload', 'cali1234', 'ibgp', [], true],
  ])('%s', (_, device, to, resources, expected) => {
    expect(accepts([exported, ...resources], kernelRoute('192.168.9.1/32', 1024, device), to)).toBe(expected);
  });
});

describe('5.3 communities', () => {
  const communities = [{ name: 'named', value: community('100:6532') }];
  const entry = (cidr: string, ...values: (string | { name: string })[]) => ({
    cidr: prefix(cidr),
    communities: values.map((value) => (typeof value === 'string' ? community(value) : value)),
  });
  const added = (resources: readonly Resource[], to: string, options: Partial<DesireOptions> = {}, session: To = 'ibgp') => {
    const { modifications } = decide(
      policy('export', session, [pool('p', '192.168.0.0/16'), pool('q', 'fd00:1::/48'), ...resources], options),
      staticRoute(to),
    );
    return [
      modifications.addCommunities.map((value) => `${value >>> 16}:${value & 65535}`),
      modifications.addLargeCommunities.map((value) => value.join(':')),
    ];
  };
  const global = (...prefixAdvertisements: ReturnType<typeof entry>[]): Resource =>
    configuration('default', { nodeToNodeMeshEnabled: false, communities, prefixAdvertisements });

  it.each<[string, Resource[], string, To, string[][]]>([
    [
      'names and values, once each, in the order of their text',
      [global(entry('192.168.0.0/16', { name: 'named' }, '5663:12', '100:555:107', '5663:12'))],
      '192.168.1.0/26',
      'ibgp',
      [['100:6532', '5663:12'], ['100:555:107']],
    ],
    ['undefined names are dropped', [global(entry('192.168.0.0/16', { name: 'nobody' }, '1:2'))], '192.168.1.0/26', 'ibgp', [['1:2'], []]],
    ['outside the range none', [global(entry('192.168.2.0/24', '1:2'))], '192.168.1.0/26', 'ibgp', [[], []]],
    [
      'every entry that covers adds',
      [global(entry('192.168.0.0/16', '1:2'), entry('192.168.1.0/24', '3:4'))],
      '192.168.1.0/26',
      'ibgp',
      [['1:2', '3:4'], []],
    ],
    [
      'the other family has its own',
      [global(entry('192.168.0.0/16', '1:2'), entry('fd00:1::/48', '3:4'))],
      'fd00:1::/122',
      'ibgp6',
      [['3:4'], []],
    ],
    [
      'a node list takes the place of the global one',
      [global(entry('192.168.0.0/16', '1:2')), configuration('node.me', { prefixAdvertisements: [entry('192.168.0.0/16', '7:7')] })],
      '192.168.1.0/26',
      'ibgp',
      [['7:7'], []],
    ],
    [
      'names are of the same resource',
      [global(), configuration('node.me', { prefixAdvertisements: [entry('192.168.0.0/16', { name: 'named' })] })],
      '192.168.1.0/26',
      'ibgp',
      [[], []],
    ],
  ])('%s', (_, resources, to, session, expected) => {
    expect(added(resources, to, {}, session)).toEqual(expected);
  });

  it('a node list of one family leaves the other alone; with Calico it takes both [Q]', () => {
    const world = [
      global(entry('fd00:1::/48', '3:4')),
      configuration('node.me', { prefixAdvertisements: [entry('192.168.0.0/16', '7:7')] }),
    ];
    expect(added(world, 'fd00:1::/122', {}, 'ibgp6')).toEqual([['3:4'], []]);
    expect(added(world, 'fd00:1::/122', { compatCalico: true }, 'ibgp6')).toEqual([[], []]);
  });
});

describe('5.1 (7) and 6 aggregation', () => {
  const world = [
    pool('p', '192.168.0.0/16'),
    affinity('me', '192.168.1.0/26'),
    affinity('me', '192.168.2.1/32'),
    affinity('me', '192.168.3.0/26', 'pendingDeletion'),
  ];

  it.each<[string, TestRoute, boolean]>([
    ['the block', staticRoute('192.168.1.0/26'), true],
    ['an address inside', kernelRoute('192.168.1.5/32', 1024), false],
    ['an address inside without a metric', kernelRoute('192.168.1.5/32', undefined), false],
    ['an address inside of raised priority', kernelRoute('192.168.1.5/32', 1023), true],
    ['what a peer sent from inside at ordinary priority', bgpRoute('192.168.1.5/32', { localPref: ORDINARY }), false],
    ['what a peer sent from inside at raised priority', bgpRoute('192.168.1.5/32', { localPref: ORDINARY + 1 }), true],
    ['a borrowed address, in the pool but not in an own block', kernelRoute('192.168.7.7/32'), true],
    ['a block of one address', kernelRoute('192.168.2.1/32'), true],
    ['an address of a block pending deletion', kernelRoute('192.168.3.3/32'), true],
    ['a block pending deletion, by its pool', staticRoute('192.168.3.0/26'), true],
  ])('%s', (_, route, expected) => {
    expect(accepts(world, route)).toBe(expected);
  });

  it('a block outside every pool is exported, its addresses are not', () => {
    expect(accepts([affinity('me', '172.16.0.0/26')], staticRoute('172.16.0.0/26'))).toBe(true);
    expect(accepts([affinity('me', '172.16.0.0/26')], kernelRoute('172.16.0.1/32'))).toBe(false);
  });
});

describe('5.1 (8), (9) and 3.4 service addresses', () => {
  const excluded = node('me', { ipv4: '10.0.0.1/24', labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } });
  const single = configuration('default', { nodeToNodeMeshEnabled: false, ...ranges, serviceLoadBalancerAggregation: 'Disabled' });

  it.each<[string, Resource[], TestRoute, boolean]>([
    ['ranges', [], staticRoute('80.0.0.0/24'), true],
    ['own addresses inside', [], staticRoute('80.0.0.1/32'), true],
    ['an own single external address', [], staticRoute('50.1.0.1/32'), true],
    ['an own cluster IP', [], staticRoute('10.96.0.1/32'), true],
    ['the cluster range a peer sent', [], bgpRoute('10.96.0.0/16'), true],
    ['a part of it a peer sent', [], bgpRoute('10.96.2.128/26'), true],
    ['a cluster IP a peer sent: never', [], bgpRoute('10.96.0.1/32'), false],
    ['a cluster IP a peer sent to a reflector: never', [reflector], bgpRoute('10.96.0.1/32'), false],
    ['a load balancer IP a peer sent, inside an originated range', [], bgpRoute('80.0.0.1/32'), true],
    ['a load balancer IP a peer sent, aggregation Disabled', [single], bgpRoute('80.0.0.1/32'), false],
    ['the same on a reflector (3.4)', [single, reflector], bgpRoute('80.0.0.1/32'), true],
    ['a single external IP a peer sent', [], bgpRoute('50.1.0.1/32'), false],
    ['the same on a reflector (3.4)', [reflector], bgpRoute('50.1.0.1/32'), true],
    ['a reflector without ranges', [reflector, configuration('default', { nodeToNodeMeshEnabled: false })], bgpRoute('80.0.0.1/32'), false],
    ['anything from an excluded node', [excluded], bgpRoute('80.0.0.1/32'), false],
  ])('%s', (_, resources, route, expected) => {
    expect(accepts(resources, route)).toBe(expected);
  });

  it('a foreign cluster IP with the switch, and with Calico', () => {
    expect(accepts([reflector], bgpRoute('10.96.0.1/32'), 'ibgp', { foreignClusterIPs: true })).toBe(true);
    expect(accepts([reflector], bgpRoute('10.96.0.1/32'), 'ibgp', { compatCalico: true })).toBe(true);
    expect(accepts([reflector], bgpRoute('10.96.0.1/32'), 'ibgp', { compatCalico: true, foreignClusterIPs: false })).toBe(false);
  });

  it('Calico exports what it publishes outside the ranges', () => {
    expect(accepts([], staticRoute('10.200.0.1/32'), 'ibgp', { compatCalico: true })).toBe(true);
    expect(accepts([], staticRoute('10.200.0.1/32'))).toBe(false);
  });

  it('filters and kept pools come first', () => {
    expect(accepts([pool('p', '80.0.0.0/16', { disableBGPExport: true })], staticRoute('80.0.0.1/32'))).toBe(false);
  });
});

describe('5.6 BGPFilter', () => {
  type Rules = readonly Partial<BGPFilterRule>[];
  const cidr = prefix('77.0.0.0/16');

  function verdict(rules: Rules, route: TestRoute, direction: 'import' | 'export' = 'export', to: To = 'ebgp'): boolean {
    const lists = direction === 'export' ? { exportV4: rules } : { importV4: rules };
    const peering = peer(to, { peerIP: to === 'ebgp' ? '10.0.0.8' : '10.0.0.9', asNumber: to === 'ebgp' ? 65001 : 64512, filters: ['f'] });
    return decide(policy(direction, to, [filter('f', lists), peering]), route).accept;
  }

  it.each<[string, Partial<BGPFilterRule>, TestRoute, boolean]>([
    ['no condition', {}, bgpRoute('1.0.0.0/8'), true],
    ['Equal', { cidr, matchOperator: 'Equal' }, bgpRoute('77.0.0.0/16'), true],
    ['Equal: a longer one', { cidr, matchOperator: 'Equal' }, bgpRoute('77.0.1.0/24'), false],
    ['NotEqual', { cidr, matchOperator: 'NotEqual' }, bgpRoute('77.0.1.0/24'), true],
    ['NotEqual: the same', { cidr, matchOperator: 'NotEqual' }, bgpRoute('77.0.0.0/16'), false],
    ['In: itself', { cidr, matchOperator: 'In' }, bgpRoute('77.0.0.0/16'), true],
    ['In: longer', { cidr, matchOperator: 'In' }, bgpRoute('77.0.1.1/32'), true],
    ['In: elsewhere', { cidr, matchOperator: 'In' }, bgpRoute('78.0.0.0/24'), false],
    ['NotIn: elsewhere', { cidr, matchOperator: 'NotIn' }, bgpRoute('78.0.0.0/24'), true],
    ['NotIn: inside', { cidr, matchOperator: 'NotIn' }, bgpRoute('77.0.1.0/24'), false],
    ['prefixLength inside', { cidr, matchOperator: 'In', prefixLength: { min: 24, max: 28 } }, bgpRoute('77.0.1.0/26'), true],
    ['prefixLength too short', { cidr, matchOperator: 'In', prefixLength: { min: 24, max: 28 } }, bgpRoute('77.0.0.0/16'), false],
    ['prefixLength too long', { cidr, matchOperator: 'In', prefixLength: { min: 24, max: 28 } }, bgpRoute('77.0.1.0/29'), false],
    ['prefixLength min is raised to the mask (12)', { cidr, matchOperator: 'In', prefixLength: { min: 8 } }, bgpRoute('77.0.0.0/16'), true],
    ['prefixLength max defaults to 32 (12)', { cidr, matchOperator: 'In', prefixLength: { min: 20 } }, bgpRoute('77.0.1.1/32'), true],
    ['prefixLength max is cut to 32 (12)', { cidr, matchOperator: 'In', prefixLength: { max: 64 } }, bgpRoute('77.0.1.1/32'), true],
    ['source RemotePeers', { source: 'RemotePeers' }, bgpRoute('1.0.0.0/8'), true],
    ['source RemotePeers: a local route', { source: 'RemotePeers' }, kernelRoute('1.0.0.0/8'), false],
    ['interface', { interface: 'eth*' }, kernelRoute('1.0.0.0/8', 1024, 'eth0'), true],
    ['interface: another', { interface: 'eth*' }, kernelRoute('1.0.0.0/8', 1024, 'ens0'), false],
    ['interface: none', { interface: 'eth*' }, staticRoute('1.0.0.0/8'), false],
    ['interface *: none matches too', { interface: '*' }, staticRoute('1.0.0.0/8'), true],
    ['community', { community: community('1:2') }, bgpRoute('1.0.0.0/8', { communities: [65538] }), true],
    ['community: absent', { community: community('1:2') }, bgpRoute('1.0.0.0/8'), false],
    ['large community', { community: community('1:2:3') }, bgpRoute('1.0.0.0/8', { largeCommunities: [[1, 2, 3]] }), true],
    ['large community: absent', { community: community('1:2:3') }, bgpRoute('1.0.0.0/8', { communities: [65538] }), false],
    ['asPathPrefix', { asPathPrefix: [1, 2] }, bgpRoute('1.0.0.0/8', { asPath: [1, 2, 3] }), true],
    ['asPathPrefix: another', { asPathPrefix: [1, 2] }, bgpRoute('1.0.0.0/8', { asPath: [2, 1] }), false],
    ['priority', { priority: 512 }, kernelRoute('1.0.0.0/8', 512), true],
    ['priority of what a peer sent', { priority: 512 }, bgpRoute('1.0.0.0/8', { localPref: 2147483135 }), true],
    ['priority: another', { priority: 512 }, kernelRoute('1.0.0.0/8', 513), false],
    ['priority of an ordinary route', { priority: 1024 }, staticRoute('1.0.0.0/8'), true],
    ['conditions are all needed', { cidr, matchOperator: 'In', source: 'RemotePeers' }, staticRoute('77.0.0.0/16'), false],
    ['peerType eBGP to an external peer', { peerType: 'eBGP' }, bgpRoute('1.0.0.0/8'), true],
    ['peerType iBGP to an external peer', { peerType: 'iBGP' }, bgpRoute('1.0.0.0/8'), false],
  ])('export, accepted by: %s', (_, rule, route, expected) => {
    expect(verdict([rule], route)).toBe(expected);
  });

  it.each<[string, Rules, TestRoute, boolean]>([
    ['the first rule that matches decides', [{ action: 'Reject', cidr, matchOperator: 'In' }, {}], bgpRoute('77.0.0.0/16'), false],
    ['a rule that does not match passes on', [{ action: 'Reject', cidr, matchOperator: 'Equal' }, {}], bgpRoute('77.0.1.0/24'), true],
    ['a rule for the other type of peer is not there', [{ action: 'Reject', peerType: 'iBGP' }, {}], bgpRoute('77.0.0.0/16'), true],
  ])('order: %s', (_, rules, route, expected) => {
    expect(verdict(rules, route)).toBe(expected);
    expect(verdict(rules, route, 'import')).toBe(expected);
  });

  it.each<[string, Partial<BGPFilterRule>, number, number]>([
    ['min below the mask', { prefixLength: { min: 8, max: 20 } }, 16, 20],
    ['max above the family', { prefixLength: { min: 20, max: 64 } }, 20, 32],
    ['neither', { prefixLength: {} }, 16, 32],
  ])('prefixLength is clamped in the data, for engines that take it as written: %s (12)', (_, rule, min, max) => {
    const peering = peer('ebgp', { peerIP: '10.0.0.8', asNumber: 65001, filters: ['f'] });
    const { terms } = policy('export', 'ebgp', [filter('f', { exportV4: [{ cidr, matchOperator: 'In', ...rule }] }), peering]);
    expect(terms.find((term) => term.name === 'BGPFilter/f exportV4[0]')?.when).toMatchObject([
      { any: [{ match: { kind: 'range', min, max } }] },
    ]);
  });

  it('several filters run in the order of the peer', () => {
    const filters = [filter('f', { exportV4: [{ action: 'Reject' }] }), filter('g', { exportV4: [{ action: 'Accept' }] })];
    const to = (...names: string[]): Resource => peer('ebgp', { peerIP: '10.0.0.8', asNumber: 65001, filters: names });
    expect(accepts([...filters, to('g', 'f')], bgpRoute('1.0.0.0/8'), 'ebgp')).toBe(true);
    expect(accepts([...filters, to('f', 'g')], bgpRoute('1.0.0.0/8'), 'ebgp')).toBe(false);
  });

  it('operations run in order before the action', () => {
    const operations: BGPFilterRule['operations'] = [
      { kind: 'addCommunity', value: community('1:2') },
      { kind: 'addCommunity', value: community('1:2:3') },
      { kind: 'prependASPath', prefix: [65001, 65002] },
      { kind: 'setPriority', value: 512 },
    ];
    const peering = peer('ebgp', { peerIP: '10.0.0.8', asNumber: 65001, filters: ['f'] });
    const outcome = decide(policy('export', 'ebgp', [filter('f', { exportV4: [{ operations }] }), peering]), staticRoute('1.0.0.0/8'));
    expect(outcome).toMatchObject({ accept: true, term: 'BGPFilter/f exportV4[0]', localPref: 2147483135 });
    expect(outcome.modifications).toMatchObject({ addCommunities: [65538], addLargeCommunities: [[1, 2, 3]], prependAs: [65001, 65002] });
  });

  it('setPriority leaves aggregation to the priority the route came with', () => {
    const raise = filter('f', {
      exportV4: [{ cidr: prefix('1.0.0.0/8'), matchOperator: 'In', operations: [{ kind: 'setPriority', value: 1 }] }],
    });
    const peering = peer('ebgp', { peerIP: '10.0.0.8', asNumber: 65001, filters: ['f'] });
    expect(accepts([raise, peering, affinity('me', '192.168.1.0/26')], kernelRoute('192.168.1.5/32', 1024), 'ebgp')).toBe(false);
  });
});

describe('5.2 import', () => {
  it.each<[string, TestRoute, number | undefined]>([
    ['ordinary LOCAL_PREF', bgpRoute('1.0.0.0/8'), undefined],
    ['the LOCAL_PREF of an ordinary route of this cluster', bgpRoute('1.0.0.0/8', { localPref: ORDINARY }), undefined],
    ['above it: preference 200', bgpRoute('1.0.0.0/8', { localPref: ORDINARY + 1 }), 200],
  ])('%s', (_, route, preference) => {
    const outcome = decide(policy('import', 'ibgp', []), route);
    expect(outcome.accept).toBe(true);
    expect(outcome.modifications.preference).toBe(preference);
  });

  it('a filter that accepts skips the preference', () => {
    const peering = peer('ibgp', { peerIP: '10.0.0.9', asNumber: 64512, filters: ['f'] });
    const outcome = decide(
      policy('import', 'ibgp', [filter('f', { importV4: [{}] }), peering]),
      bgpRoute('1.0.0.0/8', { localPref: ORDINARY + 1 }),
    );
    expect(outcome).toMatchObject({ accept: true, term: 'BGPFilter/f importV4[0]', modifications: { preference: undefined } });
  });
});

describe('policies are shared', () => {
  it('by every peer with equal inputs, whatever filters without a rule for it they name', () => {
    const world = [
      pool('p', '192.168.0.0/16'),
      filter('six', { exportV6: [{}] }),
      configuration('default', ranges),
      ...Array.from({ length: 20 }, (_, n) => node(`n${n}`, { ipv4: `10.0.1.${n + 1}/24` })),
    ];
    const mesh = peersOf([...world, peer('ibgp', { peerIP: '10.0.0.9', asNumber: 64512, filters: ['six'] })]).filter(
      (entry) => entry.internal && entry.address.family === 'ipv4',
    );
    expect(mesh).toHaveLength(21);
    expect(new Set(mesh.map((entry) => entry.exportPolicy)).size).toBe(1);
    expect(new Set(mesh.map((entry) => entry.importPolicy)).size).toBe(1);
  });

  it('have unique term names and a reason for every term', () => {
    const world = [
      pool('p', '192.168.0.0/16'),
      pool('q', '192.169.0.0/16', { disableBGPExport: true }),
      affinity('me', '192.168.1.0/26'),
      reflector,
    ];
    for (const sessionFamilies of ['peer', 'both'] as const) {
      for (const { exportPolicy, importPolicy } of peersOf(world, { sessionFamilies })) {
        for (const { terms } of [exportPolicy, importPolicy]) {
          expect(new Set(terms.map((term) => term.name)).size).toBe(terms.length);
          expect(terms.every((term) => term.reasons.length > 0)).toBe(true);
        }
      }
    }
  });

  it('for sessions of both families decide each family as its own policy does', () => {
    const lists = { exportV4: [{ action: 'Reject' as const, priority: 7 }], exportV6: [{ action: 'Accept' as const }] };
    const world = [
      pool('p', '192.168.0.0/16'),
      pool('q', 'fd00:1::/48'),
      affinity('me', '192.168.1.0/26'),
      filter('f', lists),
      peer('ibgp', { peerIP: '10.0.0.9', asNumber: 64512, filters: ['f'] }),
      peer('ibgp6', { peerIP: 'fd00::9', asNumber: 64512, filters: ['f'] }),
    ];
    const joint = policy('export', 'ibgp', world, { sessionFamilies: 'both' });
    const four = policy('export', 'ibgp', world);
    const six = policy('export', 'ibgp6', world);
    for (const to of ['192.168.1.0/26', '192.168.1.5/32', '192.168.9.0/26', '1.0.0.0/8'])
      expect(decide(joint, staticRoute(to)).accept).toBe(decide(four, staticRoute(to)).accept);
    for (const to of ['fd00:1::/122', 'fd00:2::/122'])
      expect(decide(joint, staticRoute(to)).accept).toBe(decide(six, staticRoute(to)).accept);
  });
});
