/** What an operator asks for: peer actions and the end of the speaker. */
import { cease } from '../session/index.ts';
import type { PeerAction, PeerMemory, SpeakerInput } from '../speaker-types.ts';
import type { NotificationMessage } from '../wire/index.ts';
import { encodeRouteRefresh } from '../wire/index.ts';
import { sweepAll } from './lifecycle.ts';
import { drive } from './machines.ts';
import { stopPeer } from './records.ts';
import { reapplyPolicies } from './rib-config.ts';
import type { Peer, SpeakerState } from './state.ts';
import { establishedConnection, output, report } from './state.ts';

/** Carries out an action on the peer of that id; an unknown id does nothing. */
export function peerAction(state: SpeakerState, id: string, action: PeerAction): void {
  const peer = state.peers.get(id);
  if (peer === undefined) return;
  report(state, { kind: 'peer-action', peer: id, action });
  switch (action.kind) {
    case 'shutdown':
      peer.adminDown = true;
      peer.shutdownText = action.text;
      stopPeer(state, peer, cease('CEASE_ADMIN_SHUTDOWN', action.text), 'shut down by an operator');
      return sweepAll(state, peer);
    case 'enable':
      if (!peer.adminDown && peer.heldBack === undefined) return;
      peer.adminDown = false;
      peer.shutdownText = '';
      return drive(state, peer, peer.primary, { type: 'start' });
    case 'reset':
      return reset(state, peer, cease('CEASE_ADMIN_RESET'));
    case 'refresh':
      return refresh(state, peer, action.direction);
    case 'gshut':
      peer.draining = action.on;
      return reapplyPolicies(state, peer);
    default: {
      const never: never = action;
      return never;
    }
  }
}

function reset(state: SpeakerState, peer: Peer, notification: NotificationMessage): void {
  if (peer.adminDown) return;
  stopPeer(state, peer, notification, 'reset by an operator');
  drive(state, peer, peer.primary, { type: 'start' });
}

/** Takes what outlived a restart; it holds for peers as they are configured. */
export function recall(state: SpeakerState, peers: readonly PeerMemory[]): void {
  for (const peer of peers) state.recalled.set(peer.id, peer);
}

/** A named peer leaves the configuration: what an operator set holds when it comes back, until it is undone. */
export function remember(state: SpeakerState, { config, adminDown, shutdownText, draining }: Peer): void {
  if (config.range !== undefined || (!adminDown && !draining)) return;
  state.recalled.set(config.id, {
    id: config.id,
    ...(adminDown ? { shutdown: shutdownText } : {}),
    ...(draining ? { draining: true } : {}),
  });
}

/** What must outlive a restart: what operators set, and the peers of ranges; those not configured at present included. */
export function memoryOf(state: SpeakerState): PeerMemory[] {
  const present = [...state.byIndex.values()].flatMap(({ config, adminDown, shutdownText, draining }): PeerMemory[] => {
    if (!adminDown && !draining && config.range === undefined) return [];
    return [
      {
        id: config.id,
        ...(adminDown ? { shutdown: shutdownText } : {}),
        ...(draining ? { draining: true } : {}),
        ...(config.range === undefined ? {} : { dynamic: { remote: config.remote.address, remoteAs: config.remoteAs } }),
      },
    ];
  });
  return [...present, ...[...state.recalled.values()].filter(({ shutdown, draining }) => shutdown !== undefined || draining === true)];
}

/** in: ask the peer for its table (RFC 2918); out: send it ours again. Families without the capability are left alone. */
function refresh(state: SpeakerState, peer: Peer, direction: 'in' | 'out'): void {
  const connection = establishedConnection(state, peer);
  const { session } = peer;
  if (connection === undefined || session === undefined) return;
  for (const family of session.families) {
    if (direction === 'out') state.rib.refresh(peer.index, family, session.enhancedRouteRefresh);
    else if (session.routeRefresh) {
      peer.counters.messagesSent++;
      output(state, { type: 'send', connection: connection.id, buffers: [encodeRouteRefresh({ family })] });
    }
  }
}

/** Ends every session and listens no more. `planned` says nothing, so that helpers keep our routes (RFC 4724, bgp-speaker 4.6). */
export function shutdown(state: SpeakerState, input: Extract<SpeakerInput, { readonly type: 'shutdown' }>): void {
  state.stopped = true;
  output(state, { type: 'listen', endpoints: [] });
  const notification = input.planned ? undefined : cease('CEASE_ADMIN_SHUTDOWN', input.text ?? '');
  for (const peer of state.peers.values()) stopPeer(state, peer, notification, input.planned ? 'planned restart' : 'shut down');
  for (const connection of [...state.unclaimed]) {
    output(state, { type: 'close', connection: connection.id, reset: false });
    state.connections.delete(connection.id);
  }
  state.unclaimed.clear();
}
