/** Debian's etcd-server: clusters of one or three members on loopback, with or without TLS, and Calico's objects in them. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { isRecord } from '../../../src/confd/resources/fields.ts';
import type { Running } from '../../interop/harness/exec.ts';
import { run, start } from '../../interop/harness/exec.ts';
import { until } from '../../interop/harness/wait.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { freePort } from './cluster.ts';

/** True where etcd can be started. */
export function hasEtcd(): boolean {
  try {
    execFileSync('etcd', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** One member. */
export interface Member {
  readonly url: string;
  start(): void;
  stop(): Promise<void>;
}

/** A cluster that runs. */
export interface Etcd {
  readonly folder: string;
  readonly certificates: Certificates;
  readonly members: readonly Member[];
  /** A request to the first member that runs, by an administrator. Rejects where the answer is no success. */
  call(path: string, body: unknown): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
  remove(key: string): Promise<void>;
  /** Forgets everything before the present revision. */
  compact(): Promise<void>;
  stop(): Promise<void>;
}

const encode = (text: string): string => Buffer.from(text).toString('base64');

/** Starts a cluster and waits until it has a leader. */
export async function startEtcd(size: 1 | 3, tls = false): Promise<Etcd> {
  const folder = await mkdtemp(join(tmpdir(), 'linnet-etcd-'));
  const certificates = makeCertificates(join(folder, 'pki'));
  const ports: (readonly [client: number, peer: number])[] = [];
  for (let index = 0; index < size; index += 1) ports.push([await freePort(), await freePort()]);
  const initial = ports.map(([, peer], index) => `m${index}=http://127.0.0.1:${peer}`).join(',');
  const processes: (Running | undefined)[] = [];
  const members = ports.map(([client, peer], index): Member => {
    const url = `${tls ? 'https' : 'http'}://127.0.0.1:${client}`;
    const flags = [
      `--name=m${index}`,
      `--data-dir=${join(folder, `m${index}`)}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-cluster=${initial}`,
      '--unsafe-no-fsync',
      '--log-level=error',
      ...(tls ? tlsFlags(certificates) : []),
    ];
    return {
      url,
      start() {
        processes[index] = start('etcd', flags, join(folder, `m${index}.log`));
      },
      stop: async () => processes[index]?.stop('SIGKILL'),
    };
  });
  const material = { ca: certificates.ca, cert: certificates.adminCert, key: certificates.adminKey };
  const dispatcher = new Agent({ connect: tls ? await readAll(material) : {} });
  const call = async (path: string, body: unknown): Promise<unknown> => {
    const alive = members.find((_, index) => processes[index]?.dead() === undefined) ?? members[0];
    const answer = await request(`${alive?.url}${path}`, { method: 'POST', body: JSON.stringify(body), dispatcher });
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`etcd ${path}: ${answer.statusCode} ${text.slice(0, 300)}`);
    return JSON.parse(text);
  };
  for (const member of members) member.start();
  const etcd: Etcd = {
    folder,
    certificates,
    members,
    call,
    async put(key, value) {
      await call('/v3/kv/put', { key: encode(key), value: encode(typeof value === 'string' ? value : JSON.stringify(value)) });
    },
    async remove(key) {
      await call('/v3/kv/deleterange', { key: encode(key) });
    },
    async compact() {
      const status = await call('/v3/maintenance/status', {});
      const header = isRecord(status) ? status['header'] : undefined;
      await call('/v3/kv/compaction', { revision: isRecord(header) ? header['revision'] : '', physical: true });
    },
    async stop() {
      await dispatcher.destroy();
      for (const member of members) await member.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await until('etcd answers', 30, () => call('/v3/kv/range', { key: encode('/') })).catch(async (error: unknown) => {
    await etcd.stop();
    throw error;
  });
  return etcd;
}

/** Puts as soon as the members that are left have a leader, within a minute. */
export async function putWhenLed(etcd: Etcd, key: string, value: unknown): Promise<void> {
  await until(`etcd takes ${key}`, 60, () => etcd.put(key, value));
}

function tlsFlags(certificates: Certificates): readonly string[] {
  return [
    `--cert-file=${certificates.serverCert}`,
    `--key-file=${certificates.serverKey}`,
    `--trusted-ca-file=${certificates.ca}`,
    '--client-cert-auth',
  ];
}

async function readAll(paths: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const entries = await Promise.all(Object.entries(paths).map(async ([name, path]) => [name, await run('cat', [path])] as const));
  return Object.fromEntries(entries);
}
