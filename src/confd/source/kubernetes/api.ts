/** Requests to the API server over undici: one dispatcher for each set of TLS material, replaced when that changes. */
import { createHash } from 'node:crypto';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import type { Access, Connection } from './connection.ts';
import { AccessError } from './connection.ts';
import { statusMessage } from './protocol.ts';
import { type ProxySettings, proxyFor } from './proxy.ts';

/** Ms after which a connection is dead. */
export interface ApiTiming {
  /** Until connected, TLS included. */
  readonly connectMs: number;
  /** Until an answer begins, and between the parts of a list. */
  readonly answerMs: number;
  /** Between the events of a watch that has had one: from then on bookmarks come every minute. */
  readonly idleMs: number;
}

/** Ms of silence after which the kernel asks whether the other side of a connection is still there. */
const KEEPALIVE_MS = 30_000;

/** What clusters need. */
export const API_TIMING: ApiTiming = { connectMs: 10_000, answerMs: 30_000, idleMs: 90_000 };

/** Why a request came to nothing. `code` is also that of the issue. */
export interface Failure {
  readonly code: FailureCode;
  /** For people; without secrets. */
  readonly message: string;
  /** Seconds that the server asks to be left alone, 0 for none. */
  readonly retryAfter: number;
}

/** Kinds of failures. GONE: the version is too old. */
export type FailureCode =
  | 'DATASTORE_UNREACHABLE'
  | 'DATASTORE_ACCESS'
  | 'DATASTORE_UNAUTHORIZED'
  | 'DATASTORE_FORBIDDEN'
  | 'DATASTORE_KIND_MISSING'
  | 'DATASTORE_GONE'
  | 'DATASTORE_ERROR';

/** A value, or why there is none. */
export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

/** The API server. Nothing of it rejects. */
export interface Api {
  /** The text of a whole answer. */
  get(path: string, signal: AbortSignal): Promise<Answer<string>>;
  /** Octets as they come; the iteration throws where the connection breaks or is dead. */
  stream(path: string, signal: AbortSignal): Promise<Answer<AsyncIterable<Uint8Array>>>;
  close(): Promise<void>;
}

const BY_STATUS: ReadonlyMap<number, FailureCode> = new Map([
  [401, 'DATASTORE_UNAUTHORIZED'],
  [403, 'DATASTORE_FORBIDDEN'],
  [404, 'DATASTORE_KIND_MISSING'],
  [410, 'DATASTORE_GONE'],
]);

/** A short word for an error of the network: its code, which says more than its message, and never a header. */
export function networkFailure(error: unknown): Failure {
  if (error instanceof AccessError) return { code: 'DATASTORE_ACCESS', message: error.message, retryAfter: 0 };
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const message = code !== '' ? code : error instanceof Error ? error.name : 'unknown error';
  return { code: 'DATASTORE_UNREACHABLE', message, retryAfter: 0 };
}

function dispatcherFor(connection: Connection, proxies: ProxySettings, timing: ApiTiming): Dispatcher {
  const socket = { timeout: timing.connectMs, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS };
  const tls = { ...connection.tls, ...socket };
  const proxy = connection.proxy ?? proxyFor(new URL(connection.server), proxies);
  if (proxy === undefined) return new Agent({ connect: tls });
  return new ProxyAgent({ uri: proxy, requestTls: tls, proxyTls: socket });
}

interface Current {
  readonly key: string;
  readonly dispatcher: Dispatcher;
}

/** Makes the client. It connects when it is first asked something. */
export function createApi(access: Access, proxies: ProxySettings, timing: ApiTiming = API_TIMING): Api {
  let current: Current | undefined;
  const dispatcher = (connection: Connection): Dispatcher => {
    const { server, tls, proxy } = connection;
    const key = createHash('sha256')
      .update(JSON.stringify([server, tls, proxy]))
      .digest('base64');
    if (current?.key === key) return current.dispatcher;
    // What is under way on the old one may end there.
    void current?.dispatcher.close().catch(() => undefined);
    current = { key, dispatcher: dispatcherFor(connection, proxies, timing) };
    return current.dispatcher;
  };
  const ask = async (path: string, signal: AbortSignal, bodyTimeout: number): Promise<Answer<Dispatcher.ResponseData['body']>> => {
    const connection = await access();
    const { statusCode, headers, body } = await request(`${connection.server}${path}`, {
      dispatcher: dispatcher(connection),
      headers: { ...connection.headers, accept: 'application/json', 'user-agent': 'linnet' },
      signal,
      headersTimeout: timing.answerMs,
      bodyTimeout,
    });
    if (statusCode === 200) return { ok: true, value: body };
    const said = statusMessage(await body.text());
    const after = Number(headers['retry-after']);
    return {
      ok: false,
      failure: {
        code: BY_STATUS.get(statusCode) ?? 'DATASTORE_ERROR',
        message: said === '' ? `status ${statusCode}` : `status ${statusCode}: ${said}`,
        retryAfter: Number.isFinite(after) && after > 0 ? after : 0,
      },
    };
  };
  return {
    async get(path, signal) {
      try {
        const answer = await ask(path, signal, timing.answerMs);
        return answer.ok ? { ok: true, value: await answer.value.text() } : answer;
      } catch (error) {
        return { ok: false, failure: networkFailure(error) };
      }
    },
    async stream(path, signal) {
      try {
        // Silence is judged by the reflector: it knows whether anything can be expected.
        return await ask(path, signal, 0);
      } catch (error) {
        return { ok: false, failure: networkFailure(error) };
      }
    },
    async close() {
      await current?.dispatcher.destroy().catch(() => undefined);
      current = undefined;
    },
  };
}
