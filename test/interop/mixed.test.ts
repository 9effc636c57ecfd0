/**
 * A mixed cluster: Linnet on the native engine, Linnet driving BIRD 2, BIRD 1.6 in the manner of Calico, and a router outside. Mesh,
 * then reflectors, then the router alone, then every field of BGPConfiguration and BGPPeer changes in turn while packets flow: no session ends that the class
 * of the field does not end (test/worlds/field-classes.ts, bgp-speaker 4.9).
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { daemons } from '../confd/bird/daemons.ts';
import { BGP_CONFIGURATION_CHANGES, BGP_PEER_CHANGES, type FieldChange } from '../worlds/field-classes.ts';
import { CAN_RUN } from './harness/lab.ts';
import type { Stream } from './harness/stream.ts';
import { startStream } from './harness/stream.ts';
import { until } from './harness/wait.ts';
import type { FieldCase } from './mixed/cases.ts';
import { BASE, beginning, CONFIGURATION_CASES, changed, PEER_CASES, THROUGH_TOR } from './mixed/cases.ts';
import type { MixedCluster, Objects } from './mixed/cluster.ts';
import { makeMixedCluster, POD_ADDRESSES, sessionsOf, TOR } from './mixed/cluster.ts';

/** Calico's sessions wait 5 to 30 s after an error. */
const SESSION_SECONDS = 120;
/** Time in which a session that should not end would have, ms: both ends act on a change at once. */
const SETTLE_MS = 500;
/** BIRD works the start of a session out anew at each answer. */
const SAME_SINCE_MS = 1_000;
/** Classes that end no session. */
const STAYS = new Set(['none', 'refresh', 'soft']);

const skipped = !CAN_RUN || daemons('bird1').length === 0 || daemons('bird2').length === 0;
const why = daemons('bird1').length === 0 ? ' (skipped: LINNET_BIRD16 names no folder with an unpacked BIRD 1.6)' : '';

describe.skipIf(skipped)(`a mixed cluster${why}`, () => {
  let cluster: MixedCluster;
  let failed = false;
  let stream: Stream | undefined;

  const startPackets = async (): Promise<void> => {
    const [one, two] = cluster.pods;
    const ends = [
      { namespace: one, address: POD_ADDRESSES[0] },
      { namespace: two, address: POD_ADDRESSES[1] },
    ] as const;
    stream = await startStream(cluster.lab, ends, 100_000, 50);
  };
  /** Ends the packets; none may be lost. */
  const endPackets = async (): Promise<void> => {
    const results = (await stream?.end()) ?? [];
    stream = undefined;
    for (const result of results) expect(result).toMatchObject({ answered: result.sent, lost: [] });
  };

  const allUp = (addresses: readonly string[] = ['10.97.0.2', '10.97.0.3', TOR.address]): Promise<void> =>
    until('every session is up', SESSION_SECONDS, async () => {
      cluster.native.alive();
      cluster.onBird.alive();
      const up = (sessions: Awaited<ReturnType<typeof sessionsOf>>): string[] =>
        [...sessions].filter(([, one]) => one.up).map(([address]) => address);
      expect(up(await sessionsOf(cluster.native)).sort()).toEqual([...addresses].sort());
    });
  /** Between all nodes, and of all with the router. */
  const everythingUp = async (): Promise<void> => {
    await allUp();
    await until('every session of the others is up', SESSION_SECONDS, async () => {
      const sessions = await sessionsOf(cluster.onBird);
      expect(
        [...sessions]
          .filter(([, one]) => one.up)
          .map(([address]) => address)
          .sort(),
      ).toEqual(['10.97.0.1', '10.97.0.254', '10.97.0.3']);
      expect((await cluster.bird16('show protocols')).match(/Established/g)).toHaveLength(3);
    });
    await until('blocks are in every kernel', SESSION_SECONDS, async () => {
      for (const node of [1, 2, 3] as const) {
        const routes = await cluster.ip(node, 'route', 'show', 'proto', '12');
        for (const other of [1, 2, 3].filter((one) => one !== node)) expect(routes).toContain(`10.244.${other}.0/26 `);
      }
    });
  };

  beforeAll(async () => {
    cluster = await makeMixedCluster(BASE);
  });
  beforeEach((context) => {
    if (failed) context.skip('an earlier step failed');
  });
  afterEach(({ task }) => {
    failed ||= task.result?.state === 'fail';
  });
  afterAll(async () => cluster?.lab.close(failed));

  it('meshes: every block is in every kernel, and the router has them from each node', async () => {
    await everythingUp();
    await until('the router has them', 20, async () => {
      for (const block of ['10.244.1.0/26', '10.244.2.0/26', '10.244.3.0/26']) {
        const shown = await cluster.atTor(block);
        for (const node of [1, 2, 3]) expect(shown).toContain(`10.97.0.${node}`);
      }
    });
  });

  it('goes over to a reflector, each engine in its place', { timeout: 240_000 }, async () => {
    for (const node of ['node-1', 'node-2']) {
      const reflected: Objects = {
        configuration: { ...BASE.configuration, nodeToNodeMeshEnabled: false },
        peers: { ...BASE.peers, reflectors: { nodeSelector: "role == 'client'", peerSelector: "role == 'reflector'" } },
        clusterIds: { [node]: '1.0.0.1' },
      };
      await cluster.apply(reflected);
      await until(`clients of ${node} have each other's blocks`, SESSION_SECONDS, async () => {
        for (const at of [1, 2, 3] as const) {
          const routes = await cluster.ip(at, 'route', 'show', 'proto', '12');
          for (const other of [1, 2, 3].filter((one) => one !== at))
            expect(routes).toMatch(new RegExp(`10\\.244\\.${other}\\.0/26 (nhid \\d+ )?via 10\\.97\\.0\\.${other} `));
        }
        const meshless = [...(await sessionsOf(cluster.native)).keys()];
        expect(meshless.includes('10.97.0.3')).toBe(node === 'node-1');
      });
    }
  });

  it('goes over to the ToR alone: nodes reach each other through the router', { timeout: 180_000 }, async () => {
    await cluster.apply(THROUGH_TOR);
    await until('no node has a session with another', SESSION_SECONDS, async () => {
      cluster.native.alive();
      const up = [...(await sessionsOf(cluster.native))].filter(([, one]) => one.up).map(([address]) => address);
      expect(up).toEqual([TOR.address]);
      expect((await cluster.bird16('show protocols')).match(/Established/g)).toHaveLength(1);
    });
    await cluster.reflectAtTor(true);
    await until('every block leads to the router, or past it to its node', SESSION_SECONDS, async () => {
      for (const at of [1, 2, 3] as const) {
        const routes = await cluster.ip(at, 'route', 'show', 'proto', '12');
        for (const other of [1, 2, 3].filter((one) => one !== at))
          expect(routes).toMatch(new RegExp(`10\\.244\\.${other}\\.0/26 (nhid \\d+ )?via 10\\.97\\.0\\.(254|${other}) `));
      }
    });
    await startPackets();
    await pause(SETTLE_MS);
    await endPackets();
    await cluster.reflectAtTor(false);
    await cluster.apply(BASE);
    await everythingUp();
  });

  /** Sessions of node-1 that the case does not end are as they were. */
  async function untouched(one: FieldCase, before: Awaited<ReturnType<typeof sessionsOf>>): Promise<void> {
    const now = await sessionsOf(cluster.native);
    for (const [address, session] of before)
      if (![...one.ends, ...(one.birdEnds ?? [])].includes(address)) expect([address, now.get(address)]).toEqual([address, session]);
  }

  /** Makes the change, looks at the sessions of node-1 and of BIRD 2; the result looks again. */
  async function hold(one: FieldCase, kind: 'BGPConfiguration' | 'BGPPeer', change: FieldChange): Promise<() => Promise<void>> {
    const { native, onBird } = cluster;
    const [before, birdBefore] = [await sessionsOf(native), await sessionsOf(onBird)];
    await cluster.apply(changed(one, kind));
    if (one.ends.length > 0) {
      await until('its sessions end', 20, async () => {
        const now = await sessionsOf(native);
        for (const address of one.ends) expect(now.get(address)).not.toEqual(before.get(address));
      });
    }
    if (one.effect !== undefined) await until('the change is seen', 20, () => one.effect?.(cluster));
    await pause(SETTLE_MS);
    await untouched(one, before);
    if (STAYS.has(change.bird ?? change.native)) {
      const birdNow = await sessionsOf(onBird);
      for (const [address, { up, since }] of birdBefore) {
        expect([address, birdNow.get(address)?.up]).toEqual([address, up]);
        expect(Math.abs((birdNow.get(address)?.since ?? 0) - since), `BIRD's session with ${address}`).toBeLessThan(SAME_SINCE_MS);
      }
    }
    return () => untouched(one, before);
  }

  describe.each([
    ['BGPConfiguration', CONFIGURATION_CASES, BGP_CONFIGURATION_CHANGES],
    ['BGPPeer', PEER_CASES, BGP_PEER_CHANGES],
  ] as const)('%s', (kind, cases, changes) => {
    const classOf = (field: string): FieldChange | undefined => new Map(Object.entries(changes)).get(field);

    it('has a case for every field, and the case is of its class', () => {
      expect(cases.map(({ field }) => field).sort()).toEqual(Object.keys(changes).sort());
      for (const { field, ends } of cases) {
        const { native = '' } = classOf(field) ?? {};
        if (native !== 'rebind')
          expect([field, ends.length > 0 ? 'bounce' : 'stays']).toEqual([field, STAYS.has(native) ? 'stays' : native]);
      }
    });

    it.each(cases)('$field', { timeout: 180_000 }, async (one) => {
      const change = classOf(one.field);
      if (change === undefined) throw new Error(`no class of ${one.field}`);
      if (one.from !== undefined) {
        await cluster.apply(beginning(one));
        await allUp(['10.97.0.2', TOR.address]);
      }
      if (one.cutsPackets !== true) await startPackets();
      const lookAgain = await hold(one, kind, change);
      await cluster.apply(BASE);
      await everythingUp();
      // Nor does the way back end any other session.
      if (one.from === undefined) await lookAgain();
      if (one.cutsPackets !== true) await endPackets();
    });
  });
});
