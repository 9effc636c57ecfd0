/** TCP connections: which peer one belongs to, and what their coming and going means for its machines. */
import { addressesEqual, addressKey, formatAddress } from '../net/index.ts';
import type { Fsm } from '../session/index.ts';
import { cease, UNCLAIMED_HOLD_MS } from '../session/index.ts';
import type { ConnectionId, Endpoint, SpeakerInput } from '../speaker-types.ts';
import type { NotificationMessage } from '../wire/index.ts';
import { encodeNotification, Framer, notificationFor } from '../wire/index.ts';
import { finishConfiguring, startAdded } from './configure.ts';
import { reportRefused } from './limited-reports.ts';
import { createChallenger, drive, forget } from './machines.ts';
import { adopt, refusalOf } from './ranges.ts';
import type { Connection, Peer, SpeakerState } from './state.ts';
import { output } from './state.ts';

/** A TCP connection came up: the answer to a dial, or an incoming one to be matched. */
export function connected(state: SpeakerState, input: Extract<SpeakerInput, { readonly type: 'connected' }>): void {
  const connection = createConnection(input.connection, input.local, input.remote, input.dial === undefined);
  state.connections.set(connection.id, connection);
  state.joinedAt = state.time.now;
  if (input.dial === undefined) accept(state, connection);
  else dialed(state, connection, input.dial);
}

function createConnection(id: ConnectionId, local: Endpoint, remote: Endpoint, incoming: boolean): Connection {
  return {
    id,
    local,
    remote,
    incoming,
    framer: new Framer(),
    owner: undefined,
    claimBy: Infinity,
    blocked: false,
    unsent: false,
    paused: false,
    undecided: 0,
    nominated: undefined,
  };
}

function dialed(state: SpeakerState, connection: Connection, dial: number): void {
  const peer = state.dials.get(dial);
  state.dials.delete(dial);
  const rival = peer?.challenger?.state;
  if (peer === undefined || peer.dial !== dial) return closeQuietly(state, connection);
  peer.dial = undefined;
  if (rival === 'open-confirm') {
    // The other connection is further: to leave before saying OPEN spares both sides a collision (RFC 4271 section 6.8).
    closeQuietly(state, connection);
    return drive(state, peer, peer.primary, { type: 'disconnected', because: 'the peer connected meanwhile' });
  }
  give(state, connection, peer, peer.primary);
}

function closeQuietly(state: SpeakerState, connection: Connection): void {
  output(state, { type: 'close', connection: connection.id, reset: false });
  forget(state, connection.id);
}

/* Incoming */

function accept(state: SpeakerState, connection: Connection): void {
  const candidates = candidatesFor(state, connection);
  const [first] = candidates;
  if (first !== undefined && candidates.length === 1) return void offer(state, connection, first);
  const refusal = first !== undefined ? undefined : state.stopped ? 'the speaker ends' : refusalOf(state, connection);
  if (refusal !== undefined) return refuse(state, connection, cease('CEASE_CONNECTION_REJECTED'), refusal);
  // Equals by address, or somebody from a range: the OPEN's AS decides, so nothing is said before it.
  connection.claimBy = state.time.now + UNCLAIMED_HOLD_MS;
  state.unclaimed.add(connection);
}

/** Peers with these addresses; one that names the local address goes before those that take any. Sorted by name. */
function candidatesFor(state: SpeakerState, connection: Connection): Peer[] {
  const peers = state.stopped ? [] : (state.byRemote.get(addressKey(connection.remote.address)) ?? []);
  const exact = peers.filter(({ config }) => config.local !== undefined && addressesEqual(config.local, connection.local.address));
  const found = exact.length > 0 ? exact : peers.filter(({ config }) => config.local === undefined);
  return found.sort((a, b) => (a.config.id < b.config.id ? -1 : 1));
}

/** Gives an unclaimed connection to the peer with the AS of its OPEN: among equals the first by name that is not up. */
export function claim(state: SpeakerState, connection: Connection, as: number): { readonly peer: Peer; readonly fsm: Fsm } | undefined {
  state.unclaimed.delete(connection);
  connection.claimBy = Infinity;
  const candidates = candidatesFor(state, connection);
  const matching = candidates.filter((peer) => peer.config.remoteAs === as);
  // With no AS matching, the first one answers, with the Bad Peer AS that its operator should see.
  const named = matching.find((peer) => peer.shown !== 'established') ?? matching[0] ?? candidates[0];
  if (named === undefined && state.configuring !== undefined) {
    // Who may come from a range, and under which name, follows from all peers of a new configuration.
    finishConfiguring(state);
    return claim(state, connection, as);
  }
  const chosen = named ?? adopt(state, connection.remote.address, as);
  if (chosen === 'bad-as') {
    refuse(state, connection, notificationFor({ code: 'OPEN_BAD_PEER_AS' }), `AS ${as} is none of its range`);
    return undefined;
  }
  if (chosen === undefined) {
    refuse(state, connection, cease('CEASE_CONNECTION_REJECTED'), 'no such peer is configured');
    return undefined;
  }
  return offer(state, connection, chosen);
}

/** Hands an incoming connection to a peer's machine, or to a challenger where that one is busy. */
function offer(state: SpeakerState, connection: Connection, peer: Peer): { readonly peer: Peer; readonly fsm: Fsm } | undefined {
  // Of many peers the last ones begin later than they are there: not to be refused, and sent away for its retry time, the one that came begins now.
  startAdded(state, peer);
  if (peer.adminDown || peer.primary.state === 'idle') {
    refuse(
      state,
      connection,
      cease('CEASE_CONNECTION_REJECTED'),
      peer.adminDown ? 'the peer is shut down' : 'the peer is held back after an error',
    );
    return undefined;
  }
  const fsm = peer.primary.state === 'active' && peer.primary.connection === undefined ? peer.primary : createChallenger(state, peer);
  if (fsm === undefined) {
    refuse(state, connection, cease('CEASE_COLLISION'), 'another connection of the peer is further');
    return undefined;
  }
  give(state, connection, peer, fsm);
  return { peer, fsm };
}

function give(state: SpeakerState, connection: Connection, peer: Peer, fsm: Fsm): void {
  connection.owner = { peer, fsm };
  drive(state, peer, fsm, { type: 'connected', connection: connection.id, incoming: connection.incoming });
}

/** Says why and closes a connection that no machine has. */
export function refuse(state: SpeakerState, connection: Connection, message: NotificationMessage, because: string): void {
  output(state, { type: 'send', connection: connection.id, buffers: [encodeNotification(message)] });
  reportRefused(state, connection, because);
  closeQuietly(state, connection);
}

/* Ends */

/** The dial did not work out. */
export function dialFailed(state: SpeakerState, dial: number, reason: string): void {
  const peer = state.dials.get(dial);
  state.dials.delete(dial);
  if (peer === undefined || peer.dial !== dial) return;
  peer.dial = undefined;
  const { address, port } = peer.config.remote;
  drive(state, peer, peer.primary, { type: 'disconnected', because: `connecting to ${formatAddress(address)} port ${port}: ${reason}` });
}

/** The socket is gone. */
export function connectionClosed(state: SpeakerState, connection: Connection, reason: string): void {
  const { owner } = connection;
  forget(state, connection.id);
  if (owner !== undefined && owner.fsm.connection === connection.id)
    drive(state, owner.peer, owner.fsm, { type: 'disconnected', because: reason });
}
