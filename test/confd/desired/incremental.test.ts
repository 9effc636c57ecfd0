/** The incremental result is the from-scratch result, entries that did not change stay the same objects, and work is counted. */
import { describe, expect, it } from 'vitest';
import { createDesire, desire } from '../../../src/confd/desired/desire.ts';
import { desiredToJson } from '../../../src/confd/desired/json.ts';
import type { DesiredPeer, DesireOptions, DesireResult } from '../../../src/confd/desired/types.ts';
import { prefix } from '../../worlds/build.ts';
import { forSeeds, type Random } from '../../worlds/random.ts';
import { createWorld, SELF } from '../../worlds/world.ts';

function randomOptions(random: Random): DesireOptions {
  const engine = random.oneIn(2) ? { password: true, ttlSecurity: true, reachableBy: true } : {};
  return {
    node: SELF,
    engine,
    compatCalico: random.oneIn(3),
    usePodCIDR: random.oneIn(5),
    ...(random.oneIn(5) ? { routerId: 'hash' } : {}),
    ...(random.oneIn(6) ? { advertiseClusterIPs: prefix('10.97.0.0/16') } : {}),
    ...(random.oneIn(6) ? { asNumber: 65099 } : {}),
    ...(random.oneIn(6) ? { sessionFamilies: 'both' as const } : {}),
  };
}

const document = (result: DesireResult): string => JSON.stringify(desiredToJson(result.desired, result.issues));

/** Everything of a peer as text, its password too; policies by name, their terms are in the document. */
function peerText(peer: DesiredPeer): string {
  return JSON.stringify({
    ...peer,
    password: peer.password?.reveal() ?? null,
    importPolicy: peer.importPolicy.name,
    exportPolicy: peer.exportPolicy.name,
  });
}

/** With the terms of its policies. */
const wholePeer = (peer: DesiredPeer): string => peerText(peer) + JSON.stringify([peer.importPolicy, peer.exportPolicy]);

interface Entry {
  readonly id: string;
}

/** Entries of one id and text are one object. */
function expectSame<T extends Entry>(before: readonly T[], after: readonly T[], text: (entry: T) => string): void {
  const old = new Map(before.map((entry) => [entry.id, entry]));
  for (const entry of after) {
    const same = old.get(entry.id);
    if (same !== undefined && text(same) === text(entry)) expect(entry, `${entry.id} is a new object`).toBe(same);
  }
}

describe('any sequence of changes', () => {
  it('gives what a computation from scratch gives, step by step', () => {
    forSeeds(1000, (random) => {
      const options = randomOptions(random);
      const world = createWorld(random);
      const engine = createDesire(options);
      engine.update(world.snapshot(), { changed: [], issuesChanged: false });
      for (let step = 0; step < 4; step += 1) {
        const delta = world.step();
        const snapshot = world.snapshot();
        const incremental = engine.update(snapshot, delta);
        const scratch = desire(snapshot, options);
        if (document(incremental) !== document(scratch)) expect(JSON.parse(document(incremental))).toEqual(JSON.parse(document(scratch)));
        expect(document(incremental)).toBe(document(scratch));
        expect((incremental.desired?.peers ?? []).map(peerText)).toEqual((scratch.desired?.peers ?? []).map(peerText));
      }
    });
  });

  it('keeps the identity of every entry that did not change', () => {
    forSeeds(300, (random) => {
      const options = randomOptions(random);
      const world = createWorld(random);
      const engine = createDesire(options);
      let before = engine.update(world.snapshot(), { changed: [], issuesChanged: false });
      for (let step = 0; step < 8; step += 1) {
        const after = engine.update(world.snapshot(), world.step());
        if (before.desired !== undefined && after.desired !== undefined) {
          expectSame(before.desired.peers, after.desired.peers, wholePeer);
          for (const list of ['advertise', 'install', 'filters'] as const)
            expectSame<Entry>(before.desired[list], after.desired[list], JSON.stringify);
        }
        before = after;
      }
    });
  });

  it('lists by id, each id once', () => {
    forSeeds(300, (random) => {
      const { desired } = desire(createWorld(random).snapshot(), randomOptions(random));
      for (const list of [desired?.peers, desired?.advertise, desired?.install, desired?.filters]) {
        const ids = (list ?? []).map((entry) => entry.id);
        expect(ids).toEqual([...new Set(ids)].sort());
      }
    });
  });
});
