/**
 * The fan-out invariant (bgp-speaker 2.5): after any sequence of events, with work and reading interleaved in any way, each
 * peer holds exactly the best path of every prefix unless it is excluded from it.
 *
 * A case is a sequence of events after which everything was read and every peer's view compared with the model's; a world goes on after
 * it, so that its later cases begin where the earlier ones ended. Most worlds are small, as what small ones cannot show is seldom:
 * 2 to 4 peers, up to 3 prefixes, 1 to 8 events a case; every tenth has up to 8 peers and some 25 events a case. LINNET_RUNS sets the number
 * of cases, LINNET_SECONDS ends them sooner; LINNET_SEED with LINNET_RUNS=1 replays one world. `npm run test:invariant` is the long run.
 */
import { describe, expect, it } from 'vitest';
import { World } from './world.ts';
import { PREFIXES, type Random, randomFrom } from './world-policies.ts';

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

interface Scope {
  readonly world: World;
  readonly cases: number;
  /** Events before a check, at most. */
  readonly events: number;
}

function scopeOf(random: Random): Scope {
  const large = random(10) === 0;
  // A tiny log makes peers fall behind it: they walk, and may be told something twice.
  const slow = random(4) === 0;
  const first = random(PREFIXES.length);
  const world = new World(random, {
    peers: large ? 4 + random(5) : 2 + random(3),
    maxLogOctets: slow ? 600 : 1 << 20,
    ...(!large && { prefixes: PREFIXES.slice(first, first + 1 + random(3)) }),
  });
  world.refreshed = slow;
  for (const peer of world.model.peers) if (random(3) > 0) world.up(peer);
  return { world, cases: large ? 4 : 8, events: large ? 50 : 8 };
}

/** Runs one world; the text of what is wrong, or how many cases it was. */
function runWorld(seed: number): string | number {
  const random = randomFrom(seed);
  const { world, cases, events } = scopeOf(random);
  for (let i = 0; i < cases; i++) {
    for (let left = 1 + random(events); left > 0; left--) happen(world, random);
    world.settle();
    const wrong = world.difference() ?? world.faults[0];
    if (wrong !== undefined) return wrong;
  }
  return cases;
}

/** Runs one world; throws what is wrong together with how to see it again. */
function casesOf(seed: number): number {
  let result: string | number;
  try {
    result = runWorld(seed);
  } catch (error) {
    throw new Error(`LINNET_SEED=${seed} LINNET_RUNS=1`, { cause: error });
  }
  return typeof result === 'number' ? result : expect.fail(`LINNET_SEED=${seed} LINNET_RUNS=1: ${result}`);
}

describe('the fan-out invariant', () => {
  it(`holds in ${RUNS} random cases from seed ${START}`, { timeout: 3_600_000 }, () => {
    const from = performance.now();
    const isOver = (): boolean => performance.now() - from > SECONDS * 1000;
    let cases = 0;
    let seed = START + SHARD;
    for (; cases < RUNS / SHARDS && !isOver(); seed += SHARDS) cases += casesOf(seed);
    expect(cases).toBeGreaterThan(0);
    const seconds = (performance.now() - from) / 1000;
    process.stdout.write(
      `fan-out invariant: ${cases} cases, worlds of seeds ${START + SHARD} to ${seed - SHARDS} by ${SHARDS}, ${seconds.toFixed(1)} s\n`,
    );
  });
});
