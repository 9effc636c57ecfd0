/** Events, effects and the record of one session machine. The table is in fsm.ts, the handlers in handlers.ts. */
import type { SessionState } from '../speaker-types.ts';
import type { NotificationMessage, OpenMessage } from '../wire/types.ts';
import type { LocalOffer, Negotiated } from './negotiate.ts';

/** What happens to a session machine. Numbers are those of RFC 4271 section 8.1. */
export type FsmEvent =
  /** ManualStart, AutomaticStart and their passive and damped forms (1, 3-7): which of them is in the settings. */
  | { readonly type: 'start' }
  /** ManualStop, AutomaticStop (2, 8). Without a notification the connection just closes (planned restart, RFC 4724 section 5). */
  | { readonly type: 'stop'; readonly notification: NotificationMessage | undefined; readonly because: string; readonly then: AfterStop }
  /** ConnectRetryTimer_Expires (9) */
  | { readonly type: 'connect-retry-expired' }
  /** HoldTimer_Expires (10) */
  | { readonly type: 'hold-expired' }
  /** KeepaliveTimer_Expires (11) */
  | { readonly type: 'keepalive-expired' }
  /** DelayOpenTimer_Expires (12) */
  | { readonly type: 'delay-open-expired' }
  /** IdleHoldTimer_Expires (13) */
  | { readonly type: 'idle-hold-expired' }
  /** Tcp_CR_Acked (16), TcpConnectionConfirmed (17); 14 and 15 are decided before a machine is found. */
  | { readonly type: 'connected'; readonly connection: number; readonly incoming: boolean }
  /** TcpConnectionFails (18) */
  | { readonly type: 'disconnected'; readonly because: string }
  /** BGPOpen (19), BGPOpen with DelayOpenTimer running (20) */
  | { readonly type: 'open'; readonly message: OpenMessage }
  /** SendHoldTimer_Expires (29, RFC 9687 section 3.2) */
  | { readonly type: 'send-hold-expired' }
  /** BGPHeaderErr (21) */
  | { readonly type: 'header-error'; readonly notification: NotificationMessage; readonly because: string }
  /** BGPOpenMsgErr (22) */
  | { readonly type: 'open-error'; readonly notification: NotificationMessage; readonly because: string }
  /** OpenCollisionDump (23) */
  | { readonly type: 'collision-dump' }
  /** NotifMsgVerErr, NotifMsg (24, 25) */
  | { readonly type: 'notification'; readonly message: NotificationMessage }
  /** KeepAliveMsg (26) */
  | { readonly type: 'keepalive' }
  /** UpdateMsg (27) */
  | { readonly type: 'update' }
  /** ROUTE-REFRESH (RFC 2918), for the machine like an UPDATE */
  | { readonly type: 'route-refresh' }
  /** UpdateMsgErr (28); also a refresh that cannot be read (RFC 7313 section 5) */
  | { readonly type: 'update-error'; readonly notification: NotificationMessage; readonly because: string };

/** Names of the events. */
export type FsmEventType = FsmEvent['type'];

/** After a stop: stay idle, begin again at once, or stay idle and refuse for a fixed time in milliseconds. */
export type AfterStop = 'stay-idle' | 'restart' | { readonly refuseForMs: number };

/** Why a session that was established ended; graceful restart depends on it. */
export type DownCause = 'tcp' | 'notification-sent' | 'notification-received' | 'closed-silently';

/** What the caller has to carry out, in order. */
export type FsmEffect =
  | { readonly type: 'state'; readonly from: SessionState; readonly to: SessionState; readonly because: string }
  | { readonly type: 'dial' }
  | { readonly type: 'cancel-dial' }
  | { readonly type: 'send-open' }
  | { readonly type: 'send-keepalive' }
  | { readonly type: 'send-notification'; readonly connection: number; readonly message: NotificationMessage }
  | { readonly type: 'notification-received'; readonly message: NotificationMessage }
  /** `reset`: with RST, because a FIN would wait behind octets that the peer does not take. */
  | { readonly type: 'close'; readonly connection: number; readonly reset?: true }
  | { readonly type: 'established'; readonly negotiated: Negotiated }
  /** `keep`: the peer's routes may outlive the session, where it can restart (RFC 4724 section 4.2, RFC 8538 section 4). */
  | { readonly type: 'down'; readonly cause: DownCause; readonly because: string; readonly keep: boolean };

/** Deadlines in monotonic milliseconds, Infinity = stopped (RFC 4271 section 8.1.3). */
export interface FsmTimers {
  connectRetry: number;
  hold: number;
  keepalive: number;
  delayOpen: number;
  idleHold: number;
  /** Runs only while octets wait that the kernel does not take (RFC 9687). */
  sendHold: number;
}

/** One session machine. A peer has one, and a second one while two connections are being told apart. */
export interface Fsm {
  state: SessionState;
  /** Challengers carry an incoming connection beside a machine that is dialing; they never start over. */
  challenger: boolean;
  connection: number | undefined;
  incoming: boolean;
  dialing: boolean;
  readonly timers: FsmTimers;
  negotiated: Negotiated | undefined;
  peerOpen: OpenMessage | undefined;
  /** ConnectRetryCounter: failures in a row, forgotten after a minute of being established. */
  failures: number;
  /** When its connection came up, and when the session on it did; monotonic ms. */
  connectedAt: number;
  establishedAt: number;
  /** The peer refused our optional parameters: the next OPEN goes without (RFC 5492 section 3). */
  plain: boolean;
}

/** Configuration as the machine needs it. Times in milliseconds. */
export interface FsmSettings {
  readonly offer: LocalOffer;
  readonly passive: boolean;
  readonly connectRetryMs: number;
  readonly connectDelayMs: number;
  /** 0: DelayOpen off. */
  readonly delayOpenMs: number;
  /** Undefined: by the negotiated hold time; 0: off. */
  readonly sendHoldMs: number | undefined;
}

/** What a handler may look at: settings, the time, and random numbers in [0, 1). */
export interface FsmContext {
  readonly settings: FsmSettings;
  readonly now: number;
  readonly random: () => number;
}
