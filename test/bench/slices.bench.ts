/**
 * The longest slice of the RIB's work, in thread CPU, for everything that concerns all routes or all peers at once: 2,000 clients and a
 * million routes, and 5,000 clients configured. By hand: `npx vitest bench --run test/bench/slices.bench.ts`; LINNET_ROUTES and
 * LINNET_CLIENTS set other sizes. The bar is 10 ms a slice (bgp-speaker 2.4).
 */
import type { Policy } from 'bgp-ts/policy';
import { bench, describe } from 'vitest';
import { reflectorClient } from '../../src/bgp/io/warm-up.ts';
import { createSpeaker } from '../../src/bgp/speaker.ts';
import type { LocalRoute, SpeakerConfig } from '../../src/bgp/speaker-types.ts';
import { announce, Bench, ONCE, threadCpuMs } from './reflector.ts';

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

/** A policy as filters make it, with 300 prefixes. */
const filtering = (object: string): Policy => ({
  name: object,
  terms: Array.from({ length: 30 }, (_, i) => ({
    name: `rule ${i}`,
    when: [
      {
        kind: 'prefix',
        any: Array.from({ length: 10 }, (__, k) => ({
          prefix: { family: 'ipv4', words: [(0x0a000000 + i * 65_536 + k * 256) >>> 0, 0, 0, 0], length: 24 } as const,
          match: { kind: 'orLonger' } as const,
        })),
      },
    ],
    then: [{ kind: 'accept' }],
    reasons: [{ object, rule: 'filter' }],
  })),
  otherwise: 'reject',
});

/** The speaker's configuration with so many clients that share two policies; every object is new. */
function configuration(clients: number, object: string): SpeakerConfig {
  const [importPolicy, exportPolicy] = [filtering('import'), filtering(object)];
  const peers = Array.from({ length: clients }, (_, number) => ({ ...reflectorClient(number), importPolicy, exportPolicy }));
  return { routerId: 1, localAs: peers[0]?.localAs ?? 1, listen: [], peers, routes: [] };
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
      step('the first configuration again for everybody', () => {
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

  bench(
    'configurations of the speaker',
    () => {
      const speaker = createSpeaker({ random: () => 0.5, wallClock: () => 0 });
      const configured = (what: string, config: SpeakerConfig): void => {
        const from = threadCpuMs();
        speaker.handle({ type: 'configure', config }, 1);
        const input = threadCpuMs() - from;
        let longest = 0;
        for (let more = true; more; ) {
          const cpu = threadCpuMs();
          more = speaker.work(() => performance.now(), 5).more;
          longest = Math.max(longest, threadCpuMs() - cpu);
        }
        process.stdout.write(`${what}: the input ${input.toFixed(1)} ms of thread CPU, longest slice after it ${longest.toFixed(1)} ms\n`);
      };
      const config = configuration(CLIENTS, 'one');
      configured(`${CLIENTS} clients`, config);
      configured('the same, every object new', configuration(CLIENTS, 'one'));
      const another = configuration(CLIENTS, 'another');
      configured('another export policy for all', another);
      configured('one client less', { ...another, peers: another.peers.slice(1) });
      configured('and back', another);
    },
    ONCE,
  );
});
