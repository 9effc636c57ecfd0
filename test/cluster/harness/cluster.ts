/** A control plane on loopback: etcd and kube-apiserver as processes, RBAC on, with an administrator and accounts. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { parseAllDocuments } from 'yaml';
import { isRecord } from '../../../src/confd/resources/fields.ts';
import type { Running } from '../../interop/harness/exec.ts';
import { start } from '../../interop/harness/exec.ts';
import { Hopeless, until } from '../../interop/harness/wait.ts';
import { serversFolder } from './binaries.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { type Manifest, pathOf } from './manifests.ts';

/** Requests with an administrator's certificate. Each rejects where the answer is no success. */
export interface Admin {
  call(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
  create(...manifests: readonly Manifest[]): Promise<void>;
  /** Merge patch; `path` below the object such as `/status`. */
  patch(manifest: Manifest, change: unknown, path?: string): Promise<void>;
  remove(manifest: Manifest): Promise<void>;
}

/** The control plane of a suite. */
export interface Cluster {
  readonly folder: string;
  readonly certificates: Certificates;
  /** Of the API server. */
  readonly port: number;
  /** Of etcd, which takes anybody. */
  readonly etcdPort: number;
  readonly admin: Admin;
  /** Process id of the API server that runs now; -1 while none does. */
  apiServerPid(): number;
  /** Text of a new token of the account, bound to a Secret of that name: without it the token is void. */
  token(account: string, secret: string): Promise<string>;
  stopApiServer(): Promise<void>;
  startApiServer(): Promise<void>;
  /** Forgets everything before the present revision. */
  compact(): Promise<void>;
  stop(): Promise<void>;
}

/** A port of loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

function makeAdmin(certificates: Certificates, port: number): { admin: Admin; close: () => Promise<void> } {
  const [ca, cert, key] = [certificates.ca, certificates.adminCert, certificates.adminKey].map((path) => readFileSync(path, 'utf8'));
  if (ca === undefined || cert === undefined || key === undefined) throw new Error('no certificates');
  const dispatcher = new Agent({ connect: { ca, cert, key }, connections: 8 });
  const call: Admin['call'] = async (method, path, body) => {
    const { statusCode, body: answer } = await request(`https://127.0.0.1:${port}${path}`, {
      dispatcher,
      method,
      headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${text.slice(0, 600)}`);
    return text.startsWith('{') ? JSON.parse(text) : text;
  };
  const admin: Admin = {
    call,
    async create(...manifests) {
      for (const manifest of manifests) await call('POST', pathOf(manifest), manifest);
    },
    async patch(manifest, change, path = '') {
      await call('PATCH', `${pathOf(manifest)}/${manifest.metadata.name}${path}`, change);
    },
    async remove(manifest) {
      await call('DELETE', `${pathOf(manifest)}/${manifest.metadata.name}`);
    },
  };
  return { admin, close: () => dispatcher.destroy() };
}

/** Manifests of a YAML file of the project. */
export function manifestsIn(path: string): readonly Manifest[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    const found: Manifest = document.toJS();
    return found;
  });
}

function textAt(value: unknown, ...path: readonly string[]): string {
  const found = path.reduce<unknown>((at, key) => (isRecord(at) ? at[key] : undefined), value);
  if (typeof found !== 'string') throw new Error(`nothing at ${path.join('.')}`);
  return found;
}

/** Starts etcd and the API server, with more flags if wanted, and waits until it is ready. */
export async function startCluster(more: readonly string[] = []): Promise<Cluster> {
  const servers = serversFolder();
  if (servers === undefined) throw new Error('no servers');
  const folder = await mkdtemp(join(tmpdir(), 'linnet-cluster-'));
  const certificates = makeCertificates(join(folder, 'pki'));
  const [etcdPort, peerPort, port] = [await freePort(), await freePort(), await freePort()];
  const etcd = start(join(servers, 'etcd'), etcdFlags(folder, etcdPort, peerPort), join(folder, 'etcd.log'));
  const { admin, close } = makeAdmin(certificates, port);
  let api: Running | undefined;
  const startApiServer = async (): Promise<void> => {
    const flags = [...apiFlags(folder, certificates, etcdPort, port), ...more];
    const running = start(join(servers, 'kube-apiserver'), flags, join(folder, 'api.log'));
    api = running;
    await until('the API server is ready', 60, async () => {
      const dead = running.dead() ?? etcd.dead();
      if (dead !== undefined) throw new Hopeless(dead);
      await admin.call('GET', '/readyz');
    });
  };
  const cluster: Cluster = {
    folder,
    certificates,
    port,
    etcdPort,
    admin,
    apiServerPid: () => (api === undefined || api.dead() !== undefined ? -1 : api.pid),
    async token(account, secret) {
      const [namespace, name] = account.split('/');
      const bound = await admin.call('POST', `/api/v1/namespaces/${namespace}/secrets`, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: secret },
      });
      const answer = await admin.call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: secret, uid: textAt(bound, 'metadata', 'uid') } },
      });
      return textAt(answer, 'status', 'token');
    },
    stopApiServer: async () => api?.stop('SIGKILL'),
    startApiServer,
    async compact() {
      const post = async (path: string, body: unknown): Promise<unknown> => {
        const { statusCode, body: answer } = await request(`http://127.0.0.1:${etcdPort}${path}`, {
          method: 'POST',
          body: JSON.stringify(body),
        });
        const text = await answer.text();
        if (statusCode !== 200) throw new Error(`etcd ${path}: ${statusCode} ${text}`);
        return JSON.parse(text);
      };
      const status = await post('/v3/maintenance/status', {});
      await post('/v3/kv/compaction', { revision: textAt(status, 'header', 'revision'), physical: true });
    },
    async stop() {
      await close();
      await api?.stop('SIGKILL');
      await etcd.stop('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
  await startApiServer().catch(async (error: unknown) => {
    await cluster.stop();
    throw error;
  });
  return cluster;
}

function etcdFlags(folder: string, port: number, peerPort: number): readonly string[] {
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  return [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

function apiFlags(folder: string, certificates: Certificates, etcdPort: number, port: number): readonly string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${join(folder, 'run')}`,
    `--tls-cert-file=${certificates.serverCert}`,
    `--tls-private-key-file=${certificates.serverKey}`,
    `--client-ca-file=${certificates.ca}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${certificates.accountKey}`,
    `--service-account-signing-key-file=${certificates.accountKey}`,
    '--endpoint-reconciler-type=none',
    '--profiling=false',
    // Neither a controller manager nor quotas are there to take part.
    '--disable-admission-plugins=ServiceAccount,ResourceQuota',
  ];
}

/** A kubeconfig of the administrator, for those who come with one. */
export async function writeKubeconfig(cluster: Cluster, path: string, proxy?: string): Promise<void> {
  const { certificates, port } = cluster;
  const server = `https://127.0.0.1:${port}`;
  const user = { 'client-certificate': certificates.adminCert, 'client-key': certificates.adminKey };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        cluster: { server, 'certificate-authority': certificates.ca, ...(proxy === undefined ? {} : { 'proxy-url': proxy }) },
      },
    ],
    users: [{ name: 'admin', user }],
    contexts: [{ name: 'admin', context: { cluster: 'test', user: 'admin' } }],
    'current-context': 'admin',
  };
  await writeFile(path, JSON.stringify(config));
}
