/**
 * A node on the BIRD engine leaves on purpose (RFC 8326): a ToR that honours GRACEFUL_SHUTDOWN prefers the other node's path before this one's
 * goes, a node of the cluster sees LOCAL_PREF 0, the sessions stay until then, and all comes back.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRecord, member } from '../../src/confd/resources/fields.ts';
import { daemons, daemonTitle } from '../confd/bird/daemons.ts';
import { type DrainTor, makeDrainTor } from './harness/drain-tor.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import { makeLinnet } from './harness/linnet.ts';
import { CHANGE_SECONDS, CLUSTER, hostRoute, makeCluster, outsidePeers, SESSION_SECONDS, services, TOR_AS } from './harness/scenario.ts';
import { inOrder } from './harness/steps.ts';
import { until } from './harness/wait.ts';

const PREFIX = hostRoute(CLUSTER.ipv4);
const BLOCK = '10.244.1.0/26';
/** Seconds between telling the ToR and leaving. */
const WAIT = 5;
describe.skipIf(!CAN_RUN).each(['bird2', 'bird1'] as const)('%s', (flavor) => {
  describe.skipIf(daemons(flavor).length === 0)(daemonTitle('a node that leaves', flavor), () => {
    let lab: Lab;
    const steps = inOrder();
    let one: LinnetNode;
    let two: LinnetNode;
    let tor: DrainTor;

    /** When the ToR's session with the first node came up, as BIRD says it. */
    const since = async (): Promise<string | undefined> => /^one\s+BGP\s+\S+\s+up\s+(\S+)/m.exec(await tor.ask('show protocols one'))?.[1];
    /** The block of the first node at the second one: LOCAL_PREF and whether it carries the community. */
    const inside = async (): Promise<unknown> => {
      const document = await two.ask('routes', BLOCK, '--all');
      const routes = isRecord(document) ? member(document, 'routes') : undefined;
      return Array.isArray(routes)
        ? routes.map((each: unknown) => {
            const communities = isRecord(each) ? member(each, 'communities') : undefined;
            return [isRecord(each) ? member(each, 'localPref') : undefined, Array.isArray(communities) && communities.includes('65535:0')];
          })
        : undefined;
    };
    const draining = async (): Promise<readonly unknown[]> => {
      const document = await one.ask('peers');
      const peers = isRecord(document) ? member(document, 'peers') : undefined;
      return Array.isArray(peers) ? peers.map((each: unknown) => (isRecord(each) ? member(each, 'draining') : undefined)) : [];
    };

    beforeAll(async () => {
      lab = await makeLab(`drain ${flavor}`);
      const host = { one: await lab.lan.host('node-1', 1), two: await lab.lan.host('node-2', 2), tor: await lab.lan.host('tor', 254) };
      const peers = outsidePeers(host.tor, TOR_AS, {}).filter(({ name }) => name.endsWith('ipv4'));
      lab.datastore.write({
        ...makeCluster([{ host: host.one, blocks: [BLOCK] }, { host: host.two }], peers, services([], ['node-1', 'node-2'])),
      });
      tor = makeDrainTor(lab, host.tor, { one: host.one, two: host.two }, PREFIX);
      await tor.start();
      const [bird = 'bird', bird6 = bird] = daemons(flavor).map(({ program }) => program);
      const node = (of: Host, more: readonly string[]): LinnetNode =>
        lab.adopt(makeLinnet(of, join(lab.directory, `linnet-${of.name}`), lab.datastore.path, { more, patienceMs: 30_000 }));
      one = node(host.one, ['--engine', flavor, '--bird', bird, '--bird6', bird6]);
      two = node(host.two, ['--shutdown', 'cease']);
      one.start();
      two.start();
    });
    afterAll(async () => lab?.close(steps.failed()));

    it('the ToR prefers the first node, as the second one does for its block', async () => {
      await tor.become(['one', 'two'], SESSION_SECONDS);
      await until('the block inside', SESSION_SECONDS, async () => expect(await inside()).toEqual([[2_147_482_623, false]]));
    });

    it('drain --stay: other paths are preferred, inside with LOCAL_PREF 0, and no session ends', async () => {
      const before = await since();
      await one.ask('drain', '--stay', '--wait', '0');
      await tor.become(['two', 'one']);
      await until('the block inside', CHANGE_SECONDS, async () => expect(await inside()).toEqual([[0, true]]));
      await until('its peers say so', CHANGE_SECONDS, async () => expect(new Set(await draining())).toEqual(new Set([true])));
      expect(await since()).toBe(before);
      await one.ask('drain', '--undo');
      await tor.become(['one', 'two']);
      await until('the block inside', CHANGE_SECONDS, async () => expect(await inside()).toEqual([[2_147_482_623, false]]));
      expect(await since()).toBe(before);
    });

    it('drain: the ToR moves to the other path, then the first goes; it holds over a restart, until --undo', async () => {
      const leaving = one.ask('drain', '--wait', String(WAIT));
      await tor.become(['two', 'one']);
      await leaving;
      await tor.become(['two']);
      await one.stop();
      one.start();
      await until('the daemon answers', CHANGE_SECONDS, async () =>
        expect(await one.ask('drain', '--show')).toMatchObject({ phase: 'left' }),
      );
      expect(await tor.paths()).toEqual(['two']);
      await one.ask('drain', '--undo');
      await tor.become(['one', 'two'], SESSION_SECONDS);
    });
  });
});
