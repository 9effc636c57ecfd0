/** Requests to the API server over undici. */
import { request } from 'undici';
import { createDispatchers } from '../dispatchers.ts';
import { type Answer, type Failure, type FailureCode, networkFailure } from '../failure.ts';
import { type Body, openBody } from './body.ts';
import type { Access } from './connection.ts';
import { statusMessage } from './protocol.ts';
import { type ProxySettings, proxyFor } from './proxy.ts';

/** Ms after which a connection is dead. */
export interface ApiTiming {
  /** Until connected, TLS included. */
  readonly connectMs: number;
  /** Until an answer begins, between the parts of a list, and until the end of a refusal. */
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
  /** Octets as they come. */
  stream(path: string, signal: AbortSignal): Promise<Answer<Body>>;
  /** Writes, and gives the text of the answer. */
  send(path: string, written: Written, signal: AbortSignal): Promise<Answer<string>>;
  close(): Promise<void>;
}

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
  /** Where a path is asked for, and as whom. */
  const reach = async (path: string) => {
    const connection = await access();
    const { server, tls } = connection;
    const proxy = connection.proxy ?? proxyFor(new URL(server), proxies);
    return {
      url: new URL(`${server}${path}`),
      dispatcher: dispatchers.to({ server, tls, proxy }),
      headers: { ...connection.headers, accept: 'application/json', 'user-agent': 'linnet' },
    };
  };
  const ask = async (path: string, signal: AbortSignal, written?: Written): Promise<Answer<string>> => {
    const { url, dispatcher, headers } = await reach(path);
    const answer = await request(url, {
      dispatcher,
      headers: { ...headers, ...(written === undefined ? {} : { 'content-type': written.type }) },
      ...(written === undefined ? {} : { method: written.method, body: JSON.stringify(written.body) }),
      signal,
      headersTimeout: timing.answerMs,
      bodyTimeout: timing.answerMs,
    });
    const text = await answer.body.text();
    if (isSuccess(answer.statusCode)) return { ok: true, value: text };
    return refusal(answer.statusCode, text, String(answer.headers['retry-after'] ?? ''));
  };
  const open = async (path: string, signal: AbortSignal): Promise<Answer<Body>> => {
    const { url, dispatcher, headers } = await reach(path);
    const late = new AbortController();
    const { statusCode, retryAfter, body } = await openBody(
      dispatcher,
      {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: 'GET',
        headers,
        headersTimeout: timing.answerMs,
        // Silence is judged by the reflector: it knows whether anything can be expected.
        bodyTimeout: 0,
      },
      AbortSignal.any([signal, late.signal]),
    );
    if (isSuccess(statusCode)) return { ok: true, value: body };
    // What is refused is no stream: its text ends, or else nobody would ask again.
    const timer = setTimeout(() => late.abort(new Error('the answer does not end')), timing.answerMs);
    try {
      return refusal(statusCode, await textOf(body), retryAfter);
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    get: (path, signal) => ask(path, signal).catch(unreached),
    stream: (path, signal) => open(path, signal).catch(unreached),
    send: (path, written, signal) => ask(path, signal, written).catch(unreached),
    close: () => dispatchers.close(),
  };
}

const isSuccess = (statusCode: number): boolean => statusCode === 200 || statusCode === 201;

const unreached = (error: unknown): { readonly ok: false; readonly failure: Failure } => ({ ok: false, failure: networkFailure(error) });

function refusal(statusCode: number, text: string, retryAfter: string): { readonly ok: false; readonly failure: Failure } {
  const said = statusMessage(text);
  const after = Number(retryAfter);
  return {
    ok: false,
    failure: {
      code: BY_STATUS.get(statusCode) ?? 'DATASTORE_ERROR',
      message: said === '' ? `status ${statusCode}` : `status ${statusCode}: ${said}`,
      retryAfter: Number.isFinite(after) && after > 0 ? after : 0,
    },
  };
}

async function textOf(body: Body): Promise<string> {
  const all: Uint8Array[] = [];
  for (let pieces = await body.next(); pieces !== undefined; pieces = await body.next()) all.push(...pieces);
  return Buffer.concat(all).toString();
}
