/**
 * Main's side of the speaker's thread: starts it, gives it configurations as differences, starts it anew with the whole
 * state when it dies. A dead thread is a bug of ours, but its sessions come back within seconds.
 */
import type { PeerMemory, SpeakerConfig, SpeakerEvent } from 'bgp-ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Issue } from '../resources/types.ts';
import type { Touched } from './delta.ts';
import { diffConfig, isEmptyDelta, sealDelta, touchedBy } from './delta.ts';
import type { FromThread, ToThread } from './protocol.ts';

/** One life of the thread. */
export interface Thread {
  post(message: ToThread): void;
  terminate(): Promise<void>;
}

/** What a thread reports. `exit` is called once, with the error that ended it where there was one. */
export interface ThreadEvents {
  readonly message: (message: FromThread) => void;
  readonly exit: (error: Error | undefined) => void;
}

/** Narrow interfaces that the host uses. */
export interface HostDeps {
  /** Starts a thread; main also hands it a fresh port of the health thread. */
  readonly spawn: (events: ThreadEvents) => Thread;
  readonly clock: Clock;
  readonly log: Log;
  /** Called when `issues` changed. */
  readonly issuesChanged: () => void;
  readonly event: (event: SpeakerEvent) => void;
  /** Keeps what operators set for the next thread, or the next process. */
  readonly remember: (peers: readonly PeerMemory[]) => void;
  /** Who holds a TCP port, for the issue that says it is taken; undefined where that cannot be seen. */
  readonly portOwner: (port: number) => Promise<string | undefined>;
}

/** The speaker as main sees it. */
export interface SpeakerHost {
  start(): void;
  /** Resolves when the speaker has the configuration; at once and with zeros where it has it already. */
  configure(config: SpeakerConfig, signal: AbortSignal): Promise<Touched>;
  issues(): readonly Issue[];
  /** Ends the sessions, then the thread. Idempotent. */
  stop(planned: boolean, text: string): Promise<void>;
}

/** Wait before a dead thread is started again, ms: doubles from the first to the last. */
const RESTART_MS = { first: 100, last: 10_000 } as const;

/** A thread that lived this long, ms, starts the waits from the first again. */
export const STABLE_MS = 60_000;

/** Longest wait for the sessions to end, ms: NOTIFICATIONs are flushed well within it; then the thread is ended. */
export const STOP_WAIT_MS = 3_000;

const UNTOUCHED: Touched = { peers: 0, routes: 0, policies: 0 };

interface Host extends HostDeps {
  thread: Thread | undefined;
  wanted: SpeakerConfig | undefined;
  nextId: number;
  readonly waiting: Map<number, () => void>;
  readonly listenerIssues: Map<string, Issue>;
  restarts: number;
  restartMs: number;
  launchedAt: number;
  restartIssue: Issue | undefined;
  stopping: Promise<void> | undefined;
  stopped: () => void;
  readonly end: AbortController;
}

/** Makes a host; nothing runs before `start`. */
export function createSpeakerHost(deps: HostDeps): SpeakerHost {
  const host: Host = {
    ...deps,
    thread: undefined,
    wanted: undefined,
    nextId: 1,
    waiting: new Map(),
    listenerIssues: new Map(),
    restarts: 0,
    restartMs: RESTART_MS.first,
    launchedAt: 0,
    restartIssue: undefined,
    stopping: undefined,
    stopped: () => undefined,
    end: new AbortController(),
  };
  return {
    start: () => {
      if (host.thread === undefined && host.stopping === undefined) launch(host);
    },
    configure: (config, signal) => configure(host, config, signal),
    issues: () => [...(host.restartIssue === undefined ? [] : [host.restartIssue]), ...host.listenerIssues.values()],
    stop: (planned, text) => (host.stopping ??= stop(host, planned, text)),
  };
}

function launch(host: Host): void {
  const thread = host.spawn({
    message: (message) => received(host, message),
    exit: (error) => {
      if (host.thread === thread) void died(host, error);
    },
  });
  host.thread = thread;
  host.launchedAt = host.clock.monotonic();
  if (host.wanted !== undefined) send(host, host.wanted, undefined);
}

/** Sends the difference and returns the id of its acknowledgement. */
function send(
  host: Host,
  config: SpeakerConfig,
  before: SpeakerConfig | undefined,
): { readonly id: number; readonly touched: Touched } | undefined {
  const delta = diffConfig(before, config);
  host.wanted = config;
  if (isEmptyDelta(delta)) return undefined;
  const id = host.nextId++;
  host.thread?.post({ type: 'configure', id, sealed: sealDelta(delta) });
  return { id, touched: touchedBy(before, delta) };
}

async function configure(host: Host, config: SpeakerConfig, signal: AbortSignal): Promise<Touched> {
  if (host.stopping !== undefined) throw new Error('the speaker is being stopped');
  const sent = send(host, config, host.wanted);
  if (sent === undefined) return UNTOUCHED;
  await acknowledged(host, sent.id, signal);
  return sent.touched;
}

/** Until the thread has it. After a restart the whole state was sent again and its acknowledgement counts for all. */
async function acknowledged(host: Host, id: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      host.waiting.delete(id);
      signal.removeEventListener('abort', done);
      resolve();
    };
    host.waiting.set(id, done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted || host.stopping !== undefined) done();
  });
}

function received(host: Host, message: FromThread): void {
  switch (message.type) {
    case 'configured':
      for (const [id, done] of [...host.waiting]) if (id <= message.id) done();
      healed(host);
      break;
    case 'listener':
      listenerChanged(host, message);
      break;
    case 'event':
      host.event(message.event);
      break;
    case 'memory':
      host.remember(message.peers);
      break;
    case 'stopped':
      host.stopped();
      break;
    default: {
      const never: never = message;
      return never;
    }
  }
}

function healed(host: Host): void {
  if (host.restartIssue === undefined) return;
  host.restartIssue = undefined;
  host.issuesChanged();
}

type ListenerMessage = Extract<FromThread, { type: 'listener' }>;

function listenerChanged(host: Host, message: ListenerMessage): void {
  const key = `${message.address} ${message.port}`;
  if (message.up) host.listenerIssues.delete(key);
  else {
    const issue = listenIssue(message, undefined);
    host.listenerIssues.set(key, issue);
    void nameOwner(host, key, issue, message);
  }
  host.issuesChanged();
}

/** Looked up afterwards: the issue itself must not wait for a walk through the processes. */
async function nameOwner(host: Host, key: string, issue: Issue, message: ListenerMessage): Promise<void> {
  const owner = await host.portOwner(message.port);
  if (owner === undefined || host.listenerIssues.get(key) !== issue) return;
  host.listenerIssues.set(key, listenIssue(message, owner));
  host.issuesChanged();
}

function listenIssue({ address, port, error }: ListenerMessage, owner: string | undefined): Issue {
  const holder = owner === undefined ? '' : `; ${owner} listens there`;
  return daemonIssue(
    'LISTEN_FAILED',
    'listen',
    JSON.stringify(`${address} port ${port}`),
    `cannot be listened on: ${error ?? 'unknown reason'}${holder}`,
  );
}

async function died(host: Host, error: Error | undefined): Promise<void> {
  host.thread = undefined;
  if (host.stopping !== undefined) {
    host.stopped();
    return;
  }
  host.restarts += 1;
  if (host.clock.monotonic() - host.launchedAt >= STABLE_MS) host.restartMs = RESTART_MS.first;
  const because = error?.message ?? 'it ended by itself';
  host.log.error({ because, restarts: host.restarts, retryMs: host.restartMs, stack: error?.stack }, 'speaker thread died');
  host.restartIssue = daemonIssue(
    'SPEAKER_RESTARTED',
    '',
    JSON.stringify(because),
    'is why the speaker is being started again; its sessions went down',
  );
  host.issuesChanged();
  const wait = host.restartMs;
  host.restartMs = Math.min(RESTART_MS.last, host.restartMs * 2);
  await host.clock.wait(wait, host.end.signal);
  if (host.stopping === undefined && host.thread === undefined) launch(host);
}

async function stop(host: Host, planned: boolean, text: string): Promise<void> {
  host.end.abort();
  const { thread } = host;
  if (thread !== undefined) {
    const late = new AbortController();
    const stopped = new Promise<void>((resolve) => {
      host.stopped = resolve;
    });
    thread.post({ type: 'stop', planned, text });
    await Promise.race([stopped, host.clock.wait(STOP_WAIT_MS, late.signal)]);
    late.abort();
    host.thread = undefined;
    await thread.terminate();
  }
  for (const done of [...host.waiting.values()]) done();
}

function daemonIssue(code: string, field: string, got: string, rule: string): Issue {
  const object = { apiVersion: 'linnet/v1', kind: 'Daemon', namespace: '', name: 'speaker' };
  return { code, severity: 'error', object, field, got, rule, source: null, transient: true };
}
