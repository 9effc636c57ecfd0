/** BGPFilters in policies (control-plane 5.6). */
import { describe, expect, it } from 'vitest';
import type { BGPFilterRule, Resource } from '../../../src/confd/resources/types.ts';
import { affinity, community, filter, peer, prefix } from '../../worlds/build.ts';
import { bgpRoute, decide, kernelRoute, staticRoute, type TestRoute } from '../../worlds/route.ts';
import { accepts, policy, type To } from './policy-of.ts';

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
