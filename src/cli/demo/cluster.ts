/**
 * The demo cluster: four node daemons (and one more that joins later) and a ToR, each an OS process of its own with its
 * own sockets on loopback addresses, all reading one directory of manifests. Everything lives under one temporary folder.
 */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const LAUNCHER = join(ROOT, 'bin', 'linnet.js');

/** BGP port of every demo speaker; needs no privilege. */
export const PORT = 1790;

/** AS of the ToR; the cluster's is in the manifests. */
export const TOR_AS = 65001;

/** A demo node: its name, its documentation address, and the host number of the loopback address its sessions use. */
export interface DemoNode {
  readonly name: string;
  readonly address: string;
  readonly host: number;
}

/** Nodes that run from the start, the reflector last. */
export const NODES: readonly DemoNode[] = [
  { name: 'node-1', address: '192.0.2.1', host: 1 },
  { name: 'node-2', address: '192.0.2.2', host: 2 },
  { name: 'node-3', address: '192.0.2.3', host: 3 },
  { name: 'rr-1', address: '192.0.2.10', host: 10 },
];

/** Joins during the script: its daemon waits for its Node object. */
const JOINER: DemoNode = { name: 'node-4', address: '192.0.2.4', host: 4 };

/** Name of the node that reflects. */
export const REFLECTOR = 'rr-1';
/** Address of the ToR in the manifests. */
const TOR_ADDRESS = '192.0.2.254';
const TOR_HOST = 254;

/** Where things of a running demo are. */
export interface DemoCluster {
  readonly folder: string;
  readonly manifests: string;
  /** Unix socket of a node's HTTP API. */
  readonly api: (node: string) => string;
  /** Unix socket of the ToR's own status. */
  readonly torStatus: string;
  /** Base URL of the reflector's HTTP API. */
  readonly http: string | undefined;
  /** Rejects when a process of the cluster ends by itself, with its last log lines. */
  readonly failed: Promise<never>;
  /** Replaces a manifest as editors do: a temporary file, then a rename. Returns the wall-clock ms of the rename. */
  readonly replace: (file: string, text: string) => Promise<number>;
  readonly read: (file: string) => Promise<string>;
  /** Stops every process and removes the folder. Idempotent. */
  readonly stop: () => Promise<void>;
}

/** Where a demo cluster's sockets are. */
export interface DemoOptions {
  /** First three octets of the loopback network, such as `127.0.64`. Demos side by side need different ones. */
  readonly network: string;
  /** HTTP listener of the reflector, `ADDRESS:PORT`, or none. */
  readonly http: string | undefined;
}

interface Process {
  readonly name: string;
  readonly child: ChildProcess;
  readonly exited: Promise<string>;
}

/** The environment a demo process starts with: nothing of the user's Calico or Linnet settings reaches it. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const keep = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'NODE_OPTIONS'];
  return Object.fromEntries(keep.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}

function start(name: string, logs: string, args: readonly string[]): Process {
  const log = openSync(join(logs, `${name}.log`), 'a');
  const child = spawn(process.execPath, [LAUNCHER, ...args], { stdio: ['ignore', log, log], env: cleanEnvironment() });
  closeSync(log);
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit status ${code}` : `signal ${signal}`));
  });
  return { name, child, exited };
}

async function lastLines(file: string, count: number): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

/** Configuration of the ToR's bare speaker. */
function torConfig(network: string): object {
  const reflector = NODES.find((node) => node.name === REFLECTOR);
  return {
    localAs: TOR_AS,
    routerId: TOR_ADDRESS,
    listen: { address: `${network}.${TOR_HOST}`, port: PORT },
    holdTime: 90,
    families: ['ipv4-unicast'],
    neighbors: [
      { address: `${network}.${reflector?.host ?? 0}`, port: PORT, localAddress: `${network}.${TOR_HOST}`, as: 64512, name: REFLECTOR },
    ],
  };
}

async function stopAll(processes: readonly Process[]): Promise<void> {
  for (const { child } of processes) child.kill('SIGTERM');
  const all = Promise.all(processes.map((process) => process.exited));
  const hard = setTimeout(() => {
    for (const { child } of processes) child.kill('SIGKILL');
  }, 5_000);
  await all;
  clearTimeout(hard);
}

/** Copies the manifests, starts every process and returns at once; whether they work is for the script to see. */
export async function startCluster(options: DemoOptions): Promise<DemoCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'linnet-demo-'));
  const manifests = join(folder, 'manifests');
  await cp(join(ROOT, 'examples', 'demo'), manifests, { recursive: true });
  const map = [...NODES, JOINER, { address: TOR_ADDRESS, host: TOR_HOST }]
    .map(({ address, host }) => `${address}=${options.network}.${host}:${PORT}`)
    .join('\n');
  await writeFile(join(folder, 'transport-map'), `${map}\n`);
  await writeFile(join(folder, 'tor.json'), JSON.stringify(torConfig(options.network), undefined, 2));

  const torStatus = join(folder, 'tor.sock');
  const processes = [start('tor', folder, ['speaker', join(folder, 'tor.json'), '--status', torStatus])];
  for (const { name } of [...NODES, JOINER]) {
    const own = join(folder, name);
    await mkdir(own);
    const http = name === REFLECTOR && options.http !== undefined ? options.http : 'none';
    processes.push(
      start(name, folder, [
        ...['run', '--node', name, '--datastore', 'file', '--path', manifests, '--run-dir', own, '--state-dir', join(own, 'state')],
        ...['--transport-map', join(folder, 'transport-map'), '--http', http],
      ]),
    );
  }

  // Whatever ends this process, such as nobody reading its output any more, must not leave the cluster behind.
  const last = (): void => {
    for (const { child } of processes) child.kill('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', last);

  let stopping = false;
  const failed = Promise.race(
    processes.map(async ({ name, exited }): Promise<never> => {
      const how = await exited;
      if (stopping) return new Promise<never>(() => undefined);
      throw new Error(`${name} ended by itself (${how}):\n${await lastLines(join(folder, `${name}.log`), 8)}`);
    }),
  );
  failed.catch(() => undefined);

  return {
    folder,
    manifests,
    api: (node) => join(folder, node, 'linnet.sock'),
    torStatus,
    http: options.http === undefined ? undefined : `http://${options.http}`,
    failed,
    replace: async (file, text) => {
      const staged = join(folder, `staged-${file}`);
      await writeFile(staged, text);
      const at = Date.now();
      await rename(staged, join(manifests, file));
      return at;
    },
    read: (file) => readFile(join(manifests, file), 'utf8'),
    stop: async () => {
      stopping = true;
      await stopAll(processes);
      process.off('exit', last);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
