/**
 * The harness against itself: each daemon peers with another one, so that a view that reads a daemon wrongly shows here and
 * not as a defect of ours.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Daemon, DaemonKind, SeenRoute } from './harness/daemon.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, KINDS, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import { until } from './harness/wait.ts';

const PARTNER: { readonly [kind in DaemonKind]: DaemonKind } = {
  bird2: 'frr',
  bird16: 'bird2',
  frr: 'gobgp',
  gobgp: 'frr',
  exabgp: 'bird2',
  openbgpd: 'frr',
};

function config(as: number, me: Host, other: Host, otherAs: number, announce: readonly string[]) {
  const neighbors = [
    { name: 'n4', address: other.ipv4, as: otherAs },
    { name: 'n6', address: other.ipv6, as: otherAs },
  ];
  return { as, routerId: me.ipv4, neighbors, announce };
}

async function holdsRoutes(daemon: Daemon, wanted: readonly Partial<SeenRoute>[]): Promise<void> {
  expect(await daemon.routes()).toMatchObject(wanted);
}

describe.skipIf(!CAN_RUN).each(KINDS)('%s as the harness sees it', (kind) => {
  let lab: Lab;
  let a: Daemon;
  let b: Daemon;

  async function peer(asA: number, asB: number): Promise<void> {
    const hostA = await lab.lan.host('a', 1);
    const hostB = await lab.lan.host('b', 2);
    a = lab.daemon(kind, hostA, config(asA, hostA, hostB, asB, ['10.244.1.0/26', 'fd44:1::/122']));
    b = lab.daemon(PARTNER[kind], hostB, config(asB, hostB, hostA, asA, ['10.244.2.0/26', 'fd44:2::/122']));
    await a.start();
    await b.start();
  }

  beforeEach(async () => {
    lab = await makeLab(`harness ${kind}`);
  });
  afterEach(async ({ task }) => lab.close(task.result?.state === 'fail'));

  it('external: sessions, next hops and paths both ways, and again after kill -9', async () => {
    await peer(65001, 65002);
    const fromB = [
      { prefix: '10.244.2.0/26', from: b.host.ipv4, nextHop: b.host.ipv4, asPath: [65002] },
      { prefix: 'fd44:2::/122', from: b.host.ipv6, nextHop: b.host.ipv6, asPath: [65002] },
    ];
    await until('a has the routes of b', 30, () => holdsRoutes(a, fromB));
    expect(await a.established()).toEqual(new Set([b.host.ipv4, b.host.ipv6]));
    const fromA = [
      { prefix: '10.244.1.0/26', nextHop: a.host.ipv4, asPath: [65001] },
      { prefix: 'fd44:1::/122', nextHop: a.host.ipv6, asPath: [65001] },
    ];
    await until('b has the routes of a', 30, () => holdsRoutes(b, fromA));

    // FRR sends an external path back to where it came from; the others do not. So the look is known to see an echo.
    await until('echoes are told apart', 10, async () => expect(await a.echoed(b.host.ipv4, '10.244.1.0/26')).toBe(b.kind === 'frr'));

    const before = await a.incarnation(b.host.ipv6);
    expect(await a.incarnation(b.host.ipv6)).toBe(before);

    await b.stop('SIGKILL');
    // Routes may stay a while: BIRD is a graceful restart helper for FRR.
    await until('a loses the sessions', 30, async () => expect(await a.established()).toEqual(new Set()));
    await b.start();
    await until('a has the sessions again', 30, async () => expect((await a.established()).size).toBe(2));
    expect(await a.incarnation(b.host.ipv6)).not.toBe(before);
    await until('a has the routes of b again', 30, () => holdsRoutes(a, fromB));
  });

  it('internal: LOCAL_PREF is there and the path is empty', async () => {
    await peer(65001, 65001);
    await until('a has the routes of b', 30, () =>
      holdsRoutes(a, [
        { prefix: '10.244.2.0/26', asPath: [], localPref: 100, clusterList: [] },
        { prefix: 'fd44:2::/122', asPath: [], localPref: 100, clusterList: [] },
      ]),
    );
  });
});
