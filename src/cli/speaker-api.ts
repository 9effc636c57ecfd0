/**
 * What the daemon's HTTP interface answers, for a bare speaker: peers, routes, explanations and metrics by the same code. Its sessions run in
 * this very thread, so a page of routes is read when the client has taken the one before, after a turn of the loop in which every socket
 * was served (bgp-speaker 4.12).
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Speaker, SpeakerEvent } from 'bgp-ts';
import { parsePrefix } from 'bgp-ts/net';
import { explanationView } from '../confd/native/explain-view.ts';
import { measureLoop } from '../confd/native/loop-delay.ts';
import { countNotification } from '../confd/native/thread.ts';
import type { NotificationCounts } from '../confd/native/views.ts';
import { createPushes, routeView } from '../confd/native/views.ts';
import { MAX_ROUTE_LIMIT } from '../health/limits.ts';
import { renderMetrics } from '../health/metrics.ts';
import { METRICS_CONTENT_TYPE } from '../health/metrics-text.ts';
import { DEFAULT_READINESS } from '../health/probes.ts';
import type { Answer } from '../health/server/answer.ts';
import { errorAnswer, jsonAnswer } from '../health/server/answer.ts';
import { explain, peerNamed, routes } from '../health/server/inquiries.ts';
import type { Queries } from '../health/server/queries.ts';
import type { Outcomes, Suppliers } from '../health/server/suppliers.ts';
import { createState, sortedPeers, takeSpeaker } from '../health/state.ts';
import type { SpeakerAnswer, SpeakerQuery } from '../health/status.ts';

/** Answers of one speaker. */
export interface SpeakerApi {
  /** The answer to a GET of `/api/v1/peers`, `/api/v1/routes`, `/api/v1/explain` or `/metrics`; undefined for anything else. */
  get(path: string, query: URLSearchParams, accept: string): Promise<Answer> | undefined;
  /** Id of the peer with this id, or with this address where only one has it. */
  peerNamed(name: string): Outcomes<string>;
  /** Takes note of what the speaker reports. */
  event(event: SpeakerEvent): void;
}

type Read = Pick<Speaker, 'status' | 'routes' | 'explain'>;

/** Makes the answers of a speaker; nothing is read before somebody asks. */
export function createSpeakerApi(speaker: Read): SpeakerApi {
  const state = createState(0, ['speaker']);
  const pushes = createPushes();
  const notifications = new Map<string, NotificationCounts>();
  const loop = measureLoop();
  const refresh = (): void => {
    const status = speaker.status();
    takeSpeaker(state, pushes.next({ now: Date.now(), status, listeners: [], notifications, loop: loop() }), 0);
  };
  const suppliers: Suppliers = {
    state,
    // This thread asks itself: it is never found stalled.
    now: () => 0,
    policy: DEFAULT_READINESS,
    main: nobody(),
    speaker: askHere(speaker),
    desired: { held: undefined, asking: undefined },
    process: processFigures,
    loop: () => state.speaker?.loop ?? { meanMs: 0, p99Ms: 0, maxMs: 0 },
  };
  const answers: Readonly<Record<string, (query: URLSearchParams, accept: string) => Promise<Answer>>> = {
    '/api/v1/peers': async () =>
      jsonAnswer({ schema: 'linnet.peers/v1', node: '', at: Date.now(), peers: sortedPeers(state), held: [], drift: driftOf(state) }),
    '/api/v1/routes': (query, accept) => answerRoutes(suppliers, query, accept),
    '/api/v1/explain': (query, accept) => explain(suppliers, { query: Object.fromEntries(query), accept }),
    '/metrics': async () => ({ status: 200, type: METRICS_CONTENT_TYPE, body: metricsOf(suppliers) }),
  };
  return {
    get: (path, query, accept) => {
      const answer = Object.hasOwn(answers, path) ? answers[path] : undefined;
      if (answer !== undefined) refresh();
      return answer?.(query, accept);
    },
    peerNamed: (name) => {
      refresh();
      return peerNamed(state, name);
    },
    event: (event) => {
      if (event.kind === 'notification') countNotification(notifications, event.peer, event.direction);
    },
  };
}

/** A bare speaker audits what it told its peers; it has no kernel, and nobody else gives it routes. */
function driftOf({ speaker }: Suppliers['state']): object {
  return { announcements: speaker?.work['driftRepaired'] ?? 0, ownRoutes: 0, kernelRoutes: 0 };
}

function metricsOf({ state, process: figures, loop }: Suppliers): string {
  return renderMetrics({ state, now: 0, live: true, ready: true, process: figures(), loop: loop() });
}

const KNOWN = new Set(['view', 'peer', 'family', 'prefix', 'cursor', 'limit', 'format']);

/** Checks what the daemon's schema checks before. */
async function answerRoutes(suppliers: Suppliers, query: URLSearchParams, accept: string): Promise<Answer> {
  const given = Object.fromEntries(query);
  const bad = (message: string): Answer => errorAnswer({ code: 'BAD_REQUEST', message });
  const unknown = [...query.keys()].find((key) => !KNOWN.has(key));
  if (unknown !== undefined) return bad(`${unknown} is no parameter; known are ${[...KNOWN].join(', ')}`);
  const { family, format, limit } = given;
  if (family !== undefined && family !== 'ipv4-unicast' && family !== 'ipv6-unicast') return bad(`${family} is no family`);
  if (format !== undefined && format !== 'json' && format !== 'jsonl') return bad(`${format} is no format`);
  const most = limit === undefined ? undefined : Number(limit);
  if (most !== undefined && !(Number.isInteger(most) && most >= 1 && most <= MAX_ROUTE_LIMIT))
    return bad(`limit must be an integer from 1 to ${MAX_ROUTE_LIMIT}`);
  return routes(suppliers, { query: { ...given, limit: most }, accept });
}

/** Questions to this thread. Each is answered after a turn of the loop. */
function askHere(speaker: Read): Queries<SpeakerQuery, SpeakerAnswer> {
  return {
    ask: async (query) => {
      await turn();
      return answerHere(speaker, query);
    },
    settle: () => undefined,
    abandon: () => undefined,
  };
}

function answerHere(speaker: Read, query: SpeakerQuery): Awaited<ReturnType<Queries<SpeakerQuery, SpeakerAnswer>['ask']>> {
  const refuse = (message: string) => ({ kind: 'fault', fault: { code: 'bad-request', message } }) as const;
  if (query.kind === 'act') return refuse('actions are not asked for here');
  const prefix = query.prefix === null ? undefined : parsePrefix(query.prefix);
  if (query.prefix !== null && prefix === undefined) return refuse(`${query.prefix} is not a prefix`);
  if (query.kind === 'explain') {
    if (prefix === undefined) return refuse('explain needs a prefix');
    return { kind: 'answer', answer: { kind: 'explain', ...explanationView(speaker.explain(prefix), query.peer) } };
  }
  const { view, family, peer, cursor, limit } = query;
  const wanted = { view, family, ...(peer === null ? {} : { peer }), ...(prefix === undefined ? {} : { prefix }) };
  const page = speaker.routes(wanted, cursor, limit);
  return {
    kind: 'answer',
    answer: { kind: 'routes', routes: page.routes.map((route) => routeView(route)), next: page.next ?? null },
  };
}

/** A bare speaker has no main thread. */
function nobody(): Suppliers['main'] {
  return {
    ask: () => Promise.resolve({ kind: 'fault', fault: { code: 'unavailable', message: 'this is a bare speaker' } }),
    settle: () => undefined,
    abandon: () => undefined,
  };
}

const STARTED_AT_S = (Date.now() - process.uptime() * 1000) / 1000;

function processFigures(): ReturnType<Suppliers['process']> {
  const { user, system } = process.cpuUsage();
  return { residentOctets: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6, startedAt: STARTED_AT_S };
}
