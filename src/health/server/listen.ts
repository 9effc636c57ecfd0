/** Where servers listen: loopback only for everything, a unix socket that replaces nothing that answers, clear refusals. */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, isIPv4 } from 'node:net';
import { join } from 'node:path';
import { MAX_SOCKET_PATH, SOCKET_ANSWER_MS } from '../limits.ts';
import type { EndpointView, ListeningView, ListenOptions } from '../status.ts';
import { type BirdSocket, birdWorld, listenBird } from './bird-sockets.ts';
import { createServer, type HealthServer } from './server.ts';
import type { Suppliers } from './suppliers.ts';

/** Why a listener is refused: `HEALTH_CONFIG` (never allowed) or `HEALTH_LISTEN` (not possible now). */
export interface Refusal {
  readonly code: 'HEALTH_CONFIG' | 'HEALTH_LISTEN';
  readonly message: string;
}

/** All listeners up, or none and the reason. */
export type Opened =
  | { readonly ok: true; readonly listening: readonly ListeningView[]; readonly close: () => Promise<void> }
  | { readonly ok: false; readonly refusal: Refusal };

type Step =
  | { readonly ok: true; readonly listening: ListeningView; readonly server: HealthServer | BirdSocket }
  | { readonly ok: false; readonly refusal: Refusal };

/** Opens every listener that is wanted; when one cannot be, those already open are closed again. */
export async function openListeners(suppliers: Suppliers, options: ListenOptions): Promise<Opened> {
  const { api, socket, metrics, bird } = options;
  const wanted: (() => Promise<Step>)[] = [];
  if (api !== null) wanted.push(() => openApi(suppliers, api));
  if (socket !== null) wanted.push(() => openSocket(suppliers, socket));
  if (metrics !== null) wanted.push(() => openTcp('metrics', createServer(suppliers, 'public'), metrics));
  if (bird !== undefined && bird !== null) {
    wanted.push(() => openBird(suppliers, join(bird, 'bird.ctl'), 'ipv4'));
    wanted.push(() => openBird(suppliers, join(bird, 'bird6.ctl'), 'ipv6'));
  }
  const open: { readonly listening: ListeningView; readonly server: HealthServer | BirdSocket }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(open.map(({ server }) => server.close()));
  };
  for (const start of wanted) {
    const step = await start();
    if (!step.ok) {
      await close();
      return step;
    }
    open.push(step);
  }
  return { ok: true, listening: open.map(({ listening }) => listening), close };
}

/** Listener 1 shows everything without asking who wants to know: loopback only (contracts.md, Files). */
async function openApi(suppliers: Suppliers, api: EndpointView): Promise<Step> {
  if (isLoopback(api.address)) return openTcp('api', createServer(suppliers, 'everything'), api);
  const message =
    `the API listener ${atText(api)} is not a loopback address: it would need TLS and a token, which this version does not have; ` +
    'use the metrics listener for scrapes and probes from outside';
  return { ok: false, refusal: { code: 'HEALTH_CONFIG', message } };
}

function isLoopback(address: string): boolean {
  return address === '::1' || address === 'localhost' || (isIPv4(address) && address.startsWith('127.'));
}

function atText({ address, port }: EndpointView): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

async function openTcp(listener: 'api' | 'metrics', server: HealthServer, endpoint: EndpointView): Promise<Step> {
  const failed = await server.listen({ host: endpoint.address, port: endpoint.port }).then(() => undefined, errorCode);
  if (failed !== undefined)
    return { ok: false, refusal: { code: 'HEALTH_LISTEN', message: `${listener} listener ${atText(endpoint)}: ${because(failed)}` } };
  const bound = server.server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : endpoint.port;
  return { ok: true, listening: { listener, text: `http://${atText({ address: endpoint.address, port })}`, port }, server };
}

function errorCode(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return String(error);
}

function because(code: string): string {
  const texts: { readonly [code: string]: string } = {
    EADDRINUSE: 'the address is taken by another process',
    EACCES: 'no permission to listen there',
    EADDRNOTAVAIL: 'no interface has this address',
  };
  const text = texts[code];
  return text === undefined ? code : `${text} (${code})`;
}

async function openSocket(suppliers: Suppliers, path: string): Promise<Step> {
  return openPath('socket', path, async () => {
    const server = createServer(suppliers, 'everything');
    await server.listen({ path });
    // Created under the umask, so never wider than this in between on any sane system; a group may be let in by the directory.
    chmodSync(path, 0o660);
    return server;
  });
}

/** A BIRD that answers there is a speaker beside this one: it is not pushed aside (contracts.md, Behaviour decided). */
async function openBird(suppliers: Suppliers, path: string, family: 'ipv4' | 'ipv6'): Promise<Step> {
  return openPath('bird', path, () => listenBird(path, family, birdWorld(suppliers, Date.now)));
}

async function openPath(listener: 'socket' | 'bird', path: string, listen: () => Promise<HealthServer | BirdSocket>): Promise<Step> {
  const refuse = (why: string): Step => ({ ok: false, refusal: { code: 'HEALTH_LISTEN', message: `socket ${path}: ${why}` } });
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) return refuse(`the path is longer than ${MAX_SOCKET_PATH} octets`);
  const inTheWay = await clearStale(path);
  if (inTheWay !== undefined) return refuse(inTheWay);
  try {
    return { ok: true, listening: { listener, text: `unix:${path}`, port: 0 }, server: await listen() };
  } catch (error) {
    const failed = errorCode(error);
    // libuv reports a missing directory as EACCES too.
    return refuse(failed === 'EACCES' ? 'its directory is missing or must not be written (EACCES)' : because(failed));
  }
}

/** Removes a socket that nobody answers on. Gives the reason when something else is in the way. */
async function clearStale(path: string): Promise<string | undefined> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isSocket()) return 'there is a file of another kind; it is left alone';
  if (await answers(path)) return 'another process answers on it';
  unlinkSync(path);
  return undefined;
}

/** A listener that is there but slow counts as there: only a refused connection proves that nobody listens. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const done = (answer: boolean): void => {
      probe.destroy();
      resolve(answer);
    };
    probe.setTimeout(SOCKET_ANSWER_MS, () => done(true));
    probe.once('connect', () => done(true));
    probe.once('error', (error: Error & { readonly code?: string }) => done(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'));
  });
}
