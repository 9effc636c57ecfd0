/** Complete sets of local routes, taken in chunks. */
import { formatPrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import type { LocalRoute } from '../../../src/bgp/speaker-types.ts';
import { counter, Harness, prefix } from './harness.ts';

describe('a complete set of local routes', () => {
  const COUNT = 5_000;
  const route = (number: number): LocalRoute => ({
    prefix: prefix(`10.${number >> 8}.${number & 255}.0/24`),
    protocol: 'static',
    reasons: [],
  });
  const routes = Array.from({ length: COUNT }, (_, number) => route(number));
  const held = (harness: Harness): number => harness.rib.stats().prefixes['ipv4-unicast'];

  it('is taken in chunks, by the work that follows', () => {
    const harness = new Harness();
    const reader = harness.peer();
    harness.rib.replaceLocalRoutes(routes);
    expect(held(harness)).toBe(0);
    expect(harness.rib.hasWork()).toBe(true);
    let slices = 0;
    // A budget that every unit of work exceeds.
    for (let now = 0; harness.rib.run(() => now++, 0); ) slices++;
    expect(slices).toBeGreaterThan(5);
    harness.settle();
    expect(reader.view.size).toBe(COUNT);
  });

  it.each([0, 1, 3, 7])('keeps the order of changes after it, %i units of work between them', (units) => {
    const harness = new Harness();
    const reader = harness.peer();
    const some = (): void => {
      for (let unit = 0; unit < units; unit++) harness.rib.run(() => unit * 1000, 0);
    };
    harness.rib.replaceLocalRoutes(routes);
    some();
    harness.rib.setLocalRoutes([{ ...route(0), communities: [7] }, route(COUNT)], [route(1).prefix]);
    some();
    harness.settle();
    expect(reader.view.size).toBe(COUNT);
    expect(reader.view.get('10.0.0.0/24')?.communities).toEqual([7]);
    expect(reader.view.has('10.0.1.0/24')).toBe(false);
    // Another set while the one before is not done: only the last counts.
    harness.rib.replaceLocalRoutes(routes);
    some();
    harness.rib.replaceLocalRoutes([]);
    some();
    harness.rib.replaceLocalRoutes(routes.slice(10, 20));
    harness.settle();
    expect([...reader.view.keys()].sort()).toEqual(
      routes
        .slice(10, 20)
        .map((one) => formatPrefix(one.prefix))
        .sort(),
    );
  });

  it('that is replaced many times before any work is done holds the last one only', () => {
    const harness = new Harness();
    for (let time = 0; time < 40; time++) harness.rib.replaceLocalRoutes(routes.slice(time, time + 1_500));
    harness.settle();
    expect(held(harness)).toBe(1_500);
  });

  it('with equal routes is no change', () => {
    const harness = new Harness();
    const reader = harness.peer();
    harness.rib.replaceLocalRoutes(routes);
    harness.settle();
    reader.heard.length = 0;
    const before = counter(harness, 'decisions');
    harness.rib.replaceLocalRoutes(routes.map((one) => ({ ...one })));
    harness.settle();
    expect(reader.heard).toEqual([]);
    expect(counter(harness, 'decisions')).toBe(before);
  });
});
