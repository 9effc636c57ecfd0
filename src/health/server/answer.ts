/** Answers as data, and the faults an endpoint may end with. */
import { stallText } from '../probes.ts';
import type { ErrorCode, ErrorDocument, PushingThread, QueryFault, ThreadView } from '../status.ts';

/** What an endpoint gives back; a body of pieces is streamed as fast as the client reads. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | AsyncIterable<string>;
}

/** Content type of documents. */
export const JSON_TYPE = 'application/json; charset=utf-8';

/** Content type of one JSON value a line. */
export const JSONL_TYPE = 'application/jsonl; charset=utf-8';

/** Content type of probes read by people. */
export const TEXT_TYPE = 'text/plain; charset=utf-8';

const STATUS_OF: { readonly [code in ErrorCode]: number } = {
  BAD_REQUEST: 400,
  BAD_PREFIX: 400,
  NO_SUCH_PEER: 404,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  THREAD_STALLED: 503,
  UNAVAILABLE: 503,
  QUERY_TIMEOUT: 504,
  INTERNAL: 500,
};

/** A document as 200, or as the status given. */
export function jsonAnswer(document: object, status = 200): Answer {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(document)}\n` };
}

/** An error document with the status of its code. */
export function errorAnswer(error: ErrorDocument['error']): Answer {
  return jsonAnswer({ error } satisfies ErrorDocument, STATUS_OF[error.code]);
}

/** 503 that names the stalled thread. */
export function stalled(thread: ThreadView): ErrorDocument['error'] {
  return { code: 'THREAD_STALLED', message: stallText(thread), thread: thread.name };
}

/** 504: the thread lives, but did not answer in time. */
export function timedOut(thread: PushingThread): ErrorDocument['error'] {
  return { code: 'QUERY_TIMEOUT', message: `the ${thread} thread did not answer in time`, thread };
}

/** What a thread's refusal is over HTTP; one that cannot answer is named. */
export function refused(thread: PushingThread, fault: QueryFault): ErrorDocument['error'] {
  const codes = {
    'not-found': 'NOT_FOUND',
    'bad-request': 'BAD_REQUEST',
    conflict: 'CONFLICT',
    unavailable: 'UNAVAILABLE',
    internal: 'INTERNAL',
  } as const;
  const error = { code: codes[fault.code], message: fault.message };
  return fault.code === 'unavailable' ? { ...error, thread } : error;
}
