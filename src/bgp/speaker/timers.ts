/** Time: the deadlines of all peers, and the hold timer that only nominates (bgp-speaker 4.1). */

import type { Fsm } from '../session/index.ts';
import { cease, DEFERRAL_WINDOW_MS, HOLD_CONFIRM_POLLS, takeDueTimers } from '../session/index.ts';
import { refuse } from './connections.ts';
import { deferralEnd, staleDue } from './lifecycle.ts';
import { drive, reschedule } from './machines.ts';
import type { Connection, Peer, SpeakerState } from './state.ts';

/** Runs what is due. The caller polls all sockets between two ticks. */
export function tick(state: SpeakerState): void {
  const { now } = state.time;
  state.mayHaveWork ||= state.withheld;
  const due: { readonly peer: Peer; readonly late: number }[] = [];
  // All are taken first: what a peer does here may make it due again, and that waits for the next poll.
  for (;;) {
    const scheduledAt = state.deadlines.next();
    const peer = state.deadlines.takeDue(now);
    if (peer === undefined) break;
    due.push({ peer, late: now - scheduledAt });
  }
  for (const { peer, late } of due) runPeer(state, peer, late);
  for (const connection of [...state.unclaimed]) {
    if (connection.claimBy <= now) refuse(state, connection, cease('CEASE_CONNECTION_REJECTED'), 'no OPEN came');
  }
}

function runPeer(state: SpeakerState, peer: Peer, late: number): void {
  if (state.byIndex.get(peer.index) !== peer) return;
  if (peer.challenger !== undefined) runMachine(state, peer, peer.challenger, late);
  runMachine(state, peer, peer.primary, late);
  if (peer.stale !== undefined && peer.stale.until <= state.time.now) staleDue(state, peer);
  reschedule(state, peer);
}

function runMachine(state: SpeakerState, peer: Peer, fsm: Fsm, late: number): void {
  if (fsm.timers.hold <= state.time.now) holdDue(state, peer, fsm, late);
  for (const type of takeDueTimers(fsm, state.time.now)) drive(state, peer, fsm, { type });
}

/**
 * After a stall the peer's keepalives may be waiting in the socket while its timer looks expired. So an expiry nominates; it is
 * carried out after full polls that brought nothing, and as much later as this loop was late.
 */
function holdDue(state: SpeakerState, peer: Peer, fsm: Fsm, late: number): void {
  const connection = fsm.connection === undefined ? undefined : state.connections.get(fsm.connection);
  if (connection?.paused === true) {
    // We do not read: its silence is ours. Look again when it would be due by the negotiated time.
    fsm.timers.hold = state.time.now + (fsm.negotiated?.holdTime ?? 0) * 1000;
    return;
  }
  if (connection !== undefined && !confirmed(state, connection, fsm, late)) return;
  drive(state, peer, fsm, { type: 'hold-expired' });
}

/** True once the nomination stands: enough polls brought nothing. Until then the timer comes up again. */
function confirmed(state: SpeakerState, connection: Connection, fsm: Fsm, late: number): boolean {
  const { nominated } = connection;
  if (nominated === undefined) {
    connection.nominated = { polls: 0, notBefore: state.time.now + late };
    fsm.timers.hold = state.time.now;
    return false;
  }
  nominated.polls++;
  if (nominated.polls < HOLD_CONFIRM_POLLS) return false;
  fsm.timers.hold = nominated.notBefore;
  return nominated.notBefore <= state.time.now;
}

/** When `tick` should come next, monotonic milliseconds; Infinity without any deadline. */
export function nextDeadline(state: SpeakerState): number {
  let at = state.deadlines.next();
  for (const connection of state.unclaimed) at = Math.min(at, connection.claimBy);
  for (const { until } of state.crossings.values()) at = Math.min(at, until);
  const { deferral } = state;
  if (deferral !== undefined) {
    const windowEnd = deferral.startedAt + DEFERRAL_WINDOW_MS;
    const end = deferralEnd(state, deferral.startedAt);
    at = Math.min(at, state.time.now < windowEnd ? Math.min(windowEnd, end) : end);
  }
  return at;
}
