/** A configured peer under another configuration: what has to change, and nothing else (bgp-speaker 4.9). */
import { cease } from '../session/index.ts';
import type { PeerConfig, SpeakerConfig } from '../speaker-types.ts';
import { changedFields, classOf, PEER_FIELD_CLASSES } from './config-classes.ts';
import { sweepAll } from './lifecycle.ts';
import { drive, forget, retime } from './machines.ts';
import { stopPeer } from './records.ts';
import { ribConfig } from './rib-config.ts';
import { settingsOf } from './settings.ts';
import type { Peer, SpeakerState } from './state.ts';
import { output } from './state.ts';

/** Makes `config` the peer's configuration, which names the same session. */
export function changePeer(state: SpeakerState, speaker: SpeakerConfig, peer: Peer, config: PeerConfig): void {
  const fields = changedFields(peer.config, config);
  const wasPassive = peer.config.passive;
  const newId = peer.settings.offer.routerId !== speaker.routerId;
  peer.config = config;
  if (fields.length === 0 && !newId) return;
  peer.settings = settingsOf(state, speaker.routerId, config, peer.preserved);
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
  const graceful = peer.session?.gracefulRestart !== undefined;
  if (graceful && connection !== undefined) {
    output(state, { type: 'close', connection, reset: false });
    forget(state, connection);
    drive(state, peer, peer.primary, { type: 'disconnected', because });
  }
  stopPeer(state, peer, graceful ? undefined : cease('CEASE_CONFIGURATION_CHANGE'), because);
  restart(state, peer);
}

function restart(state: SpeakerState, peer: Peer): void {
  if (!peer.adminDown) drive(state, peer, peer.primary, { type: 'start' });
}

/** A peer that waits begins to dial, one that dials begins to wait; a connection that is up is left alone. */
function changePassive(state: SpeakerState, peer: Peer): void {
  const { state: session } = peer.primary;
  if (session === 'active' || session === 'connect') {
    drive(state, peer, peer.primary, { type: 'stop', notification: undefined, because: 'configuration changed: passive', then: 'restart' });
  }
}
