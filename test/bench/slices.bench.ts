/**
 * The longest slice of the RIB's work, in thread CPU, for everything that concerns all routes or all peers at once: 2,000 clients and a
 * million routes, and 5,000 clients configured. By hand: `npx vitest bench --run test/bench/slices.bench.ts`; LINNET_ROUTES and
 * LINNET_CLIENTS set other sizes. The bar is 10 ms a slice (bgp-speaker 2.4).
 */
import type { Policy } from 'bgp-ts/policy';
import { bench, describe } from 'vitest';
import type { LocalRoute } from '../../src/bgp/speaker-types.ts';
import { announce, Bench, ONCE } from './reflector.ts';

const ROUTES = Number(process.env['LINNET_ROUTES'] ?? 1_000_000);
const CLIENTS = Number(process.env['LINNET_CLIENTS'] ?? 2_000);
const SETS = ROUTES / 10;

const tagging = (value: number): Policy => ({
  name: `tag ${value}`,
  terms: [{ name: 'tag', when: [], then: [{ kind: 'addCommunity', value }, { kind: 'accept' }], reasons: [] }],
  otherwise: 'reject',
});

function load(world: Bench): void {
  for (let set = 0; set < SETS; set++) {
    world.feed(0, announce(0, set, 0x01000000 + set * 2560, 10, 24, [1000 + (set % 977), 200_000 + set]));
    if (set % 500 === 0) world.drain();
  }
  world.drain();
}

function locals(count: number): LocalRoute[] {
  return Array.from({ length: count }, (_, i) => ({
    prefix: { family: 'ipv4', words: [(0x64000000 + i * 16) >>> 0, 0, 0, 0], length: 28 } as const,
    protocol: 'static',
    reasons: [],
  }));
}

describe('slices', () => {
  bench(
    'everything that concerns all routes or all peers',
    () => {
      const step = (what: string, act: () => void): void => {
        const from = performance.now();
        world.timed(act);
        world.drain();
        world.report(what, from);
      };
      const started = performance.now();
      const world = new Bench(CLIENTS);
      world.report(`${CLIENTS} clients configured and up`, started);
      const loading = performance.now();
      load(world);
      world.report(`${ROUTES} routes from one client to the others`, loading);
      const { rib, peers } = world;
      const source = peers[0] ?? -1;
      step('every client asks for a refresh', () => {
        for (const peer of peers) rib.refresh(peer, 'ipv4-unicast', true);
      });
      step('another import policy of the source', () => {
        rib.configurePeer(world.config(0, { importPolicy: tagging(1) }));
      });
      step('another export policy of everybody', () => {
        for (const number of peers.keys()) rib.configurePeer(world.config(number, { exportPolicy: tagging(2) }));
      });
      step('another export policy of one client', () => {
        rib.configurePeer(world.config(1, { exportPolicy: tagging(3) }));
      });
      step('the same configuration again for everybody', () => {
        for (const number of peers.keys()) rib.configurePeer(world.config(number));
      });
      step('other MED rules', () => rib.setMed({ missing: 'worst', compare: 'always' }));
      const own = locals(ROUTES);
      step(`${ROUTES} local routes`, () => rib.replaceLocalRoutes(own));
      step('one local route in their place', () => rib.replaceLocalRoutes(own.slice(0, 1)));
      step('the source goes away', () => rib.sessionDown(source, 'flush'));
    },
    ONCE,
  );

  bench(
    '5,000 clients, each with a cluster of its own, and all of them removed',
    () => {
      const started = performance.now();
      const world = new Bench(0);
      const peers = Array.from({ length: 5_000 }, (_, number) =>
        world.timed(() => world.rib.configurePeer(world.config(number, { clusterId: 1 + number }))),
      );
      world.drain();
      world.report('5,000 clients configured', started);
      const from = performance.now();
      for (const peer of peers) world.timed(() => world.rib.removePeer(peer));
      world.drain();
      world.report('5,000 clients removed', from);
    },
    ONCE,
  );
});
