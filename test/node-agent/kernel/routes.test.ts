/** The agent's routes over a kernel in memory: devices come and go, parents move, others write (dataplane 3.1, rows A17, A34, B2). */
import { formatPrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import { createRouteKeeper, GRACE_MS, planRoutes } from '../../../node-agent/kernel/routes.ts';
import { EncapProvider, FOREIGN_DEVICES } from '../../../node-agent/kernel/routes-provider.ts';
import { firstNexthopId } from '../../../src/routes/kernel/nexthop-book.ts';
import { AUDIT_MS } from '../../../src/routes/kernel/route-sync.ts';
import type { OwnRoute } from '../../../src/routes/kernel/table.ts';
import { makeHandClock } from '../../routes/kernel/fake-kernel.ts';
import { address, affinity, prefix } from '../../worlds/build.ts';
import {
  ALL,
  alien,
  BLOCKS,
  CALI,
  carry,
  ETH0,
  ETH1,
  link,
  machine,
  makeWorld,
  NODES,
  POOL,
  shown,
  VXLAN,
  wishesOf,
} from './routes-world.ts';

const ROUTES = [
  '10.1.1.0/26 blackhole',
  '10.1.2.0/26 via 172.31.0.2 2',
  '10.1.2.0/32 link 10',
  '10.1.2.64/26 via 172.31.0.2 2',
  '10.1.3.0/26 via 10.1.3.0 10',
  '10.1.3.0/32 link 10',
];

describe.each([true, false])('routes, nexthop objects %s', (objects) => {
  it('are those of the cluster, on the interfaces of this machine', () => {
    const { kernel, keeper } = makeWorld(machine(objects));
    expect(shown(kernel)).toEqual(ROUTES);
    expect(keeper.status()).toMatchObject({ installed: 6, unreachable: 0, taken: 0, failed: 0 });
    const ids = [...kernel.objects.keys()];
    expect(ids).toEqual(objects ? [0, 1, 2].map((more) => firstNexthopId(80) + more) : []);
  });

  it('move with the parent: everything leaves the old one (A17)', () => {
    const { kernel, clock } = makeWorld(machine(objects));
    kernel.log.length = 0;
    carry(kernel, ETH1);
    const [moved] = kernel.addresses;
    if (moved === undefined) throw new Error('no address');
    kernel.watcher?.events([{ kind: 'address', gone: true, address: { ...moved, interface: ETH0 } }]);
    clock.turn(5);
    // On its way the address is nowhere: the routes stay where they are.
    expect(kernel.log).toEqual([]);
    kernel.watcher?.events([{ kind: 'address', gone: false, address: moved }]);
    clock.turn(5);
    expect(shown(kernel)).toEqual(ROUTES.map((line) => line.replace(/ 2$/, ' 3')));
    if (objects) expect(kernel.log).toMatchObject([{ kind: 'set-nexthop', replace: true }]);
  });
});

describe('routes of this agent', () => {
  it('wait for their device, and come with it', () => {
    const kernel = machine();
    link(kernel, VXLAN, 'vxlan.calico', false);
    const { clock, keeper } = makeWorld(kernel);
    expect(shown(kernel)).toEqual(ROUTES.filter((line) => !line.endsWith(' 10')));
    expect(keeper.status()).toMatchObject({ unreachable: 3, taken: 0 });
    kernel.watcher?.events([{ kind: 'link', gone: false, link: { index: VXLAN, name: 'vxlan.calico', up: true } }]);
    clock.turn(5);
    expect(shown(kernel)).toEqual(ROUTES);
  });

  it('found from a life before are taken over, and go only when it is known what is wanted', () => {
    const kernel = machine();
    const via = (to: string, gateway: string, index: number): OwnRoute => ({
      prefix: prefix(to),
      metric: 0,
      kind: 'via',
      nexthop: 0,
      hops: [{ gateway: address(gateway), interface: index, onlink: true }],
    });
    for (const route of [via('10.1.3.0/26', '10.1.3.0', VXLAN), via('10.1.77.0/26', '10.1.3.0', VXLAN)])
      kernel.own.set(`${formatPrefix(route.prefix)} 0`, route);
    const clock = makeHandClock();
    const keeper = createRouteKeeper({ kernel, now: clock.now, after: clock.after, status: () => undefined, failed: () => undefined });
    keeper.start();
    clock.turn(5);
    expect(kernel.log).toEqual([]);
    keeper.set(wishesOf(ALL));
    clock.turn(5);
    expect(shown(kernel)).toEqual(ROUTES);
    // What goes, goes first.
    expect(kernel.log[0]).toMatchObject({ kind: 'remove-route', route: { prefix: prefix('10.1.77.0/26') } });
    expect(kernel.log.filter((one) => one.kind === 'replace-route')).toHaveLength(1);
  });

  it("leave workloads' routes alone although these have the same number", () => {
    const kernel = machine();
    const pod: OwnRoute = { prefix: prefix('10.1.1.5/32'), metric: 0, kind: 'via', nexthop: 0, hops: [{ interface: CALI, onlink: false }] };
    kernel.own.set('10.1.1.5/32 0', pod);
    const { clock } = makeWorld(kernel);
    expect(kernel.own.get('10.1.1.5/32 0')).toBe(pod);
    const other = { ...pod, prefix: prefix('10.1.1.6/32') };
    kernel.own.set('10.1.1.6/32 0', other);
    kernel.watcher?.events([{ kind: 'own-route', gone: false, route: other }]);
    clock.turn(5_000);
    expect(kernel.own.get('10.1.1.6/32 0')).toBe(other);
  });

  it.each(['wireguard.cali', 'wg-v6.cali', 'bpfin.cali', 'cali77'])(
    'give way to a better class, that of %s, and come back (B2)',
    (name) => {
      const kernel = machine();
      link(kernel, 30, name);
      const { clock, keeper } = makeWorld(kernel);
      kernel.own.delete('10.1.3.0/26 0');
      const better = alien(kernel, '10.1.3.0/26', { interface: 30 }, 4);
      kernel.watcher?.events([{ kind: 'alien', gone: false, route: better }]);
      clock.turn(1_500);
      expect(shown(kernel)).toEqual(ROUTES.filter((line) => !line.startsWith('10.1.3.0/26')));
      expect(keeper.status()).toMatchObject({ unreachable: 0, taken: 0 });
      // With a metric of its own too, which the kernel would not prefer.
      kernel.foreign.clear();
      const worse = alien(kernel, '10.1.2.0/26', { interface: 30 }, 4, 4096);
      kernel.watcher?.events([
        { kind: 'alien', gone: true, route: better },
        { kind: 'alien', gone: false, route: worse },
      ]);
      clock.turn(1_500);
      expect(shown(kernel)).toEqual(ROUTES.filter((line) => !line.startsWith('10.1.2.0/26')));
      kernel.foreign.clear();
      kernel.watcher?.events([{ kind: 'alien', gone: true, route: worse }]);
      clock.turn(1_500);
      expect(shown(kernel)).toEqual(ROUTES);
    },
  );

  it('stay away where another writer was first, and everything else of others stays (A34)', () => {
    const kernel = machine();
    alien(kernel, '10.1.3.0/26', { gateway: address('172.31.0.77') }, 17);
    alien(kernel, '10.1.3.0/27', {}, 17);
    alien(kernel, '192.0.2.0/24', {}, 12);
    alien(kernel, '10.1.1.0/24', { interface: VXLAN }, 2);
    const before = JSON.stringify([...kernel.foreign]);
    const { clock, keeper } = makeWorld(kernel);
    expect(keeper.status().taken).toBe(1);
    expect(keeper.hindered(3)).toEqual(['10.1.3.0/26 (vxlan-tunnel): another writer (protocol 17, metric 0) has this prefix']);
    expect(keeper.hindered(0)).toEqual([]);
    keeper.set(wishesOf(NODES));
    clock.turn(70_000);
    expect(shown(kernel).filter((line) => line.includes('/26'))).toEqual([]);
    expect([keeper.status().taken, keeper.hindered(3)]).toEqual([0, []]);
    expect(JSON.stringify([...kernel.foreign])).toBe(before);
  });

  it('replace whatever others wrote on a device that is ours, after a while where the device is new', () => {
    const kernel = machine();
    alien(kernel, '10.1.3.0/26', { interface: VXLAN, gateway: address('10.1.9.0') }, 3);
    alien(kernel, '10.99.0.0/16', { interface: VXLAN }, 17);
    const { clock } = makeWorld(kernel);
    expect(kernel.foreign.size).toBe(0);
    expect(shown(kernel)).toEqual(ROUTES);
    kernel.watcher?.events([{ kind: 'link', gone: true, link: { index: VXLAN, name: 'vxlan.calico', up: true } }]);
    kernel.links.delete(VXLAN);
    clock.turn(1_500);
    link(kernel, 11, 'vxlan.calico');
    const early = alien(kernel, '10.98.0.0/16', { interface: 11 }, 3);
    kernel.watcher?.events([
      { kind: 'link', gone: false, link: { index: 11, name: 'vxlan.calico', up: true } },
      { kind: 'alien', gone: false, route: early },
    ]);
    clock.turn(GRACE_MS / 2);
    expect(kernel.foreign.size).toBe(1);
    expect(shown(kernel)).toEqual(ROUTES.map((line) => line.replace(/ 10$/, ' 11')));
    clock.turn(GRACE_MS);
    expect(kernel.foreign.size).toBe(0);
  });

  it('that lead to another node than before cost the old connections', () => {
    const { kernel, clock, keeper, forgotten } = makeWorld();
    keeper.set(wishesOf([...NODES, POOL, ...BLOCKS.slice(0, 2), affinity('n3', '10.1.2.64/26'), affinity('n1', '10.1.3.0/26')]));
    clock.turn(5);
    expect(shown(kernel)).toContain('10.1.2.64/26 via 10.1.3.0 10');
    expect(forgotten.sort()).toEqual(['10.1.2.64/26', '10.1.3.0/26']);
    // The same node by another way is the same owner.
    keeper.set(
      wishesOf([
        ...NODES,
        { ...POOL, vxlanMode: 'Always' },
        ...BLOCKS.slice(0, 2),
        affinity('n3', '10.1.2.64/26'),
        affinity('n1', '10.1.3.0/26'),
      ]),
    );
    clock.turn(5);
    expect(shown(kernel)).toContain('10.1.2.0/26 via 10.1.2.0 10');
    expect(forgotten).toHaveLength(2);
  });

  it('whose old connections the kernel keeps say so, and are no worse for it', () => {
    const world = makeWorld();
    const moveTo = (name: string): void => {
      world.keeper.set(wishesOf([...NODES, POOL, ...BLOCKS.slice(0, 2), affinity(name, '10.1.2.64/26')]));
      world.clock.turn(5);
    };
    world.conntrack = { removed: 2, failed: 1 };
    moveTo('n3');
    world.conntrack = new Error('EPERM');
    moveTo('n2');
    expect(world.remembered).toEqual(['the kernel keeps 1', 'EPERM']);
    expect(shown(world.kernel)).toContain('10.1.2.64/26 via 172.31.0.2 2');
  });
});

describe('where routes go through', () => {
  it('is no tunnel of ours, whatever addresses it has', () => {
    const kernel = machine();
    carry(kernel, VXLAN);
    const { keeper } = makeWorld(kernel);
    expect(shown(kernel)).toEqual(ROUTES.filter((line) => !line.endsWith(' 2')));
    expect(keeper.status().unreachable).toBe(2);
  });

  it('is looked for anew when they come back after a while', () => {
    const { kernel, clock, keeper } = makeWorld();
    const wishes = wishesOf(ALL);
    keeper.set(wishes);
    clock.turn(AUDIT_MS + 5_000);
    keeper.set({ ...wishes, routes: [] });
    clock.turn(AUDIT_MS + 5_000);
    expect(shown(kernel)).toEqual([]);
    carry(kernel, ETH1);
    clock.turn(AUDIT_MS + 5_000);
    keeper.set(wishes);
    clock.turn(5);
    expect(shown(kernel)).toEqual(ROUTES.map((line) => line.replace(/ 2$/, ' 3')));
  });

  it('is not cleared of what others wrote while no route of ours goes through it', () => {
    const kernel = machine();
    alien(kernel, '10.99.0.0/16', { interface: VXLAN }, 17);
    const { clock, keeper } = makeWorld(kernel, NODES);
    clock.turn(AUDIT_MS + 5_000);
    expect(kernel.foreign.size).toBe(1);
    keeper.set(wishesOf(ALL));
    clock.turn(5);
    expect(kernel.foreign.size).toBe(0);
  });

  it('costs nothing again while it is the same', () => {
    const { isSettled, devicesSeen, ownersChanged } = {
      isSettled: () => true,
      devicesSeen: () => undefined,
      ownersChanged: () => undefined,
    };
    const provider = new EncapProvider({
      foreign: FOREIGN_DEVICES,
      isSettled,
      devicesSeen,
      ownersChanged,
      sources: { ipv4: address('172.31.0.1') },
    });
    expect([...provider.set(wishesOf(ALL))]).toHaveLength(6);
    expect([...provider.set(wishesOf(ALL))]).toEqual([]);
    const kernel = machine();
    provider.setMachine({ links: kernel.links, addresses: kernel.addresses });
    expect(provider.resolveAgain().keys.size).toBe(6);
    expect(provider.resolveAgain().keys.size).toBe(0);
  });
});

describe('a dry run', () => {
  it('says what would be done and why, and does nothing; devices to come are taken to be there', () => {
    const kernel = machine();
    kernel.links.delete(VXLAN);
    kernel.own.set('10.1.77.0/26 0', { prefix: prefix('10.1.77.0/26'), metric: 0, kind: 'blackhole', nexthop: 0, hops: [] });
    alien(kernel, '192.0.2.0/24', {}, 12);
    const steps = planRoutes(kernel, wishesOf(ALL));
    expect(kernel.log).toEqual([]);
    const first = firstNexthopId(80);
    expect(steps.map((one) => one.step).sort()).toEqual([
      'add 10.1.1.0/26 blackhole',
      'add 10.1.2.0/26 via 172.31.0.2 dev eth0',
      'add 10.1.2.0/32 dev vxlan.calico',
      'add 10.1.2.64/26 via 172.31.0.2 dev eth0',
      'add 10.1.3.0/26 via 10.1.3.0 dev vxlan.calico',
      'add 10.1.3.0/32 dev vxlan.calico',
      expect.stringMatching(new RegExp(`^add nexthop ${first} `)),
      expect.stringMatching(new RegExp(`^add nexthop ${first + 1} `)),
      expect.stringMatching(new RegExp(`^add nexthop ${first + 2} `)),
      'remove 10.1.77.0/26 blackhole',
    ]);
    expect(steps.find((one) => one.step.startsWith('add 10.1.2.0/26'))?.because).toMatch(
      /^vxlan-same-subnet: BlockAffinity\/n2-.*, a block of another node$/,
    );
    const { kernel: kept } = makeWorld();
    expect(planRoutes(kept, wishesOf(ALL))).toEqual([]);
    kept.own.delete('10.1.2.0/26 0');
    // Over an object that is there already.
    expect(planRoutes(kept, wishesOf(ALL)).map(({ step }) => step)).toEqual(['add 10.1.2.0/26 via 172.31.0.2 dev eth0']);
  });
});
