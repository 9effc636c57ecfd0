/**
 * The speaker's border: configuration in, inputs in, outputs out. Everything is plain data (structured clone), so it can
 * cross a thread, be recorded and be replayed; only an MD5 key is not, and must be carried beside it on purpose. Times are milliseconds of a monotonic clock unless a name says otherwise.
 */
import type { SecretText } from './net/secret.ts';
import type { Address, Prefix } from './net/types.ts';
import type { Policy, Reason, RouteProtocol } from './policy/types.ts';
import type { Family, NotificationMessage } from './wire/types.ts';

/** A TCP endpoint as the speaker names it. Port 1-65535. */
export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}

/**
 * One configured peer. `id` names it in status, logs and explain; the session's identity is (local address, remote
 * address, configured remote port): a change of any other field keeps the session where the protocol allows it.
 */
export interface PeerConfig {
  readonly id: string;
  readonly remote: Endpoint;
  /** Source address of outgoing connections and the address that incoming ones must arrive at; absent: any. */
  readonly local?: Address;
  /** 1-4294967295. */
  readonly remoteAs: number;
  /** AS this session speaks as; replaces the speaker's (control-plane 2.4). */
  readonly localAs: number;
  readonly families: readonly Family[];
  readonly passive: boolean;
  /** Seconds, 0 or 3-65535. */
  readonly holdTime: number;
  /** Seconds; default a third of the negotiated hold time. */
  readonly keepaliveTime?: number;
  /**
   * Seconds that the kernel may take nothing of what waits to be sent before the session ends (RFC 9687): 0 never, else 1-65535. Absent:
   * eight minutes, or twice the negotiated hold time where that is more. Not run where the negotiated hold time is 0.
   */
  readonly sendHoldTime?: number;
  /** Seconds between connection attempts, before jitter (RFC 4271 ConnectRetryTime). Default 5. */
  readonly connectRetryTime: number;
  /** Seconds before the first connection attempt. Default 0 (BIRD under Calico: 2). */
  readonly connectDelay: number;
  /** Seconds an OPEN is held back for the peer's to come first (RFC 4271 section 8.1.1, DelayOpenTime). Absent: 0, at once. */
  readonly delayOpenTime?: number;
  readonly reflectorClient: boolean;
  /** CLUSTER_ID used when reflecting from and to this peer; default the speaker's router id (RFC 4456 section 7). */
  readonly clusterId?: number;
  /**
   * False: this client has sessions with the other clients of its cluster for which it is false too, and routes are not reflected between
   * them (RFC 4456 section 6). Default true.
   */
  readonly clientToClientReflection?: boolean;
  /** auto: self to external peers, unchanged to internal ones but for local routes (BIRD's rule); self; keep. */
  readonly nextHop: 'auto' | 'self' | 'keep';
  /** Address written as NEXT_HOP when it is self, per family; default the connection's local address. */
  readonly nextHopSelf?: { readonly ipv4?: Address; readonly ipv6?: Address };
  readonly importPolicy: Policy;
  readonly exportPolicy: Policy;
  /** How often the local AS may stand in a received AS_PATH. Default 0. */
  readonly allowLocalAs: number;
  /**
   * What BIRD 1.6 does that is not what the RFCs say, for a cluster in which it must not be told apart: its set of capabilities, R and F bits in
   * every first OPEN, MED 0 in place of none to external peers, Partial left as it came, no look for the own CLUSTER_ID in what is not from clients.
   */
  readonly dialect?: 'bird-1.6';
  /** Several paths of a prefix (RFC 7911), in the directions that the peer agrees to. */
  readonly addPath: 'off' | 'receive' | 'send' | 'both';
  /** Most paths sent per prefix where several are, best first, 1-65535. Absent: all. */
  readonly addPathLimit?: number;
  /**
   * n, 1-64: in place of the best path of a prefix the peer is told the n-th best whose next hop, as told, is that of no better one (RFC 6774).
   * For sessions beside that of the best path, each from an address of its own. Not with add-path. Default 1.
   */
  readonly diversePath?: number;
  /**
   * Absent: capability not sent. Times in seconds. `longLivedStaleTime`, 1 to 2^24-1: how long the peer may keep our routes after that, least
   * preferred (RFC 9494); absent: neither side keeps any so. `stalePathTime`, 1-65535: how long the peer's routes wait for its End-of-RIB once it
   * is back (RFC 4724 section 4.2); absent: 360. It is our own affair, not told to the peer.
   */
  readonly gracefulRestart?: { readonly restartTime: number; readonly longLivedStaleTime?: number; readonly stalePathTime?: number };
  /** Whether the first AS of an external peer's AS_PATH must be the peer's (RFC 4271 section 6.3); routes for which it is not are not used. Default true. */
  readonly enforceFirstAs?: boolean;
  /** IPv4 routes with IPv6 next hops are agreed on with peers that know them (RFC 8950). Default false. */
  readonly extendedNextHop?: boolean;
  /**
   * True: an internal peer that does not know long-lived stale routes is told them all the same, with NO_EXPORT and LOCAL_PREF 0 (RFC 9494
   * section 4.6). Default false: it is told none.
   */
  readonly longLivedPartialDeployment?: boolean;
  /** Routes accepted per family before `maxPrefixAction` is taken, 1 to 2^32-1. Absent: no limit. */
  readonly maxPrefix?: number;
  /** Accepted routes per family above which a warning is given once. Absent: 75 % of `maxPrefix`. */
  readonly maxPrefixWarning?: number;
  /** What more routes than `maxPrefix` do: end the session with Cease/1 (RFC 4486) and wait, end it until an operator resets it, or only warn. Default restart. */
  readonly maxPrefixAction?: 'restart' | 'hold' | 'warn';
  /** Seconds until a session that a prefix limit ended is let in again, 1-65535. Default 120. */
  readonly maxPrefixRestartTime?: number;
  /** Routes of a family that the peer is sent at most; where there would be more the session ends as by `maxPrefixAction`, before they are sent. Absent: no limit. */
  readonly maxPrefixOut?: number;
  /** Routes to the peer carry GRACEFUL_SHUTDOWN, and LOCAL_PREF 0 inside the AS: it should prefer others (RFC 8326). Default false. */
  readonly gracefulShutdown?: boolean;
  /** Routes with GRACEFUL_SHUTDOWN from an external peer get LOCAL_PREF 0 (RFC 8326). Default true. */
  readonly honourGracefulShutdown?: boolean;
  /** TCP MD5 key, 1-80 octets as UTF-8 (RFC 2385). Where it cannot be set there is no session. Absent: unsigned. */
  readonly md5Key?: SecretText;
  /** GTSM (RFC 5082): hops the peer may be away, 1-255; TTL 255 is sent and packets below 256 - hops are dropped. Absent: off. */
  readonly ttlSecurity?: number;
  /** IP_TOS or IPV6_TCLASS of the connection's packets, 0-255. Default 0xC0 (internetwork control); not set without the addon. */
  readonly typeOfService?: number;
  /** TCP_USER_TIMEOUT: milliseconds that sent data may stay unacknowledged. Absent: the kernel's. */
  readonly userTimeout?: number;
  /** Interface that the connection must use (SO_BINDTODEVICE). Absent: any. */
  readonly device?: string;
  /** The range that this peer was accepted from; absent on peers that are named in the configuration. */
  readonly range?: string;
  readonly reasons: readonly Reason[];
}

/** What the peers of a range have in common: everything of a peer but who it is. */
export type PeerTemplate = Omit<PeerConfig, 'id' | 'remote' | 'remoteAs' | 'range' | 'passive'>;

/**
 * Peers that are not named (dynamic neighbours): whoever connects from an address of the prefix, with one of the AS numbers in its OPEN, is a
 * peer until it goes. A named peer of the same address goes before every range, and the longest prefix before others.
 */
export interface PeerRange {
  /** Name of the range, different from those of all peers and ranges. Its MD5 key is for the whole prefix. */
  readonly id: string;
  readonly prefix: Prefix;
  /** AS numbers accepted, both ends included. */
  readonly remoteAs: readonly { readonly from: number; readonly to: number }[];
  /** Most peers at a time, those that only connected included. */
  readonly limit: number;
  readonly template: PeerTemplate;
}

/** What outlives a restart of the process: what an operator set, and who was accepted from ranges (bgp-speaker 4.5). Plain JSON but for the address. */
export interface PeerMemory {
  readonly id: string;
  /** Present where an operator shut the peer down: what was said. */
  readonly shutdown?: string;
  /** An operator asked for graceful shutdown (RFC 8326). */
  readonly draining?: true;
  /** Present for a peer of a range. Until the deferral of a restarted speaker is over it is waited for. */
  readonly dynamic?: { readonly remote: Address; readonly remoteAs: number };
}

/** A route this speaker originates. Next hop absent = self. */
export interface LocalRoute {
  readonly prefix: Prefix;
  readonly nextHop?: Address;
  readonly protocol: Exclude<RouteProtocol, 'bgp'>;
  readonly interface?: string;
  /** Kernel metric; LOCAL_PREF on export is the policy's business. */
  readonly metric?: number;
  /** How it compares with other paths of the prefix. Absent: BIRD's preference of its protocol, and LOCAL_PREF 100. */
  readonly rank?: { readonly preference: number; readonly localPref: number };
  readonly communities?: readonly number[];
  readonly reasons: readonly Reason[];
}

/**
 * MULTI_EXIT_DISC in the decision (RFC 4271 section 9.1.2.2 c, RFC 4451 sections 2.2 and 2.3). `missing`: a path without it counts as 0, the
 * best, or as 2^32-1, the worst. `compare`: between paths from the same neighbouring AS, or between all.
 */
export interface MedRules {
  readonly missing: 'zero' | 'worst';
  readonly compare: 'same-as' | 'always';
}

/** The whole wanted configuration of a speaker. */
export interface SpeakerConfig {
  /** Router id, a legal BGP Identifier as unsigned 32-bit number (never 0). */
  readonly routerId: number;
  readonly localAs: number;
  readonly listen: readonly Endpoint[];
  /** Absent: missing counts as 0, compared within one neighbouring AS. */
  readonly med?: MedRules;
  /** Seconds that a restarted speaker waits at most for the End-of-RIB of its peers before it announces what it learned, 0-3600 (RFC 4724 section 4.1). Absent: 10. */
  readonly deferralTime?: number;
  readonly peers: readonly PeerConfig[];
  /** Where peers are accepted from that are not named; each prefix once. Absent: nowhere. */
  readonly ranges?: readonly PeerRange[];
  /** Ranges of AS numbers, masks etc. are policy; this is only local origination. Complete set; the speaker diffs. */
  readonly routes: readonly LocalRoute[];
}

/** Chosen by the I/O layer, unique for the life of the speaker. */
export type ConnectionId = number;

/** Everything that can happen to a speaker. */
export type SpeakerInput =
  /** The whole wanted configuration, level-triggered: applying it twice does nothing the second time. */
  | { readonly type: 'configure'; readonly config: SpeakerConfig }
  /** Incremental form of configure's routes: replace or remove by prefix. */
  | { readonly type: 'routes'; readonly set: readonly LocalRoute[]; readonly remove: readonly Prefix[] }
  /** TCP up. Outgoing ones name the dial they answer; incoming ones are matched to a peer here. */
  | {
      readonly type: 'connected';
      readonly connection: ConnectionId;
      readonly local: Endpoint;
      readonly remote: Endpoint;
      readonly dial?: number;
    }
  | { readonly type: 'dial-failed'; readonly dial: number; readonly reason: string }
  /** The octets are only looked at while the input is handled: the memory may be used again after that. */
  | { readonly type: 'octets'; readonly connection: ConnectionId; readonly octets: Uint8Array }
  | { readonly type: 'closed'; readonly connection: ConnectionId; readonly reason: string }
  /** The socket holds more than the high-water mark / has drained; between them the speaker sends it no routes. */
  | { readonly type: 'blocked'; readonly connection: ConnectionId }
  | { readonly type: 'writable'; readonly connection: ConnectionId }
  /** Octets wait because the kernel took none of them; again with `waiting` where it took some and others wait; without where none waits. */
  | { readonly type: 'unsent'; readonly connection: ConnectionId; readonly waiting: boolean }
  /** Operator actions. */
  | { readonly type: 'peer-action'; readonly peer: string; readonly action: PeerAction }
  /** What the I/O layer knows of why a peer cannot be reached; without text it withdraws what it said. */
  | { readonly type: 'diagnosis'; readonly peer: string; readonly text?: string }
  /** What was remembered when the process before this one ended; before the first configuration. */
  | { readonly type: 'recall'; readonly peers: readonly PeerMemory[] }
  /** How much of the memory that this process may use is used, 1: all of it. Above that the peer whose table grew most is dropped (bgp-speaker 4.11). */
  | { readonly type: 'memory'; readonly used: number }
  /** Ends every session, and nothing begins any more; `planned` closes without NOTIFICATION so that graceful restart helpers keep routes. */
  | { readonly type: 'shutdown'; readonly planned: boolean; readonly text?: string }
  /** Time passed: timers due are run. */
  | { readonly type: 'tick' };

/**
 * What an operator can do to a peer: end it with a text (RFC 9003), let it in again, start it over, ask for or send the table again, or
 * make it prefer other paths before an end (RFC 8326).
 */
export type PeerAction =
  | { readonly kind: 'shutdown'; readonly text: string }
  | { readonly kind: 'enable' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'refresh'; readonly direction: 'in' | 'out' }
  | { readonly kind: 'gshut'; readonly on: boolean };

/** Everything a speaker asks of whoever hosts it, to be done in order. */
export type SpeakerOutput =
  | { readonly type: 'listen'; readonly endpoints: readonly Endpoint[] }
  | { readonly type: 'dial'; readonly dial: number; readonly peer: string; readonly remote: Endpoint; readonly local?: Address }
  | { readonly type: 'cancel-dial'; readonly dial: number }
  /** Buffers may be shared between connections: never write into them. */
  | { readonly type: 'send'; readonly connection: ConnectionId; readonly buffers: readonly Uint8Array[] }
  /** `reset` closes with RST; otherwise what was sent is flushed first. */
  | { readonly type: 'close'; readonly connection: ConnectionId; readonly reset: boolean }
  /** Stop or resume reading a connection (import queue limit). */
  | { readonly type: 'pause' | 'resume'; readonly connection: ConnectionId }
  | { readonly type: 'event'; readonly event: SpeakerEvent };

/** States of RFC 4271 section 8.2.2. */
export type SessionState = 'idle' | 'connect' | 'active' | 'open-sent' | 'open-confirm' | 'established';

/** One fact for the log; the message text is the constant of its kind. */
export type SpeakerEvent =
  | {
      readonly kind: 'session-state';
      readonly peer: string;
      readonly from: SessionState;
      readonly to: SessionState;
      readonly because: string;
    }
  | {
      readonly kind: 'notification';
      readonly peer: string;
      readonly direction: 'sent' | 'received';
      readonly message: NotificationMessage;
      readonly text: string;
    }
  | {
      readonly kind: 'malformed-update';
      readonly peer: string;
      readonly outcome: string;
      readonly detail: string;
      readonly citation: string;
      /** Others of this peer since the last report that were not reported: there were too many in too short a time. Absent: none. */
      readonly omitted?: number;
    }
  /** Why a peer cannot be reached, as far as the I/O layer can see; without text it is over. */
  | { readonly kind: 'diagnosis'; readonly peer: string; readonly text?: string }
  /** A peer sends more routes of a family than is usual for it, or no longer does. */
  | { readonly kind: 'prefix-warning'; readonly peer: string; readonly family: Family; readonly accepted: number; readonly limit: number }
  /** A peer accepted from a range came, or is gone and forgotten. */
  | { readonly kind: 'dynamic-peer'; readonly peer: string; readonly range: string; readonly present: boolean }
  /** `omitted`: others since the last report that were not reported; absent: none. */
  | {
      readonly kind: 'refused-connection';
      readonly remote: Endpoint;
      readonly local: Endpoint;
      readonly because: string;
      readonly omitted?: number;
    }
  | { readonly kind: 'end-of-rib'; readonly peer: string; readonly family: Family; readonly direction: 'sent' | 'received' }
  /** An operator's action is carried out. */
  | { readonly kind: 'peer-action'; readonly peer: string; readonly action: PeerAction }
  /** So many prefixes were decided: their best path, or a path equal to it, may be another. */
  | { readonly kind: 'best-changed'; readonly prefixes: number };
