/**
 * `npm run bench:cluster`: the built daemon on a real API server with as many nodes as asked for. How long until it is in sync,
 * what it costs, and how long a Service takes from the API write to the UPDATE at a peer. All share the machine, so the API
 * server's processor time is printed beside ours.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { expect, it } from 'vitest';
import { startDaemon } from '../../cli/program.ts';
import { until } from '../../interop/harness/wait.ts';
import { type BgpPeer, startPeer } from '../harness/bgp-peer.ts';
import { type Cluster, manifestsIn, startCluster } from '../harness/cluster.ts';
import { writeToken } from '../harness/follow.ts';
import { calico, definitions, type Manifest, node, service, slice } from '../harness/manifests.ts';
import { cpuSeconds, memory, paced, quantile, shares } from './figures.ts';
import { loadIntoEtcd } from './load.ts';
import { nodeAddress, nodeName, PER_NODE, worldOf } from './world.ts';

const CRD = 'crd.projectcalico.org/v1';
const OPTIONS = {
  nodes: Number(process.env['LINNET_BENCH_NODES'] ?? 100),
  mesh: process.env['LINNET_BENCH_MESH'] === '1',
  labelled: process.env['LINNET_BENCH_UNLABELLED'] !== '1',
  seconds: Number(process.env['LINNET_BENCH_SECONDS'] ?? 30),
  changes: Number(process.env['LINNET_BENCH_CHANGES'] ?? 0),
};
/** Percent of a core below which an API server has nothing of its own to do. */
const QUIET = 15;
/** Changes between two looks at the memory. */
const STRETCH = 2000;
const TORS = ['172.31.255.253', '172.31.255.254'] as const;
/** Loopback addresses of the peers: of a network of our own, as those of the session. */
const loopback = (index: number): string => `127.${100 + (process.pid % 100)}.${1 + (index >> 7)}.${1 + (index & 127)}`;

/** When the route to an external address came to the first ToR, monotonic ms. */
const arrivals = new Map<string, number>();
let wanted = new Map<string, string>();

function noteUpdate(at: number, body: string): void {
  // A /32 of 198.18.0.0/15 stands in it as 20 c6 12 or 13.
  for (const [, hex] of body.matchAll(/20(c61[23]....)/g)) {
    const address = hex === undefined ? undefined : wanted.get(hex);
    if (address !== undefined && !arrivals.has(address)) arrivals.set(address, at);
  }
}

/** The nth external address that is measured. */
function external(index: number): string {
  const address = `198.${18 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
  const hex = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  wanted = wanted.set(hex.join(''), address);
  return address;
}

interface Bench {
  readonly cluster: Cluster;
  readonly daemon: ReturnType<typeof startDaemon>;
  readonly peers: readonly BgpPeer[];
  readonly rows: (readonly [figure: string, value: string, bar: string])[];
}

async function prepare(cluster: Cluster): Promise<void> {
  await cluster.admin.create(...definitions(CRD), ...manifestsIn('deploy/rbac/linnet.yaml'));
  await until('the kinds are served', 60, () => cluster.admin.call('GET', `/apis/${CRD}/bgppeers`));
  const configuration = {
    asNumber: '64512',
    nodeToNodeMeshEnabled: OPTIONS.mesh,
    serviceExternalIPs: [{ cidr: '198.18.0.0/15' }, { cidr: '203.0.0.0/8' }],
  };
  await cluster.admin.create(
    calico(CRD, 'BGPConfiguration', 'default', configuration),
    calico(CRD, 'IPPool', 'pods', { cidr: '10.64.0.0/10', ipipMode: 'Never', vxlanMode: 'Never' }),
    ...TORS.map((peerIP, index) =>
      calico(CRD, 'BGPPeer', `tor-${index}`, { peerIP, asNumber: 64700, nodeSelector: "kubernetes.io/hostname == 'node-1'" }),
    ),
  );
}

/** Peers of the node with the address that each has in the cluster. */
function peersOfNode(): readonly { readonly address: string; readonly at: string; readonly as: number }[] {
  const tors = TORS.map((address, index) => ({ address, at: loopback(index), as: 64700 }));
  if (!OPTIONS.mesh) return tors;
  const others = Array.from({ length: OPTIONS.nodes - 1 }, (_, index) => ({
    address: nodeAddress(index + 1),
    at: loopback(index + 3),
    as: 64512,
  }));
  return [...tors, ...others];
}

async function metric(runDir: string, name: string): Promise<number> {
  const dispatcher = new Agent({ connect: { socketPath: join(runDir, 'linnet.sock') } });
  try {
    const { body } = await request('http://linnet/metrics', { dispatcher });
    const line = (await body.text()).split('\n').find((one) => one.startsWith(name));
    return Number(line?.slice(line.lastIndexOf(' ') + 1));
  } finally {
    await dispatcher.destroy();
  }
}

const timed = async (what: string, seconds: number, look: () => Promise<boolean> | boolean): Promise<number> => {
  const began = performance.now();
  for (;;) {
    if (await Promise.resolve(look()).catch(() => false)) return performance.now() - began;
    if (performance.now() - began > seconds * 1000) throw new Error(`${what}: not within ${seconds} s`);
    await pause(20);
  }
};

function heartbeat(cluster: Cluster) {
  return async (index: number): Promise<void> => {
    const lastHeartbeatTime = new Date(1_790_000_000_000 + index * 1000).toISOString();
    // As a kubelet does that has nothing new to say.
    const conditions = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({ type, lastHeartbeatTime }));
    const status = (type: string): string => (type === 'Ready' ? 'True' : 'False');
    const body = { status: { conditions: conditions.map((one) => ({ ...one, status: status(one.type), reason: 'a', message: 'b' })) } };
    await cluster.admin.patch(node(nodeName((index * 37) % OPTIONS.nodes), ''), body, '/status');
  };
}

/** Ms from the beginning of the writes to the UPDATE at the ToR, and from the API server's own answer to it. */
interface Latencies {
  readonly update: readonly number[];
  readonly ours: readonly number[];
}

/** Without a node port, of which there are 2,768. */
function localService(name: string, address: string): Manifest {
  const spec = { type: 'ClusterIP', ports: [{ port: 80 }], externalIPs: [address], externalTrafficPolicy: 'Local' };
  return { ...service(name, []), spec };
}

/** Moves the endpoints of so many Services away from the node and back, again and again: routes that come and go. */
async function flap(cluster: Cluster, first: number, services: number, count: number, perSecond: number): Promise<void> {
  const ending = new AbortController();
  await paced(perSecond, ending.signal, async (index) => {
    if (index === count - 1) ending.abort();
    if (index >= count) return;
    const nodeName = Math.floor(index / services) % 2 === 0 ? 'node-2' : 'node-1';
    const endpoints = [{ addresses: ['10.0.0.1'], nodeName, conditions: { ready: true } }];
    await cluster.admin.patch(slice(`timed-${first + (index % services)}`, []), { endpoints });
  });
}

/** Writes Services at a pace. */
async function latencies(cluster: Cluster, first: number, count: number, perSecond: number): Promise<Latencies> {
  const began = new Map<string, number>();
  const answered = new Map<string, number>();
  const write = async (index: number): Promise<void> => {
    const address = external(first + index);
    const one = localService(`timed-${first + index}`, address);
    began.set(address, performance.now());
    await cluster.admin.create(one);
    answered.set(address, performance.now());
  };
  for (let index = 0; index < count; index += 8) {
    const some = Array.from({ length: Math.min(8, count - index) }, (_, more) => slice(`timed-${first + index + more}`, ['node-1']));
    await Promise.all(some.map((one) => cluster.admin.create(one)));
  }
  await pause(1000);
  const ending = new AbortController();
  await paced(perSecond, ending.signal, async (index) => {
    if (index === count - 1) ending.abort();
    if (index < count) await write(index);
  });
  await timed('the last UPDATE', 60, () => [...began.keys()].every((address) => arrivals.has(address)));
  const since = (times: ReadonlyMap<string, number>): readonly number[] =>
    [...times].map(([address, at]) => (arrivals.get(address) ?? Number.NaN) - at);
  // The watch may be quicker than the answer.
  return { update: since(began), ours: since(answered).map((value) => Math.max(0, value)) };
}

const both = ({ update, ours }: Latencies): string => `${ms(update)}; from the API server's answer on: ${ms(ours)}`;
const ms = (values: readonly number[]): string =>
  `p50 ${quantile(values, 0.5).toFixed(1)} ms, p99 ${quantile(values, 0.99).toFixed(1)} ms of ${values.length}`;
const percent = ([ours, theirs]: readonly number[]): string => `${ours?.toFixed(2)} % of a core (API server ${theirs?.toFixed(1)} %)`;

/**
 * What 17 statuses a second cost. A minute of them is 1,020 calls of what takes one: for the first minutes compiling it costs the half of running it,
 * which is nothing of a daemon that runs for weeks. So they go on for twice as long as is measured before it is.
 */
async function heartbeatShares(cluster: Cluster, pids: readonly number[]): Promise<readonly number[]> {
  const ending = new AbortController();
  const beating = paced(17, ending.signal, heartbeat(cluster));
  await pause(2000 * OPTIONS.seconds);
  const measured = await shares(pids, OPTIONS.seconds);
  ending.abort();
  await beating;
  return measured;
}

async function measure({ cluster, daemon, rows }: Bench): Promise<void> {
  const pids = [daemon.pid, cluster.apiServerPid()];
  const row = (figure: string, value: string, bar = ''): void => void rows.push([figure, value, bar]);
  // The first saving of the state and the collections after the start are over by then.
  await pause(30_000);
  row('memory, all threads', `${memory(daemon.pid).now} MB (peak ${memory(daemon.pid).peak} MB)`, '≤ 250 MB');
  row('processor, idle', percent(await shares(pids, OPTIONS.seconds)));
  row('processor, 17 node statuses a second', percent(await heartbeatShares(cluster, pids)), '≤ 1 %');
  row('Service to UPDATE, idle', both(await latencies(cluster, 0, 4 * OPTIONS.seconds, 4)), '≤ 50 ms p99');
  const busy = [cpuSeconds(pids[0] ?? 0), cpuSeconds(pids[1] ?? 0)];
  const began = performance.now();
  row('Service to UPDATE, 100 changes a second', both(await latencies(cluster, 20_000, 50 * OPTIONS.seconds, 100)));
  const elapsed = (performance.now() - began) / 1000;
  row('processor, during the last', percent(pids.map((pid, index) => ((cpuSeconds(pid) - (busy[index] ?? 0)) / elapsed) * 100)));
  const size = (): string => `${memory(daemon.pid).now} MB (peak ${memory(daemon.pid).peak} MB)`;
  row(`memory, after ${4 * OPTIONS.seconds + 50 * OPTIONS.seconds} changes`, size(), '≤ 250 MB');
  for (let done = 0; done < OPTIONS.changes; done += STRETCH) {
    await flap(cluster, 20_000, 50 * OPTIONS.seconds, Math.min(STRETCH, OPTIONS.changes - done), 100);
    row(`memory, after ${Math.min(OPTIONS.changes, done + STRETCH)} more at 100 a second`, size(), '≤ 250 MB');
  }
}

function print(rows: Bench['rows'], objects: number): void {
  const what = `${OPTIONS.nodes} nodes${OPTIONS.mesh ? ' in a full mesh' : ''}, ${PER_NODE.blocks * OPTIONS.nodes} block affinities${OPTIONS.labelled ? '' : ' without the label'}`;
  const more = `${PER_NODE.services * OPTIONS.nodes} Services, ${PER_NODE.slices * OPTIONS.nodes} EndpointSlices`;
  const load = loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');
  const table = [['figure', 'value', 'bar'], ['---', '---', '---'], ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  process.stdout.write(
    `\n${what}, ${more} (${objects} objects)\n${table}\nNode ${process.version}, ${cpus().length} cores shared by all, load ${load}\n`,
  );
}

it('measures', { timeout: 3_600_000 }, async () => {
  const cluster = await startCluster();
  const cleanup: (() => Promise<unknown>)[] = [() => cluster.stop()];
  try {
    await prepare(cluster);
    await cluster.stopApiServer();
    const objects = await loadIntoEtcd(cluster.etcdPort, worldOf(OPTIONS.nodes, OPTIONS.labelled));
    await cluster.startApiServer();
    const folder = await mkdtemp(join(tmpdir(), 'linnet-bench-'));
    cleanup.push(() => rm(folder, { recursive: true, force: true }));
    const places = peersOfNode();
    const peers = await Promise.all(
      places.map(({ at, as }, index) =>
        startPeer({ host: at, port: 1790, as, bgpId: index + 1, ...(index === 0 ? { onUpdate: noteUpdate } : {}) }),
      ),
    );
    cleanup.push(() => Promise.all(peers.map((peer) => peer.stop())));
    const token = await writeToken(cluster, 'linnet', await cluster.token('kube-system/linnet', 'token-linnet'));
    const config = join(folder, 'linnet.yaml');
    const map = [[nodeAddress(0), loopback(2)], ...places.map(({ address, at }) => [address, at])].map(
      ([from, to]) => `${from}=${to}:1790`,
    );
    await writeFile(config, JSON.stringify({ transportMap: map.join(',') }));
    // A server that starts knows its custom kinds a little later.
    await until('the kinds are served', 60, () => cluster.admin.call('GET', `/apis/${CRD}/blockaffinities?limit=1`));
    // What is measured is a daemon that starts, not a server that does.
    await timed('the API server has filled its caches', 180, async () => ((await shares([cluster.apiServerPid()], 3))[0] ?? 100) < QUIET);
    const daemon = startDaemon(folder, nodeName(0), [
      ...['--datastore', 'kubernetes', '--api-endpoint', `https://127.0.0.1:${cluster.port}`, '--api-ca-file', cluster.certificates.ca],
      ...['--api-token-file', token, '--config', config],
    ]);
    cleanup.push(() => daemon.stop());
    const warm = performance.now();
    const bench: Bench = { cluster, daemon, peers, rows: [] };
    const api = cpuSeconds(cluster.apiServerPid());
    const synced = await timed('in sync', 300, async () => (await metric(daemon.runDir, 'linnet_source_in_sync')) === 1);
    const spent = `ours ${cpuSeconds(daemon.pid).toFixed(1)} s, API server ${(cpuSeconds(cluster.apiServerPid()) - api).toFixed(1)} s of a core`;
    bench.rows.push(['start to in sync', `${(synced / 1000).toFixed(1)} s (${spent})`, '≤ 10 s']);
    await until('all sessions', 120, () => {
      const missing = peers.filter((peer) => !peer.established()).length;
      if (missing > 0) throw new Error(`${missing} not established\n${daemon.log().slice(-1500)}`);
    });
    bench.rows.push(['sessions', `${peers.length} (all after ${((performance.now() - warm) / 1000).toFixed(1)} s)`, '']);
    await measure(bench);
    print(bench.rows, objects);
    expect(peers.every((peer) => peer.connections() === 1)).toBe(true);
  } finally {
    for (const task of cleanup.reverse()) await task().catch(() => undefined);
  }
});
