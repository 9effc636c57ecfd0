/** What goes into a support bundle, one file each; what cannot be had leaves its reason in its place. */
import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { arch, cpus, freemem, loadavg, release, totalmem, uptime } from 'node:os';
import { isRecord } from '../../confd/resources/fields.ts';
import { programVersion } from '../../main/version.ts';
import { type Api, getAnswer, getLines } from '../client.ts';
import { CommandError, EXIT } from '../exit.ts';
import type { TarEntry } from './tar.ts';

/** Octets of the end of a log. */
const LOG_TAIL = 2 * 1024 * 1024;
/** Routes that are written out; all are counted. */
const ROUTE_SAMPLE = 200;

const ANSWERS: readonly (readonly [name: string, path: string])[] = [
  ['status.json', '/api/v1/status'],
  ['liveness.json', '/liveness'],
  ['readiness.json', '/readiness'],
  ['issues.json', '/api/v1/issues'],
  ['peers.json', '/api/v1/peers'],
  ['desired.json', '/api/v1/desired'],
  ['metrics.txt', '/metrics'],
];

const json = (name: string, document: unknown): TarEntry => ({ name, content: `${JSON.stringify(document, undefined, 2)}\n` });
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Answers of the daemon, as they are; `reached` is false where none came. */
export async function daemonAnswers(api: Api): Promise<{ readonly files: readonly TarEntry[]; readonly reached: boolean }> {
  const files: TarEntry[] = [];
  for (const [name, path] of ANSWERS) {
    const answer = await getAnswer(api, path).catch((error: unknown) => {
      if (error instanceof CommandError && error.code === EXIT.unreachable) return error;
      throw error;
    });
    if (answer instanceof CommandError)
      return { files: [...files, { name: 'daemon.txt', content: `${answer.message}\n` }], reached: false };
    files.push({ name, content: answer.body });
  }
  return { files: [...files, json('routes.json', await routesSummary(api))], reached: true };
}

/** Best routes counted by family and origin, and the first of them. */
async function routesSummary(api: Api): Promise<unknown> {
  const counts = new Map<string, number>();
  const sample: unknown[] = [];
  try {
    for await (const line of getLines(api, '/api/v1/routes', { view: 'best', format: 'jsonl' })) {
      const route: unknown = JSON.parse(line);
      if (!isRecord(route) || typeof route['prefix'] !== 'string') continue;
      const key = `${route['prefix'].includes(':') ? 'ipv6' : 'ipv4'} from ${String(route['from'])}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      if (sample.length < ROUTE_SAMPLE) sample.push(route);
    }
  } catch (error) {
    return { error: messageOf(error), counts: Object.fromEntries(counts), sample };
  }
  return { counts: Object.fromEntries(counts), sample };
}

/** Program, machine and process limits. */
export function versions(now: number): TarEntry {
  return json('versions.json', {
    schema: 'linnet.diags/v1',
    at: new Date(now).toISOString(),
    linnet: programVersion(),
    node: process.version,
    libraries: process.versions,
    kernel: release(),
    architecture: arch(),
    cores: cpus().length,
    load: loadavg(),
    memory: { total: totalmem(), free: freemem() },
    uptime: uptime(),
  });
}

/** Routes of the kernel counted by table, protocol and type, as `ip` tells them. */
export async function kernelRoutes(): Promise<TarEntry> {
  const families = await Promise.all(
    (['-4', '-6'] as const).map(async (family) => [family === '-4' ? 'ipv4' : 'ipv6', await countRoutes(family)] as const),
  );
  return json('kernel-routes.json', Object.fromEntries(families));
}

async function countRoutes(family: '-4' | '-6'): Promise<unknown> {
  const text = await new Promise<string>((resolve, reject) => {
    const options = { timeout: 20_000, maxBuffer: 512 * 1024 * 1024 };
    execFile('ip', ['-j', '-d', family, 'route', 'show', 'table', 'all'], options, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
  }).catch((error: unknown) => error);
  if (typeof text !== 'string') return { error: messageOf(text) };
  const routes: unknown = JSON.parse(text === '' ? '[]' : text);
  const counts = new Map<string, number>();
  for (const route of Array.isArray(routes) ? routes : []) {
    if (!isRecord(route)) continue;
    const { table = 'main', protocol = 'unspec', type = 'unicast' } = route;
    const key = `table ${String(table)} protocol ${String(protocol)} ${String(type)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The end of a log file. */
export async function logTail(path: string): Promise<TarEntry> {
  const file = await open(path).catch((error: unknown) => messageOf(error));
  if (typeof file === 'string') return { name: 'log.txt', content: `${file}\n` };
  try {
    const { size } = await file.stat();
    const length = Math.min(size, LOG_TAIL);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return { name: 'log.txt', content: buffer.subarray(0, bytesRead).toString('utf8') };
  } finally {
    await file.close();
  }
}

/** Threads as the debug server tells them. */
export async function debugThreads(where: string): Promise<TarEntry> {
  if (!URL.canParse(`http://${where}`)) throw new CommandError(EXIT.usage, `--debug ${where} is not ADDRESS:PORT`);
  const api: Api = { kind: 'url', url: new URL(`http://${where}`) };
  const answer = await getAnswer(api, '/debug/threads').catch((error: unknown) => ({ body: `${messageOf(error)}\n` }));
  return { name: 'threads.json', content: answer.body };
}
