/** Peer records: making one, finding it by address, ending it. */
import { addressKey } from '../net/index.ts';
import { cease, createFsm } from '../session/index.ts';
import type { PeerConfig, SpeakerConfig } from '../speaker-types.ts';
import type { NotificationMessage } from '../wire/index.ts';
import { sweepAll } from './lifecycle.ts';
import { drive } from './machines.ts';
import { ribConfig } from './rib-config.ts';
import { settingsOf } from './settings.ts';
import type { Peer, SpeakerState } from './state.ts';
import { peerKey } from './state.ts';

/** Adds a peer to the index by address. */
export function addToIndex(state: SpeakerState, peer: Peer): void {
  const key = addressKey(peer.config.remote.address);
  const list = state.byRemote.get(key);
  if (list === undefined) state.byRemote.set(key, [peer]);
  else list.push(peer);
}

/** Takes a peer out of it. */
export function removeFromIndex(state: SpeakerState, peer: Peer): void {
  const key = addressKey(peer.config.remote.address);
  const left = (state.byRemote.get(key) ?? []).filter((each) => each !== peer);
  if (left.length === 0) state.byRemote.delete(key);
  else state.byRemote.set(key, left);
}

/** A record for a peer that is new, idle; what an operator had set before a restart holds again. */
export function addPeer(state: SpeakerState, speaker: SpeakerConfig, config: PeerConfig): Peer {
  const { edits } = state;
  const remembered = state.recalled.get(config.id);
  state.recalled.delete(config.id);
  const draining = remembered?.draining === true;
  const index = state.rib.configurePeer(ribConfig({ draining, session: undefined, stale: undefined, edits }, config));
  const peer: Peer = {
    scheduledAt: Infinity,
    config,
    key: peerKey(config),
    index,
    settings: settingsOf(state, speaker.routerId, config, false),
    primary: createFsm(false),
    challenger: undefined,
    adminDown: remembered?.shutdown !== undefined,
    shutdownText: remembered?.shutdown ?? '',
    draining,
    heldBack: undefined,
    edits,
    preserved: false,
    shown: 'idle',
    since: 0,
    session: undefined,
    context: { fourOctetAs: true, external: false, addPathReceive: [], extendedNextHop: [], families: [] },
    endOfRibReceived: new Set(),
    endOfRibSent: new Set(),
    refreshing: new Set(),
    stale: undefined,
    dial: undefined,
    queued: false,
    counters: { messagesReceived: 0, messagesSent: 0, updatesReceived: 0, updatesSent: 0, flaps: 0 },
    lastErrorSent: undefined,
    lastErrorReceived: undefined,
    diagnosis: undefined,
  };
  state.byIndex.set(index, peer);
  return peer;
}

/** Ends a peer for good. Indexes by name and address are the caller's. */
export function removePeer(state: SpeakerState, peer: Peer): void {
  stopPeer(state, peer, cease('CEASE_PEER_DECONFIGURED'), 'removed from the configuration');
  sweepAll(state, peer);
  state.deadlines.cancel(peer);
  state.byIndex.delete(peer.index);
  state.rib.removePeer(peer.index);
}

/** Ends both machines of a peer; they stay idle. */
export function stopPeer(state: SpeakerState, peer: Peer, notification: NotificationMessage | undefined, because: string): void {
  if (peer.challenger !== undefined) drive(state, peer, peer.challenger, { type: 'stop', notification, because, then: 'stay-idle' });
  drive(state, peer, peer.primary, { type: 'stop', notification, because, then: 'stay-idle' });
}
