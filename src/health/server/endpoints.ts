/** Every endpoint: path, what it takes, what it answers. The server registers this table and OpenAPI prints it. */
import { MAX_ROUTE_LIMIT } from '../limits.ts';
import { renderMetrics } from '../metrics.ts';
import { METRICS_CONTENT_TYPE } from '../metrics-text.ts';
import { liveness, probeText, readiness } from '../probes.ts';
import { driftView, knownIssues, sortedPeers, threadView } from '../state.ts';
import type { HealthDocument, IssuesDocument, PeersDocument, StatusDocument } from '../status.ts';
import { type Answer, errorAnswer, JSON_TYPE, JSONL_TYPE, jsonAnswer, TEXT_TYPE } from './answer.ts';
import type { DocumentName } from './documents-schema.ts';
import { DRAIN_PATH, drain } from './drain.ts';
import { desired, explain, routes } from './inquiries.ts';
import { describe, oneOf, type Schema, text } from './schema.ts';
import { absence, type Suppliers } from './suppliers.ts';

/** A request after validation. */
export interface Request {
  readonly query: { readonly [name: string]: unknown };
  readonly accept: string;
}

/** One GET endpoint. */
export interface Endpoint {
  readonly paths: readonly string[];
  readonly summary: string;
  /** Query parameters by name; those in `required` must be there, others not in it are refused. */
  readonly query: { readonly [name: string]: Schema };
  readonly required?: readonly string[];
  /** Document or content type by status. Every endpoint may also answer 400 and 500 with Error. */
  readonly answers: { readonly [status: number]: DocumentName | { readonly type: string } };
  /** Further content types of the 200 answer. */
  readonly alsoAs?: readonly string[];
  /** On the metrics listener too. */
  readonly public: boolean;
  readonly answer: (suppliers: Suppliers, request: Request) => Answer | Promise<Answer>;
}

function probe(evaluate: (suppliers: Suppliers, query: Request['query']) => HealthDocument): Endpoint['answer'] {
  return (suppliers, request) => {
    const health = evaluate(suppliers, request.query);
    const status = health.ok ? 200 : 503;
    const verbose = request.query['verbose'] !== undefined;
    // Kubernetes' own probes answer `?verbose` with text; here too, unless JSON is asked for by name.
    const wantsText = /text\/plain/.test(request.accept) || (verbose && !/json/.test(request.accept));
    return wantsText ? { status, type: TEXT_TYPE, body: probeText(health, verbose) } : jsonAnswer(health, status);
  };
}

const live = ({ state, now }: Suppliers): HealthDocument => liveness(state, now());
function ready({ state, policy, now }: Suppliers, { threshold }: Request['query'] = {}): HealthDocument {
  return readiness(state, threshold === undefined ? policy : { ...policy, thresholdMs: Number(threshold) * 1000 }, now());
}

function status(suppliers: Suppliers): Answer {
  const { state, now } = suppliers;
  const { main, speaker } = state;
  const at = now();
  const established = sortedPeers(state).filter((peer) => peer.state === 'established').length;
  const issuesNow = knownIssues(state);
  const errors = issuesNow.filter((issue) => issue.severity === 'error').length;
  const document: StatusDocument = {
    schema: 'linnet.status/v1',
    node: main?.node ?? '',
    version: main?.version ?? '',
    engine: main?.engine ?? '',
    startedAt: main?.startedAt ?? 0,
    live: live(suppliers).ok,
    ready: ready(suppliers).ok,
    source: main?.source ?? { kind: '', inSync: false },
    firstAppliedAt: main?.firstAppliedAt ?? 0,
    lastAppliedAt: main?.lastAppliedAt ?? 0,
    applied: main?.applied ?? { changed: 0, unchanged: 0, failed: 0 },
    threads: state.threads.map((name) => threadView(state, name, at)),
    kernel: main?.kernel ?? null,
    drift: driftView(state),
    daemons: state.daemons,
    speaker: speaker === undefined ? null : speakerPart(speaker),
    sessions: { configured: state.peers.size + state.held.length, established, held: state.held.length },
    issues: { errors, warnings: issuesNow.length - errors },
    settings: state.settings,
  };
  return jsonAnswer(document);
}

function speakerPart(speaker: NonNullable<StatusDocument['speaker']>): NonNullable<StatusDocument['speaker']> {
  const { routerId, localAs, listeners, prefixes, paths, attributeSets, groups, work } = speaker;
  return { routerId, localAs, listeners, prefixes, paths, attributeSets, groups, work };
}

/** Old news of sessions are worse than none: a stalled speaker is an error, and it is named. */
function peers(suppliers: Suppliers): Answer {
  const absent = absence(suppliers, 'speaker');
  if (absent !== undefined) return errorAnswer(absent);
  const { state } = suppliers;
  const document: PeersDocument = {
    schema: 'linnet.peers/v1',
    node: state.main?.node ?? '',
    at: state.speaker?.pushedAt ?? 0,
    peers: sortedPeers(state),
    held: state.held,
    drift: driftView(state),
  };
  return jsonAnswer(document);
}

function issues(suppliers: Suppliers): Answer {
  const absent = absence(suppliers, 'main');
  if (absent !== undefined) return errorAnswer(absent);
  const { state } = suppliers;
  return jsonAnswer({ schema: 'linnet.issues/v1', node: state.main?.node ?? '', issues: knownIssues(state) } satisfies IssuesDocument);
}

function metrics(suppliers: Suppliers): Answer {
  const { state } = suppliers;
  const view = {
    state,
    now: suppliers.now(),
    live: live(suppliers).ok,
    ready: ready(suppliers).ok,
    process: suppliers.process(),
    loop: suppliers.loop(),
  };
  return { status: 200, type: METRICS_CONTENT_TYPE, body: renderMetrics(view) };
}

const verbose = { verbose: describe('one line per check, as text', text) };
const peer = describe('id of a peer, or its address where that is unique', { ...text, minLength: 1, maxLength: 256 });
const prefix = describe('a prefix without host bits, or an address', { ...text, minLength: 1, maxLength: 64 });
const probeAnswers = { 200: 'Health', 503: 'Health' } as const;
const threadFaults = { 503: 'Error', 504: 'Error' } as const;

/** The table. */
export const ENDPOINTS: readonly Endpoint[] = [
  {
    paths: ['/liveness', '/livez'],
    summary: 'Whether every thread of the daemon runs; names the one that does not.',
    query: verbose,
    answers: probeAnswers,
    alsoAs: [TEXT_TYPE],
    public: true,
    answer: probe(live),
  },
  {
    paths: ['/readiness', '/readyz'],
    summary: 'Whether the first complete snapshot is applied and sessions are up as the readiness policy wants them.',
    query: {
      ...verbose,
      threshold: describe("seconds in which sessions may come up; absent: the daemon's", { type: 'integer', minimum: 0, maximum: 86_400 }),
    },
    answers: probeAnswers,
    alsoAs: [TEXT_TYPE],
    public: true,
    answer: probe(ready),
  },
  {
    paths: ['/metrics'],
    summary: 'Metrics in the Prometheus text format.',
    query: {},
    answers: { 200: { type: METRICS_CONTENT_TYPE } },
    public: true,
    answer: metrics,
  },
  { paths: ['/api/v1/status'], summary: 'The daemon in one page.', query: {}, answers: { 200: 'Status' }, public: false, answer: status },
  {
    paths: ['/api/v1/peers'],
    summary: 'Every session, and every peer that is wanted but not started.',
    query: {},
    answers: { 200: 'Peers', 503: 'Error' },
    public: false,
    answer: peers,
  },
  {
    paths: ['/api/v1/routes'],
    summary:
      'Routes of the speaker, streamed; with `limit` one page and a cursor for the next. A dump that breaks off says so in `error`: of the document, or alone in the last line.',
    query: {
      view: describe('received and advertised need a peer', { ...oneOf('best', 'all', 'received', 'advertised'), default: 'best' }),
      peer,
      family: describe('both when absent', oneOf('ipv4-unicast', 'ipv6-unicast')),
      prefix: describe('only this prefix', prefix),
      cursor: describe('`next` of the page before', { ...text, pattern: '^[01]\\.\\d{1,15}$' }),
      limit: describe('most routes in the answer; absent: all', { type: 'integer', minimum: 1, maximum: MAX_ROUTE_LIMIT }),
      format: describe('jsonl is one route a line; also by the Accept header', { ...oneOf('json', 'jsonl'), default: 'json' }),
    },
    answers: { 200: 'Routes', 404: 'Error', ...threadFaults },
    alsoAs: [JSONL_TYPE],
    public: false,
    answer: routes,
  },
  {
    paths: ['/api/v1/desired'],
    summary: 'What the routing engine should do, each entry with the resources it comes from.',
    query: {},
    answers: { 200: 'Desired', ...threadFaults },
    public: false,
    answer: desired,
  },
  {
    paths: ['/api/v1/issues'],
    summary: 'What is wrong with the resources, by object and field.',
    query: {},
    answers: { 200: 'Issues', 503: 'Error' },
    public: false,
    answer: issues,
  },
  {
    paths: [DRAIN_PATH],
    summary: 'Whether the node is on its way out, since when and at whose word.',
    query: {},
    answers: { 200: 'Drain', 409: 'Error', ...threadFaults },
    public: false,
    answer: (suppliers) => drain(suppliers, undefined),
  },
  {
    paths: ['/api/v1/explain'],
    summary: 'Why a prefix is or is not advertised, from the resource to the octets last sent.',
    query: { prefix, peer },
    required: ['prefix'],
    answers: { 200: 'Explain', 404: 'Error', ...threadFaults },
    public: false,
    answer: explain,
  },
];

/** Content type of a plain JSON answer, for OpenAPI. */
export const ANSWER_TYPE = JSON_TYPE;
