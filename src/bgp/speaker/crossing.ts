/**
 * The peer's connection and our own dial at the same time. A peer that takes our connection out of its queue after the other one has become the
 * session takes it for our restart (RFC 4724 section 5): it ends the session and, where it kept our routes through a restart, drops them. So
 * its connection does not become the session before our own is answered, which tells that the peer has it, or has failed. RFC 4271
 * section 6.8 decides between them then, with both identifiers known.
 */
import type { Fsm } from '../session/index.ts';
import { CROSSING_WAIT_MS } from '../session/index.ts';
import type { OpenMessage } from '../wire/index.ts';
import { MAX_MESSAGE } from '../wire/index.ts';
import type { Connection, Peer, SpeakerState } from './state.ts';

/** The OPEN of a connection that waits; what came after it waits in the connection's framer. `until` is monotonic ms. */
export interface Crossing {
  readonly peer: Peer;
  readonly fsm: Fsm;
  readonly open: OpenMessage;
  until: number;
}

/** Keeps the OPEN of the peer's connection back where our own has to be heard first; false where it may be taken now. */
export function holdsOpen(state: SpeakerState, connection: Connection, crossing: Omit<Crossing, 'until'>): boolean {
  const { peer, fsm, open } = crossing;
  const restarts = open.capabilities.gracefulRestart !== undefined && peer.settings.offer.gracefulRestart !== undefined;
  if (!restarts || fsm !== peer.challenger || !isUnanswered(peer.primary)) return false;
  state.crossings.set(connection, { ...crossing, until: state.time.now + CROSSING_WAIT_MS });
  return true;
}

/** Our own connection is being made, or is made and the peer has said nothing on it. */
function isUnanswered(own: Fsm): boolean {
  return own.dialing || (own.state === 'open-sent' && !own.incoming);
}

/** True while the machine's connection has its OPEN and waits. */
export function isHeld(state: SpeakerState, fsm: Fsm): boolean {
  for (const crossing of state.crossings.values()) if (crossing.fsm === fsm) return true;
  return false;
}

/**
 * Keeps what else came on a connection that waits; false where it waits for nothing. A peer has no more to say than a message before it hears
 * that we agree: one that goes on is not waited for, or what it sends would fill the memory.
 */
export function keepsBack(state: SpeakerState, connection: Connection): boolean {
  const crossing = state.crossings.get(connection);
  if (crossing === undefined) return false;
  if (connection.framer.retain() > MAX_MESSAGE) crossing.until = state.time.now;
  return true;
}

/** Takes those that need not wait any more out of the waiting, oldest first. */
export function takeSettled(state: SpeakerState): [Connection, Crossing][] {
  const settled: [Connection, Crossing][] = [];
  for (const [connection, crossing] of state.crossings) {
    if (isUnanswered(crossing.peer.primary) && state.time.now < crossing.until) continue;
    state.crossings.delete(connection);
    settled.push([connection, crossing]);
  }
  return settled;
}
