/**
 * What main and the speaker push to the health thread: types only, plain data and already JSON-ready. Producers match these shapes
 * structurally; everybody imports them from status.ts.
 */
import type { KernelView, LocalCounts, RangeView } from './engine-views.ts';

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

/** A peer that is wanted but not started, with the issue that says why (contracts.md, Behaviour decided). */
export interface HeldPeerView {
  readonly id: string;
  readonly address: string;
  /** Code of the issue. */
  readonly issue: string;
  /** The object it is about, `Kind/[namespace/]name`. */
  readonly object: string;
  /** The issue in one line: object, field, value, rule. */
  readonly detail: string;
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

/**
 * Changes of routes, a route at a time, since the peer is configured; the last two are of its update group, since that is there. Import:
 * rejected (malformed, looped, above a limit), filtered (policy), ignored (as before, or not held). Export: rejected by the rules of BGP.
 */
export interface RouteChangesView {
  readonly importRejected: number;
  readonly importFiltered: number;
  readonly importIgnored: number;
  readonly importAccepted: number;
  readonly withdrawIgnored: number;
  readonly withdrawAccepted: number;
  readonly exportAccepted: number;
  readonly exportWithdrawn: number;
  readonly exportRejected: number;
  readonly exportFiltered: number;
}

/** Per-family part of a peer. Counts of prefixes; `lag` in log entries. */
export interface PeerFamilyView {
  readonly family: FamilyView;
  readonly received: number;
  readonly accepted: number;
  /** Of those accepted: best paths now. */
  readonly preferred: number;
  readonly advertised: number;
  readonly changes: RouteChangesView;
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
