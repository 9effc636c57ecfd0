/**
 * One list and watch, for ever: a list, streamed where the server can do that and else in pages, then watches that each go on from the
 * last version seen. Too old a version
 * (410) and a watch that keeps failing on the server's side lead to a new list; anything else is tried again from where it was.
 */
import type { Clock } from '../../clock.ts';
import { backoffMs, watchSeconds } from '../backoff.ts';
import { broken, type Failure, networkFailure } from '../failure.ts';
import { createLineSplitter, type LineSplitter } from '../lines.ts';
import type { Listing } from '../view.ts';
import type { Api } from './api.ts';
import type { Body } from './body.ts';
import type { Watched } from './kinds.ts';
import type { WatchEvent } from './protocol.ts';
import { listPath, readListPage, readWatchEvent, streamedListPath, watchPath } from './protocol.ts';

/** Watches that fail by the server's fault before everything is listed again (its data may be another's, older than ours). */
const WATCH_TRIES = 3;
/** Ms that a watch must last to count as a healthy one; shorter and silent ones are failures, so that none is asked for in a loop. */
const HEALTHY_MS = 5_000;
/** Streamed lists that break off, in the life of a reflector, before pages are asked for instead: something on the way may not bear them. */
const STREAM_TRIES = 3;
/** Ms that a watch may outlast the time it was asked for. */
export const GRACE_MS = 30_000;

/** What a reflector tells. */
export interface ReflectorEvents {
  list(): Listing;
  /** True where something came of it. */
  event(event: WatchEvent & { readonly type: 'changed' | 'deleted' }): boolean;
  /** Something came of the events told, and no more are at hand. */
  pause(): void;
  /** The list is complete, or a watch goes on from where the last one ended. */
  reached(): void;
  /** The version known is too old (410): everything is listed again. */
  relisting(): void;
  /** The nth failure in a row. */
  failed(failure: Failure, failures: number): void;
}

/** What a reflector needs. */
export interface ReflectorDeps {
  readonly api: Api;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** Ms of silence after which a watch that has had an event is dead, see `ApiTiming`. */
  readonly idleMs: number;
}

interface Session {
  readonly watched: Watched;
  readonly deps: ReflectorDeps;
  readonly events: ReflectorEvents;
  readonly signal: AbortSignal;
  /** Last version seen; '' asks for a list. */
  version: string;
  failures: number;
  /** The last failure was one of the network. */
  away: boolean;
  /** Of watches, since the last good one. */
  watchFailures: number;
  /** Lists that 410 asked for, since the last good watch. */
  relists: number;
  /** Tries that streamed lists have left; 0: lists come in pages. */
  streams: number;
}

/** Runs until the signal aborts. Never rejects. */
export async function reflect(watched: Watched, deps: ReflectorDeps, events: ReflectorEvents, signal: AbortSignal): Promise<void> {
  const counts = { failures: 0, watchFailures: 0, relists: 0, streams: STREAM_TRIES };
  const session: Session = { watched, deps, events, signal, version: '', away: false, ...counts };
  while (!signal.aborted) {
    const failure = session.version === '' && session.streams === 0 ? await list(session) : await watch(session);
    if (failure === undefined || signal.aborted) continue;
    // A server that answers again, if only to ask for patience while it starts, is not waited for as one that is away.
    const away = failure.code === 'DATASTORE_UNREACHABLE';
    session.failures = session.away === away ? session.failures + 1 : 1;
    session.away = away;
    events.failed(failure, session.failures);
    await deps.clock.wait(backoffMs(session.failures, deps.random(), failure.retryAfter), signal);
  }
}

async function list(session: Session): Promise<Failure | undefined> {
  const { watched, deps, events, signal } = session;
  const listing = events.list();
  for (let token = ''; ; ) {
    const answer = await deps.api.get(listPath(watched, token), signal);
    // 410 here: the token outlived its list. The next try begins with the first page.
    if (!answer.ok) return answer.failure;
    if (signal.aborted) return undefined;
    const page = readListPage(answer.value, watched);
    if (page === undefined) return broken('the answer is no list');
    listing.add(page.items);
    token = page.token;
    if (token === '') {
      session.version = page.resourceVersion;
      session.watchFailures = 0;
      break;
    }
  }
  listing.commit();
  events.reached();
  return undefined;
}

/** Lists again: at once the first time, then with the waits of a failure. */
function relist(session: Session): Failure | undefined {
  session.version = '';
  session.relists += 1;
  session.events.relisting();
  return session.relists > 1
    ? { code: 'DATASTORE_GONE', message: 'versions grow old faster than they are watched', retryAfter: 0 }
    : undefined;
}

function healthy(session: Session): void {
  session.failures = 0;
  session.watchFailures = 0;
  session.relists = 0;
}

function failedWatch(session: Session, failure: Failure): Failure {
  session.watchFailures += 1;
  const theirs = failure.code === 'DATASTORE_ERROR' || failure.code === 'DATASTORE_UNSUPPORTED';
  if (theirs && session.watchFailures >= WATCH_TRIES) session.version = '';
  return failure;
}

/** A watch; without a version to go on from it begins with the list. */
async function watch(session: Session): Promise<Failure | undefined> {
  const { watched, deps, events, signal, version } = session;
  const began = deps.clock.monotonic();
  const seconds = watchSeconds(deps.random());
  const dead = new AbortController();
  const path = version === '' ? streamedListPath(watched, seconds) : watchPath(watched, version, seconds);
  const answer = await deps.api.stream(path, AbortSignal.any([signal, dead.signal]));
  if (!answer.ok) return refused(session, answer.failure);
  if (version !== '') events.reached();
  const guard = watchdog(deps, seconds, () => dead.abort());
  const ended = await follow(session, answer.value, guard.heard);
  await guard.stop();
  if (ended === 'gone') return relist(session);
  const end = ended !== undefined && dead.signal.aborted ? { ...ended, message: 'nothing came for too long' } : ended;
  if (session.version === '') return cutList(session, end, dead.signal.aborted);
  if ((version !== '' && session.version !== version) || deps.clock.monotonic() - began >= HEALTHY_MS) healthy(session);
  else if (end === undefined) return failedWatch(session, broken('the server ended a watch at once'));
  return end === undefined ? undefined : failedWatch(session, end);
}

function refused(session: Session, failure: Failure): Failure | undefined {
  if (session.version !== '') return failure.code === 'DATASTORE_GONE' ? relist(session) : failedWatch(session, failure);
  if (failure.code !== 'DATASTORE_UNSUPPORTED') return failure;
  session.streams = 0;
  return undefined;
}

/** A streamed list that broke off: nothing of it counts. A server that falls silent in it may not know what it was asked. */
function cutList(session: Session, failure: Failure | undefined, silent: boolean): Failure {
  session.streams = silent ? 0 : session.streams - 1;
  return failure ?? broken('the server ended a list before its end');
}

/**
 * Ends a watch on which nothing comes although something should. A server that has had no event of a kind since its start
 * sends no bookmarks of it either: such a watch may be silent until its time is over. Dead hosts are the kernel's to find.
 */
function watchdog({ clock, idleMs }: ReflectorDeps, seconds: number, bite: () => void): { heard: () => void; stop: () => Promise<void> } {
  const over = new AbortController();
  const state = { deadline: clock.monotonic() + seconds * 1000 + GRACE_MS, rearm: new AbortController() };
  const run = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const rest = state.deadline - clock.monotonic();
      if (rest <= 0) {
        bite();
        return;
      }
      state.rearm = new AbortController();
      await clock.wait(rest, AbortSignal.any([over.signal, state.rearm.signal]));
    }
  };
  const running = run();
  return {
    heard() {
      const deadline = clock.monotonic() + idleMs;
      const sooner = deadline < state.deadline;
      state.deadline = deadline;
      // A later one is found when the earlier has passed: events cost no timers.
      if (sooner) state.rearm.abort();
    },
    async stop() {
      over.abort();
      await running;
    },
  };
}

/** Takes events until the stream ends: by itself, by a failure, or because the version is gone. */
async function follow(session: Session, body: Body, heard: () => void): Promise<Failure | 'gone' | undefined> {
  const { deps, events, signal } = session;
  const { restMs } = session.watched;
  const splitter = createLineSplitter();
  const taking: Taking = { listing: session.version === '' ? events.list() : undefined, news: false };
  try {
    for (let pieces = await body.next(); pieces !== undefined; pieces = await body.next()) {
      if (signal.aborted) return undefined;
      heard();
      const listed = taking.listing === undefined;
      const end = takePieces(session, taking, splitter, pieces);
      if (end === 'incomplete' || (end === undefined && !listed)) continue;
      if (end !== undefined) return end;
      healthy(session);
      if (taking.news) events.pause();
      else if (restMs !== undefined) await body.rest(() => deps.clock.wait(restMs, signal));
    }
    return undefined;
  } catch (error) {
    return networkFailure(error);
  }
}

/** Takes the events that are complete; what ends the stream, if it does, or `incomplete` where there was none. */
function takePieces(
  session: Session,
  taking: Taking,
  splitter: LineSplitter,
  pieces: readonly Uint8Array[],
): Failure | 'gone' | 'incomplete' | undefined {
  taking.news = false;
  let count = 0;
  for (const piece of pieces) {
    const lines = splitter.push(piece);
    if (lines === undefined) return broken('an event of a watch is too long');
    count += lines.length;
    for (const line of lines) {
      const end = takeEvent(session, taking, readWatchEvent(line, session.watched));
      if (end !== undefined) return end;
    }
  }
  return count === 0 ? 'incomplete' : undefined;
}

/** What a stream of events is at. */
interface Taking {
  /** The list that the events belong to until it is complete. */
  listing: Listing | undefined;
  /** Something came of the events taken last. */
  news: boolean;
}

/** Takes one event; what ends the stream, if it does. */
function takeEvent(session: Session, taking: Taking, event: WatchEvent): Failure | 'gone' | undefined {
  const { events } = session;
  const { listing } = taking;
  if (event.type === 'gone') return 'gone';
  if (event.type === 'error') return broken(event.message);
  if (listing === undefined) {
    if (event.type !== 'bookmark') taking.news = events.event(event) || taking.news;
    if (event.resourceVersion !== '') session.version = event.resourceVersion;
    return undefined;
  }
  if (event.type === 'changed') listing.add([event.object]);
  else if (event.type === 'deleted') listing.remove(event.object);
  // Versions within the list do not count: objects come in any order.
  else if (event.type === 'bookmark' && event.listed) {
    taking.listing = undefined;
    session.version = event.resourceVersion;
    session.watchFailures = 0;
    listing.commit();
    events.reached();
  }
  return undefined;
}
