/** The wanted configuration against the present one: what has to change, and nothing else (bgp-speaker 4.9). */
import { addressKey } from '../net/index.ts';
import { cease, createFsm } from '../session/index.ts';
import type { PeerConfig, SpeakerConfig } from '../speaker-types.ts';
import type { NotificationMessage } from '../wire/index.ts';
import { changedFields, classOf, PEER_FIELD_CLASSES } from './config-classes.ts';
import { equal } from './equal.ts';
import { sweepAll } from './lifecycle.ts';
import { drive, forget, reschedule } from './machines.ts';
import { reapplyPolicies, ribConfig } from './rib-config.ts';
import { settingsOf } from './settings.ts';
import type { Peer, SpeakerState } from './state.ts';
import { isUp, output, peerKey } from './state.ts';

/** Makes `config` the speaker's configuration. Applying it twice does nothing the second time. */
export function configure(state: SpeakerState, config: SpeakerConfig): void {
  rejectDuplicates(config);
  const before = state.config;
  state.config = config;
  const newId = before?.routerId !== config.routerId;
  if (newId) state.rib.setRouterId(config.routerId);
  const longLived = config.peers.some(({ gracefulRestart }) => gracefulRestart?.longLivedStaleTime !== undefined);
  if (longLived !== state.edits.longLived) {
    state.edits.longLived = longLived;
    for (const peer of state.peers.values()) reapplyPolicies(state, peer);
  }
  const byKey = new Map([...state.peers.values()].map((peer) => [peer.key, peer]));
  const wanted = new Set(config.peers.map(peerKey));
  for (const peer of byKey.values()) if (!wanted.has(peer.key)) removePeer(state, peer);
  // Those that stay come before those that are new: a name may pass from one to the other.
  for (const peerConfig of config.peers) {
    const present = byKey.get(peerKey(peerConfig));
    if (present !== undefined) changePeer(state, config, present, peerConfig, newId);
  }
  const added: Peer[] = [];
  state.peers.clear();
  for (const peerConfig of config.peers) {
    const peer = byKey.get(peerKey(peerConfig)) ?? addPeer(state, config, peerConfig);
    state.peers.set(peerConfig.id, peer);
    if (!byKey.has(peer.key)) added.push(peer);
  }
  indexByRemote(state);
  if (before?.routes !== config.routes) state.rib.replaceLocalRoutes(config.routes);
  if (!equal(before?.listen, config.listen)) output(state, { type: 'listen', endpoints: config.listen });
  // Last, so that a peer dialed here finds every other one configured.
  for (const peer of added) drive(state, peer, peer.primary, { type: 'start' });
}

function rejectDuplicates(config: SpeakerConfig): void {
  const ids = new Set<string>();
  const keys = new Set<string>();
  for (const peer of config.peers) {
    const key = peerKey(peer);
    if (ids.has(peer.id) || keys.has(key))
      throw new Error(`two peers with ${ids.has(peer.id) ? `the id ${peer.id}` : `the addresses ${key}`}`);
    ids.add(peer.id);
    keys.add(key);
  }
}

function indexByRemote(state: SpeakerState): void {
  state.byRemote.clear();
  for (const peer of state.peers.values()) {
    const key = addressKey(peer.config.remote.address);
    const list = state.byRemote.get(key);
    if (list === undefined) state.byRemote.set(key, [peer]);
    else list.push(peer);
  }
}

function addPeer(state: SpeakerState, speaker: SpeakerConfig, config: PeerConfig): Peer {
  const { edits } = state;
  const index = state.rib.configurePeer(ribConfig({ draining: false, session: undefined, stale: undefined, edits }, config));
  const peer: Peer = {
    scheduledAt: Infinity,
    config,
    key: peerKey(config),
    index,
    settings: settingsOf(state, speaker, config, false),
    primary: createFsm(false),
    challenger: undefined,
    adminDown: false,
    draining: false,
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

function removePeer(state: SpeakerState, peer: Peer): void {
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

function changePeer(state: SpeakerState, speaker: SpeakerConfig, peer: Peer, config: PeerConfig, newId: boolean): void {
  const fields = changedFields(peer.config, config);
  const wasPassive = peer.config.passive;
  peer.config = config;
  if (fields.length === 0 && !newId) return;
  peer.settings = settingsOf(state, speaker, config, peer.preserved);
  const change = classOf(fields);
  if (change === 'bounce' || newId) {
    stopPeer(
      state,
      peer,
      cease('CEASE_CONFIGURATION_CHANGE'),
      newId ? 'the router id changed' : `configuration changed: ${fields.join(', ')}`,
    );
    // The routes of another AS, or of families no longer wanted, are not those of the session to come.
    if (fields.some((field) => field === 'remoteAs' || field === 'localAs' || field === 'families')) sweepAll(state, peer);
    // The RIB must see the new properties before the session comes up with them.
    state.rib.configurePeer(ribConfig(peer, config), peer.index);
    restart(state, peer);
    return;
  }
  if (fields.some((field) => PEER_FIELD_CLASSES[field] === 'policy')) state.rib.configurePeer(ribConfig(peer, config), peer.index);
  if (change === 'socket') return reconnect(state, peer, `configuration changed: ${fields.join(', ')}`);
  if (wasPassive !== config.passive) changePassive(state, peer);
}

/**
 * Another connection for the peer. The peer keeps the routes of a session that ends without NOTIFICATION where graceful restart
 * was agreed (RFC 4724 section 4), and so do we; both dial at once.
 */
function reconnect(state: SpeakerState, peer: Peer, because: string): void {
  const { connection } = peer.primary;
  // A peer that names no family keeps ours all the same (RFC 4724 section 3): it only cannot restart itself.
  const graceful = isUp(peer) && peer.session?.gracefulRestart !== undefined;
  if (graceful && connection !== undefined) {
    output(state, { type: 'close', connection, reset: false });
    forget(state, connection);
    drive(state, peer, peer.primary, { type: 'disconnected', because });
  }
  stopPeer(state, peer, graceful ? undefined : cease('CEASE_CONFIGURATION_CHANGE'), because);
  restart(state, peer);
}

function restart(state: SpeakerState, peer: Peer): void {
  if (!peer.adminDown && !state.stopped) drive(state, peer, peer.primary, { type: 'start' });
}

/** A peer that waits begins to dial, one that dials begins to wait; a connection that is up is left alone. */
function changePassive(state: SpeakerState, peer: Peer): void {
  const { state: session } = peer.primary;
  if (session === 'active' || session === 'connect') {
    drive(state, peer, peer.primary, { type: 'stop', notification: undefined, because: 'configuration changed: passive', then: 'restart' });
  }
  reschedule(state, peer);
}
