/**
 * The handlers of the session table (RFC 4271 section 8.2.2). Each changes the record it is given and returns the effects.
 *
 * Two deliberate readings: a failed dial leads to Active, not Idle, so that an incoming connection is still taken; and a
 * session that ends without a fault of the peer's goes through Idle to Active at once, its back-off being the
 * ConnectRetryTimer. Only after an error that we reported does Idle refuse connections for the IdleHold time.
 */
import type { SessionState } from '../speaker-types.ts';
import type { NotificationMessage } from '../wire/index.ts';
import { describeNotification, notificationFor } from '../wire/index.ts';
import {
  FAILURE_FORGET_MS,
  IDLE_HOLD_FIRST_MS,
  IDLE_HOLD_MAX_MS,
  JITTER_FLOOR,
  OPEN_SENT_HOLD_MS,
  RECONNECT_FIRST_MS,
  SEND_HOLD_MIN_MS,
} from './limits.ts';
import type { Negotiated } from './negotiate.ts';
import { keepaliveSeconds, negotiate } from './negotiate.ts';
import { afterNBit, cease, FSM_ERRORS, isHardReset, refusesOptions } from './notifications.ts';
import type { AfterStop, DownCause, Fsm, FsmContext, FsmEffect, FsmEvent } from './types.ts';

type Of<T extends FsmEvent['type']> = Extract<FsmEvent, { readonly type: T }>;

/** Nothing to do; shared because the commonest events of a busy session need nothing. */
const NO_EFFECTS: readonly FsmEffect[] = Object.freeze([]);

/** The event changes nothing in this state. */
export const ignore = (): readonly FsmEffect[] => NO_EFFECTS;

/** RFC 4271 section 10: 75 to 100 percent. */
function jittered(ms: number, context: FsmContext): number {
  return ms * (JITTER_FLOOR + (1 - JITTER_FLOOR) * context.random());
}

function stopTimers(fsm: Fsm): void {
  const timers = fsm.timers;
  timers.connectRetry = timers.hold = timers.keepalive = timers.delayOpen = timers.idleHold = timers.sendHold = Infinity;
}

function enter(fsm: Fsm, to: SessionState, because: string): FsmEffect {
  const from = fsm.state;
  fsm.state = to;
  return { type: 'state', from, to, because };
}

/* Start and stop */

/** Start (events 1, 3-7) and the end of an IdleHold (13): a passive peer waits, others dial, after the connect delay if there is one. */
export function onStart(fsm: Fsm, _event: FsmEvent, context: FsmContext): FsmEffect[] {
  stopTimers(fsm);
  if (context.settings.passive) return [enter(fsm, 'active', 'passive: waiting for the peer to connect')];
  if (context.settings.connectDelayMs > 0) {
    fsm.timers.connectRetry = context.now + jittered(context.settings.connectDelayMs, context);
    return [enter(fsm, 'active', 'waiting out the connect delay')];
  }
  return dial(fsm, context, 'started');
}

/** Stop (events 2, 8): says why if told to, and does next what the event asks. */
export function onStop(fsm: Fsm, event: Of<'stop'>, context: FsmContext): FsmEffect[] {
  return leave(fsm, context, {
    because: event.because,
    cause: event.notification === undefined ? 'closed-silently' : 'notification-sent',
    ...(event.notification === undefined ? {} : { send: event.notification }),
    then: event.then,
  });
}

function dial(fsm: Fsm, context: FsmContext, because: string): FsmEffect[] {
  fsm.dialing = true;
  fsm.timers.connectRetry = context.now + jittered(context.settings.connectRetryMs, context);
  return [enter(fsm, 'connect', because), { type: 'dial' }];
}

/* Connecting */

/** ConnectRetryTimer in Active (event 9): dial. */
export function onRetryInActive(fsm: Fsm, _event: FsmEvent, context: FsmContext): FsmEffect[] {
  return dial(fsm, context, 'connect retry timer');
}

/** ConnectRetryTimer in Connect (event 9): the attempt under way is given up for a new one. */
export function onRetryInConnect(fsm: Fsm, _event: FsmEvent, context: FsmContext): FsmEffect[] {
  const drop: FsmEffect[] = fsm.dialing ? [{ type: 'cancel-dial' }] : [];
  if (fsm.connection !== undefined) drop.push({ type: 'close', connection: fsm.connection });
  fsm.connection = undefined;
  fsm.timers.delayOpen = Infinity;
  fsm.timers.connectRetry = context.now + jittered(context.settings.connectRetryMs, context);
  fsm.dialing = true;
  return [...drop, { type: 'dial' }];
}

/** TCP is up (events 16, 17): our OPEN goes out, or waits for the DelayOpenTimer. */
export function onConnected(fsm: Fsm, event: Of<'connected'>, context: FsmContext): FsmEffect[] {
  fsm.connection = event.connection;
  fsm.incoming = event.incoming;
  fsm.connectedAt = context.now;
  fsm.dialing = false;
  fsm.timers.connectRetry = Infinity;
  if (context.settings.delayOpenMs > 0) {
    fsm.timers.delayOpen = context.now + jittered(context.settings.delayOpenMs, context);
    return [];
  }
  return sendOpen(fsm, context, event.incoming ? 'the peer connected' : 'connected');
}

/** DelayOpenTimer (event 12): the peer did not speak first. */
export function onDelayOpenExpired(fsm: Fsm, _event: FsmEvent, context: FsmContext): FsmEffect[] {
  return sendOpen(fsm, context, 'delay open timer');
}

/** A connection offered to a machine that does not want it: the caller closes it. */
export function onUnwantedConnection(_fsm: Fsm, event: Of<'connected'>): FsmEffect[] {
  return [{ type: 'close', connection: event.connection }];
}

function sendOpen(fsm: Fsm, context: FsmContext, because: string): FsmEffect[] {
  fsm.timers.delayOpen = Infinity;
  fsm.timers.hold = context.now + OPEN_SENT_HOLD_MS;
  return [enter(fsm, 'open-sent', because), { type: 'send-open' }];
}

/** TcpConnectionFails before OpenConfirm: try again when the ConnectRetryTimer says so. */
export function onLostWhileConnecting(fsm: Fsm, event: Of<'disconnected'>, context: FsmContext): FsmEffect[] {
  fsm.connection = undefined;
  fsm.dialing = false;
  stopTimers(fsm);
  if (fsm.challenger) return [enter(fsm, 'idle', event.because)];
  if (!context.settings.passive) fsm.timers.connectRetry = context.now + jittered(context.settings.connectRetryMs, context);
  return fsm.state === 'active' ? [] : [enter(fsm, 'active', event.because)];
}

/* OPEN */

/** The peer's OPEN (event 19): agree and answer with KEEPALIVE, or say what is wrong with it. */
export function onOpenInOpenSent(fsm: Fsm, event: Of<'open'>, context: FsmContext): FsmEffect[] {
  return acceptOpen(fsm, event, context, []);
}

/** Event 20: the peer's OPEN came while ours was held back. Without the timer running there is no such connection. */
export function onOpenWhileDelayed(fsm: Fsm, event: Of<'open'>, context: FsmContext): FsmEffect[] {
  if (fsm.timers.delayOpen === Infinity) return onUnexpected(fsm, event, context);
  fsm.timers.delayOpen = Infinity;
  return acceptOpen(fsm, event, context, [{ type: 'send-open' }]);
}

function acceptOpen(fsm: Fsm, event: Of<'open'>, context: FsmContext, first: FsmEffect[]): FsmEffect[] {
  const agreed = negotiate(context.settings.offer, event.message);
  if (!agreed.ok) {
    return [
      ...first,
      ...leave(fsm, context, { because: 'unacceptable OPEN', cause: 'notification-sent', send: agreed.error, then: 'back-off' }),
    ];
  }
  fsm.negotiated = agreed.value;
  fsm.peerOpen = event.message;
  fsm.timers.hold = holdDeadline(agreed.value, context.now);
  fsm.timers.keepalive = keepaliveDeadline(agreed.value, context);
  return [...first, enter(fsm, 'open-confirm', 'OPEN accepted'), { type: 'send-keepalive' }];
}

function holdDeadline(agreed: Negotiated, now: number): number {
  return agreed.holdTime === 0 ? Infinity : now + agreed.holdTime * 1000;
}

function keepaliveDeadline(agreed: Negotiated, context: FsmContext): number {
  return agreed.keepaliveTime === 0 ? Infinity : context.now + jittered(agreed.keepaliveTime * 1000, context);
}

/* Running */

/** KEEPALIVE in OpenConfirm (event 26): the session is up. */
export function onKeepaliveInOpenConfirm(fsm: Fsm, _event: FsmEvent, context: FsmContext): FsmEffect[] {
  const negotiated = fsm.negotiated;
  if (negotiated === undefined) throw new Error('OpenConfirm without negotiated properties');
  fsm.timers.hold = holdDeadline(negotiated, context.now);
  fsm.establishedAt = context.now;
  return [enter(fsm, 'established', 'KEEPALIVE received'), { type: 'established', negotiated }];
}

/** KEEPALIVE, UPDATE or ROUTE-REFRESH: the peer lives. */
export function onAlive(fsm: Fsm, _event: FsmEvent, context: FsmContext): readonly FsmEffect[] {
  if (fsm.negotiated !== undefined) fsm.timers.hold = holdDeadline(fsm.negotiated, context.now);
  return NO_EFFECTS;
}

/** KeepaliveTimer (event 11): send one and run on. */
export function onKeepaliveDue(fsm: Fsm, _event: FsmEvent, context: FsmContext): FsmEffect[] {
  if (fsm.negotiated !== undefined) fsm.timers.keepalive = keepaliveDeadline(fsm.negotiated, context);
  return [{ type: 'send-keepalive' }];
}

/** Another keepalive time from now on: it is this side's own choice within the hold time agreed, and nothing the peer has to hear of. */
export function changeKeepaliveTime(fsm: Fsm, context: FsmContext): void {
  if (fsm.negotiated === undefined) return;
  const { holdTime } = fsm.negotiated;
  fsm.negotiated = { ...fsm.negotiated, keepaliveTime: keepaliveSeconds(context.settings.offer, holdTime) };
  if (fsm.timers.keepalive !== Infinity) fsm.timers.keepalive = Math.min(fsm.timers.keepalive, keepaliveDeadline(fsm.negotiated, context));
}

/* Ends */

/** HoldTimer (event 10), confirmed by polls: the peer is told, and may come back at once. */
export function onHoldExpired(fsm: Fsm, _event: FsmEvent, context: FsmContext): FsmEffect[] {
  return leave(fsm, context, {
    because: 'hold timer expired',
    cause: 'notification-sent',
    send: notificationFor({ code: 'HOLD_TIMER_EXPIRED' }),
    then: 'retry',
  });
}

/** SendHoldTimer (event 29, RFC 9687 section 3.2): the NOTIFICATION is tried, and RST does not wait for it. */
export function onSendHoldExpired(fsm: Fsm, _event: FsmEvent, context: FsmContext): FsmEffect[] {
  return leave(fsm, context, {
    because: 'send hold timer expired: the peer takes nothing',
    cause: 'notification-sent',
    send: notificationFor({ code: 'SEND_HOLD_TIMER_EXPIRED' }),
    reset: true,
    then: 'retry',
  });
}

/** Runs the SendHoldTimer from now while octets wait to be sent, and stops it else; only in a session with hold timers (RFC 9687 section 3.2). */
export function watchSending(fsm: Fsm, context: FsmContext, waiting: boolean): void {
  const holdMs = (fsm.negotiated?.holdTime ?? 0) * 1000;
  const limit = context.settings.sendHoldMs ?? Math.max(SEND_HOLD_MIN_MS, 2 * holdMs);
  const runs = waiting && fsm.state === 'established' && holdMs > 0 && limit > 0;
  fsm.timers.sendHold = runs ? context.now + limit : Infinity;
}

/** TCP is gone in OpenConfirm or Established (event 18). */
export function onLostInSession(fsm: Fsm, event: Of<'disconnected'>, context: FsmContext): FsmEffect[] {
  return leave(fsm, context, { because: event.because, cause: 'tcp', gone: true, then: 'retry' });
}

/** A message that cannot be accepted (events 21, 22, 28): its NOTIFICATION goes back and the peer is held back for a while. */
export function onMessageError(fsm: Fsm, event: Of<'header-error' | 'open-error' | 'update-error'>, context: FsmContext): FsmEffect[] {
  return leave(fsm, context, { because: event.because, cause: 'notification-sent', send: event.notification, then: 'back-off' });
}

/** This connection lost a collision (event 23). */
export function onCollisionDump(fsm: Fsm, _event: FsmEvent, context: FsmContext): FsmEffect[] {
  return leave(fsm, context, {
    because: 'connection collision',
    cause: 'notification-sent',
    send: cease('CEASE_COLLISION'),
    then: 'retry',
  });
}

/** The peer ends the session (events 24, 25). */
export function onNotification(fsm: Fsm, event: Of<'notification'>, context: FsmContext): FsmEffect[] {
  // RFC 5492 section 3: a peer that knows no capabilities refuses the parameter; the next OPEN goes without.
  if (refusesOptions(event.message) && fsm.state === 'open-sent') fsm.plain = true;
  const effects = leave(fsm, context, {
    because: `NOTIFICATION received: ${describeNotification(event.message)}`,
    cause: 'notification-received',
    received: event.message,
    then: 'retry',
  });
  return [{ type: 'notification-received', message: event.message }, ...effects];
}

/** A cell that the table lacks: FSM error with the subcode of the state (RFC 6608); nothing in Idle. */
export function onUnexpected(fsm: Fsm, event: FsmEvent, context: FsmContext): FsmEffect[] {
  const because = `unexpected ${event.type} in ${fsm.state}`;
  switch (fsm.state) {
    case 'idle':
      return [];
    case 'connect':
    case 'active':
      return leave(fsm, context, { because, cause: 'closed-silently', then: 'back-off' });
    case 'open-sent':
    case 'open-confirm':
    case 'established':
      return leave(fsm, context, {
        because,
        cause: 'notification-sent',
        send: notificationFor({ code: FSM_ERRORS[fsm.state] }),
        then: 'back-off',
      });
    default: {
      const never: never = fsm.state;
      return never;
    }
  }
}

interface Leaving {
  readonly because: string;
  readonly cause: DownCause;
  readonly send?: NotificationMessage;
  readonly received?: NotificationMessage;
  /** The connection is gone already. */
  readonly gone?: true;
  readonly reset?: true;
  /** back-off: Idle, refusing connections; retry: ready for the peer at once, our own dial backs off. */
  readonly then: AfterStop | 'back-off' | 'retry';
}

function leave(fsm: Fsm, context: FsmContext, leaving: Leaving): FsmEffect[] {
  const effects: FsmEffect[] = [];
  const { connection } = fsm;
  const notifies = fsm.state === 'established' && fsm.negotiated?.gracefulRestart?.notification === true;
  const send = leaving.send !== undefined && notifies ? afterNBit(leaving.send) : leaving.send;
  if (connection !== undefined && leaving.gone !== true) {
    // Before our OPEN nothing may be said but by closing.
    if (send !== undefined && fsm.state !== 'connect' && fsm.state !== 'active')
      effects.push({ type: 'send-notification', connection, message: send });
    effects.push({ type: 'close', connection, ...(leaving.reset === true ? { reset: true as const } : {}) });
  }
  if (fsm.dialing) effects.push({ type: 'cancel-dial' });
  if (fsm.state === 'established') {
    const said = send ?? leaving.received;
    const keep = leaving.cause === 'tcp' || (notifies && said !== undefined && !isHardReset(said));
    effects.push({ type: 'down', cause: leaving.cause, because: leaving.because, keep });
    if (context.now - fsm.establishedAt >= FAILURE_FORGET_MS) fsm.failures = 0;
  }
  const wasEstablished = fsm.state === 'established';
  // It may have been upgraded meanwhile: offer capabilities again.
  if (wasEstablished) fsm.plain = false;
  fsm.connection = undefined;
  fsm.dialing = false;
  fsm.negotiated = undefined;
  fsm.peerOpen = undefined;
  stopTimers(fsm);
  if (fsm.state !== 'idle') effects.push(enter(fsm, 'idle', leaving.because));
  if (!fsm.challenger) effects.push(...startOver(fsm, context, leaving.then, wasEstablished));
  return effects;
}

function startOver(fsm: Fsm, context: FsmContext, then: Leaving['then'], wasEstablished: boolean): FsmEffect[] {
  if (then === 'stay-idle') {
    fsm.failures = 0;
    return [];
  }
  if (typeof then === 'object') {
    fsm.timers.idleHold = context.now + then.refuseForMs;
    return [];
  }
  if (then === 'restart') return onStart(fsm, { type: 'start' }, context);
  fsm.failures++;
  if (then === 'back-off') {
    fsm.timers.idleHold = context.now + backOff(fsm.failures, IDLE_HOLD_FIRST_MS, context);
    return [];
  }
  if (!context.settings.passive) {
    const first = wasEstablished ? Math.min(RECONNECT_FIRST_MS, context.settings.connectRetryMs) : context.settings.connectRetryMs;
    fsm.timers.connectRetry = context.now + backOff(fsm.failures, first, context);
  }
  return [enter(fsm, 'active', context.settings.passive ? 'passive: waiting for the peer to connect' : 'waiting to connect again')];
}

function backOff(failures: number, first: number, context: FsmContext): number {
  return jittered(Math.min(first * 2 ** Math.min(failures - 1, 16), Math.max(first, IDLE_HOLD_MAX_MS)), context);
}
