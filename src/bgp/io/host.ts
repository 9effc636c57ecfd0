/**
 * Runs a speaker on real sockets and the real clock: one event loop, nothing else in it. Inputs go in as they come; work is
 * done in slices between polls; one timer serves all deadlines.
 */
import { DIAGNOSE_EVERY_MS, MEMORY_LOOK_MS, WARM_UP_LIVES } from '../session/index.ts';
import type { Speaker } from '../speaker.ts';
import type { SpeakerConfig, SpeakerEvent, SpeakerInput, SpeakerOutput } from '../speaker-types.ts';
import { AUDIT_MS, createAudits } from './audits.ts';
import { Connections } from './connections.ts';
import { countersOf, createDiagnosis } from './diagnosis.ts';
import type { Listeners } from './listeners.ts';
import { createListeners } from './listeners.ts';
import { hasNativeSockets } from './native.ts';
import type { ListenError } from './open-socket.ts';
import { PeerSockets } from './peer-sockets.ts';
import { warmUp } from './warm-up.ts';
import { createWorker } from './worker.ts';

/** What a host needs. */
export interface SpeakerHostOptions {
  readonly speaker: Speaker;
  /** Monotonic milliseconds, the clock of the speaker's times. */
  readonly now: () => number;
  /** Facts for the log, as they happen. Must not call back into the host. */
  readonly onEvent: (event: SpeakerEvent) => void;
  /** A listener that could not be opened; also the rejection of `configure`. */
  readonly onListenError: (error: ListenError) => void;
  /** Compile what sessions and routes will need while nobody is connected yet: under a second of CPU, once. Default false. */
  readonly warmUp?: boolean;
  /** Between two self-audits of what peers were told, ms. Default 60000. */
  readonly auditMs?: number;
  /** Share of the memory limit that this process uses, 1: all of it; asked twice a second. Absent: no limit (bgp-speaker 4.11). */
  readonly memoryUsed?: () => number;
}

/** A speaker at work. */
export interface SpeakerHost {
  /** Applies the whole wanted configuration; settles when every peer of it is taken and its listeners are bound, rejects with `ListenError`. */
  configure(config: SpeakerConfig): Promise<void>;
  /** Any other input: routes, peer actions. */
  handle(input: SpeakerInput): void;
  /** Ends all sessions and settles when every socket is closed. `planned` keeps helpers' routes. Idempotent. */
  stop(planned: boolean, text?: string): Promise<void>;
}

/** A host for one speaker; nothing happens before `configure`. */
export function createSpeakerHost(options: SpeakerHostOptions): SpeakerHost {
  const { speaker, now } = options;
  const peers = new PeerSockets();
  const diagnosis = createDiagnosis({
    // A range has no session of its own that could clear it: what is found concerns those who do not get in.
    peers: () => [...peers.all(), ...peers.ranges().map(({ peer }) => peer)],
    faults: () => peers.faults,
    established: () => new Set(speaker.status().peers.flatMap(({ id, state }) => (state === 'established' ? [id] : []))),
    counters: () => countersOf(hasNativeSockets()),
    tell: (peer, text) => {
      feed({ type: 'diagnosis', peer, ...(text === undefined ? {} : { text }) });
    },
  });
  const connections = new Connections(feed, peers, diagnosis.attempt);
  const listeners = createListeners(peers, (socket) => connections.accept(socket), options.onListenError);
  const looks = setInterval(look, DIAGNOSE_EVERY_MS).unref();
  const timer = createDeadlineTimer(now, () => {
    feed({ type: 'tick' });
  });
  const memory = watchMemory(options.memoryUsed, feed);
  const worker = createWorker(speaker, now, (outputs) => {
    perform(outputs);
    timer.arm(speaker.nextDeadline());
  });

  const audits = createAudits(speaker, now, options.auditMs ?? AUDIT_MS, worker.request);
  const warming = createWarmUp(now, () => connections.count === 0);

  const sinks: Sinks = {
    connections,
    listeners,
    onEvent: (event) => {
      if (event.kind === 'session-state' && event.to === 'established') diagnosis.up(event.peer);
      options.onEvent(event);
    },
  };

  function look(): void {
    // What failed for want of room or of an interface may be there by now.
    if (peers.faults.size > 0) rekey();
    diagnosis.look();
  }

  function rekey(): void {
    peers.clearFaults();
    listeners.rekey();
  }

  function feed(input: SpeakerInput): void {
    if (input.type === 'configure') {
      for (const id of peers.configure(input.config.peers, input.config.ranges)) diagnosis.forget(id);
      // Before any session ends or starts: a peer that has the new key already must find it on the listener (bgp-speaker 4.8).
      listeners.rekey();
    }
    perform(speaker.handle(input, now()));
    worker.request();
    timer.arm(speaker.nextDeadline());
  }

  function perform(outputs: readonly SpeakerOutput[]): void {
    for (const output of outputs) performOne(output, sinks);
  }

  return {
    configure: async (config) => {
      feed({ type: 'configure', config });
      while (speaker.configuring()) await nextTurn();
      await listeners.ready();
      if (options.warmUp === true) warming.start(config);
    },
    handle: feed,
    stop: async (planned, text) => {
      feed({ type: 'shutdown', planned, ...(text === undefined ? {} : { text }) });
      timer.stop();
      clearInterval(looks);
      clearInterval(memory);
      worker.stop();
      audits.stop();
      warming.stop();
      await connections.closed();
    },
  };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Tells the speaker twice a second how much memory is used; undefined where there is no limit. */
function watchMemory(memoryUsed: (() => number) | undefined, feed: (input: SpeakerInput) => void): NodeJS.Timeout | undefined {
  if (memoryUsed === undefined) return undefined;
  return setInterval(() => feed({ type: 'memory', used: memoryUsed() }), MEMORY_LOOK_MS).unref();
}

/** Where outputs go. */
interface Sinks {
  readonly connections: Connections;
  readonly listeners: Listeners;
  readonly onEvent: SpeakerHostOptions['onEvent'];
}

function performOne(output: SpeakerOutput, { connections, listeners, onEvent }: Sinks): void {
  switch (output.type) {
    case 'send':
      connections.send(output.connection, output.buffers);
      return;
    case 'close':
      connections.close(output.connection, output.reset);
      return;
    case 'dial':
      connections.dial(output.dial, output.peer, output.remote, output.local);
      return;
    case 'cancel-dial':
      connections.cancelDial(output.dial);
      return;
    case 'listen':
      listeners.apply(output.endpoints);
      return;
    case 'pause':
      connections.pause(output.connection);
      return;
    case 'resume':
      connections.resume(output.connection);
      return;
    case 'event':
      onEvent(output.event);
      return;
    default: {
      const never: never = output;
      return never;
    }
  }
}

/** The warm-up: a step at a time after polls, given up for good once somebody is connected. */
function createWarmUp(now: () => number, isIdle: () => boolean): { start(config: SpeakerConfig): void; stop(): void } {
  let steps: Generator<undefined, number> | undefined;
  let immediate: NodeJS.Immediate | undefined;

  function step(): void {
    immediate = isIdle() && steps?.next().done === false ? setImmediate(step) : undefined;
  }

  return {
    start: (config) => {
      if (steps !== undefined) return;
      steps = warmUp(now, WARM_UP_LIVES, config);
      immediate = setImmediate(step);
    },
    stop: () => clearImmediate(immediate),
  };
}

/** One timer for the earliest deadline. A deadline already past waits for a poll: that is what a nominated hold timer needs. */
function createDeadlineTimer(now: () => number, onDue: () => void): { arm(at: number): void; stop(): void } {
  let armedAt = Infinity;
  let stopped = false;
  let timeout: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;

  function fire(): void {
    armedAt = Infinity;
    timeout = undefined;
    immediate = undefined;
    onDue();
  }

  function disarm(): void {
    clearTimeout(timeout);
    clearImmediate(immediate);
    timeout = undefined;
    immediate = undefined;
  }

  return {
    arm: (at) => {
      // A later deadline needs nothing: the timer that is set comes up, finds nothing due and is set again.
      if (stopped || at >= armedAt) return;
      disarm();
      armedAt = at;
      const wait = at - now();
      if (wait <= 0) immediate = setImmediate(fire);
      else timeout = setTimeout(fire, Math.min(Math.ceil(wait), 0x7fff_ffff));
    },
    stop: () => {
      stopped = true;
      disarm();
    },
  };
}
