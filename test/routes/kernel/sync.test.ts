import type { Address } from 'bgp-ts/net';
import { formatPrefix } from 'bgp-ts/net';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { firstNexthopId } from '../../../src/routes/kernel/nexthop-book.ts';
import type { KernelRules } from '../../../src/routes/kernel/rules.ts';
import { metricOf, NO_RULES, verdict } from '../../../src/routes/kernel/rules.ts';
import type { KernelSync } from '../../../src/routes/kernel/sync.ts';
import { AUDIT_MS, createKernelSync, READ_SPACING_MS } from '../../../src/routes/kernel/sync.ts';
import type { KernelStatus, LearnedChange } from '../../../src/routes/kernel/sync-types.ts';
import type { AlienRoute, OwnRoute } from '../../../src/routes/kernel/table.ts';
import { address, prefix } from '../../worlds/build.ts';
import type { FakeKernel, HandClock } from './fake-kernel.ts';
import { dropObject, makeFakeKernel, makeHandClock } from './fake-kernel.ts';

const FIRST_NEXTHOP_ID = firstNexthopId(12);
const ETH0 = 2;
const connected = (text: string, protocol = 2): AlienRoute => ({
  prefix: prefix(text),
  metric: 0,
  protocol,
  unicast: true,
  hops: [{ interface: ETH0, onlink: false }],
});
const ORDINARY = 2_147_482_623;
const change = (to: string, nextHops: readonly string[], localPref = ORDINARY) => ({
  prefix: prefix(to),
  ...(nextHops.length === 0 ? {} : { best: { nextHops: nextHops.map(address), localPref } }),
});

interface World {
  readonly kernel: FakeKernel;
  readonly clock: HandClock;
  readonly sync: KernelSync;
  readonly learned: LearnedChange[];
  status: KernelStatus | undefined;
}

function makeWorld(kernel = makeFakeKernel(), rules: KernelRules = NO_RULES): World {
  const clock = makeHandClock();
  const learned: LearnedChange[] = [];
  const foreign = [connected('10.0.0.0/24'), connected('fd00::/64')];
  for (const route of foreign) kernel.foreign.set(`${formatPrefix(route.prefix)} ${route.metric}`, route);
  kernel.links.set(ETH0, { index: ETH0, name: 'eth0', up: true });
  kernel.addresses.push({ interface: ETH0, address: address('10.0.0.1'), network: prefix('10.0.0.0/24'), primary: true });
  const world: World = {
    kernel,
    clock,
    learned,
    status: undefined,
    sync: createKernelSync({
      kernel,
      now: clock.now,
      after: clock.after,
      learned: (more) => learned.push(more),
      status: (status) => {
        world.status = status;
      },
      failed: (error) => {
        throw error;
      },
    }),
  };
  world.sync.start();
  world.sync.configure({ statics: [], rules, learn: { ignoredInterfaces: [] } });
  clock.turn(5);
  return world;
}

/** `PREFIX METRIC via GATEWAY,...` or `PREFIX METRIC blackhole`, sorted. */
function shown(kernel: FakeKernel): string[] {
  const hop = (id: number): string[] => {
    const object = kernel.objects.get(id);
    if (object === undefined) return ['?'];
    return object.hop === undefined ? object.group.flatMap(hop) : [gatewayText(object.hop.gateway)];
  };
  const way = (route: OwnRoute): string => {
    if (route.kind === 'blackhole') return 'blackhole';
    return `via ${(route.nexthop === 0 ? route.hops.map((one) => gatewayText(one.gateway)) : hop(route.nexthop)).sort().join(',')}`;
  };
  return [...kernel.own.values()].map((route) => `${formatPrefix(route.prefix)} ${route.metric} ${way(route)}`).sort();
}

const gatewayText = (gateway: Address | undefined): string =>
  gateway === undefined ? 'link' : formatPrefix({ ...gateway, length: 0 }).replace(/\/0$/, '');

describe('best routes', () => {
  let world: World;
  beforeEach(() => {
    world = makeWorld();
  });
  const best = (...changes: ReturnType<typeof change>[]): void => {
    world.sync.best(changes);
    world.clock.turn(5);
  };

  it('are installed with the metric of their LOCAL_PREF, over one object a next hop', () => {
    best(
      change('10.1.0.0/26', ['10.0.0.2']),
      change('10.1.0.64/26', ['10.0.0.2']),
      change('10.1.0.5/32', ['10.0.0.3'], 2_147_483_135),
      change('10.2.0.0/16', ['10.0.0.3'], 100),
    );
    expect(shown(world.kernel)).toEqual([
      '10.1.0.0/26 1024 via 10.0.0.2',
      '10.1.0.5/32 512 via 10.0.0.3',
      '10.1.0.64/26 1024 via 10.0.0.2',
      '10.2.0.0/16 2147483547 via 10.0.0.3',
    ]);
    expect([...world.kernel.objects.keys()]).toEqual([FIRST_NEXTHOP_ID, FIRST_NEXTHOP_ID + 1]);
  });

  it('are groups where several are equal, and objects go when nothing uses them', () => {
    best(change('10.1.0.0/26', ['10.0.0.3', '10.0.0.2']));
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2,10.0.0.3']);
    expect(world.kernel.objects.size).toBe(3);
    best(change('10.1.0.0/26', []));
    expect(world.kernel.own.size).toBe(0);
    expect(world.kernel.objects.size).toBe(0);
  });

  it('move with one message where a node changes its address', () => {
    best(...Array.from({ length: 20 }, (_, index) => change(`10.1.${index}.0/26`, ['10.0.0.2'])), change('10.9.0.0/26', ['10.0.0.3']));
    world.kernel.log.length = 0;
    best(...Array.from({ length: 20 }, (_, index) => change(`10.1.${index}.0/26`, ['10.0.0.77'])));
    expect(world.kernel.log).toHaveLength(1);
    expect(world.kernel.log[0]).toMatchObject({ kind: 'set-nexthop', replace: true });
    expect(shown(world.kernel).filter((line) => line.endsWith('via 10.0.0.77'))).toHaveLength(20);
  });

  it('move with one message where the way to a next hop changes', () => {
    best(...Array.from({ length: 20 }, (_, index) => change(`10.1.${index}.0/26`, ['172.16.0.9'])));
    expect(world.kernel.own.size).toBe(0);
    expect(world.status).toMatchObject({ unreachable: 20, installed: 0 });
    const via = (gateway: string): AlienRoute => ({
      ...connected('172.16.0.0/16', 4),
      hops: [{ gateway: address(gateway), interface: ETH0, onlink: false }],
    });
    world.kernel.foreign.set('172.16.0.0/16 0', via('10.0.0.8'));
    world.kernel.watcher?.events([{ kind: 'alien', gone: false, route: via('10.0.0.8') }]);
    world.clock.turn(5);
    expect(shown(world.kernel)[0]).toBe('10.1.0.0/26 1024 via 10.0.0.8');
    world.kernel.log.length = 0;
    world.kernel.watcher?.events([{ kind: 'alien', gone: false, route: via('10.0.0.9') }]);
    world.clock.turn(5);
    expect(world.kernel.log).toHaveLength(1);
    expect(shown(world.kernel)).toHaveLength(20);
    expect(shown(world.kernel)[19]).toMatch(/via 10\.0\.0\.9$/);
  });

  it('change their metric by coming before going', () => {
    best(change('10.1.0.5/32', ['10.0.0.2']));
    world.kernel.log.length = 0;
    best(change('10.1.0.5/32', ['10.0.0.2'], 2_147_483_135));
    expect(world.kernel.log.map((operation) => operation.kind)).toEqual(['add-route', 'remove-route']);
    expect(shown(world.kernel)).toEqual(['10.1.0.5/32 512 via 10.0.0.2']);
  });

  it('never go where another writer is, and come when it leaves', () => {
    const theirs: AlienRoute = { ...connected('10.1.0.0/26', 4), metric: 1024 };
    world.kernel.foreign.set('10.1.0.0/26 1024', theirs);
    // Not noticed yet: the kernel itself says that somebody is there, and then it is read.
    best(change('10.1.0.0/26', ['10.0.0.2']));
    world.clock.turn(READ_SPACING_MS + 10);
    expect(world.status).toMatchObject({ taken: 1, failed: 0, installed: 0 });
    const { readings } = world.kernel;
    world.clock.turn(10 * READ_SPACING_MS);
    expect(world.kernel.readings).toBe(readings);
    world.kernel.foreign.delete('10.1.0.0/26 1024');
    world.kernel.watcher?.events([{ kind: 'alien', gone: true, route: theirs }]);
    world.clock.turn(5);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
  });

  it('come back when another writer that took their place leaves', () => {
    best(change('10.1.0.0/26', ['10.0.0.2']));
    const theirs: AlienRoute = { ...connected('10.1.0.0/26', 4), metric: 1024 };
    // As `ip route replace` does: ours is gone without a word.
    world.kernel.own.clear();
    world.kernel.foreign.set('10.1.0.0/26 1024', theirs);
    world.kernel.watcher?.events([{ kind: 'alien', gone: false, route: theirs }]);
    world.clock.turn(READ_SPACING_MS + 10);
    expect(world.status).toMatchObject({ installed: 0, taken: 1 });
    world.kernel.foreign.delete('10.1.0.0/26 1024');
    world.kernel.watcher?.events([{ kind: 'alien', gone: true, route: theirs }]);
    world.clock.turn(READ_SPACING_MS + 10);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
  });

  it('are put back when others delete or change them, at once where the kernel says so', () => {
    best(change('10.1.0.0/26', ['10.0.0.2']));
    const [route] = [...world.kernel.own.values()];
    if (route === undefined) throw new Error('nothing installed');
    world.kernel.own.clear();
    world.kernel.watcher?.events([{ kind: 'own-route', gone: true, route }]);
    world.clock.turn(5);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
    // A whole object gone takes its routes with it without a word.
    dropObject(world.kernel, route.nexthop);
    world.kernel.watcher?.events([{ kind: 'own-nexthop', gone: true, id: route.nexthop }]);
    world.clock.turn(READ_SPACING_MS + 10);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
  });

  it('are put back by the audit where the kernel said nothing', () => {
    best(change('10.1.0.0/26', ['10.0.0.2']));
    world.kernel.own.clear();
    world.kernel.objects.clear();
    const before = world.status?.repaired ?? 0;
    world.clock.turn(AUDIT_MS + READ_SPACING_MS);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
    expect(world.status?.repaired).toBe(before + 1);
  });

  it('survive a storm of lost notifications with one reading a second', () => {
    const before = world.kernel.readings;
    for (let at = 0; at < 3000; at++) {
      world.kernel.watcher?.lost();
      world.clock.turn(1);
    }
    expect(world.kernel.readings - before).toBeGreaterThanOrEqual(2);
    expect(world.kernel.readings - before).toBeLessThanOrEqual(4);
  });
});

describe('a start', () => {
  it('adopts what a life before left, touches nothing of it until the speaker has settled, then removes the rest', () => {
    const first = makeWorld();
    first.sync.best([
      change('10.1.0.0/26', ['10.0.0.2']),
      change('10.1.1.0/26', ['10.0.0.3']),
      change('10.1.2.0/26', ['10.0.0.2', '10.0.0.3']),
    ]);
    first.clock.turn(5);
    const left = shown(first.kernel);
    first.sync.stop();
    expect(shown(first.kernel)).toEqual(left);
    first.kernel.log.length = 0;
    const second = makeWorld(first.kernel);
    second.sync.best([change('10.1.0.0/26', ['10.0.0.2']), change('10.1.2.0/26', ['10.0.0.2', '10.0.0.3'])]);
    second.clock.turn(AUDIT_MS * 2);
    expect(second.kernel.log).toEqual([]);
    expect(second.status?.kept).toBe(1);
    second.sync.settled();
    second.clock.turn(5);
    expect(shown(second.kernel)).toEqual(left.filter((line) => !line.startsWith('10.1.1.0/26')));
  });

  it('takes over plain routes, as BIRD leaves them, without a gap', () => {
    const kernel = makeFakeKernel();
    const hops = [{ gateway: address('10.0.0.2'), interface: ETH0, onlink: false }];
    kernel.own.set('10.1.0.0/26 1024', { prefix: prefix('10.1.0.0/26'), metric: 1024, kind: 'via', nexthop: 0, hops });
    const world = makeWorld(kernel);
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    world.clock.turn(5);
    expect(kernel.log.map((operation) => operation.kind)).toEqual(['set-nexthop', 'replace-route']);
  });

  it('does not keep a route that was withdrawn before everybody was heard', () => {
    const first = makeWorld();
    first.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    first.clock.turn(5);
    const second = makeWorld(first.kernel);
    second.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    second.sync.best([change('10.1.0.0/26', [])]);
    second.clock.turn(5);
    expect(shown(second.kernel)).toEqual([]);
  });

  it('keeps what a speaker said that died, until the new one has settled', () => {
    const world = makeWorld();
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2']), change('10.1.1.0/26', ['10.0.0.2'])]);
    world.sync.settled();
    world.sync.beginEpoch();
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    world.clock.turn(AUDIT_MS);
    expect(shown(world.kernel)).toHaveLength(2);
    world.sync.settled();
    world.clock.turn(5);
    expect(shown(world.kernel)).toEqual(['10.1.0.0/26 1024 via 10.0.0.2']);
  });
});

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

/** After any sequence of changes and vandalism the kernel holds what is wanted, and others' routes are as they were. */
describe('any sequence', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('best' as const),
        at: fc.nat(9),
        hops: fc.uniqueArray(fc.constantFrom('10.0.0.2', '10.0.0.3', '10.0.0.4'), { maxLength: 3 }),
        pref: fc.constantFrom(ORDINARY, 100, 2_147_483_135),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), at: fc.nat(9), told: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop-object' as const), at: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('foreign' as const), at: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  );
  it.each([true, false])('ends in order, nexthop objects %s', (nexthopObjects) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let world = makeWorld(makeFakeKernel(nexthopObjects));
        const { kernel } = world;
        const wanted = new Map<string, string>();
        const taken = new Set<string>();
        for (const one of steps) {
          if (one.kind === 'best') {
            const to = `10.1.0.${one.at}/32`;
            world.sync.best([change(to, one.hops, one.pref)]);
            if (one.hops.length === 0) wanted.delete(to);
            else wanted.set(to, `${to} ${metricOf(one.pref)} via ${[...one.hops].sort().join(',')}`);
          } else if (one.kind === 'delete') {
            const [key, route] = [...kernel.own][one.at] ?? [];
            if (key !== undefined && route !== undefined) {
              kernel.own.delete(key);
              if (one.told) kernel.watcher?.events([{ kind: 'own-route', gone: true, route }]);
            }
          } else if (one.kind === 'drop-object') {
            const id = [...kernel.objects.keys()][one.at];
            if (id !== undefined) dropObject(kernel, id);
          } else if (one.kind === 'foreign') {
            const to = `10.1.0.${one.at}/32`;
            if (!kernel.own.has(`${to} 1024`)) {
              taken.add(`${to} 1024`);
              kernel.foreign.set(`${to} 1024`, { ...connected(to, 4), metric: 1024 });
            }
          } else {
            world.sync.stop();
            world = makeWorld(kernel);
            world.sync.best(
              [...wanted.values()].map((line) => {
                const [to = '', metric = '', , hops = ''] = line.split(' ');
                return change(to, hops.split(','), 2_147_483_647 - Number(metric));
              }),
            );
          }
          world.clock.turn(3);
        }
        world.sync.settled();
        world.clock.turn(AUDIT_MS + 3 * READ_SPACING_MS);
        const expected = [...wanted.values()].filter((line) => !taken.has(line.split(' ').slice(0, 2).join(' '))).sort();
        expect(shown(kernel)).toEqual(expected);
        expect(kernel.foreign.size).toBe(2 + taken.size);
        const used = new Set([...kernel.own.values()].map((route) => route.nexthop));
        for (const object of kernel.objects.values())
          if (object.group.length > 0 && used.has(object.id)) for (const member of object.group) used.add(member);
        expect([...kernel.objects.keys()].filter((id) => !used.has(id))).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });
});
