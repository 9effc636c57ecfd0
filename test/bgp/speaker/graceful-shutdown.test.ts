/** Graceful shutdown (RFC 8326): sent by a session that is drained, honoured from external peers. */
import { describe, expect, it } from 'vitest';
import type { PeerConfig, Policy } from '../../../src/bgp/index.ts';
import { GRACEFUL_SHUTDOWN } from '../../../src/bgp/speaker/graceful-shutdown.ts';
import { peer, route, World } from './world.ts';

/** Accepts by a term of its own and sets a LOCAL_PREF, which must not have the last word. */
const TERMS: Policy = {
  name: 'terms',
  terms: [
    {
      name: 'ours',
      when: [{ kind: 'prefix', any: [{ prefix: route('10.1.0.0/16').prefix, match: { kind: 'orLonger' } }] }],
      then: [{ kind: 'setLocalPref', value: 300 }, { kind: 'accept' }],
      reasons: [],
    },
  ],
  otherwise: 'accept',
};

/** 1 and 2 tell 3 the same prefix; 3 prefers that of 1. */
function triangle(options: { readonly external: boolean; readonly at3?: Partial<PeerConfig> }): World {
  const world = new World();
  const as = (host: number): number => (options.external ? 64512 + host : 64512);
  const pair = (from: number, to: number): Partial<PeerConfig> => ({ localAs: as(from), remoteAs: as(to) });
  for (const host of [1, 2])
    world.add(host, [peer(3, { ...pair(host, 3), exportPolicy: TERMS })], {
      localAs: as(host),
      routes: [route('10.1.0.0/24'), route('10.9.0.0/24')],
    });
  world.add(
    3,
    [1, 2].map((host) => peer(host, { ...pair(3, host), importPolicy: options.external ? TERMS : peer(1).importPolicy, ...options.at3 })),
    { localAs: as(3) },
  );
  world.network.advance(10_000);
  expect(world.best(3)).toEqual(['10.1.0.0/24 from p1', '10.9.0.0/24 from p1']);
  return world;
}

function gshut(world: World, on: boolean): void {
  world.network.feed('s1', { type: 'peer-action', peer: 'p3', action: { kind: 'gshut', on } });
  world.network.advance(1000);
}

const attributesAt3 = (world: World, from: string) =>
  world
    .speaker(3)
    .routes({ view: 'received', peer: from, family: 'ipv4-unicast' }, 0, 10)
    .routes.map(({ attributes }) => [attributes.communities ?? [], attributes.localPref]);

describe.each([{ external: false }, { external: true }])('draining, external $external', ({ external }) => {
  it('moves traffic to the other path before the session ends, and back', () => {
    const world = triangle({ external });
    gshut(world, true);
    expect(world.best(3)).toEqual(['10.1.0.0/24 from p2', '10.9.0.0/24 from p2']);
    expect(world.speaker(1).status().peers[0]).toMatchObject({ draining: true, state: 'established' });
    expect(attributesAt3(world, 'p1')).toEqual([
      [[GRACEFUL_SHUTDOWN], external ? undefined : 0],
      [[GRACEFUL_SHUTDOWN], external ? undefined : 0],
    ]);
    expect(world.best(3)).toHaveLength(2);
    gshut(world, false);
    expect(world.best(3)).toEqual(['10.1.0.0/24 from p1', '10.9.0.0/24 from p1']);
    expect(
      world
        .speaker(3)
        .status()
        .peers.map(({ flaps }) => flaps),
    ).toEqual([0, 0]);
  });
});

describe('honouring', () => {
  it('can be left off', () => {
    const world = triangle({ external: true, at3: { honourGracefulShutdown: false } });
    gshut(world, true);
    expect(world.best(3)).toEqual(['10.1.0.0/24 from p1', '10.9.0.0/24 from p1']);
  });

  it('does not let in what the policy rejects', () => {
    const none: Policy = { name: 'none', terms: [], otherwise: 'reject' };
    const world = new World();
    world.add(1, [peer(3, { localAs: 64513, remoteAs: 64515, gracefulShutdown: true })], {
      localAs: 64513,
      routes: [route('10.1.0.0/24')],
    });
    world.add(3, [peer(1, { localAs: 64515, remoteAs: 64513, importPolicy: none })], { localAs: 64515 });
    world.network.advance(10_000);
    expect(world.best(3)).toEqual([]);
    expect(attributesAt3(world, 'p1')).toEqual([[[GRACEFUL_SHUTDOWN], undefined]]);
  });

  it('is told by explain', () => {
    const world = triangle({ external: true });
    gshut(world, true);
    const { candidates } = world.speaker(3).explain(route('10.1.0.0/24').prefix);
    expect(candidates.find(({ from }) => from === 'p1')).toMatchObject({
      importTerm: 'ours (graceful shutdown)',
      lostAt: { step: 'higher LOCAL_PREF' },
    });
  });
});

describe('configuration', () => {
  it('drains too, in place', () => {
    const world = triangle({ external: false });
    world.configure(1, [peer(3, { exportPolicy: TERMS, gracefulShutdown: true })], {
      routes: [route('10.1.0.0/24'), route('10.9.0.0/24')],
    });
    world.network.advance(1000);
    expect(world.best(3)).toEqual(['10.1.0.0/24 from p2', '10.9.0.0/24 from p2']);
    expect(world.speaker(1).status().peers[0]).toMatchObject({ flaps: 0, draining: true });
  });
});
