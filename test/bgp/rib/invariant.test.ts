/**
 * The fan-out invariant (bgp-speaker 2.5): after any sequence of events, with work and reading interleaved in any way, each
 * peer holds exactly the best path of every prefix unless it is excluded from it. LINNET_RUNS sets the number of cases,
 * LINNET_SECONDS ends them sooner, LINNET_SEED replays one. `npm run test:invariant` is the long run.
 */
import { describe, expect, it } from 'vitest';
import { type Random, randomFrom, World } from './world.ts';

const RUNS = Number(process.env['LINNET_RUNS'] ?? 10_000);
const START = process.env['LINNET_SEED'] === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(process.env['LINNET_SEED']);
/** After so many seconds no further world is begun. */
const SECONDS = Number(process.env['LINNET_SECONDS'] ?? Infinity);
/** `npm run test:invariant` runs this file once per core: which of how many this is. */
const [SHARD = 0, SHARDS = 1] = (process.env['LINNET_SHARD'] ?? '0/1').split('/').map(Number);

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
    const from = performance.now();
    const isOver = (): boolean => performance.now() - from > SECONDS * 1000;
    let worlds = 0;
    for (let i = SHARD; i < RUNS && !isOver(); i += SHARDS, worlds++) {
      const seed = START + i;
      let wrong: string | undefined;
      try {
        wrong = runCase(seed);
      } catch (error) {
        throw new Error(`LINNET_SEED=${seed} LINNET_RUNS=1`, { cause: error });
      }
      if (wrong !== undefined) expect.fail(`LINNET_SEED=${seed} LINNET_RUNS=1: ${wrong}`);
    }
    expect(worlds).toBeGreaterThan(0);
    const seconds = (performance.now() - from) / 1000;
    process.stdout.write(
      `fan-out invariant: ${worlds} worlds, seeds ${START + SHARD} to ${START + SHARD + (worlds - 1) * SHARDS} by ${SHARDS}, ${seconds.toFixed(1)} s\n`,
    );
  });
});
