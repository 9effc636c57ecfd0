/**
 * The speaker's thread without its sockets and message ports: takes configurations from main, answers the health thread
 * from the speaker's own records, pushes its status. worker.ts joins it to the real thread.
 */
import type { PeerAction, Speaker, SpeakerEvent, SpeakerInput, SpeakerRouteQuery } from 'bgp-ts';
import type { Prefix } from 'bgp-ts/net';
import { parsePrefix } from 'bgp-ts/net';
import type { ConfigState } from './delta.ts';
import { createConfigState, openDelta } from './delta.ts';
import { explanationView } from './explain-view.ts';
import type { LearnedRoutes, LocalFigures } from './learned-routes.ts';
import { actionRefusal } from './peer-action.ts';
import type { FromThread, HealthQuestion, HealthReply, ThreadAnswer, ThreadFault, ThreadQuery, ToThread } from './protocol.ts';
import type { ListenerFigures, LoopFigures, NotificationCounts } from './views.ts';
import { createPushes, routeView } from './views.ts';

/** The running speaker as the thread uses it: its own records, and its sockets. */
export interface ThreadSpeaker extends Pick<Speaker, 'status' | 'routes' | 'explain' | 'memory'> {
  /** Gives an input to the speaker; resolves when its listeners are bound or have failed. */
  submit(input: Extract<SpeakerInput, { type: 'configure' | 'routes' }>): Promise<void>;
  /** Carries out an operator's action on a configured peer. */
  act(peer: string, action: PeerAction): void;
  listeners(): readonly ListenerFigures[];
  /** The own route of a prefix, and how many there are; absent: neither is told. */
  readonly own?: Pick<LearnedRoutes, 'at' | 'counts'>;
  /** Ends every session and closes every socket. */
  stop(planned: boolean, text: string): Promise<void>;
}

/** What the thread needs. */
export interface ThreadDeps {
  readonly speaker: ThreadSpeaker;
  /** Wall-clock ms. */
  readonly now: () => number;
  readonly loop: () => LoopFigures;
  readonly toMain: (message: FromThread) => void;
  readonly toHealth: (message: HealthReply) => void;
}

/** The thread's reactions; `event` returns true where the status should be pushed soon. */
export interface SpeakerThreadLogic {
  main(message: ToThread): Promise<void>;
  health(question: HealthQuestion): void;
  event(event: SpeakerEvent): boolean;
  push(): void;
}

/** Most routes in one page, so that a dump never holds the sessions up (bgp-speaker 4.12). */
export const MAX_PAGE = 2000;

/** Joins the reactions to one speaker. */
export function createThreadLogic(deps: ThreadDeps): SpeakerThreadLogic {
  const config = createConfigState();
  const pushes = createPushes();
  const notifications = new Map<string, NotificationCounts>();
  const listeners = new Map<string, string>();
  const tellMemory = createMemoryTeller(deps);
  const push = (): void => {
    const figures = deps.speaker.listeners();
    reportListeners(figures, listeners, deps.toMain);
    deps.toHealth({
      type: 'push',
      push: pushes.next({
        now: deps.now(),
        status: deps.speaker.status(),
        listeners: figures,
        notifications,
        ...ownCounts(deps.speaker),
        loop: deps.loop(),
      }),
    });
  };
  return {
    push,
    main: async (message) => {
      switch (message.type) {
        case 'configure':
          await deps.speaker.submit(config.apply(openDelta(message.sealed)));
          for (const id of message.sealed.delta.peers.remove) notifications.delete(id);
          tellMemory();
          deps.toMain({ type: 'configured', id: message.id });
          break;
        case 'health':
          pushes.restart();
          push();
          break;
        case 'stop':
          await deps.speaker.stop(message.planned, message.text);
          push();
          deps.toMain({ type: 'stopped' });
          break;
        default: {
          const never: never = message;
          return never;
        }
      }
    },
    health: (question) => deps.toHealth(answer(deps.speaker, config, question)),
    event: (event) => {
      if (event.kind === 'best-changed') return false;
      if (event.kind === 'notification') countNotification(notifications, event.peer, event.direction);
      deps.toMain({ type: 'event', event });
      if (event.kind === 'peer-action') tellMemory();
      return event.kind === 'session-state' || event.kind === 'end-of-rib' || event.kind === 'diagnosis' || event.kind === 'peer-action';
    },
  };
}

/** Tells main what must outlive a restart, when it is not what was told before; the first time nothing is what it was. */
function createMemoryTeller({ speaker, toMain }: ThreadDeps): () => void {
  let told: string | undefined;
  return () => {
    const peers = speaker.memory();
    const now = JSON.stringify(peers);
    if (told !== undefined && told !== now) toMain({ type: 'memory', peers });
    told = now;
  };
}

function ownCounts({ own }: ThreadSpeaker): { readonly locals?: LocalFigures } {
  return own === undefined ? {} : { locals: own.counts() };
}

/** Adds a NOTIFICATION to the counts of a peer. */
export function countNotification(counts: Map<string, NotificationCounts>, peer: string, direction: 'sent' | 'received'): void {
  const entry = counts.get(peer) ?? { received: 0, sent: 0 };
  entry[direction] += 1;
  counts.set(peer, entry);
}

/** Tells main of each address once when it goes up or down. */
function reportListeners(figures: readonly ListenerFigures[], known: Map<string, string>, toMain: ThreadDeps['toMain']): void {
  const seen = new Set<string>();
  for (const { address, port, up, error } of figures) {
    const key = `${address} ${port}`;
    const state = up ? 'up' : (error ?? 'down');
    seen.add(key);
    if (known.get(key) === state || (state === 'up' && !known.has(key))) {
      known.set(key, state);
      continue;
    }
    known.set(key, state);
    toMain({ type: 'listener', address, port, up, error });
  }
  for (const key of [...known.keys()]) {
    if (seen.has(key)) continue;
    const [address = '', port = ''] = key.split(' ');
    if (known.get(key) !== 'up') toMain({ type: 'listener', address, port: Number(port), up: true, error: null });
    known.delete(key);
  }
}

function answer(speaker: ThreadSpeaker, config: ConfigState, question: HealthQuestion): HealthReply {
  const result = ask(speaker, config, question.query);
  return 'message' in result ? { type: 'fault', id: question.id, fault: result } : { type: 'answer', id: question.id, answer: result };
}

function ask(speaker: ThreadSpeaker, config: ConfigState, query: ThreadQuery): ThreadAnswer | ThreadFault {
  if (query.kind === 'act') return act(speaker, config, query);
  const prefix = query.prefix === null ? undefined : parsePrefix(query.prefix);
  if (query.prefix !== null && prefix === undefined) return { code: 'bad-request', message: `${query.prefix} is not a prefix` };
  if (query.peer !== null && !config.hasPeer(query.peer)) return { code: 'not-found', message: `no peer ${query.peer}` };
  switch (query.kind) {
    case 'routes':
      return routesPage(speaker, query, prefix);
    case 'explain':
      if (prefix === undefined) return { code: 'bad-request', message: 'explain needs a prefix' };
      return { kind: 'explain', ...explanationView(speaker.explain(prefix), query.peer) };
    default: {
      const never: never = query;
      return never;
    }
  }
}

/** What cannot be done is said, not passed over: a refresh needs a session. */
function act(speaker: ThreadSpeaker, config: ConfigState, query: Extract<ThreadQuery, { kind: 'act' }>): ThreadAnswer | ThreadFault {
  if (!config.hasPeer(query.peer)) return { code: 'not-found', message: `no peer ${query.peer}` };
  const refusal = actionRefusal(
    speaker.status().peers.find((peer) => peer.id === query.peer),
    query.action,
  );
  if (refusal !== undefined) return { code: 'conflict', message: refusal };
  speaker.act(query.peer, query.action);
  return { kind: 'act' };
}

function routesPage(speaker: ThreadSpeaker, query: Extract<ThreadQuery, { kind: 'routes' }>, prefix: Prefix | undefined): ThreadAnswer {
  const wanted: SpeakerRouteQuery = {
    view: query.view,
    family: query.family,
    ...(query.peer === null ? {} : { peer: query.peer }),
    ...(prefix === undefined ? {} : { prefix }),
  };
  const page = speaker.routes(wanted, query.cursor, Math.min(MAX_PAGE, Math.max(1, query.limit)));
  return {
    kind: 'routes',
    routes: page.routes.map((route) => routeView(route, route.from === 'local' ? speaker.own?.at(route.prefix) : undefined)),
    next: page.next ?? null,
  };
}
