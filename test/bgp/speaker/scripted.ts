/** A speaker and a scripted peer, connected and established step by step. */
import { expect } from 'vitest';
import type { PeerConfig } from '../../../src/bgp/index.ts';
import type { ScriptedPeer } from '../../../src/bgp/testing/index.ts';
import { address, PORT, peer, route, World } from './world.ts';

/** The speaker's endpoint. */
export const AT_1 = { address: address(1), port: PORT };

/** Speaker 1 that waits for scripted peer 2. */
export function pair(
  overrides: Partial<PeerConfig> = {},
  options: Parameters<World['script']>[1] = {},
): { world: World; scripted: ScriptedPeer } {
  const world = new World();
  world.add(1, [peer(2, { passive: true, ...overrides })], { routes: [route('10.1.1.0/26')] });
  return { world, scripted: world.script(2, options) };
}

/** Opens the connection and reads up to the OPEN. */
export function connect(world: World, scripted: ScriptedPeer): void {
  scripted.connect(AT_1);
  world.network.settle();
}

/** Brings the session up. */
export function establish(world: World, scripted: ScriptedPeer): void {
  connect(world, scripted);
  scripted.sendOpen();
  scripted.sendKeepalive();
  world.network.settle();
  expect(world.state(1, 'p2')).toBe('established');
}
