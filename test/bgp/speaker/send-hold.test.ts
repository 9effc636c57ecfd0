/** The send hold timer (RFC 9687): a peer whose TCP takes nothing is given up, whatever it says itself. */
import { describe, expect, it } from 'vitest';
import type { PeerConfig } from '../../../src/bgp/index.ts';
import type { ScriptedPeer } from '../../../src/bgp/testing/index.ts';
import { address, PORT, peer, route, World } from './world.ts';

const MINUTE = 60_000;

/** Speaker 1 with scripted peer 2 up. */
function pair(overrides: Partial<PeerConfig> = {}, holdTime = 90): { readonly world: World; readonly scripted: ScriptedPeer } {
  const world = new World();
  world.add(1, [peer(2, { passive: true, ...overrides })], { routes: [route('10.1.1.0/26')] });
  const scripted = world.script(2, { holdTime });
  scripted.connect({ address: address(1), port: PORT });
  world.network.settle();
  scripted.sendOpen();
  scripted.sendKeepalive();
  world.network.settle();
  expect(world.state(1, 'p2')).toBe('established');
  return { world, scripted };
}

/** Time passes; the peer stays alive in its own direction. */
function pass(world: World, scripted: ScriptedPeer, ms: number): void {
  for (let left = ms; left > 0; left -= 10_000) {
    if (scripted.connections.length > 0) scripted.sendKeepalive();
    world.network.advance(Math.min(left, 10_000));
  }
}

describe('send hold timer', () => {
  it('ends a session after eight minutes without an octet taken, with NOTIFICATION 8 and RST', () => {
    const { world, scripted } = pair();
    world.network.setUnsent('s1', 's2', true);
    pass(world, scripted, 8 * MINUTE - 1000);
    expect(world.state(1, 'p2')).toBe('established');
    pass(world, scripted, 2000);
    expect(world.notifications(1)).toEqual(['sent Send Hold Timer Expired']);
    expect(world.states(1).slice(-2)).toEqual(['idle', 'active']);
    expect(world.speaker(1).status().peers[0]?.lastErrorSent?.text).toBe('Send Hold Timer Expired');
    expect(world.network.resets('s1')).toBe(1);
    expect(world.speaker(1).status().work['sendHoldExpired']).toBe(1);
  });

  it('waits twice the hold time where that is more', () => {
    const { world, scripted } = pair({ holdTime: 300 }, 300);
    world.network.setUnsent('s1', 's2', true);
    pass(world, scripted, 10 * MINUTE - 1000);
    expect(world.notifications(1)).toEqual([]);
    pass(world, scripted, 2000);
    expect(world.notifications(1)).toEqual(['sent Send Hold Timer Expired']);
  });

  it('begins again with every bit of progress, and stops when nothing waits', () => {
    const { world, scripted } = pair();
    for (let round = 0; round < 3; round++) {
      world.network.setUnsent('s1', 's2', true);
      pass(world, scripted, 7 * MINUTE);
    }
    world.network.setUnsent('s1', 's2', false);
    pass(world, scripted, 20 * MINUTE);
    expect(world.state(1, 'p2')).toBe('established');
  });

  it.each([
    ['sendHoldTime 0', { sendHoldTime: 0 }, 90],
    ['hold time 0', { holdTime: 0 }, 0],
  ])('does not run with %s', (_name, overrides, holdTime) => {
    const { world, scripted } = pair(overrides, holdTime);
    world.network.setUnsent('s1', 's2', true);
    pass(world, scripted, 60 * MINUTE);
    expect(world.state(1, 'p2')).toBe('established');
  });

  it('runs for the configured time', () => {
    const { world, scripted } = pair({ sendHoldTime: 30 });
    world.network.setUnsent('s1', 's2', true);
    pass(world, scripted, 31_000);
    expect(world.notifications(1)).toEqual(['sent Send Hold Timer Expired']);
  });
});
