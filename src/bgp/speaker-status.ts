/** What a speaker tells of itself when it is asked: maintained counters and states, plain data. */
import type { Prefix } from './net/types.ts';
import type { Reason } from './policy/types.ts';
import type { Endpoint, SessionState } from './speaker-types.ts';
import type { Family } from './wire/types.ts';

/** Counters and state of one peer, maintained (never computed by walking). `since` and `at` are wall-clock ms, 0 = never. */
export interface PeerStatus {
  readonly id: string;
  readonly remote: Endpoint;
  readonly local: Endpoint | undefined;
  readonly remoteAs: number;
  readonly localAs: number;
  readonly remoteId: number | undefined;
  readonly type: 'ibgp' | 'ebgp';
  readonly reflectorClient: boolean;
  readonly passive: boolean;
  readonly state: SessionState;
  readonly since: number;
  readonly flaps: number;
  readonly holdTime: number;
  readonly keepaliveTime: number;
  readonly lastErrorSent: { readonly at: number; readonly text: string } | undefined;
  readonly lastErrorReceived: { readonly at: number; readonly text: string } | undefined;
  readonly nextRetryAt: number | undefined;
  readonly adminDown: boolean;
  /** Why the peer is held back although nobody shut it down, such as too many prefixes; it ends at `nextRetryAt`, or with a reset. */
  readonly heldBack: string | undefined;
  /** The range that the peer was accepted from; undefined for named ones. */
  readonly range: string | undefined;
  /** Routes go to it with GRACEFUL_SHUTDOWN (RFC 8326). */
  readonly draining: boolean;
  /** Why the peer cannot be reached, as far as the sockets and the kernel's counters tell. */
  readonly diagnosis: string | undefined;
  readonly capabilities: readonly string[];
  readonly families: readonly PeerFamilyStatus[];
  readonly messagesReceived: number;
  readonly messagesSent: number;
  readonly updatesReceived: number;
  readonly updatesSent: number;
  readonly reasons: readonly Reason[];
}

/**
 * Changes of routes of one family, counted for the life of a peer by what became of them, a route at a time. Of those announced by the
 * peer: rejected (malformed, looped, above a limit), filtered (import policy), ignored (the same as before) or accepted. Of those it
 * withdrew: ignored (not held) or accepted. And those it was told, or told that they are gone.
 */
export interface RouteChanges {
  importRejected: number;
  importFiltered: number;
  importIgnored: number;
  importAccepted: number;
  withdrawIgnored: number;
  withdrawAccepted: number;
  exportAccepted: number;
  exportWithdrawn: number;
}

/** What the update group of a peer did not tell its members, counted since the group is there: by the rules of BGP, and by policy. */
export interface ExportRefusals {
  exportRejected: number;
  exportFiltered: number;
}

/** One family of a peer: routes received, accepted by policy and advertised, and how far it is behind. */
export interface PeerFamilyStatus {
  readonly family: Family;
  readonly received: number;
  readonly accepted: number;
  /** Of those accepted: best paths now. */
  readonly preferred: number;
  readonly advertised: number;
  readonly changes: Readonly<RouteChanges & ExportRefusals>;
  readonly group: string;
  /** Log entries this peer is behind. */
  readonly lag: number;
  readonly slow: boolean;
  readonly endOfRibReceived: boolean;
  /** Routes that may be accepted and advertised; undefined without limit. */
  readonly maxPrefix: number | undefined;
  readonly maxPrefixOut: number | undefined;
}

/** A range of peers: how many there are, how many there may be, and what is wrong with its sockets. */
export interface RangeStatus {
  readonly id: string;
  readonly prefix: Prefix;
  readonly peers: number;
  readonly limit: number;
  readonly diagnosis: string | undefined;
}

/** State of a speaker: its peers in the order of the configuration, sizes of its tables, work done so far. */
export interface SpeakerStatus {
  readonly routerId: number;
  readonly localAs: number;
  readonly peers: readonly PeerStatus[];
  readonly ranges: readonly RangeStatus[];
  readonly prefixes: { readonly [family in Family]: number };
  readonly paths: { readonly [family in Family]: number };
  readonly attributeSets: number;
  readonly groups: readonly {
    readonly id: string;
    readonly family: Family;
    readonly members: number;
    readonly logOctets: number;
    readonly encodes: number;
  }[];
  /** Work counters, for proofs that a change touches only what it changes. */
  readonly work: { readonly [counter: string]: number };
  /** Announcements of what was learned wait for the peers of a restarted speaker (RFC 4724 section 4.1). */
  readonly deferring: boolean;
  /** Share of the memory limit in use when it was last measured, 1 is all of it; 0: never. */
  readonly memoryUsed: number;
}
