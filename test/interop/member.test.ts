/**
 * (c) A real daemon in the place of an ordinary node, same AS: first in the full mesh, then as client of a Linnet reflector.
 * Routes go both ways with Calico's LOCAL_PREF, reflection leaves its marks, and nothing comes back to where it started.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterNode, ClusterPeer } from './harness/cluster.ts';
import type { Daemon } from './harness/daemon.ts';
import { familyOf } from './harness/daemon.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, KINDS, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import {
  CALICO_LOCAL_PREF,
  CLUSTER,
  CLUSTER_AS,
  FAMILIES,
  hostRoute,
  LOCAL,
  makeCluster,
  neighbors,
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

const BLOCKS = { one: { ipv4: '10.244.1.0/26', ipv6: 'fd44:1::/122' }, member: { ipv4: '10.244.2.0/26', ipv6: 'fd44:2::/122' } };
const CLUSTER_ID = '10.97.0.9';

describe.skipIf(!CAN_RUN).each(KINDS)('%s as a member of the cluster', (kind) => {
  let lab: Lab;
  const steps = inOrder();
  let hosts: { readonly one: Host; readonly member: Host; readonly nine: Host; readonly tor: Host };
  let one: LinnetNode;
  let nine: LinnetNode;
  let member: Daemon;
  let tor: Daemon;

  /** node-9 is an ordinary node of the mesh, then also the reflector of the others, then nothing but that. */
  function write(stage: 'mesh' | 'both' | 'reflector'): void {
    const reflecting = stage !== 'mesh';
    const nodes: ClusterNode[] = [
      { host: hosts.one, blocks: Object.values(BLOCKS.one) },
      { host: hosts.member, blocks: Object.values(BLOCKS.member) },
      { host: hosts.nine, ...(reflecting ? { clusterId: CLUSTER_ID, labels: { reflector: 'yes' } } : {}) },
    ];
    const toReflectors: ClusterPeer = {
      name: 'to-reflectors',
      spec: { nodeSelector: '!has(reflector)', peerSelector: "reflector == 'yes'" },
    };
    const cluster = makeCluster(
      nodes,
      [toReflectors, ...outsidePeers(hosts.tor, TOR_AS, { node: 'node-1' })],
      services(['node-1'], ['node-1']),
    );
    lab.datastore.write({ ...cluster, configuration: { ...cluster.configuration, nodeToNodeMeshEnabled: stage !== 'reflector' } });
  }

  /** An internal path: empty AS_PATH, LOCAL_PREF as Calico's nodes send it. */
  function inside(from: Host, nextHop: Host, family: 'ipv4' | 'ipv6', more: object = {}): object {
    return { from: from[family], nextHop: nextHop[family], asPath: [], localPref: CALICO_LOCAL_PREF, ...more };
  }

  beforeAll(async () => {
    lab = await makeLab(`member ${kind}`);
    hosts = {
      one: await lab.lan.host('node-1', 1),
      member: await lab.lan.host('node-2', 2),
      nine: await lab.lan.host('node-9', 9),
      tor: await lab.lan.host('tor', 254),
    };
    write('mesh');
    const sessions = neighbors([hosts.one, hosts.nine], CLUSTER_AS);
    member = lab.daemon(kind, hosts.member, {
      as: CLUSTER_AS,
      routerId: hosts.member.ipv4,
      neighbors: sessions,
      announce: Object.values(BLOCKS.member),
    });
    tor = lab.daemon(kind, hosts.tor, routerConfig(hosts.tor, [hosts.one]));
    await member.start();
    await tor.start();
    one = lab.linnet(hosts.one);
    nine = lab.linnet(hosts.nine);
    one.start();
    nine.start();
  });
  afterAll(async () => lab?.close(steps.failed()));

  it('mesh: gets service addresses and blocks, each from the node that originates it only', async () => {
    await sessionsUp(member, [hosts.one, hosts.nine], [one, nine]);
    const own = { clusterList: [] };
    for (const family of FAMILIES) {
      await pathsBecome(member, hostRoute(LOCAL[family]), [inside(hosts.one, hosts.one, family, own)], SESSION_SECONDS);
      await pathsBecome(member, hostRoute(CLUSTER[family]), [
        inside(hosts.one, hosts.one, family, own),
        inside(hosts.nine, hosts.nine, family, own),
      ]);
      await pathsBecome(member, BLOCKS.one[family], [inside(hosts.one, hosts.one, family, own)]);
    }
  });

  it('mesh: what it announces goes out at the ToR of another node', async () => {
    for (const family of FAMILIES) {
      await pathsBecome(
        tor,
        BLOCKS.member[family],
        [{ from: hosts.one[family], nextHop: hosts.one[family], asPath: [CLUSTER_AS] }],
        SESSION_SECONDS,
      );
    }
  });

  it('mesh: routes are exchanged again after it was killed', async () => {
    await member.stop('SIGKILL');
    await member.start();
    await sessionsUp(member, [hosts.one, hosts.nine], [one, nine]);
    for (const family of FAMILIES) {
      await pathsBecome(member, BLOCKS.one[family], [inside(hosts.one, hosts.one, family)], SESSION_SECONDS);
      await pathsBecome(tor, BLOCKS.member[family], [{ from: hosts.one[family] }], SESSION_SECONDS);
    }
  });

  it('the mesh node that becomes its reflector keeps the session', async () => {
    const before = await Promise.all(FAMILIES.map((family) => member.incarnation(hosts.nine[family])));
    write('both');
    const reflected = { originatorId: hosts.one.ipv4, clusterList: [CLUSTER_ID] };
    for (const family of FAMILIES) {
      const paths = [inside(hosts.one, hosts.one, family, { clusterList: [] }), inside(hosts.nine, hosts.one, family, reflected)];
      await pathsBecome(member, hostRoute(LOCAL[family]), paths, SESSION_SECONDS);
    }
    // node-1 leaves the mesh, and its session with the member goes; that with the reflector does not.
    write('reflector');
    for (const family of FAMILIES)
      await pathsBecome(member, hostRoute(LOCAL[family]), [inside(hosts.nine, hosts.one, family, reflected)], SESSION_SECONDS);
    expect(await Promise.all(FAMILIES.map((family) => member.incarnation(hosts.nine[family])))).toEqual(before);
  });

  it('client: reflected routes say where they come from, the reflector’s own do not', async () => {
    const reflected = { originatorId: hosts.one.ipv4, clusterList: [CLUSTER_ID] };
    for (const family of FAMILIES) {
      await pathsBecome(member, BLOCKS.one[family], [inside(hosts.nine, hosts.one, family, reflected)]);
      await pathsBecome(member, hostRoute(CLUSTER[family]), [inside(hosts.nine, hosts.nine, family, { clusterList: [] })]);
    }
    expect(
      (await member.routes()).filter(
        (route) => route.from === hosts.nine.ipv4 && route.nextHop === hosts.nine.ipv4 && route.originatorId !== undefined,
      ),
    ).toEqual([]);
  });

  it('client: what it announces reaches the other client, and never itself', async () => {
    for (const family of FAMILIES) {
      await pathsBecome(
        tor,
        BLOCKS.member[family],
        [{ from: hosts.one[family], nextHop: hosts.one[family], asPath: [CLUSTER_AS] }],
        SESSION_SECONDS,
      );
    }
    await holds('no echo', 2, async () => {
      for (const prefix of Object.values(BLOCKS.member)) expect(await member.echoed(hosts.nine[familyOf(prefix)], prefix)).toBe(false);
    });
  });

  it('client: withdrawals pass through the reflector', async () => {
    await member.stop('SIGTERM');
    for (const family of FAMILIES) await pathsBecome(tor, BLOCKS.member[family], [], SESSION_SECONDS);
  });
});
