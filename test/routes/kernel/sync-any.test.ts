/** Properties of the synchroniser over random lives. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { metricOf } from '../../../src/routes/kernel/rules.ts';
import { AUDIT_MS, READ_SPACING_MS } from '../../../src/routes/kernel/sync.ts';
import { dropObject, makeFakeKernel, swapObject } from './fake-kernel.ts';
import { change, connected, makeWorld, ORDINARY, shown } from './sync-world.ts';

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
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('swap-object' as const), at: fc.nat(3) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), withdrawn: fc.option(fc.nat(9)) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('settled' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('audit' as const) }) },
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
          } else if (one.kind === 'swap-object') {
            const id = [...kernel.objects.keys()][one.at];
            if (id !== undefined) swapObject(kernel, id);
          } else if (one.kind === 'foreign') {
            const to = `10.1.0.${one.at}/32`;
            if (!kernel.own.has(`${to} 1024`)) {
              taken.add(`${to} 1024`);
              kernel.foreign.set(`${to} 1024`, { ...connected(to, 4), metric: 1024 });
            }
          } else if (one.kind === 'settled') {
            world.sync.settled();
          } else if (one.kind === 'audit') {
            world.clock.turn(AUDIT_MS);
          } else {
            world.sync.stop();
            wanted.delete(`10.1.0.${one.withdrawn ?? -1}/32`);
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
        expect(world.failures).toEqual([]);
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
