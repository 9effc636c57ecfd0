/** Pushes, queries and suppliers for tests: small working fakes, every field overridable. */
import { DEFAULT_READINESS } from '../../src/health/probes.ts';
import { createQueries } from '../../src/health/server/queries.ts';
import type { Suppliers } from '../../src/health/server/suppliers.ts';
import { createState, takeMain, takeSpeaker } from '../../src/health/state.ts';
import type {
  HeldPeerView,
  IssueView,
  KernelView,
  MainAnswer,
  MainPush,
  MainQuery,
  PeerView,
  QueryFault,
  RouteChangesView,
  RouteJson,
  SpeakerAnswer,
  SpeakerPush,
  SpeakerQuery,
} from '../../src/health/status.ts';

/** Every counter of changes with a number of its own. */
export const CHANGES: RouteChangesView = {
  importRejected: 1,
  importFiltered: 2,
  importIgnored: 3,
  importAccepted: 4,
  withdrawIgnored: 5,
  withdrawAccepted: 6,
  exportAccepted: 7,
  exportWithdrawn: 8,
  exportRejected: 9,
  exportFiltered: 10,
};

export const loop = { meanMs: 0.5, p99Ms: 2, maxMs: 4 };

/** A peer that is not started for want of its Secret. */
export function heldPeer(id: string, address: string): HeldPeerView {
  const object = 'BGPPeer/secured';
  return { id, address, issue: 'SECRET_MISSING', object, detail: `${object} spec.password: "pw" is not there` };
}

export function mainPush(change: Partial<MainPush> = {}): MainPush {
  return {
    pushedAt: 1_700_000_000_000,
    version: '0.1.0',
    node: 'node-1',
    engine: 'native',
    startedAt: 1_699_999_990_000,
    source: { kind: 'file', inSync: true },
    firstAppliedAt: 1_699_999_995_000,
    lastAppliedAt: 1_699_999_999_000,
    applied: { changed: 3, unchanged: 1, failed: 0 },
    timings: [],
    loop,
    desiredVersion: 1,
    ...change,
  };
}

export function peer(id: string, change: Partial<PeerView> = {}): PeerView {
  return {
    id,
    remote: { address: '192.0.2.1', port: 179 },
    local: { address: '192.0.2.100', port: 40001 },
    remoteAs: 64512,
    localAs: 64512,
    remoteId: '192.0.2.1',
    type: 'ibgp',
    reflectorClient: false,
    passive: false,
    state: 'established',
    since: 1_699_999_996_000,
    flaps: 0,
    holdTime: 90,
    keepaliveTime: 30,
    lastErrorSent: null,
    lastErrorReceived: null,
    nextRetryAt: null,
    adminDown: false,
    heldBack: null,
    range: null,
    draining: false,
    diagnosis: null,
    capabilities: ['route-refresh'],
    families: [
      {
        family: 'ipv4-unicast',
        received: 10,
        accepted: 9,
        preferred: 8,
        advertised: 4,
        changes: CHANGES,
        group: 'g1',
        lag: 0,
        slow: false,
        endOfRibReceived: true,
        maxPrefix: null,
        maxPrefixOut: null,
      },
    ],
    messagesReceived: 100,
    messagesSent: 90,
    updatesReceived: 10,
    updatesSent: 5,
    notificationsReceived: 1,
    notificationsSent: 0,
    reasons: [{ object: 'BGPPeer/tor', rule: 'control-plane 2.3' }],
    ...change,
  };
}

export function speakerPush(peers: readonly PeerView[] = [], change: Partial<SpeakerPush> = {}): SpeakerPush {
  return {
    pushedAt: 1_700_000_000_000,
    routerId: '192.0.2.100',
    localAs: 64512,
    listeners: [{ address: '0.0.0.0', port: 179, up: true, error: null }],
    peers: { complete: true, upsert: peers, remove: [] },
    prefixes: { 'ipv4-unicast': 20, 'ipv6-unicast': 2 },
    paths: { 'ipv4-unicast': 30, 'ipv6-unicast': 3 },
    attributeSets: 7,
    groups: [{ id: 'g1', family: 'ipv4-unicast', members: 2, logOctets: 4096, encodes: 12 }],
    work: { decisions: 5, encodes: 12 },
    ranges: [{ id: 'nodes', peers: 1, limit: 100 }],
    deferring: false,
    memoryUsed: 0.25,
    loop,
    ...change,
  };
}

export function issue(change: Partial<IssueView> = {}): IssueView {
  return {
    code: 'BGPPEER_AS_NUMBER',
    severity: 'error',
    object: { apiVersion: 'projectcalico.org/v3', kind: 'BGPPeer', namespace: '', name: 'tor' },
    field: 'spec.asNumber',
    got: '-7',
    rule: 'is not 1-4294967295 or x.y',
    source: { file: 'peers.yaml', line: 7, column: 13 },
    transient: false,
    ...change,
  };
}

/** A full route: every optional member is there. */
export function route(prefix: string, change: Partial<RouteJson> = {}): RouteJson {
  return {
    prefix,
    from: 'Global_192_0_2_1',
    best: true,
    accepted: true,
    stale: false,
    pathId: 1,
    nextHop: '192.0.2.1',
    origin: 'igp',
    asPath: '65001 {65002,65003}',
    localPref: 100,
    med: 5,
    communities: ['65001:100'],
    extendedCommunities: ['0002fde800000064'],
    largeCommunities: ['65001:1:2'],
    originatorId: '192.0.2.7',
    clusterList: ['192.0.2.8'],
    at: 1_700_000_000_000,
    reasons: [],
    ...change,
  };
}

/** What the fake threads do with a query: answer, refuse, or never say anything. */
export type Reply<Answer> = Answer | { readonly fault: QueryFault } | 'silence';

export interface World extends Suppliers {
  /** Moves live time. */
  advance(ms: number): void;
  readonly asked: { readonly main: MainQuery[]; readonly speaker: SpeakerQuery[] };
}

export interface WorldParts {
  readonly main?: (query: MainQuery) => Reply<MainAnswer>;
  readonly speaker?: (query: SpeakerQuery) => Reply<SpeakerAnswer>;
  readonly timeoutMs?: number;
}

/** Suppliers over fake threads, time standing still. Nothing is pushed yet. */
export function world(parts: WorldParts = {}): World {
  let now = 0;
  const asked: World['asked'] = { main: [], speaker: [] };
  const timeoutMs = parts.timeoutMs ?? 2000;
  const main = createQueries<MainQuery, MainAnswer>(({ id, query }) => {
    asked.main.push(query);
    const reply = parts.main?.(query) ?? 'silence';
    if (reply === 'silence') return;
    queueMicrotask(() => main.settle('fault' in reply ? { type: 'fault', id, fault: reply.fault } : { type: 'answer', id, answer: reply }));
  }, timeoutMs);
  const speaker = createQueries<SpeakerQuery, SpeakerAnswer>(({ id, query }) => {
    asked.speaker.push(query);
    const reply = parts.speaker?.(query) ?? 'silence';
    if (reply === 'silence') return;
    queueMicrotask(() =>
      speaker.settle('fault' in reply ? { type: 'fault', id, fault: reply.fault } : { type: 'answer', id, answer: reply }),
    );
  }, timeoutMs);
  return {
    state: createState(0),
    now: () => now,
    advance: (ms) => {
      now += ms;
    },
    policy: DEFAULT_READINESS,
    main,
    speaker,
    desired: { held: undefined, asking: undefined },
    process: () => ({ residentOctets: 50_000_000, cpuSeconds: 1.5, startedAt: 1_699_999_990 }),
    loop: () => loop,
    asked,
  };
}

/** A world in which both threads have pushed. */
export function runningWorld(parts: WorldParts = {}, peers: readonly PeerView[] = [peer('Global_192_0_2_1')]): World {
  const running = world(parts);
  takeMain(running.state, mainPush({ issues: [], held: [], settings: [] }), 0);
  takeSpeaker(running.state, speakerPush(peers), 0);
  return running;
}

/** A kernel's thread at work. */
export const kernel: KernelView = {
  ageMs: 400,
  installed: 3,
  wanted: 3,
  unreachable: 0,
  taken: 0,
  failed: 0,
  kept: 0,
  repaired: 2,
  drifted: 0,
  readings: 5,
  overruns: 1,
  batches: 7,
  batchMs: 1500,
  slowestBatchMs: 900,
};
