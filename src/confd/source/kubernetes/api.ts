/** Requests to the API server over undici. */
import { type Dispatcher, request } from 'undici';
import { createDispatchers } from '../dispatchers.ts';
import { type Answer, type FailureCode, networkFailure } from '../failure.ts';
import type { Access } from './connection.ts';
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

/** What clusters need. */
export const API_TIMING: ApiTiming = { connectMs: 10_000, answerMs: 30_000, idleMs: 90_000 };

/** A body that is written. */
export interface Written {
  readonly method: 'POST' | 'PATCH';
  /** Media type of the body: JSON, or one of the patches. */
  readonly type: 'application/json' | 'application/merge-patch+json' | 'application/strategic-merge-patch+json';
  readonly body: unknown;
}

/** The API server. Nothing of it rejects. */
export interface Api {
  /** The text of a whole answer. */
  get(path: string, signal: AbortSignal): Promise<Answer<string>>;
  /** Octets as they come; the iteration throws where the connection breaks or is dead. */
  stream(path: string, signal: AbortSignal): Promise<Answer<AsyncIterable<Uint8Array>>>;
  /** Writes, and gives the text of the answer. */
  send(path: string, written: Written, signal: AbortSignal): Promise<Answer<string>>;
  close(): Promise<void>;
}

/** Octets of a stream that wait for their reader: while it rests, they stay with the kernel and wake nobody. */
const STREAM_OCTETS = 1;

const BY_STATUS: ReadonlyMap<number, FailureCode> = new Map([
  [400, 'DATASTORE_UNSUPPORTED'],
  [401, 'DATASTORE_UNAUTHORIZED'],
  [403, 'DATASTORE_FORBIDDEN'],
  [404, 'DATASTORE_KIND_MISSING'],
  [409, 'DATASTORE_CONFLICT'],
  [410, 'DATASTORE_GONE'],
  [422, 'DATASTORE_UNSUPPORTED'],
]);

/** Makes the client. It connects when it is first asked something. */
export function createApi(access: Access, proxies: ProxySettings, timing: ApiTiming = API_TIMING): Api {
  const dispatchers = createDispatchers(timing.connectMs);
  const ask = async (
    path: string,
    signal: AbortSignal,
    bodyTimeout: number,
    more: { readonly written?: Written; readonly highWaterMark?: number } = {},
  ): Promise<Answer<Dispatcher.ResponseData['body']>> => {
    const { written, ...reading } = more;
    const connection = await access();
    const { server, tls } = connection;
    const proxy = connection.proxy ?? proxyFor(new URL(server), proxies);
    const { statusCode, headers, body } = await request(`${server}${path}`, {
      dispatcher: dispatchers.to({ server, tls, proxy }),
      headers: {
        ...connection.headers,
        accept: 'application/json',
        'user-agent': 'linnet',
        ...(written === undefined ? {} : { 'content-type': written.type }),
      },
      ...(written === undefined ? {} : { method: written.method, body: JSON.stringify(written.body) }),
      signal,
      headersTimeout: timing.answerMs,
      bodyTimeout,
      ...reading,
    });
    if (statusCode === 200 || statusCode === 201) return { ok: true, value: body };
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
        return await ask(path, signal, 0, { highWaterMark: STREAM_OCTETS });
      } catch (error) {
        return { ok: false, failure: networkFailure(error) };
      }
    },
    async send(path, written, signal) {
      try {
        const answer = await ask(path, signal, timing.answerMs, { written });
        return answer.ok ? { ok: true, value: await answer.value.text() } : answer;
      } catch (error) {
        return { ok: false, failure: networkFailure(error) };
      }
    },
    close: () => dispatchers.close(),
  };
}
