/**
 * Random interleavings of deliveries, losses, restarts and time between speakers that dial each other: whatever happens, once it
 * is quiet each pair has exactly one connection, everybody is established, and everybody has every route.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONFIGURE_AT_ONCE } from '../../../src/bgp/session/index.ts';
import { fuzzRuns } from '../wire/arbitraries.ts';
import { peer, route, World } from './world.ts';

const HOSTS = [1, 2, 3];

type Step =
  | { readonly kind: 'deliver'; readonly pick: number; readonly limit: number }
  | { readonly kind: 'work'; readonly host: number }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'cut'; readonly a: number; readonly b: number }
  | { readonly kind: 'reset'; readonly host: number; readonly other: number }
  | { readonly kind: 'bounce'; readonly host: number; readonly holdTime: number; readonly routerId: number };

const host = fc.constantFrom(...HOSTS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ kind: fc.constant('deliver' as const), pick: fc.nat(1000), limit: fc.constantFrom(1, 19, 40, 4096) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('work' as const), host }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1, 500, 5000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), a: host, b: host }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const), host, other: host }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('bounce' as const),
      host,
      holdTime: fc.constantFrom(30, 90),
      routerId: fc.constantFrom(0, 0x100),
    }),
  },
);

/** Who never comes: with them the configuration of host 1 is not taken with its input. */
const ABSENT = Array.from({ length: CONFIGURE_AT_ONCE }, (_, index) =>
  peer(9, {
    id: `absent${index}`,
    remote: { address: { family: 'ipv4', words: [0x0a090000 + index, 0, 0, 0] }, port: 179 },
    passive: true,
  }),
);

function configure(world: World, at: number, holdTime: number, how: 'add' | 'configure', more = 0): void {
  const peers = HOSTS.filter((other) => other !== at).map((other) => peer(other, { holdTime, gracefulRestart: { restartTime: 30 } }));
  const routerId = 0x0a000000 + at + more;
  world[how](at, at === 1 ? [...ABSENT, ...peers] : peers, { routes: [route(`10.1.${at}.0/26`)], routerId });
}

function take(world: World, action: Step): void {
  switch (action.kind) {
    case 'deliver': {
      const count = world.network.deliverable();
      if (count > 0) world.network.deliver(action.pick % count, action.limit);
      return;
    }
    case 'work':
      world.network.work(`s${action.host}`);
      return;
    case 'time':
      world.network.clock.moveTo(world.network.clock.now() + action.ms);
      for (const each of HOSTS) world.network.feed(`s${each}`, { type: 'tick' });
      return;
    case 'cut':
      if (action.a !== action.b) world.network.cut(`s${action.a}`, `s${action.b}`);
      return;
    case 'reset':
      world.network.feed(`s${action.host}`, { type: 'peer-action', peer: `p${action.other}`, action: { kind: 'reset' } });
      return;
    case 'bounce':
      configure(world, action.host, action.holdTime, 'configure', action.routerId);
      return;
    default: {
      const never: never = action;
      return never;
    }
  }
}

describe('any interleaving', () => {
  it('ends with one connection a pair and every route everywhere', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(step, { maxLength: 150 }), (seed, steps) => {
        const world = new World(seed);
        for (const at of HOSTS) configure(world, at, 90, 'add');
        for (const action of steps) take(world, action);
        // Two hold times and the longest back-off: time enough for anything that only waits.
        world.network.advance(300_000);
        for (const at of HOSTS) {
          expect(world.best(at)).toEqual(HOSTS.map((each) => `10.1.${each}.0/26 from ${each === at ? 'local' : `p${each}`}`));
          for (const other of HOSTS) {
            if (other === at) continue;
            expect(world.state(at, `p${other}`)).toBe('established');
            const seen = world
              .speaker(at)
              .status()
              .peers.find(({ id }) => id === `p${other}`);
            expect(seen?.remoteId).toBe(world.speaker(other).status().routerId);
            expect(world.network.connections(`s${at}`, `s${other}`)).toBe(1);
            expect(world.network.ends(`s${at}`)).toBe(HOSTS.length - 1);
          }
        }
      }),
      { numRuns: fuzzRuns(150) },
    );
  });
});
