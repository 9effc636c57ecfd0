/**
 * What the health thread is told, what it asks and what it answers: types only. Two threads push to it (main and the
 * speaker), and it sends them queries; every value is plain data (structured clone) and already JSON-ready: addresses and
 * prefixes are text, absent is `null`, times named `...At` or `at` are wall-clock milliseconds with 0 for never.
 * This folder imports nothing else of the project, so producers match these shapes structurally.
 */
import type { Beat, DaemonView, DriftView, KernelView } from './engine-views.ts';
import type {
  FamilyView,
  GroupView,
  HeldPeerView,
  IssueView,
  ListenerView,
  LoopView,
  MainPush,
  PeerView,
  PushingThread,
  ReasonView,
  SettingView,
  SpeakerPush,
} from './pushes.ts';

export type { Beat, DaemonView, KernelView, LocalCount, LocalCounts } from './engine-views.ts';
export type { HealthOptions, ListeningView, ListenOptions, PeerClass, PeerRequirement, ReadinessPolicy } from './options.ts';
export type * from './pushes.ts';

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
  /** The longest less specific prefix that has a best path: what packets follow where the prefix has none. Null: there is none. */
  readonly coveredBy: string | null;
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

/** `/api/v1/explain` and `linnet explain`. The verdict is `advertised` when at least one of the peers listed was told. */
export interface ExplainDocument {
  readonly schema: 'linnet.explain/v1';
  readonly prefix: string;
  readonly verdict: 'advertised' | 'not-advertised';
  /** As in SpeakerExplanation. */
  readonly coveredBy: string | null;
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
