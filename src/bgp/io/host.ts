/**
 * Runs a speaker on real sockets and the real clock: one event loop, nothing else in it. Inputs go in as they come; work is
 * done in slices between polls; one timer serves all deadlines.
 */
import { DIAGNOSE_EVERY_MS, FLUSH_SPACING_MS, GATHER_MS, WORK_SLICE_MS } from '../session/index.ts';
import type { Speaker } from '../speaker.ts';
import type { SpeakerConfig, SpeakerEvent, SpeakerInput, SpeakerOutput } from '../speaker-types.ts';
import { Connections } from './connections.ts';
import { countersOf, createDiagnosis } from './diagnosis.ts';
import type { Listeners } from './listeners.ts';
import { createListeners } from './listeners.ts';
import { hasNativeSockets } from './native.ts';
import type { ListenError } from './open-socket.ts';
import { PeerSockets } from './peer-sockets.ts';

/** What a host needs. */
export interface SpeakerHostOptions {
  readonly speaker: Speaker;
  /** Monotonic milliseconds, the clock of the speaker's times. */
  readonly now: () => number;
  /** Facts for the log, as they happen. Must not call back into the host. */
  readonly onEvent: (event: SpeakerEvent) => void;
  /** A listener that could not be opened; also the rejection of `configure`. */
  readonly onListenError: (error: ListenError) => void;
}

/** A speaker at work. */
export interface SpeakerHost {
  /** Applies the whole wanted configuration; settles when its listeners are bound, rejects with `ListenError`. */
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
    peers: () => peers.all(),
    faults: () => peers.faults,
    established: () => new Set(speaker.status().peers.flatMap(({ id, state }) => (state === 'established' ? [id] : []))),
    counters: () => countersOf(hasNativeSockets()),
    tell: (peer, text) => {
      feed({ type: 'diagnosis', peer, ...(text === undefined ? {} : { text }) });
    },
  });
  const connections = new Connections(feed, peers, diagnosis.attempt);
  const listeners = createListeners(
    peers,
    (socket) => {
      connections.accept(socket);
    },
    options.onListenError,
  );
  const looks = setInterval(() => {
    // What failed for want of room or of an interface may be there by now.
    if (peers.faults.size > 0) rekey();
    diagnosis.look();
  }, DIAGNOSE_EVERY_MS);
  looks.unref();
  const timer = createDeadlineTimer(now, () => {
    feed({ type: 'tick' });
  });
  const worker = createWorker(speaker, now, (outputs) => {
    perform(outputs);
    timer.arm(speaker.nextDeadline());
  });

  const sinks: Sinks = {
    connections,
    listeners,
    onEvent: (event) => {
      if (event.kind === 'session-state' && event.to === 'established') diagnosis.up(event.peer);
      options.onEvent(event);
    },
  };

  function rekey(): void {
    peers.clearFaults();
    listeners.rekey();
  }

  function feed(input: SpeakerInput): void {
    if (input.type === 'configure') {
      for (const id of peers.configure(input.config.peers)) diagnosis.forget(id);
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
      await listeners.ready();
    },
    handle: feed,
    stop: async (planned, text) => {
      feed({ type: 'shutdown', planned, ...(text === undefined ? {} : { text }) });
      timer.stop();
      clearInterval(looks);
      worker.stop();
      await connections.closed();
    },
  };
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

/** Slices of the speaker's work between polls. */
interface Worker {
  /** Something came in; there may be work. */
  request(): void;
  stop(): void;
}

/**
 * When work is done. After quiet a change goes out as soon as one poll brought nothing more, so that a burst is encoded once (at
 * most 15 ms are waited). While busy, flushes begin at least as far apart as the last one took and never less than 5 ms: fan-out
 * takes at most half of the time, and changes in between are batched (bgp-speaker 2.4).
 */
function createWorker(speaker: Speaker, now: () => number, perform: (outputs: readonly SpeakerOutput[]) => void): Worker {
  let immediate: NodeJS.Immediate | undefined;
  let timeout: NodeJS.Timeout | undefined;
  let busyMs = 0;
  let nextFlushAt = -Infinity;
  let gatherUntil = Infinity;
  let inputs = 0;
  let stopped = false;

  function run(): void {
    immediate = undefined;
    timeout = undefined;
    const from = now();
    if (inputs > 0 && from < gatherUntil) {
      inputs = 0;
      immediate = setImmediate(run);
      return;
    }
    const { outputs, more } = speaker.work(now, WORK_SLICE_MS);
    perform(outputs);
    const to = now();
    busyMs += to - from;
    if (more && !stopped) {
      gatherUntil = -Infinity;
      immediate = setImmediate(run);
      return;
    }
    nextFlushAt = to + Math.max(FLUSH_SPACING_MS, busyMs);
    busyMs = 0;
    schedule();
  }

  function schedule(): void {
    if (stopped || immediate !== undefined || timeout !== undefined || !speaker.hasWork()) return;
    const from = now();
    const wait = nextFlushAt - from;
    gatherUntil = Math.max(from, nextFlushAt) + GATHER_MS;
    if (wait <= 0) immediate = setImmediate(run);
    else timeout = setTimeout(run, Math.ceil(wait));
  }

  return {
    request: () => {
      inputs++;
      schedule();
    },
    stop: () => {
      stopped = true;
      clearImmediate(immediate);
      clearTimeout(timeout);
    },
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
