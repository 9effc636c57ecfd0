/**
 * (d) Several paths of a prefix both ways (RFC 7911): a ToR behind a route reflector gets every node's path of a Service for ECMP
 * (calico#6451), and passes them on to a node.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterPeer } from './harness/cluster.ts';
import type { Daemon } from './harness/daemon.ts';
import { list, number, text } from './harness/json.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, KINDS, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import {
  CHANGE_SECONDS,
  CLUSTER,
  FAMILIES,
  hostRoute,
  makeCluster,
  outsidePeers,
  routerConfig,
  SESSION_SECONDS,
  services,
  sessionsUp,
  TOR_AS,
} from './harness/scenario.ts';
import { inOrder } from './harness/steps.ts';
import { until } from './harness/wait.ts';

describe.skipIf(!CAN_RUN).each(KINDS.filter((kind) => kind !== 'gobgp'))('%s as ToR that reads and sends several paths', (kind) => {
  let lab: Lab;
  const steps = inOrder();
  let hosts: { readonly one: Host; readonly two: Host; readonly rr: Host; readonly tor: Host };
  let nodes: LinnetNode[];
  let tor: Daemon;

  /** The ToR peers with the reflector, which keeps next hops, and with node-2, which tells its own. */
  function write(torSpec: { readonly [field: string]: unknown }): void {
    const members = [{ host: hosts.one }, { host: hosts.two }, { host: hosts.rr, clusterId: '10.97.0.9', labels: { reflector: 'yes' } }];
    const toReflectors: ClusterPeer = { name: 'to-reflectors', spec: { nodeSelector: '!has(reflector)', peerSelector: 'has(reflector)' } };
    const toTor = ['rr', 'node-2'].flatMap((node) =>
      outsidePeers(hosts.tor, TOR_AS, { node, ...(node === 'rr' ? torSpec : {}) }).map(({ name, spec }) => ({
        name: `${node}-${name}`,
        spec,
      })),
    );
    const cluster = makeCluster(members, [toReflectors, ...toTor], services(['node-1'], ['node-1', 'node-2']));
    lab.datastore.write({ ...cluster, configuration: { ...cluster.configuration, nodeToNodeMeshEnabled: false } });
  }

  /** Next hops of the paths that a neighbour told the ToR. */
  async function nextHopsFrom(host: Host, family: 'ipv4' | 'ipv6', wanted: readonly Host[], seconds = CHANGE_SECONDS): Promise<void> {
    await until(`next hops of ${CLUSTER[family]} from ${host.name}`, seconds, async () => {
      const paths = (await tor.routes()).filter((route) => route.prefix === hostRoute(CLUSTER[family]) && route.from === host[family]);
      expect(paths.map((route) => route.nextHop).sort()).toEqual(wanted.map((one) => one[family]).sort());
    });
  }

  beforeAll(async () => {
    lab = await makeLab(`add-path ${kind}`);
    hosts = {
      one: await lab.lan.host('node-1', 1),
      two: await lab.lan.host('node-2', 2),
      rr: await lab.lan.host('rr', 9),
      tor: await lab.lan.host('tor', 254),
    };
    write({ nextHopMode: 'Keep' });
    const config = routerConfig(hosts.tor, [hosts.rr, hosts.two]);
    tor = lab.daemon(kind, hosts.tor, { ...config, neighbors: config.neighbors.map((one) => ({ ...one, allPaths: true })) });
    await tor.start();
    nodes = [lab.linnet(hosts.one), lab.linnet(hosts.two), lab.linnet(hosts.rr)];
    for (const node of nodes) node.start();
  });
  afterAll(async () => lab?.close(steps.failed()));

  it('gets every node’s path through the reflector, and one where all lead to the node that tells', async () => {
    await sessionsUp(tor, [hosts.rr, hosts.two], nodes);
    for (const family of FAMILIES) {
      await nextHopsFrom(hosts.rr, family, [hosts.one, hosts.two, hosts.rr], SESSION_SECONDS);
      await nextHopsFrom(hosts.two, family, [hosts.two]);
    }
  });

  it('passes them on: each is a path of its own at the node', async () => {
    const node = nodes[1];
    if (node === undefined) throw new Error('no node-2');
    for (const family of FAMILIES) {
      await until(`paths of ${CLUSTER[family]} at node-2`, CHANGE_SECONDS, async () => {
        const peers = list(await node.ask('peers'), 'peers').map((peer) => text(peer, 'id'));
        const id = peers.find((peer) => peer.includes(hosts.tor[family].replaceAll(/[.:]/g, '_'))) ?? '';
        const routes = list(await node.ask('routes', '--peer', id, '--received', hostRoute(CLUSTER[family])), 'routes');
        // Whether a path comes back to the node that it leads to is the daemon's choice: bird2 leaves it out, FRR does not.
        expect(routes.length).toBeGreaterThanOrEqual(2);
        expect(new Set(routes.map((route) => number(route, 'pathId'))).size).toBe(routes.length);
      });
    }
  });

  it('gets one path of the reflector without Keep, on the same session, and all again with it', async () => {
    const before = await tor.incarnation(hosts.rr.ipv4);
    write({});
    for (const family of FAMILIES) await nextHopsFrom(hosts.rr, family, [hosts.rr]);
    write({ nextHopMode: 'Keep' });
    for (const family of FAMILIES) await nextHopsFrom(hosts.rr, family, [hosts.one, hosts.two, hosts.rr]);
    expect(await tor.incarnation(hosts.rr.ipv4)).toBe(before);
  });

  it('loses the path of a node that stops, and no other', async () => {
    await nodes[0]?.stop('SIGTERM');
    for (const family of FAMILIES) await nextHopsFrom(hosts.rr, family, [hosts.two, hosts.rr], SESSION_SECONDS);
  });
});
