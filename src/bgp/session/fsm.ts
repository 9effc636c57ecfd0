/**
 * The BGP session machine as a table (RFC 4271 section 8.2.2): state → event → handler.
 *
 *   Idle ──start──► Connect ◄──retry──► Active        a passive peer starts in Active
 *     ▲                │ connected        │ connected
 *     │                ▼                  ▼
 *     │              OpenSent ◄───────────┘
 *     │                │ OPEN (KEEPALIVE sent)
 *     │                ▼
 *     │              OpenConfirm
 *     │                │ KEEPALIVE
 *     │                ▼
 *     └─any error── Established
 *
 * An absent cell is a finite state machine error (RFC 6608). This file must not know about sockets, RIBs or other machines of
 * the same peer: collisions are decided outside and arrive as `collision-dump`.
 */
import type { SessionState } from '../speaker-types.ts';
import {
  ignore,
  onAlive,
  onCollisionDump,
  onConnected,
  onDelayOpenExpired,
  onHoldExpired,
  onKeepaliveDue,
  onKeepaliveInOpenConfirm,
  onLostInSession,
  onLostWhileConnecting,
  onMessageError,
  onNotification,
  onOpenInOpenSent,
  onOpenWhileDelayed,
  onRetryInActive,
  onRetryInConnect,
  onSendHoldExpired,
  onStart,
  onStop,
  onUnexpected,
  onUnwantedConnection,
} from './handlers.ts';
import type { Fsm, FsmContext, FsmEffect, FsmEvent, FsmEventType } from './types.ts';

/** A cell of the table: the handler for one event type in one state. */
export type Handler<T extends FsmEventType> = (
  fsm: Fsm,
  event: Extract<FsmEvent, { readonly type: T }>,
  context: FsmContext,
) => readonly FsmEffect[];

type Row = { readonly [T in FsmEventType]?: Handler<T> };

/** The whole machine. */
export const FSM_TABLE: { readonly [state in SessionState]: Row } = {
  // RFC 4271: in Idle all other events change nothing; a connection is refused.
  idle: {
    start: onStart,
    stop: onStop,
    'idle-hold-expired': onStart,
    connected: onUnwantedConnection,
  },
  connect: {
    start: ignore,
    stop: onStop,
    'connect-retry-expired': onRetryInConnect,
    'delay-open-expired': onDelayOpenExpired,
    connected: onConnected,
    disconnected: onLostWhileConnecting,
    open: onOpenWhileDelayed,
    'header-error': onMessageError,
    'open-error': onMessageError,
    notification: onNotification,
    'collision-dump': onCollisionDump,
  },
  active: {
    start: ignore,
    stop: onStop,
    'connect-retry-expired': onRetryInActive,
    'delay-open-expired': onDelayOpenExpired,
    connected: onConnected,
    disconnected: onLostWhileConnecting,
    open: onOpenWhileDelayed,
    'header-error': onMessageError,
    'open-error': onMessageError,
    notification: onNotification,
    'collision-dump': onCollisionDump,
  },
  'open-sent': {
    start: ignore,
    stop: onStop,
    'hold-expired': onHoldExpired,
    connected: onUnwantedConnection,
    disconnected: onLostWhileConnecting,
    open: onOpenInOpenSent,
    'header-error': onMessageError,
    'open-error': onMessageError,
    'collision-dump': onCollisionDump,
    notification: onNotification,
  },
  'open-confirm': {
    start: ignore,
    stop: onStop,
    'hold-expired': onHoldExpired,
    'keepalive-expired': onKeepaliveDue,
    connected: onUnwantedConnection,
    disconnected: onLostInSession,
    'header-error': onMessageError,
    'open-error': onMessageError,
    'collision-dump': onCollisionDump,
    notification: onNotification,
    keepalive: onKeepaliveInOpenConfirm,
  },
  established: {
    start: ignore,
    stop: onStop,
    'hold-expired': onHoldExpired,
    'keepalive-expired': onKeepaliveDue,
    'send-hold-expired': onSendHoldExpired,
    connected: onUnwantedConnection,
    disconnected: onLostInSession,
    'header-error': onMessageError,
    'collision-dump': onCollisionDump,
    notification: onNotification,
    keepalive: onAlive,
    update: onAlive,
    'route-refresh': onAlive,
    'update-error': onMessageError,
  },
};

/** A machine in Idle. Challengers serve one incoming connection and never dial. */
export function createFsm(challenger: boolean): Fsm {
  return {
    state: challenger ? 'active' : 'idle',
    challenger,
    connection: undefined,
    incoming: false,
    dialing: false,
    timers: { connectRetry: Infinity, hold: Infinity, keepalive: Infinity, delayOpen: Infinity, idleHold: Infinity, sendHold: Infinity },
    negotiated: undefined,
    peerOpen: undefined,
    failures: 0,
    connectedAt: 0,
    establishedAt: 0,
    plain: false,
  };
}

/** Runs one event: changes `fsm` and returns what has to be done, in order. */
export function handleEvent<T extends FsmEventType>(
  fsm: Fsm,
  event: Extract<FsmEvent, { readonly type: T }> & { readonly type: T },
  context: FsmContext,
): readonly FsmEffect[] {
  const handler: Handler<T> | undefined = FSM_TABLE[fsm.state][event.type];
  return handler === undefined ? onUnexpected(fsm, event, context) : handler(fsm, event, context);
}

/** The earliest deadline of a machine, Infinity without any. */
export function nextFsmDeadline({ timers }: Fsm): number {
  return Math.min(timers.connectRetry, timers.hold, timers.keepalive, timers.delayOpen, timers.idleHold, timers.sendHold);
}

/** Timers that fire by themselves. */
export type TimerEventType =
  | 'connect-retry-expired'
  | 'delay-open-expired'
  | 'idle-hold-expired'
  | 'keepalive-expired'
  | 'send-hold-expired';

/** Timers due, but for the hold timer, which only nominates (bgp-speaker 4.1); each is stopped by being taken. */
export function takeDueTimers(fsm: Fsm, now: number): TimerEventType[] {
  const { timers } = fsm;
  const due: TimerEventType[] = [];
  if (timers.connectRetry <= now) {
    timers.connectRetry = Infinity;
    due.push('connect-retry-expired');
  }
  if (timers.delayOpen <= now) {
    timers.delayOpen = Infinity;
    due.push('delay-open-expired');
  }
  if (timers.idleHold <= now) {
    timers.idleHold = Infinity;
    due.push('idle-hold-expired');
  }
  if (timers.keepalive <= now) {
    timers.keepalive = Infinity;
    due.push('keepalive-expired');
  }
  if (timers.sendHold <= now) {
    timers.sendHold = Infinity;
    due.push('send-hold-expired');
  }
  return due;
}
