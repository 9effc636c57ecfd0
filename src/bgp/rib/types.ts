/**
 * The border between sessions and routes. The speaker tells the RIB who is up with which negotiated properties and hands
 * it scanned UPDATEs; the RIB hands back octets per peer. Work is queued and done in slices by `run`.
 */
import type { Address, Prefix } from '../net/types.ts';
import type { Reason } from '../policy/types.ts';
import type { PeerFamilyStatus, SpeakerStatus } from '../speaker-status.ts';
import type { LocalRoute, MedRules, PeerConfig } from '../speaker-types.ts';
import type { AttributeFault, Family, PathAttributes, ScannedUpdate, UpdateContext } from '../wire/types.ts';

/** Index of a peer in the RIB's tables; reused after removal. */
export type PeerIndex = number;

/** What the RIB needs of an established session, fixed while it is up. */
export interface RibSession {
  readonly context: UpdateContext;
  readonly families: readonly Family[];
  readonly external: boolean;
  readonly remoteId: number;
  readonly remoteAs: number;
  readonly remoteAddress: import('../net/types.ts').Address;
  readonly localAddress: import('../net/types.ts').Address;
  readonly fourOctetAs: boolean;
  /** Octets, 4096 or 65535 (RFC 8654). */
  readonly maxMessage: number;
  readonly addPathSend: readonly Family[];
}

/** What the RIB tells the speaker while it takes an update in; must not call back into the RIB. */
export interface RibCallbacks {
  /** The worst RFC 7606 outcome of an update; session-reset is the speaker's to carry out. */
  readonly onFault: (peer: PeerIndex, fault: AttributeFault) => void;
  readonly onMaxPrefix: (peer: PeerIndex, family: Family, limit: number) => void;
  /** More routes accepted than `maxPrefixWarning`, told once until there are fewer again. */
  readonly onPrefixWarning?: (peer: PeerIndex, family: Family, limit: number) => void;
}

/** What a RIB is created with. */
export interface RibOptions {
  /** BGP Identifier of this speaker as unsigned 32-bit number; changed later by `setRouterId`. */
  readonly routerId: number;
  /** Wall clock in ms, read once per received update and per slice; only shown, never decided upon. */
  readonly wallClock: () => number;
  /** Most octets a group's change log holds before peers behind it walk the table (bgp-speaker 2.6). Default 16 MiB. */
  readonly maxLogOctets?: number;
}

/**
 * Routes of all peers and what each is owed. `createRib(callbacks, options)` makes one. Contract with the speaker:
 * after `onMaxPrefix` the RIB ignores what the peer announces until `sessionDown`; `take` returns nothing before `sessionUp` and
 * nothing after `sessionDown`; End-of-RIB, BoRR and EoRR come out of `take` in their place; `readyPeers` lists a peer again
 * only after something new was queued for it, so whoever takes less than everything asks `hasOutput`. Space the calls of
 * `run` by `max(5 ms, duration of the last flush)` while busy: changes in between collapse (bgp-speaker 2.4).
 */
export interface Rib {
  /**
   * Configuration of a peer, before or while its session is up; a changed policy re-evaluates its routes in slices. Without
   * `peer` the peer of that id; with it the peer at that index, whose id may change.
   */
  configurePeer(config: PeerConfig, peer?: PeerIndex): PeerIndex;
  removePeer(peer: PeerIndex): void;
  setRouterId(routerId: number): void;
  /** How MULTI_EXIT_DISC is compared; initially as RFC 4271. A change decides every prefix again, in slices. */
  setMed(med: MedRules): void;
  /** While true only local routes are told and no End-of-RIB: this speaker restarted, and its peers' tables are not back (RFC 4724 section 4.1). */
  setDeferring(deferring: boolean): void;
  /** Session up: the peer joins its update groups and owes the peer a full table and End-of-RIB. */
  sessionUp(peer: PeerIndex, session: RibSession): void;
  /** Session gone. `stale` keeps its routes marked stale until `sweepStale` (RFC 4724 helper); `flush` withdraws them, in slices. */
  sessionDown(peer: PeerIndex, routes: 'flush' | 'stale'): void;
  /** Marks the peer's routes of a family stale while it stays up: it is about to send all of them again (RFC 7313 section 4.2). */
  markStale(peer: PeerIndex, family: Family): void;
  /** Withdraws, in slices, what the peer has not announced again since its session came back (RFC 4724 section 4.2). */
  sweepStale(peer: PeerIndex, family: Family): void;
  /** Takes a scanned UPDATE in: octets are consumed before it returns, decisions wait for `run`. */
  receive(peer: PeerIndex, update: ScannedUpdate): void;
  /** Route refresh received: send the peer its whole view again (BoRR/EoRR around it when enhanced, RFC 7313). */
  refresh(peer: PeerIndex, family: Family, enhanced: boolean): void;
  /** Adds or replaces local routes by prefix, and removes others. */
  setLocalRoutes(set: readonly LocalRoute[], remove: readonly Prefix[]): void;
  /** Makes this the complete set of local routes; routes that stay as they are cause no work. */
  replaceLocalRoutes(routes: readonly LocalRoute[]): void;
  /** Does pending decisions and encodings for at most about `budgetMs` of `clock()`; true while work remains. */
  run(clock: () => number, budgetMs: number): boolean;
  hasWork(): boolean;
  /** True where `take` would return octets. */
  hasOutput(peer: PeerIndex): boolean;
  /** Peers with output since the last call; each is listed once. */
  readyPeers(): PeerIndex[];
  /** Next whole messages for the peer, at most about `limit` octets; shared buffers. Empty when it is up to date. */
  take(peer: PeerIndex, limit: number): Uint8Array[];
  /**
   * What changed among best paths since the last call, at most `limit` prefixes, for one reader that installs routes. The
   * first call starts it with everything there is; a prefix that changed and changed back is told once with nothing new.
   */
  bestChanges(limit: number): BestChange[];

  /** Routes held of a peer, of all families together; cheap, for whoever asks of every peer. */
  received(peer: PeerIndex): number;
  /** Introspection; dumps are cursors so that a million routes never stall a session. */
  familyStatus(peer: PeerIndex, family: Family): Omit<PeerFamilyStatus, 'family' | 'endOfRibReceived' | 'maxPrefix' | 'maxPrefixOut'>;
  routes(query: RouteQuery, cursor: number, limit: number): { readonly routes: RouteView[]; readonly next: number | undefined };
  explain(prefix: Prefix): RouteExplanation;
  /**
   * Goes on with a self-audit for about `budgetMs`, or begins one: what peers were told is compared with what the tables say, and put right
   * (counters `drift*` of `stats`). Does nothing while there is work. True until everything was looked at.
   */
  audit(clock: () => number, budgetMs: number): boolean;
  stats(): RibStats;
}

/** The choice for a prefix now: of a peer (`best`), of this speaker itself (`local`), or none. */
export interface BestChange {
  readonly prefix: Prefix;
  readonly best?: {
    /** Next hops of the best path first, then of paths equal to it up to identifiers (BIRD's `merge paths`), each once. */
    readonly nextHops: readonly Address[];
    /** 100 where none was received. */
    readonly localPref: number;
  };
  readonly local?: true;
}

/** What to dump. `received` shows attributes as they came, `advertised` (with `peer`) as that peer was told. */
export interface RouteQuery {
  readonly view: 'best' | 'all' | 'received' | 'advertised';
  readonly peer?: PeerIndex;
  readonly family: Family;
  /** Only this prefix. */
  readonly prefix?: Prefix;
}

/** One route of a dump. */
export interface RouteView {
  readonly prefix: Prefix;
  /** Peer id, or 'local'. */
  readonly from: string;
  readonly best: boolean;
  readonly accepted: boolean;
  readonly stale: boolean;
  readonly pathId?: number;
  readonly attributes: PathAttributes;
  /** Wall-clock ms of the last change. */
  readonly at: number;
  readonly reasons: readonly Reason[];
}

/** Everything known of a prefix, from the records acted on. */
export interface RouteExplanation {
  readonly prefix: Prefix;
  readonly candidates: readonly (RouteView & {
    /** Why this path lost to the winner: the decision step's name and citation; absent on the winner. */
    readonly lostAt?: { readonly step: string; readonly citation: string };
    /** Term of the import policy that took or refused it; of a path that loops the name of the loop. */
    readonly importTerm: string;
    /** What makes the path unusable before any policy; absent where nothing does. */
    readonly loop?: { readonly rule: string; readonly citation: string };
  })[];
  readonly decidedBy?: { readonly step: string; readonly citation: string };
  /** The longest less specific prefix that has a best path: what packets to this one follow where it has none. */
  readonly coveredBy?: Prefix;
  readonly peers: readonly PeerExplanation[];
}

/** Why one peer has, or has not, a prefix's route. */
export interface PeerExplanation {
  readonly peer: string;
  readonly up: boolean;
  readonly advertised: boolean;
  /** Absent when advertised. Such as `session down`, `learned from this peer`, `not reflected between non-clients`, `rejected by export policy`. */
  readonly blockedBy?: { readonly rule: string; readonly citation: string; readonly term?: string; readonly reasons: readonly Reason[] };
  /** Term of the export policy that accepted. */
  readonly exportTerm?: string;
  readonly group: string;
  /** The last UPDATE that carried this prefix to the peer, whole, or rebuilt from the group's Adj-RIB-Out for this prefix alone. */
  readonly lastSent?: { readonly at: number; readonly updateHex: string };
  /** False while the peer's cursor has not passed the change yet. */
  readonly delivered: boolean;
}

/** Sizes of the tables and the work done since the RIB was made. */
export type RibStats = Pick<SpeakerStatus, 'prefixes' | 'paths' | 'attributeSets' | 'groups' | 'work'>;
