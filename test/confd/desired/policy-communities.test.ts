/** Communities of prefix advertisements (control-plane 5.3). */
import { describe, expect, it } from 'vitest';
import type { DesireOptions } from '../../../src/confd/desired/types.ts';
import type { Resource } from '../../../src/confd/resources/types.ts';
import { community, configuration, pool, prefix } from '../../worlds/build.ts';
import { decide, staticRoute } from '../../worlds/route.ts';
import { policy, type To } from './policy-of.ts';

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
