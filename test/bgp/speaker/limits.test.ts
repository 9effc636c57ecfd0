/** Limits of sessions on prefixes and memory (RFC 4486, bgp-speaker 4.11): warned, ended, held back, let in again. */
import { describe, expect, it } from 'vitest';
import type { PeerConfig } from '../../../src/bgp/index.ts';
import { peer, route, World } from './world.ts';

const routes = (from: number, count: number) => Array.from({ length: count }, (_, i) => route(`10.${from}.${i >> 2}.${(i & 3) * 64}/26`));

/** Speaker 1 with a passive peer 2 that announces `count` routes. */
function pair(overrides: Partial<PeerConfig>, count: number): World {
  const world = new World();
  world.add(1, [peer(2, { passive: true, ...overrides })], { routes: routes(1, 4) });
  world.add(2, [peer(1)], { routes: routes(2, count) });
  world.network.advance(5000);
  return world;
}

const status = (world: World) => world.speaker(1).status().peers[0];
const warnings = (world: World): string[] =>
  world.network.events('s1').flatMap((event) => (event.kind === 'prefix-warning' ? [`${event.accepted} above ${event.limit}`] : []));

describe('prefixes received', () => {
  it('above the warning are told once, until there are fewer again', () => {
    const world = pair({ maxPrefix: 8 }, 7);
    expect(status(world)).toMatchObject({ state: 'established', heldBack: undefined });
    expect(warnings(world)).toEqual(['7 above 6']);
    world.configure(2, [peer(1)], { routes: routes(2, 8) });
    world.network.advance(1000);
    expect(warnings(world).length).toBe(1);
    world.configure(2, [peer(1)], { routes: routes(2, 2) });
    world.network.advance(1000);
    world.configure(2, [peer(1)], { routes: routes(2, 7) });
    world.network.advance(1000);
    expect(warnings(world).length).toBe(2);
    expect(world.speaker(1).status().work).toMatchObject({ prefixWarnings: 2, maxPrefixExceeded: 0 });
  });

  it('are warned of above one route at least', () => {
    expect(warnings(pair({ maxPrefix: 1, maxPrefixAction: 'hold' }, 1))).toEqual([]);
    expect(warnings(pair({ maxPrefix: 1, maxPrefixAction: 'hold' }, 2))).toEqual(['2 above 1']);
  });

  it('above the limit end the session for a while, and say so', () => {
    const world = pair({ maxPrefix: 5, maxPrefixRestartTime: 30 }, 9);
    expect(world.notifications(1)).toEqual(['sent Cease/Maximum Number of Prefixes Reached']);
    expect(status(world)).toMatchObject({ state: 'idle', heldBack: 'more than 5 ipv4-unicast prefixes received' });
    expect(status(world)?.nextRetryAt).toBeGreaterThan(0);
    expect(world.best(1).filter((each) => each.endsWith('p2'))).toEqual([]);
    world.configure(2, [peer(1)], { routes: routes(2, 3) });
    world.network.advance(60_000);
    expect(status(world)).toMatchObject({ state: 'established', heldBack: undefined });
    expect(world.speaker(1).status().work).toMatchObject({ maxPrefixExceeded: 1 });
  });

  it('may end it until an operator resets it', () => {
    const world = pair({ maxPrefix: 5, maxPrefixAction: 'hold' }, 9);
    world.configure(2, [peer(1)], { routes: routes(2, 3) });
    world.network.advance(600_000);
    expect(status(world)).toMatchObject({ state: 'idle', heldBack: 'more than 5 ipv4-unicast prefixes received', nextRetryAt: undefined });
    world.network.feed('s1', { type: 'peer-action', peer: 'p2', action: { kind: 'reset' } });
    world.network.advance(60_000);
    expect(status(world)?.state).toBe('established');
  });

  it('may only be warned of', () => {
    const world = pair({ maxPrefix: 5, maxPrefixAction: 'warn' }, 9);
    expect(status(world)).toMatchObject({ state: 'established', families: [{ accepted: 9, maxPrefix: 5 }] });
    expect(warnings(world)).toEqual(['9 above 5']);
  });
});

describe('prefixes sent', () => {
  it('never exceed their limit: the session ends first', () => {
    const world = pair({ maxPrefixOut: 4, maxPrefixRestartTime: 30 }, 1);
    expect(status(world)).toMatchObject({ state: 'established', families: [{ advertised: 4, maxPrefixOut: 4 }] });
    world.configure(1, [peer(2, { passive: true, maxPrefixOut: 4, maxPrefixRestartTime: 30 })], { routes: routes(1, 5) });
    world.network.advance(1000);
    expect(world.notifications(1)).toEqual(['sent Cease/Maximum Number of Prefixes Reached']);
    expect(status(world)?.heldBack).toBe('more than 4 ipv4-unicast prefixes to send');
    // It never had the fifth.
    const seen = world.network.events('s2').flatMap((event) => (event.kind === 'best-changed' ? [event.prefixes] : []));
    expect(seen.slice(0, 2).reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(1 + 4);
    world.configure(1, [peer(2, { passive: true, maxPrefixOut: 4, maxPrefixRestartTime: 30 })], { routes: routes(1, 3) });
    world.network.advance(60_000);
    expect(status(world)).toMatchObject({ state: 'established', heldBack: undefined });
    expect(world.best(2).filter((each) => each.endsWith('p1')).length).toBe(3);
  });
});

describe('memory above its limit', () => {
  const memory = (world: World, used: number): void => {
    world.network.feed('s1', { type: 'memory', used });
    world.network.settle();
  };

  it('costs the peer whose table grew most since there was plenty, and nobody else while it grows no further', () => {
    const world = new World();
    world.add(1, [peer(2, { passive: true }), peer(3, { passive: true })]);
    world.add(2, [peer(1)], { routes: routes(2, 20) });
    world.add(3, [peer(1)], { routes: routes(3, 2) });
    world.network.advance(5000);
    memory(world, 0.5);
    world.configure(3, [peer(1)], { routes: routes(3, 12) });
    world.network.advance(1000);
    memory(world, 0.9);
    expect(world.state(1, 'p3')).toBe('established');
    memory(world, 1.1);
    expect(world.state(1, 'p3')).toBe('idle');
    expect(world.state(1, 'p2')).toBe('established');
    expect(world.notifications(1)).toEqual(['sent Cease/Out of Resources']);
    // What is free inside the process is not given back to the system: being above the limit is no growth.
    memory(world, 1.1);
    memory(world, 1.11);
    expect(world.state(1, 'p2')).toBe('established');
    // What grows while everybody is told that the routes are gone is not the next peer's fault.
    memory(world, 1.2);
    expect(world.state(1, 'p2')).toBe('established');
    world.configure(2, [peer(1)], { routes: routes(2, 1024) });
    world.network.advance(5000);
    memory(world, 1.2);
    expect(world.state(1, 'p2')).toBe('idle');
    expect(world.speaker(1).status().work).toMatchObject({ memoryDrops: 2 });
    memory(world, 0.4);
    world.network.advance(200_000);
    expect([world.state(1, 'p2'), world.state(1, 'p3')]).toEqual(['established', 'established']);
    // There was plenty: who comes back and fills it goes again, however little is missing.
    memory(world, 1.01);
    expect(world.speaker(1).status().work).toMatchObject({ memoryDrops: 3 });
  });

  it('costs nobody for what grew before the one that grew more was dropped', () => {
    const world = new World();
    world.add(1, [peer(2, { passive: true }), peer(3, { passive: true })]);
    for (const host of [2, 3]) world.add(host, [peer(1)]);
    world.network.advance(5000);
    memory(world, 0.5);
    world.configure(2, [peer(1)], { routes: routes(2, 1024) });
    world.configure(3, [peer(1)], { routes: [...routes(3, 1024), ...routes(4, 100)] });
    world.network.advance(1000);
    memory(world, 1.1);
    expect([world.state(1, 'p2'), world.state(1, 'p3')]).toEqual(['established', 'idle']);
    memory(world, 1.2);
    expect(world.state(1, 'p2')).toBe('established');
  });
});
