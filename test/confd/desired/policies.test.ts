/** Export and import policies, one case per clause of control-plane 3.4, 5.1, 5.2 and 6, asked through the evaluator. */
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { affinity, configuration, filter, node, peer, pool } from '../../worlds/build.ts';
import { bgpRoute, decide, kernelRoute, staticRoute, type TestRoute } from '../../worlds/route.ts';
import { accepts, ORDINARY, peersOf, policy, ranges, reflector, type To } from './policy-of.ts';

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
