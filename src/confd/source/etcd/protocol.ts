/**
 * etcd's JSON gateway (v3): what is asked and what is answered. Keys and values are base64, 64-bit numbers are text.
 * Total: any text gives a result.
 */
import { isRecord, member } from '../../resources/fields.ts';
import type { Failure, FailureCode } from '../failure.ts';
import { broken } from '../failure.ts';
import { type KeyRange, type KeySpan, rangeEnd } from './keys.ts';

/** Keys asked for at once. */
export const PAGE_SIZE = 500;

/** One key with its value. */
export interface Entry {
  readonly key: string;
  readonly value: string;
}

/** One page of a range. */
export interface Page {
  /** Revision of the store that the page shows. */
  readonly revision: string;
  readonly entries: readonly Entry[];
  /** There are keys after the last one. */
  readonly more: boolean;
}

/** What a line of a watch says. */
export type WatchMessage =
  | { readonly type: 'events'; readonly revision: string; readonly events: readonly WatchEvent[] }
  | { readonly type: 'gone' }
  | { readonly type: 'error'; readonly failure: Failure }
  /** The watch was made, or something that means nothing to us. */
  | { readonly type: 'none' };

/** One change of a key; a deleted one has no value. */
export interface WatchEvent extends Entry {
  readonly deleted: boolean;
}

const encode = (text: string): string => Buffer.from(text).toString('base64');
const decode = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const get = (value: unknown, key: string): unknown => (isRecord(value) ? member(value, key) : undefined);

function textAt(value: unknown, key: string): string {
  const found = get(value, key);
  return typeof found === 'string' ? found : typeof found === 'number' ? String(found) : '';
}

/** Body that asks for one page: keys after `after` (''; from the first), of the store as it was at `revision` ('': now). */
export function rangeBody({ prefix }: KeyRange, after: string, revision: string): string {
  // The first key after another is that key and a zero octet.
  const key = encode(after === '' ? prefix : `${after}\0`);
  return JSON.stringify({
    key,
    range_end: encode(rangeEnd(prefix)),
    limit: String(PAGE_SIZE),
    ...(revision === '' ? {} : { revision }),
  });
}

/**
 * Body that asks for a watch of a span from a revision on. One watch a connection: of several in one body the gateway loses
 * those that it has not read when its answer begins.
 */
export function watchBody({ first, end }: KeySpan, revision: string): string {
  return JSON.stringify({ create_request: { key: encode(first), range_end: encode(end), start_revision: revision } });
}

function entriesOf(value: unknown): readonly Entry[] {
  return Array.isArray(value)
    ? value.map((entry: unknown) => ({ key: decode(textAt(entry, 'key')), value: decode(textAt(entry, 'value')) }))
    : [];
}

/** Reads the answer to `rangeBody`; undefined where it is none. */
export function readPage(text: string): Page | undefined {
  const value = json(text);
  const revision = textAt(get(value, 'header'), 'revision');
  if (!isRevision(revision)) return undefined;
  return { revision, entries: entriesOf(get(value, 'kvs')), more: get(value, 'more') === true };
}

/** Reads one line of a watch. */
export function readWatchLine(line: string): WatchMessage {
  const value = json(line);
  const problem = get(value, 'error');
  if (problem !== undefined) return { type: 'error', failure: readFailure(0, line) };
  const result = get(value, 'result');
  if (result === undefined) return { type: 'error', failure: broken('a line of a watch is no answer') };
  const compacted = textAt(result, 'compact_revision');
  if (compacted !== '' && compacted !== '0') return { type: 'gone' };
  if (get(result, 'canceled') === true)
    return { type: 'error', failure: broken(textAt(result, 'cancel_reason') || 'a watch was cancelled') };
  const events = get(result, 'events');
  if (!Array.isArray(events) || events.length === 0) return { type: 'none' };
  const changes = events.map((event: unknown): WatchEvent => {
    const [entry = { key: '', value: '' }] = entriesOf([get(event, 'kv')]);
    return { ...entry, deleted: textAt(event, 'type') === 'DELETE' };
  });
  const revision = textAt(get(result, 'header'), 'revision');
  if (!isRevision(revision)) return { type: 'error', failure: broken('an event of a watch has no revision') };
  return { type: 'events', revision, events: changes };
}

const isRevision = (text: string): boolean => /^[1-9]\d{0,18}$/.test(text);

/** Revision after `revision`, as text: it may be beyond what a number holds. */
export const nextRevision = (revision: string): string => String(BigInt(revision) + 1n);

/** Token of an answer to `/v3/auth/authenticate`; '' where there is none. */
export const readToken = (text: string): string => textAt(json(text), 'token');

// gRPC codes, of which each answer that is no success has one.
const BY_CODE: ReadonlyMap<number, FailureCode> = new Map([
  [7, 'DATASTORE_FORBIDDEN'],
  [16, 'DATASTORE_UNAUTHORIZED'],
]);

/** What an answer that is no success means. `status` is that of HTTP, 0 within a watch. */
export function readFailure(status: number, text: string): Failure {
  const value = json(text);
  const nested = get(value, 'error');
  const at = isRecord(nested) ? nested : value;
  const said = (textAt(at, 'message') || textAt(at, 'error')).slice(0, 200);
  const code = Number(textAt(at, 'code') || textAt(at, 'grpc_code'));
  const message = said === '' ? `status ${status}` : said;
  if (/compacted/.test(said)) return { code: 'DATASTORE_GONE', message, retryAfter: 0 };
  // "user name is empty" and "authentication failed" come as invalid arguments.
  const refused = /user name is empty|authentication failed|invalid auth token/.test(said);
  return { code: refused ? 'DATASTORE_UNAUTHORIZED' : (BY_CODE.get(code) ?? 'DATASTORE_ERROR'), message, retryAfter: 0 };
}
