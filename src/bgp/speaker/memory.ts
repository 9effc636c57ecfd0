/**
 * Memory that runs out costs the peer that grew the table, never the process (bgp-speaker 4.11). Somebody outside measures; here is
 * decided who goes. Freed rows are used again but seldom given back, so what counts after a drop is growth beyond it.
 */
import { cease, MAX_PREFIX_HOLD_MS, MEMORY_BLAME_ROUTES, MEMORY_PLENTY_SHARE, MEMORY_REGROWTH_SHARE } from '../session/index.ts';
import { drive } from './machines.ts';
import type { Peer, SpeakerState } from './state.ts';
import { isUp } from './state.ts';

/** Takes a measurement: `used` of what may be used, 1 is all of it. */
export function relieveMemory(state: SpeakerState, used: number): void {
  state.memoryUsed = used;
  if (state.memoryBase === undefined || used < MEMORY_PLENTY_SHARE) state.memoryBase = receivedByPeer(state);
  if (used < MEMORY_PLENTY_SHARE) state.droppedAt = 0;
  if (used <= 1 || (state.droppedAt > 0 && used <= state.droppedAt + MEMORY_REGROWTH_SHARE)) return;
  const peer = fastestGrowing(state, state.memoryBase, state.droppedAt > 0 ? MEMORY_BLAME_ROUTES : 0);
  if (peer === undefined) return;
  state.droppedAt = used;
  state.counters.memoryDrops++;
  const because = `memory is short, and this peer's routes grew most`;
  drive(state, peer, peer.primary, {
    type: 'stop',
    notification: cease('CEASE_OUT_OF_RESOURCES'),
    because,
    then: { refuseForMs: MAX_PREFIX_HOLD_MS },
  });
  peer.heldBack = because;
  state.memoryBase = receivedByPeer(state);
}

function received(state: SpeakerState, peer: Peer): number {
  return peer.session === undefined ? 0 : state.rib.received(peer.index);
}

function receivedByPeer(state: SpeakerState): Map<string, number> {
  return new Map([...state.peers.values()].map((peer) => [peer.config.id, received(state, peer)]));
}

/**
 * Who has the most routes more than when memory was plentiful, and so many more at least; the largest where none grew. Undefined where nobody
 * has any.
 */
function fastestGrowing(state: SpeakerState, base: ReadonlyMap<string, number>, least: number): Peer | undefined {
  let chosen: { readonly peer: Peer; readonly growth: number; readonly size: number } | undefined;
  for (const peer of state.peers.values()) {
    const size = isUp(peer) ? received(state, peer) : 0;
    if (size === 0) continue;
    const growth = Math.max(0, size - (base.get(peer.config.id) ?? 0));
    if (growth < least) continue;
    if (chosen === undefined || growth > chosen.growth || (growth === chosen.growth && size > chosen.size)) chosen = { peer, growth, size };
  }
  return chosen?.peer;
}
