/** What makes the synchroniser look again, and at what: refusals, events, new rules, other writers. */
import { describe, expect, it } from 'vitest';
import { Holdings } from '../../../src/routes/kernel/holdings.ts';
import { NexthopBook } from '../../../src/routes/kernel/nexthop-book.ts';
import { planIdle } from '../../../src/routes/kernel/plan.ts';
import { NO_RULES } from '../../../src/routes/kernel/rules.ts';
import { AUDIT_MS, READ_SPACING_MS } from '../../../src/routes/kernel/sync.ts';
import type { Operation } from '../../../src/routes/kernel/table.ts';
import { Wanted } from '../../../src/routes/kernel/wanted.ts';
import { address, prefix } from '../../worlds/build.ts';
import { dropObject, makeFakeKernel } from './fake-kernel.ts';
import { change, connected, ETH0, makeWorld, shown } from './sync-world.ts';

const ROUTE = '10.1.0.0/26 1024 via 10.0.0.2';
const learn = { ignoredInterfaces: [] };

/** A world with one route wanted, whose kernel refuses operations of a kind until `yields` is called. */
function refusedWorld(kind: Operation['kind'], code: string) {
  const kernel = makeFakeKernel();
  const apply = kernel.apply.bind(kernel);
  let refuses = true;
  Object.assign(kernel, {
    apply: (operations: readonly Operation[]) => {
      if (!refuses) return apply(operations);
      const failures = operations.filter((operation) => operation.kind === kind).map((operation) => ({ operation, code, text: '' }));
      const rest = apply(operations.filter((operation) => operation.kind !== kind));
      return { ...rest, failures: [...failures, ...rest.failures] };
    },
  });
  const world = makeWorld(kernel);
  const yields = (): void => {
    refuses = false;
  };
  world.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
  world.clock.turn(5);
  return { kernel, world, yields };
}

function settledWorld(kernel = makeFakeKernel()) {
  const world = makeWorld(kernel);
  world.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
  world.clock.turn(READ_SPACING_MS);
  expect(shown(kernel)).toEqual([ROUTE]);
  return world;
}

describe('what is looked at again', () => {
  it('is what the kernel refused, as soon as the machine is another', () => {
    const { kernel, world, yields } = refusedWorld('add-route', 'ENETUNREACH');
    expect(world.status).toMatchObject({ failed: 1, installed: 0 });
    yields();
    const { readings } = kernel;
    kernel.watcher?.events([{ kind: 'alien', gone: false, route: connected('192.0.2.0/24') }]);
    world.clock.turn(5);
    expect([shown(kernel), kernel.readings, world.status?.failed]).toEqual([[ROUTE], readings, 0]);
  });

  it('is a refusal that surprises, once', () => {
    const { kernel, world } = refusedWorld('add-route', 'EEXIST');
    world.clock.turn(AUDIT_MS / 2);
    expect(kernel.readings).toBe(2);
  });

  it('is an object that was refused, with the next word on a route over it', () => {
    const { kernel, world, yields } = refusedWorld('set-nexthop', 'ENOMEM');
    expect(world.status?.failed).toBe(2);
    yields();
    world.sync.best([change('10.1.0.0/26', ['10.0.0.2'])]);
    world.clock.turn(5);
    expect([shown(kernel), world.status?.failed]).toEqual([[ROUTE], 0]);
  });

  it('is everything where an address went, as the kernel takes routes with it without a word', () => {
    const { kernel, clock } = settledWorld();
    kernel.own.clear();
    const gone = { interface: ETH0, address: address('10.9.9.9'), network: prefix('10.9.9.0/24'), primary: true };
    kernel.watcher?.events([{ kind: 'address', gone: true, address: gone }]);
    clock.turn(2 * READ_SPACING_MS);
    expect(shown(kernel)).toEqual([ROUTE]);
  });

  it('is every route over a hop that moved, where there are no objects', () => {
    const { kernel, clock } = settledWorld(makeFakeKernel(false));
    const { readings } = kernel;
    const nearer = { ...connected('10.0.0.0/25'), hops: [{ interface: ETH0 + 1, onlink: false }] };
    kernel.watcher?.events([{ kind: 'alien', gone: false, route: nearer }]);
    clock.turn(5);
    expect([...kernel.own.values()].flatMap(({ hops }) => hops.map((hop) => hop.interface))).toEqual([ETH0 + 1]);
    expect(kernel.readings).toBe(readings);
  });

  it('is every route under new rules, and what is learned under new patterns', () => {
    const { kernel, clock, sync, learned } = settledWorld();
    const { readings } = kernel;
    const rules = { ...NO_RULES, ipv4: { ...NO_RULES.ipv4, rejected: [prefix('10.1.0.0/16')] } };
    expect(sync.learned().map((route) => route.interface)).toEqual(['eth0']);
    learned.length = 0;
    sync.configure({ statics: [], rules, learn: { ignoredInterfaces: ['eth*'] } });
    clock.turn(5);
    expect([shown(kernel), kernel.readings]).toEqual([[], readings]);
    expect(learned).toEqual([{ set: [], remove: [prefix('10.0.0.0/24')] }]);
    sync.configure({ statics: [], rules: NO_RULES, learn });
    clock.turn(5);
    expect(shown(kernel)).toEqual([ROUTE]);
  });

  it('is an object whose number another writer has now', () => {
    const { kernel, clock } = settledWorld();
    const [id = 0] = kernel.objects.keys();
    dropObject(kernel, id);
    kernel.foreignIds.add(id);
    clock.turn(AUDIT_MS + READ_SPACING_MS);
    expect(shown(kernel)).toEqual([ROUTE]);
    expect([...kernel.objects.keys()]).not.toContain(id);
  });
});

describe('what a reading finds', () => {
  it('is drift where nothing had told of it, and a repair alone where something had', () => {
    const world = settledWorld();
    const { kernel, clock } = world;
    kernel.own.clear();
    clock.turn(AUDIT_MS);
    expect(world.status).toMatchObject({ repaired: 1, drifted: 1 });
    kernel.own.clear();
    kernel.watcher?.events([{ kind: 'own-nexthop', gone: true, id: 1 }]);
    clock.turn(2 * READ_SPACING_MS);
    expect(shown(kernel)).toEqual([ROUTE]);
    expect(world.status).toMatchObject({ repaired: 2, drifted: 1 });
  });

  it('of a life before goes where nobody is waited for any more, although the kernel could not be read before', () => {
    const kernel = makeFakeKernel();
    const own = { prefix: prefix('10.7.0.0/26'), metric: 1024, kind: 'blackhole', nexthop: 0, hops: [] } as const;
    kernel.own.set('10.7.0.0/26 1024', own);
    const read = kernel.read.bind(kernel);
    let refusals = 1;
    Object.assign(kernel, {
      read: () => {
        if (refusals-- > 0) throw new Error('ENOBUFS');
        return read();
      },
    });
    const world = makeWorld(kernel);
    world.sync.settled();
    world.clock.turn(5_000);
    expect([world.failures, shown(kernel), world.status?.kept]).toEqual([['ENOBUFS'], [], 0]);
  });
});

describe('what is not needed any more', () => {
  it('is forgotten: next hops, and names of objects that went', () => {
    const wanted = new Wanted();
    wanted.aliens.put(connected('10.0.0.0/24'));
    expect(wanted.target(wanted.change(change('10.1.0.0/26', ['10.0.0.2'])))?.hops).toHaveLength(1);
    wanted.change(change('10.1.0.0/26', []));
    wanted.prune();
    wanted.aliens.put({ ...connected('10.0.0.0/25'), hops: [{ interface: ETH0 + 1, onlink: false }] });
    expect(wanted.resolveAgain().moved).toEqual([]);

    const [now, book] = [new Holdings(), new NexthopBook(12)];
    const hop = { interface: ETH0, onlink: false };
    const id = book.claim('one', { hop, group: [] }, now.nexthops);
    now.putNexthop({ id, hop, group: [] });
    expect(planIdle({ now, book })).toEqual([{ kind: 'remove-nexthop', id }]);
    expect([book.idOf('one'), book.nameOf(id)]).toEqual([undefined, undefined]);
  });
});
