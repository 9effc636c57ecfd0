/**
 * The speaker: sessions and routes behind one function. `handle(input, now)` takes what happened and returns what to do; it
 * opens no socket, reads no clock and starts no timer. The I/O layer (or a test) calls, in a loop: `handle` for each thing that
 * happened, `work` while it returns more, `handle({ type: 'tick' })` at `nextDeadline()` and after a poll of all sockets.
 */
import type { Prefix } from './net/types.ts';
import { createRib } from './rib/index.ts';
import type { BestChange, RouteExplanation, RouteQuery, RouteView } from './rib/types.ts';
import { DeadlineQueue } from './session/index.ts';
import { memoryOf, peerAction, recall, shutdown } from './speaker/actions.ts';
import { configure, finishConfiguring } from './speaker/configure.ts';
import { connected, connectionClosed, dialFailed } from './speaker/connections.ts';
import { hasWork, isJoining, setBlocked, work } from './speaker/deliver.ts';
import { startDeferral } from './speaker/lifecycle.ts';
import { createReportWindows, reportMalformed } from './speaker/limited-reports.ts';
import { diagnose, drive, setUnsent } from './speaker/machines.ts';
import { relieveMemory } from './speaker/memory.ts';
import { receiveOctets, settleCrossings } from './speaker/messages.ts';
import { tooManyReceived, warnOfPrefixes } from './speaker/prefix-limits.ts';
import { createRanges, diagnoseRange, forgetDeparted } from './speaker/ranges.ts';
import type { Peer, SpeakerOptions, SpeakerState } from './speaker/state.ts';
import { isUp } from './speaker/state.ts';
import { statusOf } from './speaker/status.ts';
import { nextDeadline, tick } from './speaker/timers.ts';
import type { SpeakerStatus } from './speaker-status.ts';
import type { PeerMemory, SpeakerInput, SpeakerOutput } from './speaker-types.ts';
import type { AttributeFault } from './wire/index.ts';
import { notificationForFault } from './wire/index.ts';

export type { SpeakerOptions } from './speaker/state.ts';

/** A query of routes by peer name instead of table index. */
export type SpeakerRouteQuery = Omit<RouteQuery, 'peer'> & { readonly peer?: string };

/** What a slice of work produced; `more` asks for another slice after a poll. */
export interface WorkResult {
  readonly outputs: SpeakerOutput[];
  readonly more: boolean;
}

/** A BGP speaker without I/O. */
export interface Speaker {
  /** Takes one input at a monotonic time in milliseconds that never goes back; returns what has to be done, in order. */
  handle(input: SpeakerInput, now: number): SpeakerOutput[];
  /** True where `work` has something to do. */
  hasWork(): boolean;
  /** True while peers of the last configuration are left for `work` to take: their status and their sessions are those of before. */
  configuring(): boolean;
  /** One slice of decisions, encodings and deliveries of about `budgetMs` measured by `clock` (the clock of `now`). */
  work(clock: () => number, budgetMs: number): WorkResult;
  /** True while sessions come up one after the other: what each brings is due to all the others, so it pays to wait for more of them. */
  joining(now: number): boolean;
  /** When to tick next, monotonic milliseconds; Infinity without deadlines. In the past: after the next poll. */
  nextDeadline(): number;
  /**
   * Goes on with a self-audit for about `budgetMs`, or begins one: what peers were told is compared with what the tables say, and put right
   * (counters `drift*` of the status). Does nothing while there is work, and may leave some. True until everything was looked at.
   */
  audit(clock: () => number, budgetMs: number): boolean;
  status(): SpeakerStatus;
  /** What must outlive a restart, for the `recall` input of the next process. */
  memory(): PeerMemory[];
  /** What changed among best paths since the last call, for one reader that installs routes (Rib.bestChanges). */
  bestChanges(limit: number): BestChange[];
  /** A page of routes from `cursor` (0 first); `next` is undefined at the end. An unknown peer has no routes. */
  routes(query: SpeakerRouteQuery, cursor: number, limit: number): { readonly routes: RouteView[]; readonly next: number | undefined };
  /** Everything known about a prefix, from the records that were acted on. */
  explain(prefix: Prefix): RouteExplanation;
}

/** Creates a speaker without configuration; the first `configure` input starts it. */
export function createSpeaker(options: SpeakerOptions): Speaker {
  const state = createState(options);
  return {
    handle: (input, now) => {
      state.time.now = now;
      take(state, input);
      return takeOutputs(state);
    },
    hasWork: () => hasWork(state),
    configuring: () => state.configuring !== undefined,
    work: (clock, budgetMs) => {
      state.time.now = clock();
      const more = work(state, clock, budgetMs);
      forgetDeparted(state);
      return { outputs: takeOutputs(state), more };
    },
    joining: (now) => isJoining(state, now),
    nextDeadline: () => nextDeadline(state),
    audit: (clock, budgetMs) => {
      if (hasWork(state)) return true;
      const more = state.rib.audit(clock, budgetMs);
      // What it told again has to be sent, and peers that it found waiting have to be asked.
      state.mayHaveWork = true;
      return more;
    },
    status: () => statusOf(state),
    memory: () => memoryOf(state),
    bestChanges: (limit) => {
      const changes = state.rib.bestChanges(limit);
      // What was held back for the reader may be given up now.
      if (changes.length > 0) state.mayHaveWork = true;
      return changes;
    },
    routes: (query, cursor, limit) => routes(state, query, cursor, limit),
    explain: (prefix) => state.rib.explain(prefix),
  };
}

function createState(options: SpeakerOptions): SpeakerState {
  // The RIB asks for the time while it is being made.
  const time = { now: 0 };
  const state: SpeakerState = {
    options,
    time,
    rib: createRib(
      {
        onFault: (index, fault) => reportLater(state, index, (peer) => updateFault(state, peer, fault)),
        onMaxPrefix: (index, family, limit) => reportLater(state, index, (peer) => tooManyReceived(state, peer, family, limit)),
        onPrefixWarning: (index, family, limit) => reportLater(state, index, (peer) => warnOfPrefixes(state, peer, family, limit)),
      },
      // The first configuration brings the router id.
      { routerId: 0, wallClock: () => options.wallClock(time.now) },
    ),
    config: undefined,
    configuring: undefined,
    unstarted: new Set(),
    listening: undefined,
    edits: { longLived: false, made: new WeakMap() },
    reportWindows: createReportWindows(),
    stopped: false,
    peers: new Map(),
    byIndex: new Map(),
    byRemote: new Map(),
    connections: new Map(),
    unclaimed: new Set(),
    crossings: new Map(),
    ranges: createRanges(),
    recalled: new Map(),
    counters: { prefixWarnings: 0, maxPrefixExceeded: 0, maxPrefixOutExceeded: 0, memoryDrops: 0, sendHoldExpired: 0 },
    memoryBase: undefined,
    memoryUsed: 0,
    droppedAt: 0,
    dials: new Map(),
    nextDial: 1,
    deadlines: new DeadlineQueue<Peer>(),
    outputs: [],
    ready: [],
    importing: new Set(),
    undecided: 0,
    reports: [],
    deferral: undefined,
    joinedAt: -Infinity,
    round: 0,
    bestChanges: 0,
    mayHaveWork: false,
    withheld: false,
  };
  return state;
}

function takeOutputs(state: SpeakerState): SpeakerOutput[] {
  const { outputs } = state;
  state.outputs = [];
  return outputs;
}

/** Inputs that speak of peers by name, or of all of them: those of a configuration that is still being taken must be there. */
const NAMES_PEERS: ReadonlySet<SpeakerInput['type']> = new Set(['peer-action', 'diagnosis', 'shutdown']);

/** Inputs that begin sessions and listeners: whoever ends the speaker waits for the last socket. */
const BEGINS: ReadonlySet<SpeakerInput['type']> = new Set(['configure', 'peer-action']);

function take(state: SpeakerState, input: SpeakerInput): void {
  if (state.stopped && BEGINS.has(input.type)) return;
  if (input.type !== 'octets' && input.type !== 'tick' && input.type !== 'unsent') state.mayHaveWork = true;
  if (NAMES_PEERS.has(input.type)) finishConfiguring(state);
  dispatch(state, input);
  if (state.crossings.size > 0) settleCrossings(state);
  // A session that the RIB asked to end must not see another input first.
  for (const carryOut of state.reports.splice(0)) carryOut();
  forgetDeparted(state);
}

function dispatch(state: SpeakerState, input: SpeakerInput): void {
  switch (input.type) {
    case 'configure':
      if (state.config === undefined && state.options.restarting !== undefined) startDeferral(state);
      configure(state, input.config);
      break;
    case 'routes':
      state.rib.setLocalRoutes(input.set, input.remove);
      break;
    case 'connected':
      connected(state, input);
      break;
    case 'dial-failed':
      dialFailed(state, input.dial, input.reason);
      break;
    case 'octets':
      withConnection(state, input.connection, (connection) => {
        receiveOctets(state, connection, input.octets);
      });
      break;
    case 'closed':
      withConnection(state, input.connection, (connection) => {
        connectionClosed(state, connection, input.reason);
      });
      break;
    case 'blocked':
      withConnection(state, input.connection, (connection) => {
        setBlocked(state, connection, true);
      });
      break;
    case 'writable':
      withConnection(state, input.connection, (connection) => {
        setBlocked(state, connection, false);
      });
      break;
    case 'unsent':
      withConnection(state, input.connection, (connection) => {
        setUnsent(state, connection, input.waiting);
      });
      break;
    case 'peer-action':
      peerAction(state, input.peer, input.action);
      break;
    case 'diagnosis': {
      const peer = state.peers.get(input.peer);
      if (peer !== undefined) diagnose(state, peer, input.text);
      else diagnoseRange(state, input.peer, input.text);
      break;
    }
    case 'recall':
      recall(state, input.peers);
      break;
    case 'memory':
      relieveMemory(state, input.used);
      break;
    case 'shutdown':
      shutdown(state, input);
      break;
    case 'tick':
      tick(state);
      break;
    default: {
      const never: never = input;
      return never;
    }
  }
}

type ConnectionOf = SpeakerState['connections'] extends Map<number, infer C> ? C : never;

function withConnection(state: SpeakerState, id: number, act: (connection: ConnectionOf) => void): void {
  const connection = state.connections.get(id);
  if (connection !== undefined) act(connection);
}

/* What the RIB reports while it is working is carried out when it is done. */

function reportLater(state: SpeakerState, index: number, act: (peer: Peer) => void): void {
  const { session } = state.byIndex.get(index) ?? {};
  state.reports.push(() => {
    const peer = state.byIndex.get(index);
    // The session it speaks of may be gone by now.
    if (peer !== undefined && isUp(peer) && peer.session === session) act(peer);
  });
}

function updateFault(state: SpeakerState, peer: Peer, fault: AttributeFault): void {
  reportMalformed(state, peer, fault);
  if (fault.outcome !== 'session-reset') return;
  drive(state, peer, peer.primary, { type: 'update-error', notification: notificationForFault(fault), because: fault.detail });
}

function routes(
  state: SpeakerState,
  query: SpeakerRouteQuery,
  cursor: number,
  limit: number,
): { readonly routes: RouteView[]; readonly next: number | undefined } {
  const { peer: id, ...rest } = query;
  if (id === undefined) return state.rib.routes(rest, cursor, limit);
  const peer = state.peers.get(id);
  return peer === undefined ? { routes: [], next: undefined } : state.rib.routes({ ...rest, peer: peer.index }, cursor, limit);
}
