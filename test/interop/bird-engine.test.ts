/**
 * One cluster, several engines: a node of Linnet driving BIRD 2, one driving BIRD 1.6 (where LINNET_BIRD16 has it) and one on
 * the native speaker mesh with each other and peer with a router; Services, changes, a killed BIRD and a killed Linnet.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { daemons, daemonTitle } from '../confd/bird/daemons.ts';
import type { Daemon } from './harness/daemon.ts';
import { run } from './harness/exec.ts';
import { CAN_RUN, type Lab, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import { makeLinnet } from './harness/linnet.ts';
import {
  CLUSTER_AS,
  FAMILIES,
  hostRoute,
  LB_COMMUNITIES,
  LOCAL,
  makeCluster,
  outsidePeers,
  pathsBecome,
  routerConfig,
  SESSION_SECONDS,
  services,
  sessionsUp,
  TOR_AS,
} from './harness/scenario.ts';
import { inOrder } from './harness/steps.ts';
import { until } from './harness/wait.ts';

const BLOCKS = { one: { ipv4: '10.244.1.0/26', ipv6: 'fd44:1::/122' }, two: { ipv4: '10.244.2.0/26', ipv6: 'fd44:2::/122' } };

/** `linnet run` on BIRD, in the namespace of its host. Ended by SIGTERM it leaves BIRD and the sessions to the next one. */
function onBird(lab: Lab, host: Host, flavor: 'bird1' | 'bird2'): LinnetNode {
  const [bird = 'bird', bird6 = bird] = daemons(flavor).map(({ program }) => program);
  const more = ['--engine', flavor, '--bird', bird, '--bird6', bird6];
  return lab.adopt(makeLinnet(host, join(lab.directory, `linnet-${host.name}`), lab.datastore.path, { more }));
}

describe.skipIf(!CAN_RUN).each(['bird2', 'bird1'] as const)('%s', (flavor) => {
  describe.skipIf(daemons(flavor).length === 0)(daemonTitle('a mixed cluster', flavor), () => {
    let lab: Lab;
    const steps = inOrder();
    let hosts: { readonly one: Host; readonly two: Host; readonly tor: Host };
    let one: LinnetNode;
    let two: LinnetNode;
    let tor: Daemon;

    const write = (local: readonly string[]): void => {
      const nodes = [
        { host: hosts.one, blocks: Object.values(BLOCKS.one) },
        { host: hosts.two, blocks: Object.values(BLOCKS.two) },
      ];
      lab.datastore.write(makeCluster(nodes, outsidePeers(hosts.tor, TOR_AS, {}), services(local, ['node-1', 'node-2'])));
    };
    const by = (host: Host, family: 'ipv4' | 'ipv6'): object => ({
      from: host[family],
      nextHop: host[family],
      asPath: [CLUSTER_AS],
      ...LB_COMMUNITIES,
    });
    const localIs = async (host: Host | undefined, seconds = SESSION_SECONDS): Promise<void> => {
      for (const family of FAMILIES)
        await pathsBecome(tor, hostRoute(LOCAL[family]), host === undefined ? [] : [by(host, family)], seconds);
    };
    const kernelHas = async (host: Host, prefix: string, family: 'ipv4' | 'ipv6'): Promise<string> =>
      await run('ip', ['netns', 'exec', host.namespace, 'ip', family === 'ipv4' ? '-4' : '-6', 'route', 'show', prefix]);
    const birdPid = async (): Promise<string> => (await run('cat', [join(lab.directory, 'linnet-node-1', 'run', 'bird.ctl.pid')])).trim();

    beforeAll(async () => {
      lab = await makeLab(`bird engine ${flavor}`);
      hosts = { one: await lab.lan.host('node-1', 1), two: await lab.lan.host('node-2', 2), tor: await lab.lan.host('tor', 254) };
      write(['node-1']);
      tor = lab.daemon('bird2', hosts.tor, routerConfig(hosts.tor, [hosts.one, hosts.two]));
      await tor.start();
      one = onBird(lab, hosts.one, flavor);
      two = lab.linnet(hosts.two);
      one.start();
      two.start();
    });
    afterAll(async () => lab?.close(steps.failed()));

    it('establishes sessions with the router', async () => {
      await sessionsUp(tor, [hosts.one, hosts.two], [one, two]);
    });

    it('announces a Service of its own', async () => {
      await localIs(hosts.one);
    });

    it('installs its own block as a blackhole and the block of the other node by BGP', async () => {
      await until('kernel routes', SESSION_SECONDS, async () => {
        for (const family of FAMILIES) {
          expect(await kernelHas(hosts.one, BLOCKS.one[family], family)).toMatch(/^blackhole .* proto bird/);
          expect(await kernelHas(hosts.one, BLOCKS.two[family], family)).toMatch(
            new RegExp(`via ${hosts.two[family]} .* proto bird metric 1024`),
          );
        }
      });
    });

    it('follows the endpoints', async () => {
      write(['node-2']);
      await localIs(hosts.two);
      write([]);
      await localIs(undefined);
      write(['node-1']);
      await localIs(hosts.one);
    });

    it('shows BIRD’s sessions in its own API', async () => {
      await until('all peers established', SESSION_SECONDS, async () => {
        const answer = JSON.stringify(await one.ask('peers'));
        expect(answer.match(/"state":"established"/g)).toHaveLength(4);
      });
    });

    it('brings a killed BIRD back, with changes that came meanwhile', async () => {
      const before = await birdPid();
      expect(Number(before)).toBeGreaterThan(1);
      await run('kill', ['-9', before]);
      write(['node-2']);
      await localIs(hosts.two);
      write(['node-1']);
      await localIs(hosts.one);
      expect(await birdPid()).not.toBe(before);
    });

    it('finds its BIRD running after it was killed itself, and no session is lost', async () => {
      const before = await birdPid();
      const flaps = async (): Promise<ReadonlySet<string>> => await tor.established();
      await one.stop('SIGKILL');
      expect(await flaps()).toEqual(new Set([hosts.one.ipv4, hosts.one.ipv6, hosts.two.ipv4, hosts.two.ipv6]));
      await localIs(hosts.one, 1);
      one.start();
      write(['node-1', 'node-2']);
      for (const family of FAMILIES)
        await pathsBecome(tor, hostRoute(LOCAL[family]), [by(hosts.one, family), by(hosts.two, family)], SESSION_SECONDS);
      expect(await birdPid()).toBe(before);
    });
  });
});
