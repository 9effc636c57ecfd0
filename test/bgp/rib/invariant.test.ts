/**
 * The fan-out invariant (bgp-speaker 2.5): after any sequence of events, with work and reading interleaved in any way, each
 * peer holds exactly the best path of every prefix unless it is excluded from it. LINNET_RUNS sets the number of cases,
 * LINNET_SEED replays one.
 */
import { describe, expect, it } from 'vitest';
import { type Random, randomFrom, World } from './world.ts';

const RUNS = Number(process.env['LINNET_RUNS'] ?? 10_000);
const START = process.env['LINNET_SEED'] === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(process.env['LINNET_SEED']);

function happen(world: World, random: Random): void {
  const peer = world.model.peers[random(world.model.peers.length)];
  if (peer === undefined) return;
  const event = random(100);
  if (event < 34) world.announce(peer);
  else if (event < 46) world.withdraw(peer);
  else if (event < 58) world.up(peer);
  else if (event < 62) world.down(peer);
  else if (event < 69) world.reconfigure(peer);
  else if (event < 70) world.changeMed();
  else if (event < 71) world.reconfigureAll();
  else if (event < 76) world.local();
  else if (event < 78) world.refresh(peer);
  else if (event < 90) world.work();
  else world.take(peer, 1 + random(400));
}

/** Runs one world; the text of what is wrong, or undefined. */
function runCase(seed: number): string | undefined {
  const random = randomFrom(seed);
  // A tiny log makes peers fall behind it: they walk, and may be told something twice.
  const slow = random(4) === 0;
  const world = new World(random, { peers: 2 + random(5), maxLogOctets: slow ? 600 : 1 << 20 });
  world.refreshed = slow;
  for (const peer of world.model.peers) if (random(3) > 0) world.up(peer);
  const events = 10 + random(50);
  for (let i = 0; i < events; i++) {
    happen(world, random);
    if (random(25) === 0) {
      world.settle();
      const difference = world.difference();
      if (difference !== undefined) return difference;
    }
  }
  world.settle();
  return world.difference() ?? world.faults[0];
}

describe('the fan-out invariant', () => {
  it(`holds in ${RUNS} random worlds from seed ${START}`, { timeout: 3_600_000 }, () => {
    for (let i = 0; i < RUNS; i++) {
      const seed = START + i;
      let wrong: string | undefined;
      try {
        wrong = runCase(seed);
      } catch (error) {
        throw new Error(`LINNET_SEED=${seed} LINNET_RUNS=1`, { cause: error });
      }
      expect(wrong, `LINNET_SEED=${seed} LINNET_RUNS=1`).toBeUndefined();
    }
  });
});
