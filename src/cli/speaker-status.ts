/** The status socket of a bare speaker: a few GETs over a unix socket, answered in pages so that no session waits for them. */
import { unlink } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { PeerAction, Speaker } from 'bgp-ts';
import { formatAddress } from 'bgp-ts/net';
import { actionRefusal } from '../confd/native/peer-action.ts';
import { peerView, routeView } from '../confd/native/views.ts';

/** Routes turned into JSON between two polls of the sockets. */
const PAGE_ROUTES = 500;

/** A status socket being served. */
export interface StatusServer {
  /** Stops answering and removes the socket. */
  close(): Promise<void>;
}

/**
 * Answers `GET /peers` (linnet.peers/v1; as `GET /api/v1/peers` in the daemon's form), `POST /api/v1/peers/ID/ACTION` as the daemon does, `GET /routes` (linnet.routes/v1, best routes of all families with the wall-clock ms of
 * their last change) and `GET /status`. Rejects if the path is taken by a socket that answers; a dead one is replaced.
 */
export async function serveSpeakerStatus(
  speaker: Speaker,
  act: (peer: string, action: PeerAction) => void,
  path: string,
): Promise<StatusServer> {
  if (await answers(path)) throw Object.assign(new Error(`${path}: another process answers on this socket`), { code: 'EADDRINUSE' });
  await unlink(path).catch(() => undefined);
  const server = createServer((request, response) => {
    (request.method === 'POST'
      ? answerAction(speaker, act, request, response)
      : answer(speaker, request.method ?? '', request.url ?? '', response)
    ).catch((error: unknown) => {
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
    case '/api/v1/peers':
      return send(response, 200, {
        schema: 'linnet.peers/v1',
        node: '',
        at: Date.now(),
        peers: speaker.status().peers.map((peer) => peerView(peer, undefined)),
        held: [],
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

/** Longest body of an action, octets. */
const MAX_BODY_OCTETS = 1024;

async function answerAction(
  speaker: Speaker,
  act: (peer: string, action: PeerAction) => void,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const fault = (code: number, name: string, message: string): void => send(response, code, { error: { code: name, message } });
  const [, id, name] = /^\/api\/v1\/peers\/([^/]+)\/([a-z]+)$/.exec(new URL(request.url ?? '', 'http://speaker').pathname) ?? [];
  if (id === undefined || name === undefined) return fault(404, 'NOT_FOUND', 'POST /api/v1/peers/ID/ACTION');
  const action = readAction(name, await readBody(request));
  if (typeof action === 'string') return fault(400, 'BAD_REQUEST', action);
  const wanted = decodeURIComponent(id);
  const peers = speaker.status().peers;
  const named = peers.filter((each) => each.id === wanted);
  const found = named.length > 0 ? named : peers.filter((each) => formatAddress(each.remote.address) === wanted);
  const [peer] = found;
  if (peer === undefined || found.length > 1)
    return fault(
      404,
      'NO_SUCH_PEER',
      found.length > 1 ? `several peers have the address ${wanted}: name one by its id` : `there is no peer ${wanted}`,
    );
  const refusal = actionRefusal(peer, action);
  if (refusal !== undefined) return fault(409, 'CONFLICT', refusal);
  act(peer.id, action);
  return send(response, 200, { schema: 'linnet.peer-action/v1', peer: peer.id, action: action.kind });
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const part of request.setEncoding('utf8')) {
    text += String(part);
    if (text.length > MAX_BODY_OCTETS) return undefined;
  }
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The action, or what is wrong with it. */
function readAction(name: string, body: unknown): PeerAction | string {
  if (typeof body !== 'object' || body === null) return 'the body is no JSON object';
  const text = 'text' in body ? body.text : '';
  const direction = 'direction' in body ? body.direction : undefined;
  const state = 'state' in body ? body.state : undefined;
  switch (name) {
    case 'shutdown':
      return typeof text === 'string' ? { kind: name, text } : 'text must be a string';
    case 'enable':
    case 'reset':
      return { kind: name };
    case 'refresh':
      return direction === 'in' || direction === 'out' ? { kind: name, direction } : 'refresh needs the direction in or out';
    case 'gshut':
      return state === 'on' || state === 'off' ? { kind: name, on: state === 'on' } : 'gshut needs the state on or off';
    default:
      return `there is no action ${name}`;
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
