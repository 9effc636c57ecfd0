/** The audit of own routes over a fake speaker and clock: what vanished comes back and is counted, what is under way is let alone. */
import type { LocalRoute } from 'bgp-ts';
import { formatPrefix, parsePrefix } from 'bgp-ts/net';
import { describe, expect, it } from 'vitest';
import { SLICE, startOwnAudit } from '../../../src/confd/native/own-audit.ts';

const key = (route: LocalRoute): string => formatPrefix(route.prefix);

function route(index: number): LocalRoute {
  const prefix = parsePrefix(`10.${index >> 8}.${index & 255}.0/24`);
  if (prefix === undefined) throw new Error(String(index));
  return { prefix, protocol: 'static', reasons: [] };
}

function world(count: number) {
  const wanted = new Map(Array.from({ length: count }, (_, index) => [key(route(index)), route(index)]));
  const there = new Set(wanted.keys());
  const calls: { readonly ms: number; readonly call: () => void }[] = [];
  const state = { busy: false };
  let most = 0;
  let looked = 0;
  const counters = startOwnAudit({
    intervalMs: 60_000,
    wanted: () => wanted.values(),
    current: (one) => wanted.get(key(one)),
    isThere: (one) => {
      looked += 1;
      return there.has(key(one));
    },
    busy: () => state.busy,
    repair: (routes) => {
      for (const one of routes) there.add(key(one));
    },
    after: (ms, call) => calls.push({ ms, call }),
  });
  /** Lets the next call come; returns the wait before it. */
  const step = (): number => {
    const [next] = calls.splice(0, 1);
    looked = 0;
    next?.call();
    most = Math.max(most, looked);
    return next?.ms ?? -1;
  };
  return { wanted, there, state, counters, step, most: () => most };
}

describe('audit of own routes', () => {
  it('puts back what vanished, in slices, and counts it', () => {
    const { there, counters, step, most } = world(3 * SLICE + 1);
    there.delete('10.0.7.0/24');
    there.delete('10.2.1.0/24');
    expect([step(), step(), step(), step(), step()]).toEqual([60_000, 0, 0, 0, 60_000]);
    expect(there.size).toBe(3 * SLICE + 1);
    expect(counters()).toMatchObject({ ownRoutesRepaired: 2 });
    expect(most()).toBe(SLICE);
  });

  it('waits while the speaker works, and passes over what went meanwhile', () => {
    const { wanted, there, state, counters, step } = world(2);
    state.busy = true;
    there.clear();
    expect([step(), step()]).toEqual([60_000, 100]);
    wanted.delete('10.0.1.0/24');
    state.busy = false;
    step();
    expect([...there]).toEqual(['10.0.0.0/24']);
    expect(counters()).toEqual({ ownRoutesAudited: 1, ownRoutesRepaired: 1 });
  });
});
