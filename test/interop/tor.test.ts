/**
 * (a) A real daemon as top-of-rack router in another AS, peering with every node of a mesh: LoadBalancer addresses, blocks,
 * attributes, withdrawals, and sessions that come back after either end was killed.
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
  LB_RANGES,
  LOCAL,
  LOCAL_CLUSTER,
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
import { holds } from './harness/wait.ts';

const BLOCKS = { one: { ipv4: '10.244.1.0/26', ipv6: 'fd44:1::/122' }, two: { ipv4: '10.244.2.0/26', ipv6: 'fd44:2::/122' } };

describe.skipIf(!CAN_RUN).each(KINDS)('%s as ToR of a mesh', (kind) => {
  let lab: Lab;
  const steps = inOrder();
  let hosts: { readonly one: Host; readonly two: Host; readonly tor: Host };
  let one: LinnetNode;
  let two: LinnetNode;
  let tor: Daemon;
  let peers: ClusterPeer[];

  /** What the datastore holds with these services; `overrides` replace fields of the BGPConfiguration. */
  function write(running: readonly ClusterService[], overrides: { readonly [field: string]: unknown } = {}): void {
    const nodes = [
      { host: hosts.one, blocks: Object.values(BLOCKS.one) },
      { host: hosts.two, blocks: Object.values(BLOCKS.two) },
    ];
    const cluster = makeCluster(nodes, peers, running);
    lab.datastore.write({ ...cluster, configuration: { ...cluster.configuration, ...overrides } });
  }

  /** A path that this node announced itself. */
  function by(host: Host, family: 'ipv4' | 'ipv6', more: object = {}): object {
    return { from: host[family], nextHop: host[family], asPath: [CLUSTER_AS], clusterList: [], ...more };
  }

  async function everythingThere(seconds: number): Promise<void> {
    for (const family of FAMILIES) {
      await pathsBecome(tor, hostRoute(LOCAL[family]), [by(hosts.one, family, LB_COMMUNITIES)], seconds);
      await pathsBecome(
        tor,
        hostRoute(CLUSTER[family]),
        [by(hosts.one, family, LB_COMMUNITIES), by(hosts.two, family, LB_COMMUNITIES)],
        seconds,
      );
    }
  }

  beforeAll(async () => {
    lab = await makeLab(`tor ${kind}`);
    hosts = { one: await lab.lan.host('node-1', 1), two: await lab.lan.host('node-2', 2), tor: await lab.lan.host('tor', 254) };
    peers = outsidePeers(hosts.tor, TOR_AS, {});
    write(services(['node-1'], ['node-1', 'node-2']));
    tor = lab.daemon(kind, hosts.tor, routerConfig(hosts.tor, [hosts.one, hosts.two]));
    await tor.start();
    one = lab.linnet(hosts.one);
    two = lab.linnet(hosts.two);
    one.start();
    two.start();
  });
  afterAll(async () => lab?.close(steps.failed()));

  it('establishes a session per family with each node', async () => {
    await sessionsUp(tor, [hosts.one, hosts.two], [one, two]);
  });

  it('gets LoadBalancer addresses from the nodes that serve them, with next hop, path and communities', async () => {
    await everythingThere(SESSION_SECONDS);
  });

  it('gets each node’s blocks, and no community that is not meant for them', async () => {
    for (const family of FAMILIES) {
      const plain = { communities: [], largeCommunities: [] };
      // Nodes pass blocks of the mesh on to external peers, as Calico’s do; the next hop is always the one who says so.
      const both = [by(hosts.one, family, plain), by(hosts.two, family, plain)];
      await pathsBecome(tor, BLOCKS.one[family], both);
      await pathsBecome(tor, BLOCKS.two[family], both);
    }
  });

  it('gets cluster ranges from every node, and a cluster address only from the node with the endpoint', async () => {
    for (const [index, family] of FAMILIES.entries()) {
      await pathsBecome(tor, CLUSTER_RANGES[index] ?? '', [by(hosts.one, family), by(hosts.two, family)]);
      await pathsBecome(tor, hostRoute(LOCAL_CLUSTER[family]), [by(hosts.one, family)]);
    }
  });

  it('follows endpoints: another node, none, and back', async () => {
    write(services(['node-2'], ['node-1', 'node-2']));
    for (const family of FAMILIES) await pathsBecome(tor, hostRoute(LOCAL[family]), [by(hosts.two, family, LB_COMMUNITIES)]);
    write(services([], []));
    for (const family of FAMILIES) {
      await pathsBecome(tor, hostRoute(LOCAL[family]), []);
      await pathsBecome(tor, hostRoute(CLUSTER[family]), []);
    }
    write(services(['node-1'], ['node-1', 'node-2']));
    await everythingThere(SESSION_SECONDS);
  });

  it('announces the ranges instead of Cluster addresses where aggregation is on', async () => {
    write(services(['node-1'], ['node-1', 'node-2']), { serviceLoadBalancerAggregation: 'Enabled' });
    for (const [index, family] of FAMILIES.entries()) {
      await pathsBecome(tor, LB_RANGES[index] ?? '', [by(hosts.one, family, LB_COMMUNITIES), by(hosts.two, family, LB_COMMUNITIES)]);
      await pathsBecome(tor, hostRoute(CLUSTER[family]), []);
    }
    write(services(['node-1'], ['node-1', 'node-2']));
    await everythingThere(SESSION_SECONDS);
    for (const range of LB_RANGES) await pathsBecome(tor, range, []);
  });

  it('keeps its sessions through every change so far', async () => {
    const before = await Promise.all(FAMILIES.map((family) => tor.incarnation(hosts.one[family])));
    write(services(['node-1'], ['node-1']));
    write(services(['node-1'], ['node-1', 'node-2']));
    await holds('sessions stay', 2, async () => {
      expect(await Promise.all(FAMILIES.map((family) => tor.incarnation(hosts.one[family])))).toEqual(before);
    });
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('has everything again after the ToR got %s', async (signal) => {
    await tor.stop(signal);
    await tor.start();
    await sessionsUp(tor, [hosts.one, hosts.two], [one, two]);
    await everythingThere(SESSION_SECONDS);
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('has everything again after Linnet got %s', async (signal) => {
    const before = await tor.incarnation(hosts.one.ipv4);
    await one.stop(signal);
    one.start();
    await sessionsUp(tor, [hosts.one, hosts.two], [one, two]);
    await everythingThere(SESSION_SECONDS);
    expect(await tor.incarnation(hosts.one.ipv4)).not.toBe(before);
  });

  it('loses what a node announced when that node stops for good', async () => {
    await one.stop('SIGTERM');
    for (const family of FAMILIES) {
      await pathsBecome(tor, hostRoute(LOCAL[family]), [], SESSION_SECONDS);
      await pathsBecome(tor, hostRoute(CLUSTER[family]), [by(hosts.two, family, LB_COMMUNITIES)], SESSION_SECONDS);
    }
  });
});
