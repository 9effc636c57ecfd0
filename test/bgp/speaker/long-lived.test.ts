/** Long-lived graceful restart (RFC 9494): a peer that stays away keeps its routes as the last resort. */
import { describe, expect, it } from 'vitest';
import type { PeerConfig } from '../../../src/bgp/index.ts';
import { LLGR_STALE, NO_LLGR } from '../../../src/bgp/speaker/long-lived.ts';
import type { Capabilities } from '../../../src/bgp/wire/index.ts';
import { address, PORT, peer, route, World } from './world.ts';

const LLGR = { gracefulRestart: { restartTime: 60, longLivedStaleTime: 3600 } };
const MINUTE = 60_000;

/** 1 helps; 2 goes away; 3 knows LLGR, 4 does not; 5 has the second best path to one of the prefixes. */
function quintet(): World {
  const world = new World();
  const client = (host: number, more: Partial<PeerConfig> = {}): PeerConfig =>
    peer(host, { passive: true, reflectorClient: true, ...more });
  world.add(1, [client(2, LLGR), client(3, LLGR), client(4), client(5, LLGR)]);
  world.add(2, [peer(1, LLGR)], { routes: [route('10.1.0.0/24'), route('10.2.0.0/24'), route('10.3.0.0/24', { communities: [NO_LLGR] })] });
  for (const host of [3, 4]) world.add(host, [peer(1, host === 3 ? LLGR : {})]);
  world.add(5, [peer(1, LLGR)], { routes: [route('10.2.0.0/24')] });
  world.network.advance(10_000);
  expect(world.best(1)).toEqual(['10.1.0.0/24 from p2', '10.2.0.0/24 from p2', '10.3.0.0/24 from p2']);
  return world;
}

const communities = (world: World, host: number): unknown[] =>
  world
    .speaker(host)
    .routes({ view: 'best', family: 'ipv4-unicast' }, 0, 100)
    .routes.map(({ attributes }) => attributes.communities ?? []);

describe('helper', () => {
  it('keeps the routes after the restart time, marked and least preferred, and tells only those who know', () => {
    const world = quintet();
    world.network.leave('s2');
    world.network.advance(59_000);
    expect(world.best(1)).toEqual(['10.1.0.0/24 from p2 stale', '10.2.0.0/24 from p2 stale', '10.3.0.0/24 from p2 stale']);
    world.network.advance(2_000);
    // Another path wins at once; NO_LLGR is not kept.
    expect(world.best(1)).toEqual(['10.1.0.0/24 from p2 stale', '10.2.0.0/24 from p5']);
    expect(world.best(3)).toEqual(['10.1.0.0/24 from p1', '10.2.0.0/24 from p1']);
    expect(communities(world, 3)).toEqual([[LLGR_STALE], []]);
    expect(world.best(4)).toEqual(['10.2.0.0/24 from p1']);
    const { peers } = world.speaker(1).explain(route('10.1.0.0/24').prefix);
    expect(peers.find((each) => each.peer === 'p4')?.blockedBy?.reasons).toContainEqual({ object: 'linnet', rule: 'RFC 9494 section 4.3' });
  });

  it('drops them when the long-lived stale time is over too', () => {
    const world = quintet();
    world.network.leave('s2');
    world.network.advance(60 * MINUTE + 59_000);
    expect(world.best(1)).toHaveLength(2);
    world.network.advance(3_000);
    expect(world.best(1)).toEqual(['10.2.0.0/24 from p5']);
    expect(world.best(3)).toEqual(['10.2.0.0/24 from p1']);
  });

  it('takes the peer back, unmarked and preferred as before', () => {
    const world = quintet();
    world.network.leave('s2');
    world.network.advance(10 * MINUTE);
    world.add(2, [peer(1, LLGR)], { routes: [route('10.2.0.0/24'), route('10.4.0.0/24')] }, { restarting: { forwarding: true } });
    world.network.advance(20_000);
    expect(world.best(1)).toEqual(['10.2.0.0/24 from p2', '10.4.0.0/24 from p2']);
    expect(communities(world, 3)).toEqual([[], []]);
    expect(world.best(4)).toHaveLength(2);
  });

  it("an operator's shutdown ends it", () => {
    const world = quintet();
    world.network.leave('s2');
    world.network.advance(10 * MINUTE);
    world.network.feed('s1', { type: 'peer-action', peer: 'p2', action: { kind: 'shutdown', text: '' } });
    world.network.settle();
    expect(world.best(1)).toEqual(['10.2.0.0/24 from p5']);
  });

  it('a route that is marked already loses to every other', () => {
    const world = new World();
    world.add(1, [peer(2, { passive: true, ...LLGR }), peer(3, { passive: true, ...LLGR })]);
    world.add(2, [peer(1, LLGR)], { routes: [route('10.1.0.0/24', { communities: [LLGR_STALE] })] });
    world.network.advance(10_000);
    expect(world.best(1)).toEqual(['10.1.0.0/24 from p2']);
    world.add(3, [peer(1, LLGR)], { routes: [route('10.1.0.0/24')] });
    world.network.advance(10_000);
    expect(world.best(1)).toEqual(['10.1.0.0/24 from p3']);
  });
});

describe('partial deployment (RFC 9494 section 4.6)', () => {
  /** 1 helps 2, which goes away; 4 and 5, of other AS, know nothing of LLGR. */
  function away(partial: boolean): World {
    const world = new World();
    const unaware = { longLivedPartialDeployment: partial, passive: true };
    world.add(1, [
      peer(2, { passive: true, reflectorClient: true, ...LLGR }),
      peer(4, { ...unaware, reflectorClient: true }),
      peer(5, { ...unaware, remoteAs: 65005 }),
    ]);
    world.add(2, [peer(1, LLGR)], { routes: [route('10.1.0.0/24')] });
    world.add(4, [peer(1)]);
    world.add(5, [peer(1, { localAs: 65005 })]);
    world.network.advance(10_000);
    for (const host of [4, 5]) expect(world.best(host)).toEqual(['10.1.0.0/24 from p1']);
    world.network.leave('s2');
    world.network.advance(61_000);
    return world;
  }

  it('an internal peer without the capability gets marked routes with NO_EXPORT and LOCAL_PREF 0, an external one none', () => {
    const world = away(true);
    expect(world.best(4)).toEqual(['10.1.0.0/24 from p1']);
    const [told] = world.speaker(4).routes({ view: 'best', family: 'ipv4-unicast' }, 0, 10).routes;
    expect(told?.attributes.communities).toEqual([LLGR_STALE, 0xffffff01].sort((a, b) => a - b));
    expect(told?.attributes.localPref).toBe(0);
    expect(world.best(5)).toEqual([]);
    const { peers } = world.speaker(1).explain(route('10.1.0.0/24').prefix);
    expect(peers.find(({ peer: id }) => id === 'p4')?.exportTerm).toContain('long-lived stale ipv4-unicast');
  });

  it('without the option nobody who lacks the capability gets them; the option can be turned on while they are stale', () => {
    const world = away(false);
    for (const host of [4, 5]) expect(world.best(host)).toEqual([]);
    world.configure(1, [
      peer(2, { passive: true, reflectorClient: true, ...LLGR }),
      peer(4, { longLivedPartialDeployment: true, passive: true, reflectorClient: true }),
    ]);
    world.network.advance(1_000);
    expect(world.best(4)).toEqual(['10.1.0.0/24 from p1']);
  });
});

describe('capability', () => {
  const restart: NonNullable<Capabilities['gracefulRestart']> = {
    restarting: false,
    notification: false,
    restartTime: 0,
    families: [{ family: 'ipv4-unicast', forwarding: true }],
  };
  const longLivedGracefulRestart = [{ family: 'ipv4-unicast' as const, forwarding: true, staleTime: 600 }];

  it.each([
    ['configured', LLGR, [{ family: 'ipv4-unicast', forwarding: false, staleTime: 3600 }]],
    ['not configured', { gracefulRestart: { restartTime: 60 } }, undefined],
  ])('is sent where %s', (_name, overrides, wanted) => {
    const world = new World();
    world.add(1, [peer(2, { passive: true, ...overrides })]);
    const scripted = world.script(2, { capabilities: { gracefulRestart: restart, longLivedGracefulRestart } });
    scripted.connect({ address: address(1), port: PORT });
    world.network.settle();
    scripted.sendOpen();
    scripted.sendKeepalive();
    world.network.settle();
    expect(scripted.receivedOpen()?.capabilities.longLivedGracefulRestart).toEqual(wanted);
    const names = world.speaker(1).status().peers[0]?.capabilities ?? [];
    expect(names.includes('long-lived graceful restart (RFC 9494)')).toBe(wanted !== undefined);
  });
});
