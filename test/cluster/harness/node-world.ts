/** One node's daemon on a real API server with the shipped roles, and a ToR that takes its session. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRecord } from '../../../src/confd/resources/fields.ts';
import type { RunningDaemon } from '../../cli/program.ts';
import { until } from '../../interop/harness/wait.ts';
import { type BgpPeer, startPeer } from './bgp-peer.ts';
import { type Cluster, manifestsIn, startCluster } from './cluster.ts';
import { writeToken } from './follow.ts';
import { calico, definitions, nodeStatusDefinition } from './manifests.ts';

/** API group of the world's objects. */
export const CRD = 'crd.projectcalico.org/v1';

/** The node's address, and its ToR's. */
export const OWN = '192.0.2.1';
const TOR = '192.0.2.254';

/** A running world; everything ends with `stop`. */
export interface NodeWorld {
  readonly cluster: Cluster;
  readonly peer: BgpPeer;
  /** File with the token of the shipped account. */
  readonly token: string;
  /** Starts the daemon of node-1 with more flags. */
  start(...more: readonly string[]): RunningDaemon;
  /** An object as it is now. */
  get(path: string): Promise<Readonly<Record<string, unknown>>>;
  stop(): Promise<void>;
}

/** Follows keys and indexes into a document; undefined where there is nothing. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((found, key) => {
    if (Array.isArray(found)) return typeof key === 'number' ? found.at(key) : undefined;
    return isRecord(found) ? found[key] : undefined;
  }, value);
}

/** Starts it; `network` is the first three octets of loopback addresses for this suite alone, `more` are flags of the API server. */
export async function startNodeWorld(network: string, more: readonly string[] = []): Promise<NodeWorld> {
  // Loaded here, because it insists on a built program also where the suite is skipped.
  const { startDaemon } = await import('../../cli/program.ts');
  const cluster = await startCluster(more);
  const folder = await mkdtemp(join(tmpdir(), 'linnet-cluster-node-'));
  const { admin } = cluster;
  await admin.create(...definitions(CRD), nodeStatusDefinition(CRD), ...manifestsIn('deploy/rbac/linnet.yaml'));
  await until('the kinds are served', 30, async () => {
    for (const plural of ['bgppeers', 'caliconodestatuses']) await admin.call('GET', `/apis/${CRD}/${plural}`);
  });
  await admin.create(
    calico(CRD, 'BGPConfiguration', 'default', {
      asNumber: '64512',
      nodeToNodeMeshEnabled: false,
      serviceExternalIPs: [{ cidr: '198.51.100.0/24' }],
    }),
    calico(CRD, 'BGPPeer', 'tor', { peerIP: TOR, asNumber: 64700 }),
    calico(CRD, 'IPPool', 'pods', { cidr: '10.64.0.0/10', ipipMode: 'Never', vxlanMode: 'Never' }),
  );
  const token = await writeToken(cluster, 'linnet', await cluster.token('kube-system/linnet', 'token-linnet'));
  const peer = await startPeer({ host: `${network}.254`, port: 1790, as: 64700, bgpId: 0xc00002fe });
  const server = [
    '--api-endpoint',
    `https://127.0.0.1:${cluster.port}`,
    '--api-ca-file',
    cluster.certificates.ca,
    '--api-token-file',
    token,
  ];
  const map = ['--transport-map', `${OWN}=${network}.1:1790,${TOR}=${network}.254:1790`];
  return {
    cluster,
    peer,
    token,
    start: (...more) => startDaemon(folder, 'node-1', ['--datastore', 'kubernetes', ...server, ...map, ...more]),
    get: async (path) => {
      const found = await admin.call('GET', path);
      if (!isRecord(found)) throw new Error(`${path} is no object`);
      return found;
    },
    stop: async () => {
      await peer.stop();
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
