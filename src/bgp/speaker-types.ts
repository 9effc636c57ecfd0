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
  /** auto: self to external peers, unchanged to internal ones but for local routes (BIRD's rule); self; keep. */
  readonly nextHop: 'auto' | 'self' | 'keep';
  /** Address written as NEXT_HOP when it is self, per family; default the connection's local address. */
  readonly nextHopSelf?: { readonly ipv4?: Address; readonly ipv6?: Address };
  readonly importPolicy: Policy;
  readonly exportPolicy: Policy;
  /** How often the local AS may stand in a received AS_PATH. Default 0. */
  readonly allowLocalAs: number;
  /** Several paths of a prefix (RFC 7911), in the directions that the peer agrees to. */
  readonly addPath: 'off' | 'receive' | 'send' | 'both';
  /** Most paths sent per prefix where several are, best first, 1-65535. Absent: all. */
  readonly addPathLimit?: number;
  /**
   * Absent: capability not sent. Times in seconds. `longLivedStaleTime`, 1 to 2^24-1: how long the peer may keep our routes after that, least
   * preferred (RFC 9494); absent: neither side keeps any so.
   */
  readonly gracefulRestart?: { readonly restartTime: number; readonly longLivedStaleTime?: number };
  /** Routes accepted per family before the session is closed with Cease/1 (RFC 4486). Absent: no limit. */
  readonly maxPrefix?: number;
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
  readonly reasons: readonly Reason[];
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

/** The whole wanted configuration of a speaker. */
export interface SpeakerConfig {
  /** Router id, a legal BGP Identifier as unsigned 32-bit number (never 0). */
  readonly routerId: number;
  readonly localAs: number;
  readonly listen: readonly Endpoint[];
  /** Peers accepted from a range without being named come with the v1 list of later work; here every peer is named. */
  readonly peers: readonly PeerConfig[];
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
  /** Ends every session; `planned` closes without NOTIFICATION so that graceful restart helpers keep routes. */
  | { readonly type: 'shutdown'; readonly planned: boolean; readonly text?: string }
  /** Time passed: timers due are run, and one slice of pending work. */
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
    }
  /** Why a peer cannot be reached, as far as the I/O layer can see; without text it is over. */
  | { readonly kind: 'diagnosis'; readonly peer: string; readonly text?: string }
  | { readonly kind: 'refused-connection'; readonly remote: Endpoint; readonly local: Endpoint; readonly because: string }
  | { readonly kind: 'end-of-rib'; readonly peer: string; readonly family: Family; readonly direction: 'sent' | 'received' }
  /** An operator's action is carried out. */
  | { readonly kind: 'peer-action'; readonly peer: string; readonly action: PeerAction }
  | { readonly kind: 'best-changed'; readonly prefixes: number };

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

/** One family of a peer: routes received, accepted by policy and advertised, and how far it is behind. */
export interface PeerFamilyStatus {
  readonly family: Family;
  readonly received: number;
  readonly accepted: number;
  readonly advertised: number;
  readonly group: string;
  /** Log entries this peer is behind. */
  readonly lag: number;
  readonly slow: boolean;
  readonly endOfRibReceived: boolean;
}

/** State of a speaker: its peers in the order of the configuration, sizes of its tables, work done so far. */
export interface SpeakerStatus {
  readonly routerId: number;
  readonly localAs: number;
  readonly peers: readonly PeerStatus[];
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
}
