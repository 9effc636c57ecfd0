/** The status socket of a bare speaker: GETs and peer actions over a unix socket. */
import { unlink } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { PeerAction, Speaker } from 'bgp-ts';
import { actionRefusal } from '../confd/native/peer-action.ts';
import { peerView } from '../confd/native/views.ts';
import type { Answer } from '../health/server/answer.ts';
import type { SpeakerApi } from './speaker-api.ts';

/** A status socket being served. */
export interface StatusServer {
  /** Stops answering and removes the socket. */
  close(): Promise<void>;
}

/**
 * Answers what `api` does and `POST /api/v1/peers/ID/ACTION` as the daemon does, and in short `GET /peers` (linnet.peers/v1), `GET /routes`
 * (linnet.routes/v1, best routes of all families) and `GET /status`. Rejects if the path is taken by a socket that answers; a dead one is replaced.
 */
export async function serveSpeakerStatus(
  speaker: Speaker,
  api: SpeakerApi,
  act: (peer: string, action: PeerAction) => void,
  path: string,
): Promise<StatusServer> {
  if (await answers(path)) throw Object.assign(new Error(`${path}: another process answers on this socket`), { code: 'EADDRINUSE' });
  await unlink(path).catch(() => undefined);
  const server = createServer((request, response) => {
    (request.method === 'POST' ? answerAction(speaker, api, act, request, response) : answer(speaker, api, request, response)).catch(
      (error: unknown) => {
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      },
    );
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

async function answer(speaker: Speaker, api: SpeakerApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://speaker');
  if (request.method !== 'GET') return send(response, 405, { error: 'only GET' });
  const known = api.get(pathname === '/routes' ? '/api/v1/routes' : pathname, searchParams, request.headers.accept ?? '');
  if (known !== undefined) return sendAnswer(response, await known);
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
    default:
      return send(response, 404, {
        error: { code: 'NOT_FOUND', message: 'GET /api/v1/peers, /api/v1/routes, /api/v1/explain, /metrics or /status' },
      });
  }
}

/** A body of pieces goes as fast as the client reads it; who goes away ends it. */
async function sendAnswer(response: ServerResponse, { status, type, body }: Answer): Promise<void> {
  response.writeHead(status, { 'content-type': type });
  if (typeof body === 'string') response.end(body);
  else await pipeline(Readable.from(body, { highWaterMark: 1 }), response);
}

/** Longest body of an action, octets. */
const MAX_BODY_OCTETS = 1024;

async function answerAction(
  speaker: Speaker,
  api: SpeakerApi,
  act: (peer: string, action: PeerAction) => void,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const fault = (code: number, name: string, message: string): void => send(response, code, { error: { code: name, message } });
  const [, id, name] = /^\/api\/v1\/peers\/([^/]+)\/([a-z]+)$/.exec(new URL(request.url ?? '', 'http://speaker').pathname) ?? [];
  if (id === undefined || name === undefined) return fault(404, 'NOT_FOUND', 'POST /api/v1/peers/ID/ACTION');
  const action = readAction(name, await readBody(request));
  if (typeof action === 'string') return fault(400, 'BAD_REQUEST', action);
  const named = api.peerNamed(decodeURIComponent(id));
  if (!named.ok) return fault(404, named.error.code, named.error.message);
  const peer = speaker.status().peers.find((each) => each.id === named.value);
  const refusal = actionRefusal(peer, action);
  if (refusal !== undefined) return fault(409, 'CONFLICT', refusal);
  act(named.value, action);
  return send(response, 200, { schema: 'linnet.peer-action/v1', peer: named.value, action: action.kind });
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
