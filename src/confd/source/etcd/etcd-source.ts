/**
 * etcd as a Source, in Calico's key layout (control-plane 9.4): one list of all ranges at one revision, then watches
 * that go on from there. Too old a revision (compaction) leads to a new list.
 */
import type { Clock } from '../../clock.ts';
import { type Log, SILENT_LOG } from '../../log.ts';
import { backoffMs } from '../backoff.ts';
import { broken, type Failure, networkFailure } from '../failure.ts';
import { afterFailure, datastoreRef, failureIssue, isTold, type ListHealth, STARTING } from '../health.ts';
import { createLineSplitter } from '../lines.ts';
import { createMailbox } from '../mailbox.ts';
import type { Change, ReadFor, Source } from '../types.ts';
import { createView, type View } from '../view.ts';
import { createEtcdClient, type EtcdAccess, type EtcdClient, type EtcdTiming } from './client.ts';
import { type KeyRange, type KeySpan, keyRanges, keySpans, objectOf } from './keys.ts';
import { type Entry, nextRevision, rangeBody, readPage, readWatchLine, watchBody } from './protocol.ts';

/**
 * Ms for one watch, to which up to a quarter is added: a connection whose other end is gone without a word is found then.
 * Watches are cheap to begin anew, and events are not lost in between.
 */
const WATCH_MS = 60_000;

/** What an etcd source needs. */
export interface EtcdSourceOptions {
  readonly access: EtcdAccess;
  /** Name of the node this daemon speaks for; its block affinities are read, or for encapsulation those of all nodes. */
  readonly node: string;
  readonly usePodCIDR: boolean;
  /** Default: bgp. */
  readonly readFor?: ReadFor;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Default: nowhere. */
  readonly log?: Log;
  /** Default `ETCD_TIMING`. */
  readonly timing?: EtcdTiming;
  /** Default `WATCH_MS`. */
  readonly watchMs?: number;
}

interface Session {
  readonly options: EtcdSourceOptions;
  readonly client: EtcdClient;
  readonly view: View;
  readonly ranges: readonly KeyRange[];
  readonly signal: AbortSignal;
  readonly spans: readonly KeySpan[];
  /** Revision from which each span is to be watched; undefined: everything must be listed. */
  from: string[] | undefined;
  health: ListHealth;
  failures: number;
}

/** Makes the source. Each `watch` begins with a full list. */
export function createEtcdSource(options: EtcdSourceOptions): Source {
  return { watch: (signal) => watchCluster(options, signal) };
}

async function* watchCluster(options: EtcdSourceOptions, signal: AbortSignal): AsyncGenerator<Change> {
  const ranges = keyRanges(options.node, options.usePodCIDR, options.readFor);
  const client = createEtcdClient(options.access, options.timing);
  const spans = keySpans(ranges);
  const session: Session = { options, client, view: createView(), ranges, spans, signal, from: undefined, health: STARTING, failures: 0 };
  try {
    while (!signal.aborted) {
      const failure = session.from === undefined ? await list(session) : yield* follow(session, session.from);
      if (signal.aborted) return;
      settle(session, failure);
      yield* tell(session);
      if (failure !== undefined) await options.clock.wait(backoffMs(session.failures, options.random()), signal);
    }
  } finally {
    await client.close();
  }
}

/** Notes how a list or watch ended. */
function settle(session: Session, failure: Failure | undefined): void {
  const { options, view } = session;
  if (failure === undefined) session.failures = 0;
  else {
    session.failures += 1;
    const { code, message } = failure;
    (options.log ?? SILENT_LOG).debug({ code, because: message, failures: session.failures }, 'list or watch failed, trying again');
  }
  session.health = failure === undefined ? { status: 'synced' } : afterFailure(session.health, failure, options.clock.monotonic());
  const told = isTold(session.health) ? session.health.failing?.failure : undefined;
  view.setIssues('datastore etcdv3', told === undefined ? [] : [failureIssue(datastoreRef('etcdv3'), told)]);
}

function* tell(session: Session): Generator<Change> {
  yield { ...(session.view.take() ?? { upsert: [], remove: [], issues: [] }), inSync: session.health.status === 'synced' };
}

async function list(session: Session): Promise<Failure | undefined> {
  const { client, ranges, signal, view } = session;
  let revision = '';
  const listings = ranges.map((range) => view.list(range));
  for (const [index, range] of ranges.entries()) {
    for (let after = ''; ; ) {
      const answer = await client.ask('/v3/kv/range', rangeBody(range, after, revision), signal);
      if (!answer.ok) return answer.failure;
      const page = readPage(answer.value);
      if (page === undefined) return broken('the answer is no range');
      // The first page decides on the revision that all others show, so that what is seen was true at one time.
      revision ||= page.revision;
      listings[index]?.add(page.entries.flatMap((entry) => objectsOf(range, entry)));
      after = page.entries.at(-1)?.key ?? '';
      if (!page.more || after === '') break;
    }
  }
  for (const listing of listings) listing.commit();
  session.from = session.spans.map(() => nextRevision(revision));
  return undefined;
}

function objectsOf(range: KeyRange, { key, value }: Entry): readonly unknown[] {
  const object = objectOf(range, key, value);
  return object === undefined ? [] : [object];
}

/** What the watches give: lines of the one with this index, or how it ended. */
type Item = { readonly index: number; readonly lines: readonly string[] } | { readonly end: Failure };

/** Watches until the time is over, telling what comes. Gives the failure that ended it before. */
async function* follow(session: Session, from: string[]): AsyncGenerator<Change, Failure | undefined> {
  const { client, spans, signal, options } = session;
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const ms = (options.watchMs ?? WATCH_MS) * (1 + options.random() / 4);
  const timer = options.clock.wait(ms, until).then(() => over.abort());
  const mailbox = createMailbox<Item>(until);
  const watches = spans.map(async (span, index) => {
    const body = watchBody(span, from[index] ?? '');
    const end = await read(client, body, until, (lines) => mailbox.put({ index, lines }));
    if (!until.aborted) mailbox.put({ end });
  });
  try {
    for (let item = await mailbox.next(); item !== undefined; item = await mailbox.next()) {
      if ('end' in item) {
        client.leave();
        return item.end;
      }
      for (const line of item.lines) {
        const failure = take(session, from, item.index, line);
        if (failure !== undefined) return failure === 'gone' ? undefined : failure;
      }
      settle(session, undefined);
      const change = session.view.take();
      if (change !== undefined) yield { ...change, inSync: true };
    }
    return undefined;
  } finally {
    over.abort();
    await Promise.all([timer, ...watches]);
  }
}

/** Reads one watch to its end, which is always a failure: watches are ended by us. */
async function read(client: EtcdClient, body: string, signal: AbortSignal, put: (lines: readonly string[]) => void): Promise<Failure> {
  const answer = await client.stream('/v3/watch', body, signal);
  if (!answer.ok) return answer.failure;
  const splitter = createLineSplitter();
  try {
    for await (const chunk of answer.value) {
      const lines = splitter.push(chunk);
      if (lines === undefined) return broken('an event of a watch is too long');
      if (lines.length > 0) put(lines);
    }
    return broken('the server ended a watch');
  } catch (error) {
    return networkFailure(error);
  }
}

/** Takes one line of a watch. `gone`: everything is to be listed again. */
function take(session: Session, from: string[], index: number, line: string): Failure | 'gone' | undefined {
  const message = readWatchLine(line);
  if (message.type === 'error') return message.failure;
  if (message.type === 'gone') {
    session.from = undefined;
    (session.options.log ?? SILENT_LOG).info({}, 'revisions are too old, listing again');
    return 'gone';
  }
  if (message.type === 'none') return undefined;
  for (const { key, value, deleted } of message.events) {
    const range = session.spans[index]?.ranges.find(({ prefix }) => key.startsWith(prefix));
    const object = range === undefined ? undefined : objectOf(range, key, deleted ? '' : value);
    if (range !== undefined && object !== undefined) session.view[deleted ? 'deleted' : 'changed'](range, object);
  }
  from[index] = nextRevision(message.revision);
  return undefined;
}
