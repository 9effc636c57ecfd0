/** Routes of the configuration, and its rules for those of peers. */
import { describe, expect, it } from 'vitest';
import type { KernelRules } from '../../../src/routes/kernel/rules.ts';
import { metricOf, NO_RULES, verdict } from '../../../src/routes/kernel/rules.ts';
import { address, prefix } from '../../worlds/build.ts';
import { makeFakeKernel } from './fake-kernel.ts';
import { change, ETH0, makeWorld, ORDINARY, shown } from './sync-world.ts';

describe('the configuration', () => {
  it('holds blackholes, which win over what peers say of the same prefix', () => {
    const world = makeWorld();
    const statics = [
      { prefix: prefix('10.1.0.0/26') },
      { prefix: prefix('fd44::/122') },
      { prefix: prefix('172.19.4.87/32'), gateway: address('10.0.0.9') },
    ];
    world.sync.configure({ statics, rules: NO_RULES, learn: { ignoredInterfaces: [] } });
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2']), change('10.5.0.0/26', ['172.19.4.87'])]);
    world.clock.turn(5);
    // A next hop with a route of the configuration leads where that route leads.
    expect(shown(world.kernel)).toEqual([
      '10.1.0.0/26 0 blackhole',
      '10.5.0.0/26 1024 via 10.0.0.9',
      '172.19.4.87/32 0 via 10.0.0.9',
      'fd44::/122 1024 blackhole',
    ]);
    world.sync.configure({ statics: [], rules: NO_RULES, learn: { ignoredInterfaces: [] } });
    world.clock.turn(5);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
  });

  const rules: KernelRules = {
    ...NO_RULES,
    ipv4: {
      rejected: [prefix('10.96.0.0/12')],
      wireguard: [address('10.0.0.9')],
      pools: [
        { prefix: prefix('10.1.0.0/16'), verdict: 'accept', tunnel: 'never' },
        { prefix: prefix('10.2.0.0/16'), verdict: 'reject', tunnel: 'never' },
        { prefix: prefix('10.3.0.0/16'), verdict: 'accept', tunnel: 'always' },
        { prefix: prefix('10.4.0.0/16'), verdict: 'accept', tunnel: 'other-subnets' },
      ],
      ownNetwork: prefix('10.0.0.0/24'),
    },
  };

  it.each([
    ['a Service range', '10.96.0.0/12', ['10.0.0.2'], 'reject'],
    ['an address in it', '10.97.1.1/32', ['10.0.0.2'], 'reject'],
    ['a next hop that WireGuard carries', '10.1.0.0/26', ['10.0.0.9'], 'reject'],
    ['a pool of ours', '10.1.0.0/26', ['10.0.0.2'], 'plain'],
    ['a pool of Felix', '10.2.0.0/26', ['10.0.0.2'], 'reject'],
    ['a tunnelled pool', '10.3.0.0/26', ['10.0.0.2'], 'tunnel'],
    ['several hops into a tunnelled pool', '10.3.0.0/26', ['10.0.0.2', '10.0.0.3'], 'plain'],
    ['a cross-subnet pool, near', '10.4.0.0/26', ['10.0.0.2'], 'plain'],
    ['a cross-subnet pool, far', '10.4.0.0/26', ['172.16.0.2'], 'tunnel'],
    ['no pool at all', '203.0.113.0/24', ['10.0.0.2'], 'plain'],
  ] as const)('%s', (_what, to, nextHops, expected) => {
    expect(verdict(rules, { prefix: prefix(to), nextHops: nextHops.map(address), localPref: ORDINARY })).toBe(expected);
  });

  it('puts tunnelled routes on tunl0 where there is one, and on the ordinary way where there is none', () => {
    const world = makeWorld(makeFakeKernel(), rules);
    world.sync.best([change('10.3.0.0/26', ['10.0.0.2'])]);
    world.clock.turn(5);
    expect([...world.kernel.objects.values()][0]?.hop).toEqual({ gateway: address('10.0.0.2'), interface: ETH0, onlink: false });
    const tunl0 = { index: 9, name: 'tunl0', up: true };
    world.kernel.links.set(9, tunl0);
    world.kernel.watcher?.events([{ kind: 'link', gone: false, link: tunl0 }]);
    world.clock.turn(5);
    expect([...world.kernel.objects.values()][0]?.hop).toEqual({ gateway: address('10.0.0.2'), interface: 9, onlink: true });
  });

  it.each([
    [2_147_482_623, 1024],
    [2_147_483_135, 512],
    [100, 2_147_483_547],
    [2_147_483_647, 1],
    [4_294_967_295, 1],
  ])('LOCAL_PREF %i is metric %i', (localPref, metric) => expect(metricOf(localPref)).toBe(metric));
});
