/**
 * No packet is lost while Linnet restarts (kill -9 twice in a row, SIGTERM, a new version over the same state):
 * pods on two nodes, each node behind a router of its own that only knows their addresses by BGP. Contract: 10,000 packets a direction
 * at 100/s, IPv4 and IPv6 at once, and no route is deleted anywhere. Both kinds of router run at the same time.
 */
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Fabric } from './harness/fabric.ts';
import { makeFabric, writeManifests } from './harness/fabric.ts';
import type { Lab } from './harness/lab.ts';
import { CAN_RUN, KINDS, makeLab } from './harness/lab.ts';
import type { Host } from './harness/lan.ts';
import type { LinnetNode } from './harness/linnet.ts';
import { makeLinnet } from './harness/linnet.ts';
import type { Router, RouterKind } from './harness/routers.ts';
import { makeRouter } from './harness/routers.ts';
import type { RouteWatch, Stream, StreamResult } from './harness/stream.ts';
import { startStream, watchRoutes } from './harness/stream.ts';
import { until } from './harness/wait.ts';

const PACKETS = 10_000;
const RATE = 100;
/** Shorter than the restart time that peers are told, and long enough for a process to start on a machine with twenty times its share of work. */
const SESSION_SECONDS = 110;
const QUIET_MS = 8_000;
/** A route of the test's own, deleted when all is over. */
const LAST = '192.0.2.0/24';
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ROUTERS = (['bird2', 'frr'] as const).filter((kind) => KINDS.includes(kind));

/** Rack n: node 172.31.n.2 and fd31:n::2 in AS 64600+n, router 172.31.n.1 and fd31:n::1 in AS 65000+n. */
const rack = (n: number) => ({
  node: `172.31.${n}.2`,
  node6: `fd31:${n}::2`,
  router: `172.31.${n}.1`,
  router6: `fd31:${n}::1`,
  nodeAs: 64600 + n,
  routerAs: 65000 + n,
});

/** Addresses of the two pods. That of the second rack has some that no block of its node covers: the node knows them from its kernel alone. */
const PODS = { ipv4: ['10.244.1.5', '10.244.77.9'], ipv6: ['fd44:1::5', 'fd44:77::9'] } as const;

/** Addresses of the link between the routers, the own end first. */
interface Spine {
  readonly ipv4: readonly [string, string];
  readonly ipv6: readonly [string, string];
}
const SPINE: readonly [Spine, Spine] = [
  { ipv4: ['172.31.0.1', '172.31.0.2'], ipv6: ['fd31::1', 'fd31::2'] },
  { ipv4: ['172.31.0.2', '172.31.0.1'], ipv6: ['fd31::2', 'fd31::1'] },
];

function birdConf(own: number, other: number, between: Spine): string {
  const { node, node6, router, router6, nodeAs, routerAs } = rack(own);
  const session = (name: string, [local, remote]: readonly [string, string], as: number): string => `protocol bgp ${name} {
  local ${local} as ${routerAs}; neighbor ${remote} as ${as};
  connect delay time 1; connect retry time 1; error wait time 1, 2;
  ${local.includes(':') ? 'ipv6' : 'ipv4'} { import all; export all; next hop self; };
}`;
  return `router id ${router};
log stderr all;
debug protocols { states, events };
protocol device {}
protocol kernel { ipv4 { export where source = RTS_BGP; }; }
protocol kernel { ipv6 { export where source = RTS_BGP; }; }
${session('node', [router, node], nodeAs)}
${session('node6', [router6, node6], nodeAs)}
${session('spine', between.ipv4, rack(other).routerAs)}
${session('spine6', between.ipv6, rack(other).routerAs)}
`;
}

function frrConf(own: number, other: number, between: Spine): string {
  const { node, node6, router, nodeAs, routerAs } = rack(own);
  const session = (remote: string, as: number): string => ` neighbor ${remote} remote-as ${as}
 neighbor ${remote} timers connect 1
 neighbor ${remote} advertisement-interval 0`;
  return `frr defaults traditional
debug bgp neighbor-events
debug bgp graceful-restart
router bgp ${routerAs}
 bgp router-id ${router}
 no bgp ebgp-requires-policy
${session(node, nodeAs)}
${session(node6, nodeAs)}
${session(between.ipv4[1], rack(other).routerAs)}
${session(between.ipv6[1], rack(other).routerAs)}
 address-family ipv4 unicast
  no neighbor ${node6} activate
  no neighbor ${between.ipv6[1]} activate
 address-family ipv6 unicast
  neighbor ${node6} activate
  neighbor ${between.ipv6[1]} activate
`;
}

/** Everything of one run. */
interface Scene {
  readonly lab: Lab;
  readonly fabric: Fabric;
  readonly nodes: readonly [Host, Host];
  readonly routers: readonly [Router, Router];
  readonly linnets: readonly [LinnetNode, LinnetNode];
  readonly pods: readonly [string, string];
}

const CALICO = 'apiVersion: projectcalico.org/v3';

function manifests(): { readonly [name: string]: string } {
  const node = (n: number): string => `${CALICO}
kind: Node
metadata: {name: node-${n}, labels: {rack: r${n}}}
spec: {bgp: {ipv4Address: ${rack(n).node}/24, ipv6Address: '${rack(n).node6}/64', asNumber: ${rack(n).nodeAs}}}
---
${CALICO}
kind: BGPPeer
metadata: {name: router-${n}}
spec: {nodeSelector: rack == 'r${n}', peerIP: ${rack(n).router}, asNumber: ${rack(n).routerAs}}
---
${CALICO}
kind: BGPPeer
metadata: {name: router6-${n}}
spec: {nodeSelector: rack == 'r${n}', peerIP: '${rack(n).router6}', asNumber: ${rack(n).routerAs}}
`;
  return {
    'cluster.yaml': `${CALICO}
kind: BGPConfiguration
metadata: {name: default}
spec: {nodeToNodeMeshEnabled: false}
---
${CALICO}
kind: IPPool
metadata: {name: pods}
spec: {cidr: 10.244.0.0/16, ipipMode: Never, vxlanMode: Never}
---
${CALICO}
kind: IPPool
metadata: {name: pods6}
spec: {cidr: 'fd44::/16', ipipMode: Never, vxlanMode: Never}
---
${CALICO}
kind: BlockAffinity
metadata: {name: node-1-10-244-1-0-26}
spec: {node: node-1, type: host, cidr: 10.244.1.0/26, state: confirmed, deleted: false}
---
${CALICO}
kind: BlockAffinity
metadata: {name: node-1-fd44-1-122}
spec: {node: node-1, type: host, cidr: 'fd44:1::/122', state: confirmed, deleted: false}
`,
    'node-1.yaml': node(1),
    'node-2.yaml': node(2),
  };
}

async function build(kind: RouterKind): Promise<Scene> {
  const lab = await makeLab(`loss ${kind}`);
  const fabric = makeFabric(lab);
  const nodes = [await fabric.host('node-1'), await fabric.host('node-2')] as const;
  const boxes = [await fabric.host('tor-1'), await fabric.host('tor-2')] as const;
  for (const [at, n] of [1, 2].entries()) {
    const [node, box] = [nodes[at], boxes[at]];
    if (node === undefined || box === undefined) throw new Error('two racks');
    await fabric.link(
      { host: node, device: 'eth0', address: `${rack(n).node}/24`, ipv6: `${rack(n).node6}/64` },
      { host: box, device: 'rack', address: `${rack(n).router}/24`, ipv6: `${rack(n).router6}/64` },
    );
  }
  await fabric.link(
    { host: boxes[0], device: 'spine', address: `${SPINE[0].ipv4[0]}/30`, ipv6: `${SPINE[0].ipv6[0]}/64` },
    { host: boxes[1], device: 'spine', address: `${SPINE[1].ipv4[0]}/30`, ipv6: `${SPINE[1].ipv6[0]}/64` },
  );
  const pods = [await fabric.pod(nodes[0], PODS.ipv4[0], PODS.ipv6[0]), await fabric.pod(nodes[1], PODS.ipv4[1], PODS.ipv6[1])] as const;
  const conf = kind === 'bird2' ? birdConf : frrConf;
  const routers = [makeRouter(lab, kind, boxes[0], conf(1, 2, SPINE[0])), makeRouter(lab, kind, boxes[1], conf(2, 1, SPINE[1]))] as const;
  writeManifests(lab, manifests());
  // As users run it: nothing says how it is to end.
  const linnet = (host: Host): LinnetNode =>
    lab.adopt(makeLinnet(host, join(lab.directory, `linnet-${host.name}`), lab.datastore.path, { more: [] }));
  const linnets = [linnet(nodes[0]), linnet(nodes[1])] as const;
  for (const router of routers) await router.start();
  for (const linnet of linnets) linnet.start();
  return { lab, fabric, nodes, routers, linnets, pods };
}

/** The session of a node is up and its router has sent and got everything. */
async function joined({ routers, linnets }: Scene, at: 0 | 1): Promise<void> {
  await until(`node ${at + 1} is back`, SESSION_SECONDS, async () => {
    linnets[at].alive();
    const up = await routers[at].established();
    expect([rack(at + 1).node, rack(at + 1).node6].filter((address) => !up.has(address))).toEqual([]);
    const seen = JSON.stringify(await linnets[at].ask('peers'));
    expect(seen.split('"state":"established"').length).toBe(3);
    // A session that ends before it has brought the routes again takes along what the router kept: no stale route outlives a second restart
    // (RFC 4724 section 4.2).
    expect(seen.split('"endOfRibReceived":true').length).toBe(3);
    expect(seen).not.toMatch(/"advertised":0[,}]/);
  });
}

/** A second copy of the program, as an upgrade brings it. */
function nextVersion(lab: Lab): string {
  const root = join(lab.directory, 'next-version');
  mkdirSync(root, { recursive: true });
  for (const part of ['bin', 'dist', 'package.json', 'src/bgp/dist', 'src/bgp/package.json', 'src/netlink'])
    cpSync(join(ROOT, part), join(root, part), { recursive: true });
  for (const part of ['node_modules', 'templates']) symlinkSync(join(ROOT, part), join(root, part));
  return join(root, 'bin', 'linnet.js');
}

/** What one run shows. */
interface Outcome {
  /** Both directions of IPv4, then of IPv6. */
  readonly results: readonly StreamResult[];
  /** What was deleted in each namespace. */
  readonly deletions: readonly (readonly string[])[];
  /** Restarts that were made, in order. */
  readonly restarts: readonly string[];
}

async function restarts(scene: Scene, at: 0 | 1, done: string[]): Promise<void> {
  const node = scene.linnets[at];
  const name = `node-${at + 1}`;
  // Twice in a row: the second one before the first start has come to anything, the third one as soon as it has.
  await node.stop('SIGKILL');
  node.start();
  await node.stop('SIGKILL');
  node.start();
  await joined(scene, at);
  await node.stop('SIGKILL');
  node.start();
  await joined(scene, at);
  done.push(`${name} killed`);
  await node.stop('SIGTERM');
  node.start();
  await joined(scene, at);
  done.push(`${name} stopped`);
}

async function upgrade(scene: Scene, at: 0 | 1, launcher: string, done: string[]): Promise<void> {
  const { lab, nodes, linnets } = scene;
  await linnets[at].stop('SIGTERM');
  const upgraded = lab.adopt(
    makeLinnet(nodes[at], join(lab.directory, `linnet-${nodes[at].name}`), lab.datastore.path, { program: launcher, more: [] }),
  );
  upgraded.start();
  await joined({ ...scene, linnets: at === 0 ? [upgraded, linnets[1]] : [linnets[0], upgraded] }, at);
  done.push(`node-${at + 1} upgraded`);
}

async function measure(scene: Scene): Promise<Outcome> {
  const { lab, nodes, routers, pods } = scene;
  const streams = (count: number): Promise<readonly Stream[]> =>
    Promise.all(
      [PODS.ipv4, PODS.ipv6].map(([one, two]) =>
        startStream(
          lab,
          [
            { namespace: pods[0], address: one },
            { namespace: pods[1], address: two },
          ],
          count,
          RATE,
        ),
      ),
    );
  const reaches = async (): Promise<void> => {
    for (const probe of await streams(1)) for (const one of await probe.done) expect(one.answered).toBe(1);
  };
  await joined(scene, 0);
  await joined(scene, 1);
  await until('pods reach each other', SESSION_SECONDS, reaches);
  const launcher = nextVersion(lab);
  const hosts = [...nodes, ...routers.map((router) => router.host)];
  const watches = await Promise.all(hosts.map((host) => watchRoutes(lab, host.namespace)));
  // On a busy machine the restarts may take longer than the packets: then there are more of them.
  const running = await streams(10 * PACKETS);
  const enough = pause((PACKETS / RATE) * 1000 + 500);
  const done: string[] = [];
  for (const at of [0, 1] as const) {
    await restarts(scene, at, done);
    // Not all at once: what goes wrong a while after a restart must not be hidden by the next one.
    await pause(QUIET_MS);
    await upgrade(scene, at, launcher, done);
    await pause(QUIET_MS);
  }
  await enough;
  const results = (await Promise.all(running.map((stream) => stream.end()))).flat();
  return { results, deletions: await deletions(scene, hosts, watches), restarts: done };
}

/** What each watch saw, ended by a deletion of our own: a watch that does not see that one has seen nothing. */
async function deletions({ fabric }: Scene, hosts: readonly Host[], watches: readonly RouteWatch[]): Promise<string[][]> {
  for (const { namespace } of hosts) {
    await fabric.ip(namespace, 'route', 'add', 'blackhole', LAST);
    await fabric.ip(namespace, 'route', 'del', 'blackhole', LAST);
  }
  await until('the last deletion is seen everywhere', 5, () => {
    for (const watch of watches) expect(watch.deletions().at(-1)).toContain(LAST);
  });
  return watches.map((watch) => watch.deletions().filter((line) => !line.includes(LAST)));
}

describe.skipIf(!CAN_RUN || ROUTERS.length === 0)('restarts of Linnet behind routers', () => {
  const labs: Lab[] = [];
  const outcomes = new Map<RouterKind, Promise<Outcome>>();
  const held = new Set<RouterKind>();

  beforeAll(async () => {
    // One after the other up to here, since names of namespaces are handed out by number; the long part runs side by side.
    for (const kind of ROUTERS) {
      const scene = await build(kind);
      labs.push(scene.lab);
      const outcome = measure(scene);
      // It is awaited later: until then a failure is nobody's.
      outcome.catch(() => undefined);
      outcomes.set(kind, outcome);
    }
  });
  afterAll(async () => {
    for (const lab of labs) await lab.close(held.size < ROUTERS.length);
  });

  it.each(ROUTERS)(
    'lose no packet and no route with %s: kill -9 twice in a row, SIGTERM, upgrade, on both nodes',
    { timeout: 900_000 },
    async (kind) => {
      const outcome = await outcomes.get(kind);
      if (outcome === undefined) throw new Error('no run');
      const { results, deletions: gone, restarts: finished } = outcome;
      expect(results.length).toBe(4);
      expect(finished).toEqual([1, 2].flatMap((n) => [`node-${n} killed`, `node-${n} stopped`, `node-${n} upgraded`]));
      expect(gone).toEqual([[], [], [], []]);
      for (const { sent, answered, lost } of results) {
        expect([answered, lost]).toEqual([sent, []]);
        expect(sent).toBeGreaterThanOrEqual(PACKETS);
      }
      held.add(kind);
    },
  );
});
