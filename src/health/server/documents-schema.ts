/** Schemas of the documents in ../status.ts, one by one; OpenAPI prints them, tests hold every answer to them. */
import {
  count,
  describe,
  flag,
  list,
  moment,
  nullable,
  number,
  object,
  oneOf,
  openObject,
  record,
  type Schema,
  tag,
  text,
} from './schema.ts';

/** Actions of an operator on a peer, as they stand in the path. */
export const PEER_ACTIONS = ['shutdown', 'enable', 'reset', 'refresh', 'gshut'] as const;

const reason = object({ object: text, rule: text });
const endpoint = object({ address: text, port: count });
const family = oneOf('ipv4-unicast', 'ipv6-unicast');
const byFamily = object({ 'ipv4-unicast': count, 'ipv6-unicast': count });
const thread = oneOf('main', 'speaker');
const loop = object({ meanMs: number, p99Ms: number, maxMs: number });
const lastError = nullable(object({ at: moment, text }));

const issue = object({
  code: text,
  severity: oneOf('error', 'warning'),
  object: object({ apiVersion: text, kind: text, namespace: text, name: text }),
  field: text,
  got: text,
  rule: text,
  source: nullable(object({ file: text, line: count, column: count })),
  transient: flag,
});

const routeChanges = object({
  importRejected: describe('announced and malformed, looped or above a limit', count),
  importFiltered: describe('announced and rejected by policy', count),
  importIgnored: describe('announced as they were', count),
  importAccepted: count,
  withdrawIgnored: describe('withdrawn and not held', count),
  withdrawAccepted: count,
  exportAccepted: describe('routes the peer was told', count),
  exportWithdrawn: count,
  exportRejected: describe('not told by the rules of BGP, counted by the update group', count),
  exportFiltered: describe('not told by policy, counted by the update group', count),
});

const peerFamily = object({
  family,
  received: count,
  accepted: count,
  preferred: describe('best paths among those accepted', count),
  advertised: count,
  changes: describe('changes of routes, one at a time, since the peer is configured', routeChanges),
  group: text,
  lag: describe('log entries the peer is behind', count),
  slow: flag,
  endOfRibReceived: flag,
  maxPrefix: nullable(describe('routes accepted before the session ends, or a warning is given', count)),
  maxPrefixOut: nullable(describe('routes advertised before the session ends', count)),
});

const peer = object({
  id: text,
  remote: endpoint,
  local: nullable(endpoint),
  remoteAs: count,
  localAs: count,
  remoteId: nullable(text),
  type: oneOf('ibgp', 'ebgp'),
  reflectorClient: flag,
  passive: flag,
  state: oneOf('idle', 'connect', 'active', 'open-sent', 'open-confirm', 'established'),
  since: moment,
  flaps: count,
  holdTime: describe('seconds', number),
  keepaliveTime: describe('seconds', number),
  lastErrorSent: lastError,
  lastErrorReceived: lastError,
  nextRetryAt: nullable(moment),
  adminDown: flag,
  heldBack: nullable(describe('why the peer is held back: what an operator said, too many prefixes, short memory', text)),
  range: nullable(describe('the range that the peer was accepted from', text)),
  draining: describe('routes go to it with GRACEFUL_SHUTDOWN (RFC 8326)', flag),
  diagnosis: nullable(describe('why the peer cannot be reached, as far as the sockets tell', text)),
  capabilities: list(text),
  families: list(peerFamily),
  messagesReceived: count,
  messagesSent: count,
  updatesReceived: count,
  updatesSent: count,
  notificationsReceived: count,
  notificationsSent: count,
  reasons: list(reason),
});

const held = object({
  id: text,
  address: text,
  issue: describe('code of the issue that says why', text),
  object: describe('the object that the issue is about', text),
  detail: describe('the issue in one line: object, field, value, rule', text),
});
const listener = object({ address: text, port: count, up: flag, error: nullable(text) });
const group = object({ id: text, family, members: count, logOctets: count, encodes: count });

/** One path; also one line of the JSON lines form. */
export const routeSchema: Schema = object(
  {
    prefix: text,
    from: describe('peer id, or local', text),
    best: flag,
    accepted: flag,
    stale: flag,
    pathId: count,
    nextHop: nullable(text),
    origin: oneOf('igp', 'egp', 'incomplete'),
    asPath: text,
    localPref: count,
    med: count,
    communities: list(text),
    extendedCommunities: list(text),
    largeCommunities: list(text),
    originatorId: text,
    clusterList: list(text),
    protocol: describe('where an own route comes from', oneOf('static', 'kernel', 'device')),
    interface: describe('interface of an own route', text),
    metric: describe("kernel's metric of an own route", count),
    at: moment,
    reasons: list(reason),
  },
  [
    'pathId',
    'origin',
    'asPath',
    'localPref',
    'med',
    'communities',
    'extendedCommunities',
    'largeCommunities',
    'originatorId',
    'clusterList',
    'protocol',
    'interface',
    'metric',
  ],
);

const step = object({
  stage: oneOf('resource', 'desired', 'origin', 'import', 'decision', 'export', 'group', 'sent'),
  verdict: oneOf('pass', 'stop'),
  rule: text,
  citation: text,
  objects: list(text),
});

const explainPeer = object({
  peer: text,
  verdict: oneOf('advertised', 'not-advertised'),
  blockedBy: nullable(object({ rule: text, citation: text, term: nullable(text), objects: list(text) })),
  group: text,
  lastSent: nullable(object({ at: moment, updateHex: text })),
});

const speaker = object({
  routerId: text,
  localAs: count,
  listeners: list(listener),
  prefixes: byFamily,
  paths: byFamily,
  attributeSets: count,
  groups: list(group),
  work: record(count),
});

const kernel = object({
  ageMs: describe('milliseconds since its last sign of life', number),
  installed: count,
  wanted: count,
  unreachable: count,
  taken: count,
  failed: count,
  kept: count,
  repaired: count,
  drifted: count,
  readings: count,
  overruns: count,
  batches: count,
  batchMs: number,
  slowestBatchMs: number,
});

const drift = describe(
  'what self-audits put right since the start',
  object({ announcements: count, ownRoutes: count, kernelRoutes: count }),
);

const entry = openObject({ id: text, reasons: list(reason) });

/** Documents by the name that OpenAPI gives them. */
export const documents = {
  Health: object({
    schema: tag('linnet.health/v1'),
    probe: oneOf('liveness', 'readiness'),
    ok: flag,
    message: text,
    checks: list(object({ name: text, ok: flag, detail: text, thread }, ['thread'])),
  }),
  Status: object({
    schema: tag('linnet.status/v1'),
    node: text,
    version: text,
    engine: text,
    startedAt: moment,
    live: flag,
    ready: flag,
    source: object({ kind: text, inSync: flag }),
    firstAppliedAt: moment,
    lastAppliedAt: moment,
    applied: object({ changed: count, unchanged: count, failed: count }),
    threads: list(object({ name: thread, ageMs: nullable(count), stalled: flag, loop: nullable(loop), doing: text }, ['doing'])),
    kernel: nullable(kernel),
    drift,
    daemons: list(object({ name: oneOf('BIRD', 'BIRDv4', 'BIRDv6'), ok: flag, detail: text })),
    speaker: nullable(speaker),
    sessions: object({ configured: count, established: count, held: count }),
    issues: object({ errors: count, warnings: count }),
    settings: list(object({ name: text, value: text, origin: text })),
  }),
  Peers: object({ schema: tag('linnet.peers/v1'), node: text, at: moment, peers: list(peer), held: list(held), drift }),
  Routes: object(
    {
      schema: tag('linnet.routes/v1'),
      node: text,
      view: oneOf('best', 'all', 'received', 'advertised'),
      peer: nullable(text),
      routes: list(routeSchema),
      next: describe('cursor to go on from, null at the end', nullable(text)),
      error: describe('why the list ends before its end', object({ code: text, message: text, thread }, ['thread'])),
    },
    ['error'],
  ),
  Desired: openObject({
    schema: tag('linnet.desired/v1'),
    node: describe('null until the own node is known', nullable(text)),
    peers: list(entry),
    filters: list(entry),
    advertise: list(entry),
    install: list(entry),
    issues: list(issue),
  }),
  Issues: object({ schema: tag('linnet.issues/v1'), node: text, issues: list(issue) }),
  Explain: object({
    schema: tag('linnet.explain/v1'),
    prefix: text,
    verdict: oneOf('advertised', 'not-advertised'),
    coveredBy: nullable(describe('the longest less specific prefix with a best path', text)),
    steps: list(step),
    peers: list(explainPeer),
  }),
  PeerAction: object({ schema: tag('linnet.peer-action/v1'), peer: text, action: oneOf(...PEER_ACTIONS) }),
  Drain: object({
    schema: tag('linnet.drain/v1'),
    node: text,
    phase: describe('draining: peers are told to prefer other paths; left: the sessions are ended', oneOf('off', 'draining', 'left')),
    since: moment,
    causes: list(oneOf('operator', 'cordon', 'shutdown')),
  }),
  Error: object({
    error: object({ code: describe('stable', text), message: text, thread: describe('the thread that is the cause', thread) }, ['thread']),
  }),
} satisfies { readonly [name: string]: Schema };

/** Name of a document. */
export type DocumentName = keyof typeof documents;
