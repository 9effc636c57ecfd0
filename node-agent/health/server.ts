/** What is answered over HTTP: probes and metrics on the listener, the status document on the unix socket too. GET and HEAD only. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { METRICS_CONTENT_TYPE } from '../../src/health/metrics-text.ts';
import { type HealthSummary, healthTable } from './reporters.ts';

/** Where the answers come from. */
export interface Answers {
  readonly health: () => HealthSummary;
  readonly metrics: () => string;
  /** JSON; undefined before the first one. */
  readonly status: () => string | undefined;
}

const JSON_TYPE = 'application/json; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';
/** Ms for the headers of a request. */
const HEADERS_MS = 5_000;
/** Connections at a time: a probe, a scraper, and people. */
const MAX_CONNECTIONS = 64;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function probe(health: HealthSummary, of: 'live' | 'ready'): Answer {
  return { status: health[of] ? 200 : 503, type: TEXT_TYPE, body: healthTable(health, of) };
}

function answerTo(path: string, answers: Answers, everything: boolean): Answer {
  switch (path) {
    case '/liveness':
      return probe(answers.health(), 'live');
    case '/readiness':
      return probe(answers.health(), 'ready');
    case '/metrics':
      return { status: 200, type: METRICS_CONTENT_TYPE, body: answers.metrics() };
    default: {
      const status = everything && path === '/status' ? answers.status() : undefined;
      if (status !== undefined) return { status: 200, type: JSON_TYPE, body: `${status}\n` };
      const known = ['/liveness', '/readiness', '/metrics', ...(everything ? ['/status'] : [])].join(', ');
      return { status: 404, type: TEXT_TYPE, body: `${path} is not here; there are ${known}\n` };
    }
  }
}

function handle(asked: IncomingMessage, reply: ServerResponse, answers: Answers, everything: boolean): void {
  const path = (asked.url ?? '/').split('?')[0] ?? '/';
  const allowed = asked.method === 'GET' || asked.method === 'HEAD';
  const answer = allowed ? answerTo(path, answers, everything) : { status: 405, type: TEXT_TYPE, body: 'GET and HEAD only\n' };
  reply.writeHead(answer.status, {
    'content-type': answer.type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(allowed ? {} : { allow: 'GET, HEAD' }),
  });
  reply.end(asked.method === 'HEAD' ? '' : answer.body);
}

/** Makes a server that does not listen yet. `everything`: who reaches it may see the status too. */
export function createHealthServer(answers: Answers, everything: boolean): Server {
  const server = createServer({ headersTimeout: HEADERS_MS, requestTimeout: HEADERS_MS }, (asked, reply) =>
    handle(asked, reply, answers, everything),
  );
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}
