/**
 * What the health thread is told, what it asks and what it answers: types only. Two threads push to it (main and the
 * speaker), and it sends them queries; every value is plain data (structured clone) and already JSON-ready: addresses and
 * prefixes are text, absent is `null`, times named `...At` or `at` are wall-clock milliseconds with 0 for never.
 * This folder imports nothing else of the project, so producers match these shapes structurally.
 */
import type { Beat, DaemonView, DriftView, KernelView, LocalCounts, RangeView } from './engine-views.ts';

export type { Beat, DaemonView, KernelView, LocalCount, LocalCounts } from './engine-views.ts';
export type { HealthOptions, ListeningView, ListenOptions, PeerClass, PeerRequirement, ReadinessPolicy } from './options.ts';

/** Threads that push snapshots here; a stalled one is named in liveness and in 503 answers. */
export type PushingThread = 'main' | 'speaker';

/** Why something exists: the resource (`Kind/[namespace/]name`, or `linnet`) and the rule, such as `control-plane 2.3`. */
export interface ReasonView {
  readonly object: string;
  readonly rule: string;
}

/** One thing wrong with one field of one object, in the shape of contracts.md. `got` is `[hidden]` for secrets. */
export interface IssueView {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly object: { readonly apiVersion: string; readonly kind: string; readonly namespace: string; readonly name: string };
  readonly field: string;
  readonly got: string;
  readonly rule: string;
  readonly source: { readonly file: string; readonly line: number; readonly column: number } | null;
  readonly transient: boolean;
}

/** Lateness of a thread's event loop since its previous push, milliseconds. */
export interface LoopView {
  readonly meanMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** One effective setting and where it came from (`default`, `file`, `environment NAME`, `flag`). Secrets arrive as `[hidden]`. */
export interface SettingView {
  readonly name: string;
  readonly value: string;
  readonly origin: string;
}

/** One measured piece of the convergence loop: `total` runs from the input's write to the engine's acknowledgement. */
export interface TimingView {
  readonly stage: 'total' | 'desire' | 'apply';
  readonly ms: number;
}

/** A peer that is wanted but not started, with the code of the issue that says why (contracts.md, Behaviour decided). */
export interface HeldPeerView {
  readonly id: string;
  readonly address: string;
  readonly issue: string;
}

/**
 * Main's sign of life: sent every second and at once when something in it changed. Optional lists mean "as in my last push"
 * where absent, so that a heartbeat stays small in a big cluster.
 */
export interface MainPush {
  /** Wall-clock ms. */
  readonly pushedAt: number;
  /** Build version of the program, semver text. */
  readonly version: string;
  /** Node this daemon speaks for; '' for a bare speaker. */
  readonly node: string;
  /** Routing engine: `native`, `bird1` or `bird2`. */
  readonly engine: string;
  readonly startedAt: number;
  /** Datastore kind (`file`, `kubernetes`, `etcdv3`; `none` for a bare speaker) and whether its complete view is held now. */
  readonly source: { readonly kind: string; readonly inSync: boolean };
  /** When the first complete snapshot had been applied by the engine. 0: not yet, and the daemon is not ready. */
  readonly firstAppliedAt: number;
  readonly lastAppliedAt: number;
  /** Applies by outcome since start; only grow. */
  readonly applied: { readonly changed: number; readonly unchanged: number; readonly failed: number };
  /** Since the previous push; at most a few hundred entries. */
  readonly timings: readonly TimingView[];
  readonly loop: LoopView;
  /** Grows whenever the desired state changes; the key of the cached `desired` document. */
  readonly desiredVersion: number;
  /** Every issue known now (source, resources, desired, engine). Absent: unchanged. */
  readonly issues?: readonly IssueView[];
  /** Peers not started. Absent: unchanged. */
  readonly held?: readonly HeldPeerView[];
  /** Effective configuration. Absent: unchanged. */
  readonly settings?: readonly SettingView[];
  /** Absent: this daemon writes no kernel routes. */
  readonly kernel?: KernelView;
}

/** States of RFC 4271 section 8.2.2. */
export type SessionStateView = 'idle' | 'connect' | 'active' | 'open-sent' | 'open-confirm' | 'established';

/** An address and its TCP port. */
export interface EndpointView {
  readonly address: string;
  readonly port: number;
}

/** Address families that sessions carry. */
export type FamilyView = 'ipv4-unicast' | 'ipv6-unicast';

/** Per-family part of a peer. Counts of prefixes; `lag` in log entries. */
export interface PeerFamilyView {
  readonly family: FamilyView;
  readonly received: number;
  readonly accepted: number;
  readonly advertised: number;
  readonly group: string;
  readonly lag: number;
  readonly slow: boolean;
  readonly endOfRibReceived: boolean;
  /** Routes that may be accepted, and advertised; null without limit. */
  readonly maxPrefix: number | null;
  readonly maxPrefixOut: number | null;
}

/** One configured peer as the speaker sees it. Counters only grow while the peer stays configured. */
export interface PeerView {
  readonly id: string;
  readonly remote: EndpointView;
  readonly local: EndpointView | null;
  readonly remoteAs: number;
  readonly localAs: number;
  /** BGP Identifier of the peer, dotted quad. */
  readonly remoteId: string | null;
  readonly type: 'ibgp' | 'ebgp';
  readonly reflectorClient: boolean;
  readonly passive: boolean;
  readonly state: SessionStateView;
  readonly since: number;
  readonly flaps: number;
  /** Seconds, negotiated while established. */
  readonly holdTime: number;
  readonly keepaliveTime: number;
  readonly lastErrorSent: { readonly at: number; readonly text: string } | null;
  readonly lastErrorReceived: { readonly at: number; readonly text: string } | null;
  readonly nextRetryAt: number | null;
  readonly adminDown: boolean;
  /** Why it is held back: what the operator said, too many prefixes, short memory. */
  readonly heldBack: string | null;
  /** The range that it was accepted from; null for a named peer. */
  readonly range: string | null;
  /** Routes go to it with GRACEFUL_SHUTDOWN (RFC 8326). */
  readonly draining: boolean;
  /** Why the peer cannot be reached, as far as the sockets and the kernel's counters tell. */
  readonly diagnosis: string | null;
  readonly capabilities: readonly string[];
  readonly families: readonly PeerFamilyView[];
  readonly messagesReceived: number;
  readonly messagesSent: number;
  readonly updatesReceived: number;
  readonly updatesSent: number;
  readonly notificationsReceived: number;
  readonly notificationsSent: number;
  readonly reasons: readonly ReasonView[];
}

/** One update group: peers that share one encoded log. */
export interface GroupView {
  readonly id: string;
  readonly family: FamilyView;
  readonly members: number;
  readonly logOctets: number;
  readonly encodes: number;
}

/** One address the speaker wants to accept sessions on; `error` is why it does not. */
export interface ListenerView {
  readonly address: string;
  readonly port: number;
  readonly up: boolean;
  readonly error: string | null;
}

/** The speaker's sign of life: sent every second and soon after a session changed state. */
export interface SpeakerPush {
  /** Wall-clock ms. */
  readonly pushedAt: number;
  /** Dotted quad; '' before the first configuration. */
  readonly routerId: string;
  /** 0 before the first configuration. */
  readonly localAs: number;
  readonly listeners: readonly ListenerView[];
  /** `complete`: `upsert` is every peer and whatever is not in it is gone; else only what changed, with `remove` for ids gone. */
  readonly peers: { readonly complete: boolean; readonly upsert: readonly PeerView[]; readonly remove: readonly string[] };
  readonly prefixes: { readonly [family in FamilyView]: number };
  readonly paths: { readonly [family in FamilyView]: number };
  readonly attributeSets: number;
  /** Own routes; absent where the speaker does not count them. */
  readonly locals?: LocalCounts;
  readonly groups: readonly GroupView[];
  /** Work counters by name, only growing; a fixed set of names. */
  readonly work: { readonly [counter: string]: number };
  /** Where peers are accepted from that are not named; absent: nowhere. */
  readonly ranges?: readonly RangeView[];
  /** After a restart: what was learned is not announced yet (RFC 4724 section 4.1). Absent: no. */
  readonly deferring?: boolean;
  /** Share of the memory limit in use, 1 is all of it. Absent: no limit is watched. */
  readonly memoryUsed?: number;
  readonly loop: LoopView;
}

/** One path as `/api/v1/routes` shows it: attributes as text, absent ones left out. */
export interface RouteJson {
  readonly prefix: string;
  /** Peer id, or `local`. */
  readonly from: string;
  readonly best: boolean;
  readonly accepted: boolean;
  readonly stale: boolean;
  readonly pathId?: number;
  readonly nextHop: string | null;
  readonly origin?: 'igp' | 'egp' | 'incomplete';
  /** AS numbers separated by spaces, sets in braces: `65001 {65002,65003}`. */
  readonly asPath?: string;
  readonly localPref?: number;
  readonly med?: number;
  readonly communities?: readonly string[];
  readonly extendedCommunities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  readonly originatorId?: string;
  readonly clusterList?: readonly string[];
  /** Of own routes: where it comes from, its interface, the kernel's metric. */
  readonly protocol?: 'static' | 'kernel' | 'device';
  readonly interface?: string;
  readonly metric?: number;
  readonly at: number;
  readonly reasons: readonly ReasonView[];
}

/** Which table of routes: best paths, every path, what a peer sent before policy, what a peer is sent. The last two need a peer. */
export type RouteViewName = 'best' | 'all' | 'received' | 'advertised';

/** One stage of the chain from resource to wire. `stop`: the route got no further here. */
export interface ExplainStep {
  readonly stage: 'resource' | 'desired' | 'origin' | 'import' | 'decision' | 'export' | 'group' | 'sent';
  readonly verdict: 'pass' | 'stop';
  readonly rule: string;
  /** `RFC 4271 section 9.1.2.2 a`, `control-plane 4.2`. */
  readonly citation: string;
  /** `Kind/[namespace/]name`. */
  readonly objects: readonly string[];
}

/** What one peer was told about the prefix. */
export interface ExplainPeer {
  readonly peer: string;
  readonly verdict: 'advertised' | 'not-advertised';
  /** Null when advertised. */
  readonly blockedBy: {
    readonly rule: string;
    readonly citation: string;
    readonly term: string | null;
    readonly objects: readonly string[];
  } | null;
  readonly group: string;
  /** The last UPDATE message that carried the prefix to this peer, whole, in hex; null when none did. */
  readonly lastSent: { readonly at: number; readonly updateHex: string } | null;
}

/** The speaker's half of an explanation, from the records it acted on. Main's half is its `steps` alone. */
export interface SpeakerExplanation {
  readonly steps: readonly ExplainStep[];
  readonly peers: readonly ExplainPeer[];
}

/** What an operator can ask of a peer; `text` goes to the peer's operator (RFC 9003). */
export type PeerActionView =
  | { readonly kind: 'shutdown'; readonly text: string }
  | { readonly kind: 'enable' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'refresh'; readonly direction: 'in' | 'out' }
  | { readonly kind: 'gshut'; readonly on: boolean };

/** `POST /api/v1/peers/{peer}/{action}`: the action was carried out on the peer of that id. */
export interface PeerActionDocument {
  readonly schema: 'linnet.peer-action/v1';
  readonly peer: string;
  readonly action: PeerActionView['kind'];
}

/** What the health thread asks main. */
export type MainQuery =
  /** Answer: the `linnet.desired/v1` document as JSON text, the same octets that `linnet desired -o json` prints. */
  | { readonly kind: 'desired' }
  /** Answer: the steps before the speaker, stages `resource` and `desired`. `prefix` is canonical. */
  | { readonly kind: 'explain'; readonly prefix: string; readonly peer: string | null }
  /** The node's way out (RFC 8326): asked for, or only shown. Answered when the engine has it. */
  | { readonly kind: 'drain'; readonly request: DrainRequestView };

/** What an operator asks of the node: `on` tells the peers, `leave` ends the sessions, `off` takes both back. */
export type DrainRequestView = 'show' | 'on' | 'leave' | 'off';

/** The node's way out. `since` is wall-clock ms, 0 while nobody asks for it. */
export interface DrainView {
  readonly phase: 'off' | 'draining' | 'left';
  readonly since: number;
  readonly causes: readonly ('operator' | 'cordon' | 'shutdown')[];
}

/** `GET` and `POST /api/v1/drain`. */
export interface DrainDocument extends DrainView {
  readonly schema: 'linnet.drain/v1';
  readonly node: string;
}

/** What the health thread asks the speaker. Peers are ids of the last push, prefixes canonical text. */
export type SpeakerQuery =
  /** One page of at most `limit` routes from `cursor` (0 = start); a page may be short before the end. */
  | {
      readonly kind: 'routes';
      readonly view: RouteViewName;
      readonly family: FamilyView;
      readonly peer: string | null;
      readonly prefix: string | null;
      readonly cursor: number;
      readonly limit: number;
    }
  | { readonly kind: 'explain'; readonly prefix: string; readonly peer: string | null }
  /** An operator's action on a peer; answered when it is carried out. */
  | { readonly kind: 'act'; readonly peer: string; readonly action: PeerActionView };

/** Answer to a MainQuery of the same kind. */
export type MainAnswer =
  | { readonly kind: 'desired'; readonly version: number; readonly text: string }
  | { readonly kind: 'explain'; readonly steps: readonly ExplainStep[] }
  | { readonly kind: 'drain'; readonly drain: DrainView };

/** Answer to a SpeakerQuery of the same kind; `next` is the cursor of the next page, null at the end. */
export type SpeakerAnswer =
  | { readonly kind: 'routes'; readonly routes: readonly RouteJson[]; readonly next: number | null }
  | ({ readonly kind: 'explain' } & SpeakerExplanation)
  | { readonly kind: 'act' };

/** Why a query was not answered: `not-found` becomes 404, `bad-request` 400, `conflict` (not in this state) 409, `unavailable` 503, `internal` 500. */
export interface QueryFault {
  readonly code: 'not-found' | 'bad-request' | 'conflict' | 'unavailable' | 'internal';
  readonly message: string;
}

/** Message to a pushing thread: one question, answered once with the same id; late answers are dropped. */
export interface QueryMessage<Query> {
  readonly type: 'query';
  readonly id: number;
  readonly query: Query;
}

/** Messages from a pushing thread to the health thread. */
export type PushMessage<Push, Answer> =
  | { readonly type: 'push'; readonly push: Push }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly type: 'fault'; readonly id: number; readonly fault: QueryFault };

/** What main posts on its port. */
export type MainMessage = PushMessage<MainPush, MainAnswer>;

/** What the speaker's thread posts on its port. */
export type SpeakerMessage =
  | PushMessage<SpeakerPush, SpeakerAnswer>
  | { readonly type: 'daemons'; readonly daemons: readonly DaemonView[] }
  | { readonly type: 'beat'; readonly beat: Beat };

/** One line of a probe. `thread` is set where a stalled thread is the cause. */
export interface CheckView {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly thread?: PushingThread;
}

/** Answer of the probes; `ok` is what the status code says (200 or 503). */
export interface HealthDocument {
  readonly schema: 'linnet.health/v1';
  readonly probe: 'liveness' | 'readiness';
  readonly ok: boolean;
  /** First failing check as one line, `ok` otherwise. */
  readonly message: string;
  readonly checks: readonly CheckView[];
}

/** A pushing thread as the health thread sees it. `ageMs` null: has never pushed. */
export interface ThreadView {
  readonly name: PushingThread;
  readonly ageMs: number | null;
  readonly stalled: boolean;
  readonly loop: LoopView | null;
  /** Of a stalled thread: what it is busy with and for how long, where it shares that. */
  readonly doing?: string;
}

/** `/api/v1/status`: the daemon in one page. */
export interface StatusDocument {
  readonly schema: 'linnet.status/v1';
  readonly node: string;
  readonly version: string;
  readonly engine: string;
  readonly startedAt: number;
  readonly live: boolean;
  readonly ready: boolean;
  readonly source: { readonly kind: string; readonly inSync: boolean };
  readonly firstAppliedAt: number;
  readonly lastAppliedAt: number;
  readonly applied: { readonly changed: number; readonly unchanged: number; readonly failed: number };
  readonly threads: readonly ThreadView[];
  /** The kernel's routes; null where this daemon writes none. */
  readonly kernel: KernelView | null;
  readonly drift: DriftView;
  readonly daemons: readonly DaemonView[];
  readonly speaker: {
    readonly routerId: string;
    readonly localAs: number;
    readonly listeners: readonly ListenerView[];
    readonly prefixes: { readonly [family in FamilyView]: number };
    readonly paths: { readonly [family in FamilyView]: number };
    readonly attributeSets: number;
    readonly groups: readonly GroupView[];
    readonly work: { readonly [counter: string]: number };
  } | null;
  readonly sessions: { readonly configured: number; readonly established: number; readonly held: number };
  readonly issues: { readonly errors: number; readonly warnings: number };
  readonly settings: readonly SettingView[];
}

/** `/api/v1/peers`, sorted by id. */
export interface PeersDocument {
  readonly schema: 'linnet.peers/v1';
  readonly node: string;
  /** Wall-clock ms of the speaker's push. */
  readonly at: number;
  readonly peers: readonly PeerView[];
  readonly held: readonly HeldPeerView[];
  readonly drift: DriftView;
}

/** `/api/v1/routes` as JSON. `next` continues a page asked for with `limit`; null at the end. */
export interface RoutesDocument {
  readonly schema: 'linnet.routes/v1';
  readonly node: string;
  readonly view: RouteViewName;
  readonly peer: string | null;
  readonly routes: readonly RouteJson[];
  readonly next: string | null;
}

/** `/api/v1/issues`, in the order of main. */
export interface IssuesDocument {
  readonly schema: 'linnet.issues/v1';
  readonly node: string;
  readonly issues: readonly IssueView[];
}

/** One entry of the desired document; entries carry more fields than these two (contracts.md). */
export interface DesiredEntry {
  readonly id: string;
  readonly reasons: readonly ReasonView[];
}

/** `/api/v1/desired` and `linnet desired -o json`. */
export interface DesiredDocument {
  readonly schema: 'linnet.desired/v1';
  /** Null until the own node is known. */
  readonly node: string | null;
  readonly peers: readonly DesiredEntry[];
  readonly filters: readonly DesiredEntry[];
  readonly advertise: readonly DesiredEntry[];
  readonly install: readonly DesiredEntry[];
  readonly issues: readonly IssueView[];
}

/** `/api/v1/explain` and `linnet explain`. The verdict is `advertised` when at least one of the peers listed was told. */
export interface ExplainDocument {
  readonly schema: 'linnet.explain/v1';
  readonly prefix: string;
  readonly verdict: 'advertised' | 'not-advertised';
  readonly steps: readonly ExplainStep[];
  readonly peers: readonly ExplainPeer[];
}

/** Body of every answer that is not 2xx but the probes'. */
export interface ErrorDocument {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    /** The stalled thread, where that is the cause. */
    readonly thread?: PushingThread;
  };
}

/** Stable codes of ErrorDocument with the status each goes with: 400, 400, 404, 404, 405, 409, 503, 503, 504, 500. */
export type ErrorCode =
  | 'BAD_REQUEST'
  | 'BAD_PREFIX'
  | 'NO_SUCH_PEER'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'CONFLICT'
  | 'THREAD_STALLED'
  | 'UNAVAILABLE'
  | 'QUERY_TIMEOUT'
  | 'INTERNAL';
