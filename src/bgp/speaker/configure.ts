/** The wanted configuration against the present one: what has to change, and nothing else (bgp-speaker 4.9). */
import { DEFAULT_MED } from '../rib/index.ts';
import { cease } from '../session/index.ts';
import type { PeerConfig, SpeakerConfig } from '../speaker-types.ts';
import { remember } from './actions.ts';
import { changedFields, classOf, PEER_FIELD_CLASSES } from './config-classes.ts';
import { equal } from './equal.ts';
import { sweepAll } from './lifecycle.ts';
import { drive, forget, reschedule, retime } from './machines.ts';
import { configureRanges, dynamicConfigs } from './ranges.ts';
import { addPeer, addToIndex, removeFromIndex, removePeer, stopPeer } from './records.ts';
import { reapplyPolicies, ribConfig } from './rib-config.ts';
import { settingsOf } from './settings.ts';
import type { Peer, SpeakerState } from './state.ts';
import { isUp, output, peerKey } from './state.ts';

/** Makes `config` the speaker's configuration. Applying it twice does nothing the second time. */
export function configure(state: SpeakerState, config: SpeakerConfig): void {
  const before = state.config;
  const peers = [...config.peers, ...dynamicConfigs(state, config)];
  rejectDuplicates(peers);
  state.config = config;
  const newId = before?.routerId !== config.routerId;
  if (newId) state.rib.setRouterId(config.routerId);
  state.rib.setMed(config.med ?? DEFAULT_MED);
  const longLived = [...peers, ...(config.ranges ?? []).map(({ template }) => template)].some(
    ({ gracefulRestart }) => gracefulRestart?.longLivedStaleTime !== undefined,
  );
  if (longLived !== state.edits.longLived) {
    state.edits.longLived = longLived;
    for (const peer of state.peers.values()) reapplyPolicies(state, peer);
  }
  const byKey = new Map([...state.peers.values()].map((peer) => [peer.key, peer]));
  const wanted = new Set(peers.map(peerKey));
  for (const peer of byKey.values()) {
    if (wanted.has(peer.key)) continue;
    remember(state, peer);
    removePeer(state, peer);
    removeFromIndex(state, peer);
  }
  // Those that stay come before those that are new: a name may pass from one to the other.
  for (const peerConfig of peers) {
    const present = byKey.get(peerKey(peerConfig));
    if (present !== undefined) changePeer(state, config, present, peerConfig, newId);
  }
  const added: Peer[] = [];
  state.peers.clear();
  for (const peerConfig of peers) {
    const peer = byKey.get(peerKey(peerConfig)) ?? addPeer(state, config, peerConfig);
    state.peers.set(peerConfig.id, peer);
    if (byKey.has(peer.key)) continue;
    added.push(peer);
    addToIndex(state, peer);
  }
  configureRanges(state, config);
  if (before?.routes !== config.routes) state.rib.replaceLocalRoutes(config.routes);
  if (!equal(before?.listen, config.listen)) output(state, { type: 'listen', endpoints: config.listen });
  // Last, so that a peer dialed here finds every other one configured.
  for (const peer of added) if (!peer.adminDown) drive(state, peer, peer.primary, { type: 'start' });
}

function rejectDuplicates(peers: readonly PeerConfig[]): void {
  const ids = new Set<string>();
  const keys = new Set<string>();
  for (const peer of peers) {
    const key = peerKey(peer);
    if (ids.has(peer.id) || keys.has(key))
      throw new Error(`two peers with ${ids.has(peer.id) ? `the id ${peer.id}` : `the addresses ${key}`}`);
    ids.add(peer.id);
    keys.add(key);
  }
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
  if (fields.includes('keepaliveTime')) retime(state, peer);
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
