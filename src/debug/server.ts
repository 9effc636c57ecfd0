/**
 * The debug server: opt-in, on loopback unless its caller asks for more, GET only. Its answers stop threads for a moment, and a heap snapshot has every text in
 * it that the process knows, passwords among them: whoever may ask it is trusted with the whole daemon.
 */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { figuresOf, heapSnapshot, profile } from './measure.ts';
import { type Inspected, withThreads } from './threads.ts';

/** Seconds of a profile. */
const PROFILE_SECONDS = { default: 10, most: 300 } as const;
/** Ms over which event loops are watched for `/debug/threads`. */
const WINDOW_MS = 1000;

/** What the debug server needs. */
export interface DebugOptions {
  readonly host: string;
  readonly port: number;
  /** It was asked to listen beyond loopback: a Host that is any address is let in, and still no name of elsewhere. Default false. */
  readonly beyondLoopback?: boolean;
  /** Where a heap snapshot stands while it is written. */
  readonly directory: string;
  /** Lengths of queues and the like, by name. */
  readonly queues: () => Readonly<Record<string, number>>;
}

/** A debug server that listens. */
export interface DebugServer {
  /** The port in effect; 0 asks for any. */
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts it. Rejects where the address cannot be had. */
export async function startDebugServer(options: DebugOptions): Promise<DebugServer> {
  const state = { busy: false };
  const server = createServer((asked, answer) => {
    handle(options, state, asked, answer).catch((error: unknown) => {
      if (answer.headersSent) answer.destroy();
      else refuse(answer, 500, error instanceof Error ? error.message : String(error));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function send(answer: ServerResponse, document: unknown, type = 'application/json'): void {
  answer.writeHead(200, { 'content-type': type }).end(`${JSON.stringify(document)}\n`);
}

function refuse(answer: ServerResponse, status: number, message: string): void {
  answer.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify({ error: { message } })}\n`);
}

/** A page in a browser of this host must not reach it: neither by a name that leads here nor by a form. */
function isForeign({ headers }: IncomingMessage, beyond: boolean): boolean {
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  const near = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host);
  return headers.origin !== undefined || !(near || (beyond && isIP(host.replace(/^\[|\]$/g, '')) !== 0));
}

const INDEX = {
  schema: 'linnet.debug/v1',
  endpoints: {
    '/debug/threads': 'event loops, heaps and queues',
    '/debug/profile?thread=main&seconds=10': 'CPU profile (.cpuprofile)',
    '/debug/heap?thread=main': 'heap snapshot (.heapsnapshot); contains passwords',
  },
};

async function handle(options: DebugOptions, state: { busy: boolean }, asked: IncomingMessage, answer: ServerResponse): Promise<void> {
  const url = new URL(asked.url ?? '/', 'http://localhost');
  if (isForeign(asked, options.beyondLoopback ?? false)) {
    const allowed = options.beyondLoopback === true ? 'localhost or an address' : 'an address of loopback';
    return refuse(answer, 403, `the Host must be ${allowed}, and no Origin may be named`);
  }
  if (asked.method !== 'GET') return refuse(answer, 405, 'GET only');
  if (url.pathname === '/debug' || url.pathname === '/') return send(answer, INDEX);
  if (!['/debug/threads', '/debug/profile', '/debug/heap'].includes(url.pathname)) return refuse(answer, 404, 'see /debug');
  if (state.busy) return refuse(answer, 409, 'another question is being answered');
  state.busy = true;
  try {
    await withThreads((threads) => reply(options, threads, url, answer));
  } finally {
    state.busy = false;
  }
}

/** By way of a file, which is gone before the answer begins. */
async function sendSnapshot(thread: Inspected, directory: string, answer: ServerResponse): Promise<void> {
  const folder = await mkdtemp(join(directory, 'heap-'));
  try {
    const path = join(folder, 'snapshot');
    await heapSnapshot(thread, path);
    const file = await open(path);
    await rm(path);
    answer.writeHead(200, { 'content-type': 'application/octet-stream' });
    await pipeline(file.createReadStream(), answer, { end: false });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  answer.end();
}

async function reply(options: DebugOptions, threads: readonly Inspected[], url: URL, answer: ServerResponse): Promise<void> {
  if (url.pathname === '/debug/threads') {
    const figures = await Promise.all(threads.map((thread) => figuresOf(thread, WINDOW_MS)));
    const { rss } = process.memoryUsage();
    return send(answer, { schema: 'linnet.debug-threads/v1', rss, threads: figures, queues: options.queues() });
  }
  const name = url.searchParams.get('thread') ?? 'main';
  const thread = threads.find((one) => one.name === name);
  if (thread === undefined) return refuse(answer, 404, `no thread ${name}; there are ${threads.map((one) => one.name).join(', ')}`);
  if (url.pathname === '/debug/profile') {
    const seconds = Number(url.searchParams.get('seconds') ?? PROFILE_SECONDS.default);
    if (!(seconds > 0 && seconds <= PROFILE_SECONDS.most))
      return refuse(answer, 400, `seconds must be above 0, at most ${PROFILE_SECONDS.most}`);
    return send(answer, await profile(thread, seconds * 1000));
  }
  await sendSnapshot(thread, options.directory, answer);
}
