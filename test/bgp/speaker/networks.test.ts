/** Several speakers that exchange routes: mesh, reflector with clients, ToR in another AS; loss and return. */

import { describe, expect, it } from 'vitest';
import type { PeerConfig } from '../../../src/bgp/index.ts';
import { peer, route, World } from './world.ts';

/** Three nodes that all dial each other. */
function mesh(seed: number): World {
  const world = new World(seed);
  for (const host of [1, 2, 3]) {
    world.add(
      host,
      [1, 2, 3].filter((other) => other !== host).map((other) => peer(other)),
      { routes: [route(`10.1.${host}.0/26`)] },
    );
  }
  return world;
}

/** Reflector 9, clients 1 and 2 that know only it, ToR 20 in AS 65001. */
function reflected(): World {
  const world = new World();
  const tor = { remoteAs: 65001 };
  world.add(9, [
    peer(1, { reflectorClient: true }),
    peer(2, { reflectorClient: true, passive: true }),
    peer(20, { ...tor, passive: true }),
  ]);
  world.add(1, [peer(9, { passive: true })], { routes: [route('10.1.1.0/26')] });
  world.add(2, [peer(9)], { routes: [route('10.1.2.0/26'), route('192.0.2.7/32')] });
  world.add(20, [peer(9, { remoteAs: 64512, localAs: 65001 })], { localAs: 65001 });
  return world;
}

describe('a full mesh in which both sides dial', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('has one connection a pair and every route everywhere (seed %d)', (seed) => {
    const world = mesh(seed);
    world.network.advance(30_000);
    for (const host of [1, 2, 3]) {
      for (const other of [1, 2, 3]) {
        if (other === host) continue;
        expect(world.state(host, `p${other}`)).toBe('established');
        expect(world.network.connections(`s${host}`, `s${other}`)).toBe(1);
      }
      expect(world.best(host)).toEqual([1, 2, 3].map((each) => `10.1.${each}.0/26 from ${each === host ? 'local' : `p${each}`}`));
    }
  });

  it('withdraws what a lost node announced and takes it back when it returns', () => {
    const world = mesh(1);
    world.network.advance(30_000);
    world.network.feed('s3', { type: 'shutdown', planned: false, text: 'maintenance' });
    world.network.settle();
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local', '10.1.2.0/26 from p2']);
    expect(world.notifications(1)).toContain('received Cease/Administrative Shutdown: maintenance');
    world.network.leave('s3');
    world.add(3, [peer(1), peer(2)], { routes: [route('10.1.3.0/26')] });
    world.network.advance(60_000);
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local', '10.1.2.0/26 from p2', '10.1.3.0/26 from p3']);
  });
});

describe('a reflector', () => {
  it('passes routes between clients and to the ToR', () => {
    const world = reflected();
    world.network.advance(20_000);
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local', '10.1.2.0/26 from p9', '192.0.2.7/32 from p9']);
    expect(world.best(20)).toEqual(['10.1.1.0/26 from p9', '10.1.2.0/26 from p9', '192.0.2.7/32 from p9']);
    const learned = world
      .speaker(1)
      .routes({ view: 'best', family: 'ipv4-unicast' }, 0, 10)
      .routes.find((each) => each.from === 'p9');
    expect(learned?.attributes).toMatchObject({
      originatorId: 0x0a000002,
      clusterList: [0x0a000009],
      nextHop: { words: [0x0a000002, 0, 0, 0] },
    });
  });

  it('follows changes of local routes, whole or in part', () => {
    const world = reflected();
    world.network.advance(20_000);
    world.network.feed('s2', { type: 'routes', set: [route('198.51.100.1/32')], remove: [route('192.0.2.7/32').prefix] });
    world.network.settle();
    expect(world.best(20)).toEqual(['10.1.1.0/26 from p9', '10.1.2.0/26 from p9', '198.51.100.1/32 from p9']);
    world.configure(2, [peer(9)], { routes: [] });
    world.network.settle();
    expect(world.best(20)).toEqual(['10.1.1.0/26 from p9']);
    expect(world.states(20, 'p9').filter((state) => state === 'established')).toHaveLength(1);
  });

  it('withdraws a client that died and takes it back', () => {
    const world = reflected();
    world.network.advance(20_000);
    world.network.cut('s9', 's2');
    world.network.settle();
    expect(world.best(20)).toEqual(['10.1.1.0/26 from p9']);
    world.network.advance(10_000);
    expect(world.best(20)).toHaveLength(3);
  });

  it('tells the ToR nothing twice when a client asks for a refresh', () => {
    const world = reflected();
    world.network.advance(20_000);
    const before = world
      .speaker(9)
      .status()
      .peers.find(({ id }) => id === 'p20')?.updatesSent;
    world.network.feed('s1', { type: 'peer-action', peer: 'p9', action: { kind: 'refresh', direction: 'in' } });
    world.network.settle();
    expect(
      world
        .speaker(9)
        .status()
        .peers.find(({ id }) => id === 'p20')?.updatesSent,
    ).toBe(before);
    expect(world.best(1)).toHaveLength(3);
  });

  it('reflects nothing between clients that are meshed, and everything to and from the rest', () => {
    const world = new World();
    const client = (host: number): PeerConfig => peer(host, { reflectorClient: true, clientToClientReflection: false, passive: true });
    world.add(9, [client(1), client(2), peer(3, { passive: true })]);
    world.add(1, [peer(9), peer(2)], { routes: [route('10.1.1.0/26')] });
    world.add(2, [peer(9), peer(1, { passive: true })], { routes: [route('10.1.2.0/26')] });
    world.add(3, [peer(9)], { routes: [route('10.1.3.0/26')] });
    world.network.advance(20_000);
    const received = (host: number, id: string): number =>
      world
        .speaker(host)
        .status()
        .peers.find((each) => each.id === id)?.families[0]?.received ?? -1;
    expect(world.best(1)).toEqual(['10.1.1.0/26 from local', '10.1.2.0/26 from p2', '10.1.3.0/26 from p9']);
    expect([received(1, 'p9'), received(2, 'p9'), received(3, 'p9')]).toEqual([1, 1, 2]);
  });
});
