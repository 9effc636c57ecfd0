/** Limits on the prefixes of a session, in both directions: a warning, and the end of the session (RFC 4486 section 4, bgp-speaker 4.11). */
import { cease, MAX_PREFIX_HOLD_MS } from '../session/index.ts';
import type { Family } from '../wire/index.ts';
import { drive } from './machines.ts';
import type { Peer, SpeakerState } from './state.ts';
import { report } from './state.ts';

/** A peer sends more than it was warned of, for the first time since it sent less. */
export function warnOfPrefixes(state: SpeakerState, peer: Peer, family: Family, limit: number): void {
  state.counters.prefixWarnings++;
  const { accepted } = state.rib.familyStatus(peer.index, family);
  report(state, { kind: 'prefix-warning', peer: peer.config.id, family, accepted, limit });
}

/** A peer sent more than it may. */
export function tooManyReceived(state: SpeakerState, peer: Peer, family: Family, limit: number): void {
  state.counters.maxPrefixExceeded++;
  end(state, peer, `more than ${limit} ${family} prefixes received`);
}

/** Ends a session that would be told more than it may be; true where it did. Nothing above the limit was sent. */
export function endedByOutLimit(state: SpeakerState, peer: Peer): boolean {
  const limit = peer.config.maxPrefixOut;
  if (limit === undefined) return false;
  const family = peer.session?.families.find((each) => state.rib.familyStatus(peer.index, each).advertised > limit);
  if (family === undefined) return false;
  state.counters.maxPrefixOutExceeded++;
  end(state, peer, `more than ${limit} ${family} prefixes to send`);
  return true;
}

function end(state: SpeakerState, peer: Peer, because: string): void {
  const { maxPrefixAction, maxPrefixRestartTime } = peer.config;
  const refuseForMs = maxPrefixRestartTime === undefined ? MAX_PREFIX_HOLD_MS : maxPrefixRestartTime * 1000;
  drive(state, peer, peer.primary, {
    type: 'stop',
    notification: cease('CEASE_MAX_PREFIXES'),
    because,
    then: maxPrefixAction === 'hold' ? 'stay-idle' : { refuseForMs },
  });
  peer.heldBack = because;
}
