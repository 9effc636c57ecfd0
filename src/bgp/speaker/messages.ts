/** Octets of a connection → messages → events of its session machine and updates for the RIB. */

import type { Fsm } from '../session/index.ts';
import { IMPORT_QUEUE_MAX_OCTETS, IMPORT_QUEUE_TOTAL_OCTETS, openAs } from '../session/index.ts';
import type { DecodeError, Family, OpenMessage, RawMessage } from '../wire/index.ts';
import {
  decodeError,
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  MAX_EXTENDED_MESSAGE,
  MESSAGE_TYPE,
  REFRESH_SUBTYPE,
  scanUpdate,
} from '../wire/index.ts';
import { claim, refuse } from './connections.ts';
import { holdsOpen, keepsBack, takeSettled } from './crossing.ts';
import { endOfRib } from './lifecycle.ts';
import { drive, receiveOpen } from './machines.ts';
import type { Connection, Peer, SpeakerState } from './state.ts';
import { output } from './state.ts';

const NOTHING = new Uint8Array(0);

/** Takes what a socket delivered. Stops at the first message that costs the connection. */
export function receiveOctets(state: SpeakerState, connection: Connection, octets: Uint8Array): void {
  connection.framer.feed(octets);
  while (state.connections.get(connection.id) === connection) {
    if (keepsBack(state, connection)) return;
    const next = connection.framer.take();
    if (next === undefined) return;
    if (!next.ok) return headerError(state, connection, next.error);
    const { owner } = connection;
    if (owner === undefined) receiveUnclaimed(state, connection, next.value);
    else receiveMessage(state, connection, owner.peer, owner.fsm, next.value);
  }
}

function headerError(state: SpeakerState, connection: Connection, error: DecodeError): void {
  const { owner } = connection;
  if (owner === undefined) return refuse(state, connection, error.notification, error.detail);
  drive(state, owner.peer, owner.fsm, { type: 'header-error', notification: error.notification, because: error.detail });
}

/** The first message of a connection that several peers could own has to be the OPEN that tells which. */
function receiveUnclaimed(state: SpeakerState, connection: Connection, message: RawMessage): void {
  const open =
    message.type === MESSAGE_TYPE.open
      ? decodeOpen(message.body)
      : { ok: false as const, error: decodeError('FSM_OPEN_SENT', 'no OPEN first') };
  if (!open.ok) return refuse(state, connection, open.error.notification, open.error.detail);
  const owner = claim(state, connection, openAs(open.value));
  if (owner !== undefined) openReceived(state, connection, owner.peer, owner.fsm, open.value);
}

function receiveMessage(state: SpeakerState, connection: Connection, peer: Peer, fsm: Fsm, message: RawMessage): void {
  peer.counters.messagesReceived++;
  connection.nominated = undefined;
  switch (message.type) {
    case MESSAGE_TYPE.update:
      return receiveUpdate(state, connection, peer, fsm, message.body);
    case MESSAGE_TYPE.keepalive:
      return drive(state, peer, fsm, { type: 'keepalive' });
    case MESSAGE_TYPE.open: {
      const open = decodeOpen(message.body);
      if (open.ok) return openReceived(state, connection, peer, fsm, open.value);
      return drive(state, peer, fsm, { type: 'open-error', notification: open.error.notification, because: open.error.detail });
    }
    case MESSAGE_TYPE.notification: {
      const notification = decodeNotification(message.body);
      if (notification.ok) return drive(state, peer, fsm, { type: 'notification', message: notification.value });
      // RFC 4271 section 6.4: an error in a NOTIFICATION cannot be answered by another.
      return drive(state, peer, fsm, { type: 'disconnected', because: `unreadable NOTIFICATION: ${notification.error.detail}` });
    }
    case MESSAGE_TYPE.routeRefresh:
      return receiveRefresh(state, peer, fsm, message.body);
    default: {
      const error = decodeError('HEADER_BAD_TYPE', `message type ${message.type}`, Uint8Array.of(message.type));
      return drive(state, peer, fsm, { type: 'header-error', notification: error.notification, because: error.detail });
    }
  }
}

function openReceived(state: SpeakerState, connection: Connection, peer: Peer, fsm: Fsm, open: OpenMessage): void {
  if (!holdsOpen(state, connection, { peer, fsm, open })) takeOpen(state, connection, peer, fsm, open);
}

/** Goes on with the connections that waited for the answer on our own, as if their OPEN came now. */
export function settleCrossings(state: SpeakerState): void {
  for (const [connection, { peer, fsm, open }] of takeSettled(state)) {
    takeOpen(state, connection, peer, fsm, open);
    receiveOctets(state, connection, NOTHING);
  }
}

function takeOpen(state: SpeakerState, connection: Connection, peer: Peer, fsm: Fsm, open: OpenMessage): void {
  receiveOpen(state, peer, fsm, open);
  if (fsm.negotiated?.extendedMessage === true) connection.framer.setMaxMessage(MAX_EXTENDED_MESSAGE);
}

function receiveUpdate(state: SpeakerState, connection: Connection, peer: Peer, fsm: Fsm, body: Uint8Array): void {
  if (fsm.state !== 'established' || peer.session === undefined) return drive(state, peer, fsm, { type: 'update' });
  peer.counters.updatesReceived++;
  const scanned = scanUpdate(body, peer.context);
  if (!scanned.ok)
    return drive(state, peer, fsm, { type: 'update-error', notification: scanned.error.notification, because: scanned.error.detail });
  drive(state, peer, fsm, { type: 'update' });
  state.mayHaveWork = true;
  account(state, connection, body.length);
  state.rib.receive(peer.index, scanned.value);
  if (scanned.value.endOfRib !== undefined) endOfRib(state, peer, scanned.value.endOfRib);
}

/** Above the import limit the socket is not read until the RIB has caught up (bgp-speaker 2.6 rule 5). */
function account(state: SpeakerState, connection: Connection, octets: number): void {
  state.importing.add(connection);
  connection.undecided += octets;
  state.undecided += octets;
  if (connection.paused || (connection.undecided < IMPORT_QUEUE_MAX_OCTETS && state.undecided < IMPORT_QUEUE_TOTAL_OCTETS)) return;
  connection.paused = true;
  output(state, { type: 'pause', connection: connection.id });
}

function receiveRefresh(state: SpeakerState, peer: Peer, fsm: Fsm, body: Uint8Array): void {
  const refresh = decodeRouteRefresh(body);
  if (!refresh.ok)
    return drive(state, peer, fsm, { type: 'update-error', notification: refresh.error.notification, because: refresh.error.detail });
  drive(state, peer, fsm, { type: 'route-refresh' });
  const { session } = peer;
  const { family, subtype } = refresh.value;
  // RFC 2918 section 4 and RFC 7313 section 5: families not negotiated and unknown subtypes are ignored.
  if (fsm.state !== 'established' || session === undefined || family === undefined || !session.families.includes(family)) return;
  state.mayHaveWork = true;
  if (subtype === REFRESH_SUBTYPE.refresh) state.rib.refresh(peer.index, family, session.enhancedRouteRefresh);
  else if (session.enhancedRouteRefresh) demarcation(state, peer, family, subtype);
}

/** RFC 7313 section 4.2: between BoRR and EoRR the peer sends everything again; what it left out is gone. */
function demarcation(state: SpeakerState, peer: Peer, family: Family, subtype: number): void {
  if (subtype === REFRESH_SUBTYPE.beginOfRefresh) {
    peer.refreshing.add(family);
    state.rib.markStale(peer.index, family);
  } else if (subtype === REFRESH_SUBTYPE.endOfRefresh && peer.refreshing.delete(family)) {
    state.rib.sweepStale(peer.index, family);
  }
}
