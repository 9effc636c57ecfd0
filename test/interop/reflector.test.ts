/**
 * (b) A real daemon as ToR behind a Linnet route reflector that has no endpoint; the nodes are Linnet clients of it and know
 * each other only through it. LoadBalancer addresses reach the ToR through the reflector, with the next hop of the node.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterPeer, ClusterService } from './harness/cluster.ts';
import type { Daemon } from './harness/daemon.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, KINDS, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import {
  CLUSTER,
  CLUSTER_AS,
  CLUSTER_RANGES,
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

const BLOCK = { ipv4: '10.244.1.0/26', ipv6: 'fd44:1::/122' };

describe.skipIf(!CAN_RUN).each(KINDS)('%s as ToR behind a route reflector', (kind) => {
  let lab: Lab;
  const steps = inOrder();
  let hosts: { readonly one: Host; readonly two: Host; readonly rr: Host; readonly tor: Host };
  let nodes: LinnetNode[];
  let reflector: LinnetNode;
  let tor: Daemon;

  function write(running: readonly ClusterService[], torSpec: { readonly [field: string]: unknown }): void {
    const members = [
      { host: hosts.one, blocks: Object.values(BLOCK) },
      { host: hosts.two },
      { host: hosts.rr, clusterId: '10.97.0.9', labels: { 'route-reflector': 'true' } },
    ];
    const toReflectors: ClusterPeer = {
      name: 'to-reflectors',
      spec: { nodeSelector: '!has(route-reflector)', peerSelector: 'has(route-reflector)' },
    };
    const cluster = makeCluster(members, [toReflectors, ...outsidePeers(hosts.tor, TOR_AS, { node: 'rr', ...torSpec })], running);
    lab.datastore.write({ ...cluster, configuration: { ...cluster.configuration, nodeToNodeMeshEnabled: false } });
  }

  /** A path that came through the reflector; external peers see nothing of the reflection (RFC 4456 section 8). */
  function via(nextHop: Host, family: 'ipv4' | 'ipv6', more: object = {}): object {
    return { from: hosts.rr[family], nextHop: nextHop[family], asPath: [CLUSTER_AS], clusterList: [], ...more };
  }

  beforeAll(async () => {
    lab = await makeLab(`reflector ${kind}`);
    hosts = {
      one: await lab.lan.host('node-1', 1),
      two: await lab.lan.host('node-2', 2),
      rr: await lab.lan.host('rr', 9),
      tor: await lab.lan.host('tor', 254),
    };
    write(services(['node-1'], ['node-1', 'node-2']), { nextHopMode: 'Keep' });
    tor = lab.daemon(kind, hosts.tor, routerConfig(hosts.tor, [hosts.rr]));
    await tor.start();
    nodes = [lab.linnet(hosts.one), lab.linnet(hosts.two)];
    reflector = lab.linnet(hosts.rr);
    for (const node of [...nodes, reflector]) node.start();
  });
  afterAll(async () => lab?.close(steps.failed()));

  it('gets the Local address through the reflector, next hop the node with the endpoint', async () => {
    await sessionsUp(tor, [hosts.rr], [...nodes, reflector]);
    for (const family of FAMILIES) {
      await pathsBecome(tor, hostRoute(LOCAL[family]), [via(hosts.one, family, LB_COMMUNITIES)], SESSION_SECONDS);
      // Policy Cluster: every node announces it, the reflector too.
      await pathsBecome(tor, hostRoute(CLUSTER[family]), [{ from: hosts.rr[family], asPath: [CLUSTER_AS], ...LB_COMMUNITIES }]);
      await pathsBecome(tor, BLOCK[family], [via(hosts.one, family)]);
    }
  });

  it('gets cluster ranges as the reflector’s own aggregate, and no cluster address of a single Service', async () => {
    for (const [index, family] of FAMILIES.entries()) await pathsBecome(tor, CLUSTER_RANGES[index] ?? '', [via(hosts.rr, family)]);
    // Each Service has been told by now; a cluster address in the view would have come with them.
    const inside = (prefix: string): boolean => prefix.startsWith('10.96.') || prefix.startsWith('fd96::');
    expect(
      (await tor.routes()).map((route) => route.prefix).filter((prefix) => inside(prefix) && !CLUSTER_RANGES.includes(prefix)),
    ).toEqual([]);
  });

  it('sees the endpoint move, go and come back', async () => {
    write(services(['node-2'], ['node-1', 'node-2']), { nextHopMode: 'Keep' });
    for (const family of FAMILIES) await pathsBecome(tor, hostRoute(LOCAL[family]), [via(hosts.two, family, LB_COMMUNITIES)]);
    write(services([], ['node-2']), { nextHopMode: 'Keep' });
    for (const family of FAMILIES) await pathsBecome(tor, hostRoute(LOCAL[family]), []);
    write(services(['node-1'], ['node-1', 'node-2']), { nextHopMode: 'Keep' });
    for (const family of FAMILIES) await pathsBecome(tor, hostRoute(LOCAL[family]), [via(hosts.one, family, LB_COMMUNITIES)]);
  });

  it('gets the reflector’s own next hop without Keep, on the same session', async () => {
    const before = await tor.incarnation(hosts.rr.ipv4);
    write(services(['node-1'], ['node-1', 'node-2']), {});
    for (const family of FAMILIES) await pathsBecome(tor, hostRoute(LOCAL[family]), [via(hosts.rr, family, LB_COMMUNITIES)]);
    expect(await tor.incarnation(hosts.rr.ipv4)).toBe(before);
  });

  it('has everything again after the reflector was killed', async () => {
    await reflector.stop('SIGKILL');
    reflector.start();
    await sessionsUp(tor, [hosts.rr], [...nodes, reflector]);
    for (const family of FAMILIES) {
      await pathsBecome(tor, hostRoute(LOCAL[family]), [via(hosts.rr, family, LB_COMMUNITIES)], SESSION_SECONDS);
      await pathsBecome(tor, BLOCK[family], [via(hosts.rr, family)], SESSION_SECONDS);
    }
  });

  it('loses what a client announced when that client stops', async () => {
    await nodes[0]?.stop('SIGTERM');
    for (const family of FAMILIES) {
      await pathsBecome(tor, hostRoute(LOCAL[family]), [], SESSION_SECONDS);
      await pathsBecome(tor, BLOCK[family], [], SESSION_SECONDS);
    }
  });
});
