/** What the speaker tells of itself: maintained counters and states, nothing computed by walking routes. */
import { capabilityNames } from '../session/index.ts';
import type { PeerFamilyStatus, PeerStatus, SpeakerStatus } from '../speaker-status.ts';
import type { Family } from '../wire/index.ts';
import { isDraining } from './rib-config.ts';
import type { Peer, SpeakerState } from './state.ts';
import { establishedConnection } from './state.ts';

/** Status of the speaker with its peers in the order of the configuration. */
export function statusOf(state: SpeakerState): SpeakerStatus {
  const stats = state.rib.stats();
  return {
    routerId: state.config?.routerId ?? 0,
    localAs: state.config?.localAs ?? 0,
    peers: [...state.peers.values()].map((peer) => peerStatus(state, peer)),
    ranges: (state.config?.ranges ?? []).map(({ id, prefix, limit }) => ({
      id,
      prefix,
      limit,
      peers: state.ranges.members.get(id) ?? 0,
      diagnosis: state.ranges.diagnoses.get(id),
    })),
    prefixes: stats.prefixes,
    paths: stats.paths,
    attributeSets: stats.attributeSets,
    groups: stats.groups,
    work: { ...stats.work, ...state.counters },
    deferring: state.deferral !== undefined,
    memoryUsed: state.memoryUsed,
  };
}

function peerStatus(state: SpeakerState, peer: Peer): PeerStatus {
  const { config, session, counters } = peer;
  return {
    id: config.id,
    remote: config.remote,
    local: establishedConnection(state, peer)?.local,
    remoteAs: config.remoteAs,
    localAs: config.localAs,
    remoteId: session?.remoteId,
    type: config.localAs === config.remoteAs ? 'ibgp' : 'ebgp',
    reflectorClient: config.reflectorClient,
    passive: config.passive,
    state: peer.shown,
    since: peer.since,
    flaps: counters.flaps,
    holdTime: session?.holdTime ?? config.holdTime,
    keepaliveTime: session?.keepaliveTime ?? config.keepaliveTime ?? config.holdTime / 3,
    lastErrorSent: peer.lastErrorSent,
    lastErrorReceived: peer.lastErrorReceived,
    nextRetryAt: nextRetryAt(state, peer),
    adminDown: peer.adminDown,
    heldBack: peer.adminDown ? shutdownReason(peer) : peer.heldBack,
    range: config.range,
    draining: isDraining(config, peer.draining),
    diagnosis: peer.diagnosis,
    capabilities: session === undefined ? [] : capabilityNames(session),
    families: (session?.families ?? config.families).map((family) => familyStatus(state, peer, family)),
    messagesReceived: counters.messagesReceived,
    messagesSent: counters.messagesSent,
    updatesReceived: counters.updatesReceived,
    updatesSent: counters.updatesSent,
    reasons: config.reasons,
  };
}

function shutdownReason({ shutdownText }: Peer): string {
  return shutdownText === '' ? 'shut down by an operator' : `shut down by an operator: ${shutdownText}`;
}

function nextRetryAt(state: SpeakerState, peer: Peer): number | undefined {
  const { connectRetry, idleHold } = peer.primary.timers;
  const at = Math.min(connectRetry, idleHold);
  return at === Infinity ? undefined : state.options.wallClock(at);
}

function familyStatus(state: SpeakerState, peer: Peer, family: Family): PeerFamilyStatus {
  return {
    family,
    ...state.rib.familyStatus(peer.index, family),
    endOfRibReceived: peer.endOfRibReceived.has(family),
    maxPrefix: peer.config.maxPrefix,
    maxPrefixOut: peer.config.maxPrefixOut,
  };
}
