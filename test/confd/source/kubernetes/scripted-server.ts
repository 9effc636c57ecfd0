/** An API server that answers what a test scripted, request by request: a real server on loopback. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Clock } from '../../../../src/confd/clock.ts';

/** One answer: text with a status, or events that the test goes on to write. */
export type Reply = (request: IncomingMessage, response: ServerResponse) => void;

/** The server of a test. */
export interface ScriptedServer {
  readonly url: string;
  /** Paths asked for, in order, with their queries. */
  readonly asked: readonly URL[];
  /** Headers of the requests, in order. */
  readonly headers: readonly IncomingMessage['headers'][];
  stop(): Promise<void>;
}

/**
 * Starts a server; `reply` decides on each request by its path and its number of occurrences so far, 1 for the first. Streamed lists are
 * what `streamed` says of the nth of them; by default they are refused, as by a server without them, and not among what was asked.
 */
export async function startScripted(
  reply: (url: URL, nth: number) => Reply,
  streamed: (url: URL, nth: number) => Reply | undefined = () => undefined,
): Promise<ScriptedServer> {
  const asked: URL[] = [];
  const headers: IncomingMessage['headers'][] = [];
  const counts = new Map<string, number>();
  let streams = 0;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://localhost');
    if (url.searchParams.has('sendInitialEvents')) {
      streams += 1;
      const answer = streamed(url, streams);
      if (answer !== undefined) asked.push(url);
      (answer ?? status(422, 'sendInitialEvents: Forbidden'))(request, response);
      return;
    }
    const key = `${url.pathname} ${url.searchParams.get('watch') ?? 'list'}`;
    const nth = (counts.get(key) ?? 0) + 1;
    counts.set(key, nth);
    asked.push(url);
    headers.push(request.headers);
    reply(url, nth)(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    headers,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A page of a list. */
export const page =
  (items: readonly unknown[], resourceVersion: string, token = ''): Reply =>
  (_request, response) => {
    response.end(JSON.stringify({ kind: 'List', metadata: { resourceVersion, continue: token }, items }));
  };

/** A refusal with a Status. */
export const status =
  (code: number, message: string, headers: Readonly<Record<string, string>> = {}): Reply =>
  (_request, response) => {
    response.writeHead(code, headers).end(JSON.stringify({ kind: 'Status', code, message }));
  };

/** A watch that sends these events and ends, or stays open. */
export const events =
  (lines: readonly unknown[], end: 'ends' | 'stays' | 'breaks' = 'ends'): Reply =>
  (request, response) => {
    response.writeHead(200).write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    if (end === 'ends') response.end();
    // What was written goes out before the connection breaks.
    if (end === 'breaks') response.write('{"type":"ADD', () => request.socket.destroy());
  };

/** A BGPPeer as an API server gives it. */
export function peerObject(name: string, asNumber: number, resourceVersion: string): Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'crd.projectcalico.org/v1',
    kind: 'BGPPeer',
    metadata: { name, resourceVersion, uid: 'u', managedFields: [{ manager: 'kubectl' }] },
    spec: { peerIP: '192.0.2.1', asNumber },
  };
}

/** Ms of the waits that `impatientClock` really makes: those of watchdogs, which end when what they guard does. */
const PATIENCE_MS = 60_000;

/** A clock whose waits of up to a minute are noted and over at once; monotonic time is what was waited. */
export function impatientClock(): Clock & { readonly waits: readonly number[] } {
  const waits: number[] = [];
  return {
    waits,
    now: () => 0,
    monotonic: () => waits.reduce((a, b) => a + b, 0),
    wait: (ms, signal) =>
      new Promise((resolve) => {
        if (ms > PATIENCE_MS && !signal.aborted) {
          signal.addEventListener('abort', () => resolve(), { once: true });
          return;
        }
        if (ms <= PATIENCE_MS) waits.push(ms);
        resolve();
      }),
  };
}
