/** The source address that the agent's routes prefer, over a kernel in memory (FelixConfiguration deviceRouteSourceAddress). */
import { describe, expect, it } from 'vitest';
import { planRoutes } from '../../../node-agent/kernel/routes.ts';
import { AUDIT_MS } from '../../../src/routes/kernel/route-sync.ts';
import type { KernelAddress } from '../../../src/routes/kernel/table.ts';
import type { FakeKernel } from '../../routes/kernel/fake-kernel.ts';
import { address, prefix } from '../../worlds/build.ts';
import { ALL, ETH1, machine, makeWorld, wishesOf } from './routes-world.ts';

describe.each([true, false])('the preferred source of the node’s own packets, nexthop objects %s', (nexthopObjects) => {
  const SOURCE = address('203.0.113.1');
  const held = (kernel: FakeKernel): number => [...kernel.own.values()].filter(({ source }) => source !== undefined).length;
  const give = (kernel: FakeKernel): KernelAddress => {
    const own = { interface: ETH1, address: SOURCE, network: prefix('203.0.113.1/32'), primary: true };
    kernel.addresses.push(own);
    return own;
  };

  it('stands in every route but blackholes while an interface has it, and costs nothing but itself where none does', () => {
    const kernel = machine(nexthopObjects);
    const { clock, keeper } = makeWorld(kernel, ALL, { ipv4: SOURCE });
    const routes = kernel.own.size;
    expect([held(kernel), keeper.missingSources()]).toEqual([0, [SOURCE]]);
    const own = give(kernel);
    kernel.watcher?.events([{ kind: 'address', gone: false, address: own }]);
    clock.turn(5);
    expect([held(kernel), kernel.own.size, keeper.missingSources()]).toEqual([routes - 1, routes, []]);
    expect([...kernel.own.values()].filter(({ source }) => source === undefined).map(({ kind }) => kind)).toEqual(['blackhole']);
    // With the address the kernel drops the routes that prefer it, and says nothing of them.
    kernel.addresses.pop();
    for (const [key, route] of kernel.own) if (route.source !== undefined) kernel.own.delete(key);
    kernel.watcher?.events([{ kind: 'address', gone: true, address: own }]);
    clock.turn(5_000);
    expect([held(kernel), kernel.own.size, keeper.missingSources()]).toEqual([0, routes, [SOURCE]]);
  });

  it('is put right where somebody changed it, and is no change where it is right', () => {
    const kernel = machine(nexthopObjects);
    give(kernel);
    const { clock } = makeWorld(kernel, ALL, { ipv4: SOURCE });
    const [key, route] = [...kernel.own].find(([, one]) => one.kind === 'via') ?? [];
    if (key === undefined || route === undefined) throw new Error('no route');
    const other = { ...route, source: address('172.31.0.1') };
    kernel.own.set(key, other);
    kernel.watcher?.events([{ kind: 'own-route', gone: false, route: other }]);
    clock.turn(5);
    expect(kernel.own.get(key)?.source).toEqual(SOURCE);
    const { length } = kernel.log;
    clock.turn(AUDIT_MS + 5_000);
    expect(kernel.log).toHaveLength(length);
    expect(planRoutes(kernel, wishesOf(ALL), { sources: { ipv4: SOURCE } })).toEqual([]);
    expect(planRoutes(kernel, wishesOf(ALL)).map(({ step }) => step)).toContainEqual(expect.stringMatching(/^replace 10\.1\.2\.0\/26 /));
  });
});
