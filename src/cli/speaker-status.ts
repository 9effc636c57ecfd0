/** The status socket of a bare speaker: a few GETs over a unix socket, answered in pages so that no session waits for them. */
import { unlink } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { Speaker } from 'bgp-ts';
import { peerView, routeView } from '../confd/native/views.ts';

/** Routes turned into JSON between two polls of the sockets. */
const PAGE_ROUTES = 500;

/** A status socket being served. */
export interface StatusServer {
  /** Stops answering and removes the socket. */
  close(): Promise<void>;
}

/**
 * Answers `GET /peers` (linnet.peers/v1), `GET /routes` (linnet.routes/v1, best routes of all families with the wall-clock ms of
 * their last change) and `GET /status`. Rejects if the path is taken by a socket that answers; a dead one is replaced.
 */
export async function serveSpeakerStatus(speaker: Speaker, path: string): Promise<StatusServer> {
  if (await answers(path)) throw Object.assign(new Error(`${path}: another process answers on this socket`), { code: 'EADDRINUSE' });
  await unlink(path).catch(() => undefined);
  const server = createServer((request, response) => {
    answer(speaker, request.method ?? '', request.url ?? '', response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

async function answer(speaker: Speaker, method: string, url: string, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(url, 'http://speaker');
  if (method !== 'GET') return send(response, 405, { error: 'only GET' });
  switch (pathname) {
    case '/peers':
      return send(response, 200, {
        schema: 'linnet.peers/v1',
        at: Date.now(),
        peers: speaker.status().peers.map((peer) => peerView(peer, undefined)),
      });
    case '/status': {
      const { peers, ...rest } = speaker.status();
      return send(response, 200, {
        schema: 'linnet.speaker/v1',
        at: Date.now(),
        ...rest,
        sessions: peers.filter(({ state }) => state === 'established').length,
      });
    }
    case '/routes':
      return sendRoutes(speaker, response);
    default:
      return send(response, 404, { error: 'GET /peers, /routes or /status' });
  }
}

function send(response: ServerResponse, code: number, document: object): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify(document)}\n`);
}

async function sendRoutes(speaker: Speaker, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.write('{"schema":"linnet.routes/v1","view":"best","peer":null,"next":null,"routes":[');
  let separator = '';
  for (const family of ['ipv4-unicast', 'ipv6-unicast'] as const) {
    let cursor: number | undefined = 0;
    while (cursor !== undefined && !response.destroyed) {
      const page: ReturnType<Speaker['routes']> = speaker.routes({ view: 'best', family }, cursor, PAGE_ROUTES);
      for (const route of page.routes) {
        response.write(separator + JSON.stringify(routeView(route)));
        separator = ',';
      }
      cursor = page.next;
      if (cursor !== undefined) await turn();
    }
  }
  response.end(']}\n');
}
