/** The Driver contract: what every routing engine must do, whichever it is. Each engine's test calls it with its own maker. */
import { addressKey, formatPrefix } from 'bgp-ts/net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Desired, DesiredPeer } from '../../src/confd/desired/types.ts';
import type { Driver } from '../../src/confd/driver.ts';
import { address, desired, peer, route } from '../confd/native/fixtures.ts';

/** An engine under test: its driver, and what the engine itself says it holds. */
export interface EngineUnderTest {
  readonly driver: Driver;
  /** Ids of the sessions it runs or tries to, sorted. */
  peers(): Promise<readonly string[]>;
  /** Prefixes it originates, sorted. */
  routes(): Promise<readonly string[]>;
  /** True where it still does something after `stop`. */
  alive(): boolean;
}

const never = new AbortController().signal;
const UNTOUCHED = { peers: 0, routes: 0, policies: 0 };

const member = (number: number, more: Partial<DesiredPeer> = {}): DesiredPeer => {
  const at = address(`192.0.2.${number}`);
  return peer({ id: `Mesh_${addressKey(at).replaceAll('.', '_')}`, type: 'mesh', address: at, remoteAs: 64512, internal: true, ...more });
};

/** Runs the contract against engines made by `make`; `limits` are optional abilities that the engine must refuse by name. */
export function driverContract(
  name: string,
  make: () => Promise<EngineUnderTest>,
  limits: readonly { readonly what: string; readonly peer: Partial<DesiredPeer>; readonly code: string }[],
): void {
  describe(`${name} as a driver`, () => {
    const started: EngineUnderTest[] = [];
    const start = async (): Promise<EngineUnderTest> => {
      const engine = await make();
      started.push(engine);
      await engine.driver.start(never);
      return engine;
    };
    afterEach(async () => {
      await Promise.all(started.splice(0).map((engine) => engine.driver.stop(false)));
    });

    it('starts twice as once', async () => {
      const engine = await start();
      await engine.driver.start(never);
      await engine.driver.apply(desired({ peers: [member(2)] }), never);
      expect(await engine.peers()).toEqual(['Mesh_192_0_2_2']);
    });

    it('holds the whole state and finds the same state done', async () => {
      const engine = await start();
      const state = (): Desired =>
        desired({ peers: [member(2), member(3)], advertise: [route('198.51.100.1/32'), route('198.51.100.2/32')] });
      const first = await engine.driver.apply(state(), never);
      expect(first.touched).toMatchObject({ peers: 2, routes: 2 });
      expect((await engine.driver.apply(state(), never)).touched).toEqual(UNTOUCHED);
      expect([await engine.peers(), await engine.routes()]).toEqual([
        ['Mesh_192_0_2_2', 'Mesh_192_0_2_3'],
        ['198.51.100.1/32', '198.51.100.2/32'],
      ]);
    });

    it.each<[string, Partial<Desired>, { peers: number; routes: number }]>([
      ['a route more', { advertise: [route('198.51.100.1/32'), route('198.51.100.2/32')] }, { peers: 0, routes: 1 }],
      ['no route', { advertise: [] }, { peers: 0, routes: 1 }],
      ['a peer more', { peers: [member(2), member(3)] }, { peers: 1, routes: 0 }],
      ['no peer', { peers: [] }, { peers: 1, routes: 0 }],
      ['a peer of another role', { peers: [member(2, { reflectorClient: true, clusterId: '192.0.2.1' })] }, { peers: 1, routes: 0 }],
    ])('touches only what changed: %s', async (_what, change, touched) => {
      const engine = await start();
      const base = desired({ peers: [member(2)], advertise: [route('198.51.100.1/32')] });
      await engine.driver.apply(base, never);
      expect((await engine.driver.apply({ ...base, ...change }, never)).touched).toMatchObject(touched);
    });

    it('does not start a peer that is held', async () => {
      const engine = await start();
      const object = { apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', namespace: '', name: 'tor' };
      const heldBy = { code: 'X', severity: 'error' as const, object, field: '', got: '', rule: '', source: null, transient: true };
      await engine.driver.apply(desired({ peers: [member(2), member(3, { heldBy })] }), never);
      expect(await engine.peers()).toEqual(['Mesh_192_0_2_2']);
    });

    it.each(limits)('refuses $what by name and does the rest', async ({ peer: needs, code }) => {
      const engine = await start();
      const { issues } = await engine.driver.apply(desired({ peers: [member(2), member(3, needs)] }), never);
      expect(issues.map((issue) => issue.code)).toEqual([code]);
      expect(await engine.peers()).toEqual(['Mesh_192_0_2_2']);
    });

    it('holds the last state after any sequence of states', async () => {
      const world = fc.record({
        peers: fc.uniqueArray(fc.integer({ min: 2, max: 9 })),
        routes: fc.uniqueArray(fc.integer({ min: 1, max: 9 })),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(world, { minLength: 1, maxLength: 5 }), async (worlds) => {
          const engine = await start();
          for (const { peers, routes } of worlds) {
            await engine.driver.apply(
              desired({
                peers: peers.map((number) => member(number)),
                advertise: routes.map((number) => route(`198.51.100.${number}/32`)),
              }),
              never,
            );
          }
          const last = worlds.at(-1);
          expect(await engine.peers()).toEqual((last?.peers ?? []).map((number) => `Mesh_192_0_2_${number}`).sort());
          expect(await engine.routes()).toEqual(
            (last?.routes ?? []).map((number) => formatPrefix(route(`198.51.100.${number}/32`).prefix)).sort(),
          );
          await engine.driver.stop(false);
        }),
        { numRuns: 20 },
      );
    });

    it('lets go of an apply when its signal aborts', async () => {
      const engine = await start();
      const controller = new AbortController();
      const applied = engine.driver.apply(desired({ peers: [member(2)] }), controller.signal);
      controller.abort();
      await expect(applied).resolves.toBeDefined();
    });

    it.each([true, false])('stops twice as once (planned: %s) and takes no more', async (planned) => {
      const engine = await start();
      await engine.driver.apply(desired({ peers: [member(2)] }), never);
      await Promise.all([engine.driver.stop(planned), engine.driver.stop(planned)]);
      expect(engine.alive()).toBe(false);
      await expect(engine.driver.apply(desired(), never)).rejects.toThrow();
    });
  });
}
