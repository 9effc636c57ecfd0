/** The built daemon on a real API server of 200 nodes, with the shipped roles: from a write to the UPDATE at a peer. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../interop/harness/wait.ts';
import { type BgpPeer, startPeer } from './harness/bgp-peer.ts';
import { clusterTitle, serversFolder } from './harness/binaries.ts';
import { type Cluster, manifestsIn, startCluster } from './harness/cluster.ts';
import { follow, writeToken } from './harness/follow.ts';
import { calico, definitions, type Manifest, node, service, slice } from './harness/manifests.ts';

const CRD = 'crd.projectcalico.org/v1';
const NODES = 200;
// A loopback network of our own, so that runs side by side do not meet.
const NETWORK = `127.${20 + (process.pid % 200)}.${Math.floor(process.pid / 200) % 250}`;

type RunningDaemon = ReturnType<typeof import('../cli/program.ts').startDaemon>;
const state: { cluster?: Cluster; folder?: string; peer?: BgpPeer; daemon?: RunningDaemon; start?: () => RunningDaemon; token?: string } =
  {};

function need<K extends keyof typeof state>(key: K): NonNullable<(typeof state)[K]> {
  const found = state[key];
  if (found === undefined) throw new Error(`no ${key}`);
  return found;
}

/** `10.HIGH.LOW.0/26` of the nth node. */
const block = (index: number): string => `10.${64 + (index >> 8)}.${index & 255}.0/26`;

function nodesAndBlocks(): readonly Manifest[] {
  return Array.from({ length: NODES }, (_, index) => {
    const name = `node-${index + 1}`;
    const affinity = { cidr: block(index), node: name, state: 'confirmed', type: 'host', deleted: 'false' };
    return [
      node(name, `192.0.2.${index + 1}/24`),
      calico(CRD, 'BlockAffinity', `${name}-${block(index).replaceAll(/[./]/g, '-')}`, affinity),
    ];
  }).flat();
}

async function createAll(cluster: Cluster, manifests: readonly Manifest[]): Promise<void> {
  const queue = [...manifests];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) await cluster.admin.create(next);
    }),
  );
}

beforeAll(async () => {
  if (serversFolder() === undefined) return;
  // Loaded here, because it insists on a built program also where the suite is skipped.
  const { startDaemon } = await import('../cli/program.ts');
  const cluster = await startCluster();
  state.cluster = cluster;
  state.folder = await mkdtemp(join(tmpdir(), 'linnet-cluster-daemon-'));
  await cluster.admin.create(...definitions(CRD), ...manifestsIn('deploy/rbac/linnet.yaml'));
  await until('the kinds are served', 30, () => cluster.admin.call('GET', `/apis/${CRD}/bgppeers`));
  await createAll(cluster, [
    calico(CRD, 'BGPConfiguration', 'default', {
      asNumber: '64512',
      nodeToNodeMeshEnabled: false,
      serviceExternalIPs: [{ cidr: '198.51.100.0/24' }],
    }),
    calico(CRD, 'BGPPeer', 'tor', { peerIP: '192.0.2.254', asNumber: 64700, nodeSelector: "kubernetes.io/hostname == 'node-1'" }),
    calico(CRD, 'IPPool', 'pods', { cidr: '10.64.0.0/10', ipipMode: 'Never', vxlanMode: 'Never' }),
    ...nodesAndBlocks(),
  ]);
  state.token = await writeToken(cluster, 'linnet', await cluster.token('kube-system/linnet', 'token-linnet'));
  state.peer = await startPeer({ host: `${NETWORK}.254`, port: 1790, as: 64700, bgpId: 0xc00002fe });
  state.start = () =>
    startDaemon(need('folder'), 'node-1', [
      '--datastore',
      'kubernetes',
      '--api-endpoint',
      `https://127.0.0.1:${cluster.port}`,
      '--api-ca-file',
      cluster.certificates.ca,
      '--api-token-file',
      need('token'),
      '--transport-map',
      `192.0.2.1=${NETWORK}.1:1790,192.0.2.254=${NETWORK}.254:1790`,
    ]);
  state.daemon = state.start();
  await until('the session', 30, () => {
    if (!need('peer').established()) throw new Error(need('daemon').log().slice(-2000));
  });
}, 240_000);

afterAll(async () => {
  await state.daemon?.stop();
  await state.peer?.stop();
  await state.cluster?.stop();
  if (state.folder !== undefined) await rm(state.folder, { recursive: true, force: true });
}, 60_000);

/** Resident memory of the daemon in MiB, from the process that holds its sockets. */
function residentMiB(pid: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1024);
}

const at = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;

describe.skipIf(serversFolder() === undefined)(clusterTitle('the daemon on 200 nodes'), () => {
  it('is in sync with all nodes and only its own blocks matter', async () => {
    const began = performance.now();
    const followed = follow(need('cluster'), need('token'), { node: 'node-1' });
    try {
      await followed.until('in sync', (store) => store.inSync);
      process.stdout.write(`200 nodes: in sync after ${Math.round(performance.now() - began)} ms\n`);
      expect(followed.store.snapshot.nodes.size).toBe(NODES);
      expect(followed.issues()).toEqual([]);
    } finally {
      await followed.stop();
    }
    const desired = JSON.stringify(await need('daemon').json('desired'));
    expect(desired).toContain(block(0));
    expect(desired).not.toContain(block(1));
  });

  it('is live and ready', async () => {
    await until('readiness', 20, async () => {
      const outcome = await need('daemon').ask('health', '--live', '--ready');
      if (outcome.code !== 0) throw new Error(outcome.stdout + outcome.stderr);
    });
  });

  it('announces a Service that appears, follows its endpoints, and withdraws it when it goes', async () => {
    const [cluster, peer] = [need('cluster'), need('peer')];
    const web = service('web', ['198.51.100.1'], 'Local');
    await cluster.admin.create(web, slice('web', ['node-2']));
    await cluster.admin.patch(slice('web', []), { endpoints: slice('web', ['node-1'])['endpoints'] });
    await until('the UPDATE', 10, () => expect(peer.announced('198.51.100.1')).toBeDefined());
    await cluster.admin.patch(slice('web', []), { endpoints: slice('web', ['node-3'])['endpoints'] });
    await until('the withdrawal', 10, () => expect(peer.withdrawn('198.51.100.1')).toBeDefined());
    await cluster.admin.remove(web);
  });

  it('needs a moment from the write of a Service to its UPDATE', async () => {
    const [cluster, peer] = [need('cluster'), need('peer')];
    const took: number[] = [];
    for (let index = 10; index < 60; index += 1) {
      const address = `198.51.100.${index}`;
      const one = service(`svc-${index}`, [address], 'Local');
      await cluster.admin.create(slice(`svc-${index}`, ['node-1']));
      const began = performance.now();
      await cluster.admin.create(one);
      await until(`the UPDATE for ${address}`, 10, () => expect(peer.announced(address)).toBeDefined());
      took.push((peer.announced(address) ?? Number.NaN) - began);
    }
    process.stdout.write(
      `API write to UPDATE: p50 ${at(took, 0.5).toFixed(1)} ms, p99 ${at(took, 0.99).toFixed(1)} ms of ${took.length}\n`,
    );
    expect(took.every((ms) => ms > 0)).toBe(true);
  });

  it('sends nothing for heartbeats', async () => {
    const [cluster, peer, daemon] = [need('cluster'), need('peer'), need('daemon')];
    const before = peer.updates();
    for (let beat = 0; beat < 100; beat += 1) {
      const condition = {
        type: 'MemoryPressure',
        status: 'False',
        lastHeartbeatTime: new Date(beat * 1000).toISOString(),
        reason: 'a',
        message: 'b',
      };
      await cluster.admin.patch(node(`node-${(beat % NODES) + 1}`, ''), { status: { conditions: [condition] } }, '/status');
    }
    // What comes after them has come: so have they.
    await cluster.admin.create(slice('last', ['node-1']), service('last', ['198.51.100.200'], 'Local'));
    await until('the last UPDATE', 10, () => expect(peer.announced('198.51.100.200')).toBeDefined());
    expect(peer.updates() - before).toBe(1);
    process.stdout.write(`daemon: ${residentMiB(daemon.pid)} MiB resident\n`);
  });

  it('keeps its session and routes while the API server is away, says it is not in sync', async () => {
    const [cluster, peer, daemon] = [need('cluster'), need('peer'), need('daemon')];
    const before = peer.updates();
    await cluster.stopApiServer();
    await until('the issue', 30, async () => {
      expect(JSON.stringify(await daemon.json('desired'))).toContain('DATASTORE_UNREACHABLE');
    });
    expect(peer.updates()).toBe(before);
    expect(peer.connections()).toBe(1);
  });

  it('starts from its last good state while the API server is still away, says so, and goes on when it is back', async () => {
    const [cluster, peer] = [need('cluster'), need('peer')];
    expect((await need('daemon').stop()).code).toBe(0);
    const announced = performance.now();
    state.daemon = need('start')();
    const daemon = need('daemon');
    await until('the Service announced again', 30, () => expect(peer.announced('198.51.100.200') ?? 0).toBeGreaterThan(announced));
    await until('readiness', 20, async () => expect((await daemon.ask('health', '--live', '--ready')).code).toBe(0));
    expect(JSON.stringify(await daemon.json('desired'))).toContain('DATASTORE_SAVED_STATE');
    const updates = peer.updates();
    await cluster.startApiServer();
    await cluster.admin.create(slice('back', ['node-1']), service('back', ['198.51.100.201'], 'Local'));
    await until('what is new', 60, () => expect(peer.announced('198.51.100.201')).toBeDefined());
    expect(peer.updates() - updates).toBe(1);
    expect(peer.withdrawn('198.51.100.200')).toBe(undefined);
    expect(JSON.stringify(await daemon.json('desired'))).not.toContain('DATASTORE_SAVED_STATE');
    expect((await daemon.stop()).code).toBe(0);
    delete state.daemon;
  }, 180_000);
});
