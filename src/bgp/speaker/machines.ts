/**
 * Runs session machines and carries out what they ask for. A peer has one machine, and a challenger beside it while an
 * incoming connection and our own dial are being told apart (RFC 4271 section 6.8).
 */

import type { Fsm, FsmContext, FsmEffect, FsmEvent, FsmSettings } from '../session/index.ts';
import {
  COLLISION_WINDOW_MS,
  cease,
  changeKeepaliveTime,
  collisionLoser,
  createFsm,
  handleEvent,
  isCollision,
  isSendHold,
  localOpen,
  negotiate,
  nextFsmDeadline,
  watchSending,
} from '../session/index.ts';
import type { SessionState } from '../speaker-types.ts';
import type { NotificationMessage, OpenMessage } from '../wire/index.ts';
import { describeNotification, encodeKeepalive, encodeNotification, encodeOpen } from '../wire/index.ts';
import { isHeld } from './crossing.ts';
import { sessionDown, sessionUp } from './lifecycle.ts';
import type { Connection, Peer, SpeakerState } from './state.ts';
import { output, report } from './state.ts';

const KEEPALIVE = encodeKeepalive();

const RANK: { readonly [state in SessionState]: number } = {
  idle: 0,
  active: 1,
  connect: 2,
  'open-sent': 3,
  'open-confirm': 4,
  established: 5,
};

/** Gives one event to a machine and carries out its effects. */
export function drive(state: SpeakerState, peer: Peer, fsm: Fsm, event: FsmEvent): void {
  const effects = handleEvent(fsm, event, contextOf(state, peer, fsm));
  for (const effect of effects) perform(state, peer, fsm, effect);
  if (effects.length > 0) {
    state.mayHaveWork = true;
    settle(state, peer, fsm);
    mayDepart(state, peer);
  }
  reschedule(state, peer);
}

/** Something of a peer ended: one of a range may be gone. */
function mayDepart(state: SpeakerState, peer: Peer): void {
  if (peer.config.range !== undefined && peer.shown !== 'established') state.ranges.departing.add(peer);
}

function contextOf(state: SpeakerState, peer: Peer, fsm: Fsm): FsmContext {
  return { settings: fsm.plain ? withoutCapabilities(peer.settings) : peer.settings, now: state.time.now, random: state.options.random };
}

/** Octets wait in the socket of a connection, or no longer do: its session's SendHoldTimer (RFC 9687). */
export function setUnsent(state: SpeakerState, connection: Connection, waiting: boolean): void {
  const { owner } = connection;
  connection.unsent = waiting;
  if (owner === undefined || owner.fsm.connection !== connection.id) return;
  watchSending(owner.fsm, contextOf(state, owner.peer, owner.fsm), waiting);
  reschedule(state, owner.peer);
}

/** Keepalives of the peer's present session at another pace. */
export function retime(state: SpeakerState, peer: Peer): void {
  for (const fsm of [peer.primary, peer.challenger]) if (fsm !== undefined) changeKeepaliveTime(fsm, contextOf(state, peer, fsm));
  if (peer.session !== undefined) peer.session = peer.primary.negotiated ?? peer.session;
  reschedule(state, peer);
}

function withoutCapabilities(settings: FsmSettings): FsmSettings {
  return { ...settings, offer: { ...settings.offer, plain: true } };
}

/** Puts the peer's earliest deadline into the queue. */
export function reschedule(state: SpeakerState, peer: Peer): void {
  let at = nextFsmDeadline(peer.primary);
  if (peer.challenger !== undefined) at = Math.min(at, nextFsmDeadline(peer.challenger));
  if (peer.stale !== undefined) at = Math.min(at, peer.stale.until);
  state.deadlines.schedule(peer, at);
}

/* After each event */

function settle(state: SpeakerState, peer: Peer, fsm: Fsm): void {
  if (fsm === peer.challenger) {
    if (fsm.state === 'established') promote(state, peer, fsm);
    else if (fsm.connection === undefined) peer.challenger = undefined;
  }
}

/** The challenger got there first: it becomes the peer's machine, the other ends without starting over. */
function promote(state: SpeakerState, peer: Peer, winner: Fsm): void {
  const loser = peer.primary;
  loser.challenger = true;
  winner.challenger = false;
  winner.failures = loser.failures;
  peer.primary = winner;
  peer.challenger = loser;
  for (const effect of handleEvent(loser, { type: 'collision-dump' }, contextOf(state, peer, loser))) perform(state, peer, loser, effect);
  peer.challenger = undefined;
}

/* OPEN and collisions */

/** The peer's OPEN: if it is acceptable and another connection is as far, one of the two is dropped before we agree to it. */
export function receiveOpen(state: SpeakerState, peer: Peer, fsm: Fsm, message: OpenMessage): void {
  const other = fsm === peer.primary ? peer.challenger : peer.primary;
  const reached = other === undefined ? undefined : reachedBy(state, other);
  if (other !== undefined && reached !== undefined && fsm.state === 'open-sent' && acceptable(state, peer, fsm, message)) {
    if (reached === 'established' && peerRestarted(peer, fsm, other)) {
      // RFC 4724 section 4.2: a new OPEN means that the old connection is dead; its routes become stale.
      abandon(state, peer, other);
    } else {
      const loser = loserOf(peer, fsm, other, reached, message);
      drive(state, peer, loser, { type: 'collision-dump' });
      if (loser === fsm) return;
    }
  }
  drive(state, peer, fsm, { type: 'open', message });
}

/** How far the other machine is where that makes a collision: one whose OPEN is kept back is as far as if it had been taken. */
function reachedBy(state: SpeakerState, fsm: Fsm): 'open-confirm' | 'established' | undefined {
  if (fsm.state === 'open-confirm' || fsm.state === 'established') return fsm.state;
  return isHeld(state, fsm) ? 'open-confirm' : undefined;
}

function acceptable(state: SpeakerState, peer: Peer, fsm: Fsm, message: OpenMessage): boolean {
  return negotiate(contextOf(state, peer, fsm).settings.offer, message).ok;
}

/**
 * A connection from before the session, or from its first moments, is a collision, whenever its OPEN comes: a peer that restarts so soon ends
 * the old connection itself, and taking a collision for a restart ends both, at the peer with what it kept through our own restart.
 */
function peerRestarted(peer: Peer, fresh: Fsm, established: Fsm): boolean {
  return (
    fresh.incoming && peer.session?.gracefulRestart !== undefined && fresh.connectedAt > established.establishedAt + COLLISION_WINDOW_MS
  );
}

function abandon(state: SpeakerState, peer: Peer, old: Fsm): void {
  if (old.connection !== undefined) {
    output(state, { type: 'close', connection: old.connection, reset: true });
    forget(state, old.connection);
  }
  drive(state, peer, old, { type: 'disconnected', because: 'the peer restarted' });
}

function loserOf(peer: Peer, fresh: Fsm, other: Fsm, otherState: 'open-confirm' | 'established', message: OpenMessage): Fsm {
  const { offer } = peer.settings;
  const loser = collisionLoser({
    localId: offer.routerId,
    remoteId: message.bgpId,
    localAs: offer.localAs,
    remoteAs: offer.remoteAs,
    fresh: { incoming: fresh.incoming },
    other: { incoming: other.incoming, state: otherState },
  });
  return loser === 'fresh' ? fresh : other;
}

/**
 * A machine for an incoming connection beside the peer's own. An older one gives way, also where it has an OPEN: a peer that connects again
 * has given it up, and where its end was lost we would refuse the peer until the hold timer (as `collisionLoser` decides between two
 * incoming ones).
 */
export function createChallenger(state: SpeakerState, peer: Peer): Fsm | undefined {
  const old = peer.challenger;
  if (old !== undefined) {
    if (old.state === 'established') return undefined;
    drive(state, peer, old, {
      type: 'stop',
      notification: cease('CEASE_CONNECTION_REJECTED'),
      because: 'replaced by a newer connection',
      then: 'stay-idle',
    });
  }
  const fsm = createFsm(true);
  fsm.plain = peer.primary.plain;
  peer.challenger = fsm;
  return fsm;
}

/* Effects */

function perform(state: SpeakerState, peer: Peer, fsm: Fsm, effect: FsmEffect): void {
  switch (effect.type) {
    case 'state':
      return showState(state, peer, fsm, effect.to, effect.because);
    case 'dial':
      return dial(state, peer);
    case 'cancel-dial':
      return cancelDial(state, peer);
    case 'send-open':
      return sendTo(state, peer, fsm, encodeOpen(localOpen(contextOf(state, peer, fsm).settings.offer)));
    case 'send-keepalive':
      return sendTo(state, peer, fsm, KEEPALIVE);
    case 'send-notification':
      return sendNotification(state, peer, effect.connection, effect.message);
    case 'notification-received':
      return noteReceived(state, peer, effect.message);
    case 'close':
      output(state, { type: 'close', connection: effect.connection, reset: effect.reset === true });
      return forget(state, effect.connection);
    case 'established':
      return sessionUp(state, peer, fsm, effect.negotiated);
    case 'down':
      return sessionDown(state, peer, effect.keep);
    default: {
      const never: never = effect;
      return never;
    }
  }
}

function showState(state: SpeakerState, peer: Peer, fsm: Fsm, to: SessionState, because: string): void {
  const other = fsm === peer.primary ? peer.challenger : peer.primary;
  const shown = other !== undefined && RANK[other.state] > RANK[to] ? other.state : to;
  if (shown === peer.shown) return;
  if (peer.shown === 'established') peer.counters.flaps++;
  report(state, { kind: 'session-state', peer: peer.config.id, from: peer.shown, to: shown, because });
  peer.shown = shown;
  if (shown !== 'idle') peer.heldBack = undefined;
  if (shown === 'established') diagnose(state, peer, undefined);
  peer.since = state.options.wallClock(state.time.now);
}

/** Takes what the I/O layer says of a peer; the log hears of changes only. */
export function diagnose(state: SpeakerState, peer: Peer, text: string | undefined): void {
  if (text === peer.diagnosis) return;
  peer.diagnosis = text;
  report(state, { kind: 'diagnosis', peer: peer.config.id, ...(text === undefined ? {} : { text }) });
}

function dial(state: SpeakerState, peer: Peer): void {
  const number = state.nextDial++;
  state.dials.set(number, peer);
  peer.dial = number;
  const { id, remote, local } = peer.config;
  output(state, { type: 'dial', dial: number, peer: id, remote, ...(local === undefined ? {} : { local }) });
}

function cancelDial(state: SpeakerState, peer: Peer): void {
  if (peer.dial === undefined) return;
  state.dials.delete(peer.dial);
  output(state, { type: 'cancel-dial', dial: peer.dial });
  peer.dial = undefined;
}

function sendTo(state: SpeakerState, peer: Peer, fsm: Fsm, octets: Uint8Array): void {
  if (fsm.connection === undefined) return;
  peer.counters.messagesSent++;
  output(state, { type: 'send', connection: fsm.connection, buffers: [octets] });
}

function sendNotification(state: SpeakerState, peer: Peer, connection: number, message: NotificationMessage): void {
  peer.counters.messagesSent++;
  const text = describeNotification(message);
  if (isSendHold(message)) state.counters.sendHoldExpired++;
  // Losing a collision is no error of the session: the log has it, the status keeps the last real one.
  if (!isCollision(message)) peer.lastErrorSent = { at: state.options.wallClock(state.time.now), text };
  output(state, { type: 'send', connection, buffers: [encodeNotification(message)] });
  report(state, { kind: 'notification', peer: peer.config.id, direction: 'sent', message, text });
}

function noteReceived(state: SpeakerState, peer: Peer, message: NotificationMessage): void {
  const text = describeNotification(message);
  if (!isCollision(message)) peer.lastErrorReceived = { at: state.options.wallClock(state.time.now), text };
  report(state, { kind: 'notification', peer: peer.config.id, direction: 'received', message, text });
}

/** Drops all memory of a connection; inputs that still name it are ignored. */
export function forget(state: SpeakerState, id: number): void {
  const connection = state.connections.get(id);
  if (connection === undefined) return;
  state.connections.delete(id);
  state.unclaimed.delete(connection);
  state.crossings.delete(connection);
  releaseImport(state, connection);
}

/** Takes a connection out of the import accounting. */
export function releaseImport(state: SpeakerState, connection: Connection): void {
  if (!state.importing.delete(connection)) return;
  state.undecided -= connection.undecided;
  connection.undecided = 0;
}
