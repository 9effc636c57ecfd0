/** What one scrape sees, and the readings that several metrics share. Pure. */
import { type HealthState, OTHER_PEERS, type PeerCounter, sortedPeers, threadView } from './state.ts';
import type { FamilyView, LoopView, PeerFamilyView, PeerView, PushingThread, SessionStateView } from './status.ts';

/** Figures of the whole process, read by the caller. */
export interface ProcessFigures {
  readonly residentOctets: number;
  readonly cpuSeconds: number;
  /** Wall-clock seconds. */
  readonly startedAt: number;
}

/** Input of a scrape. */
export interface MetricsView {
  readonly state: HealthState;
  /** Live milliseconds. */
  readonly now: number;
  readonly live: boolean;
  readonly ready: boolean;
  readonly process: ProcessFigures;
  /** Loop delay of the health thread itself. */
  readonly loop: LoopView;
}

/** States in the order of bgpPeerState (RFC 4273): the number of a state is its index + 1; 0 is unknown. */
export const SESSION_STATES: readonly SessionStateView[] = ['idle', 'connect', 'active', 'open-sent', 'open-confirm', 'established'];

/** Families in the order of their samples. */
export const FAMILIES: readonly FamilyView[] = ['ipv4-unicast', 'ipv6-unicast'];

/** Session types in the order of their samples. */
export const SESSION_TYPES = ['ibgp', 'ebgp'] as const;

/** True while what the thread said is recent: a gauge built on older news would lie. */
export function isFresh({ state, now }: MetricsView, thread: PushingThread): boolean {
  return state.heardAt.has(thread) && !threadView(state, thread, now).stalled;
}

/** A gauge of a thread: 0 once its news are stale. */
export function gauge(view: MetricsView, thread: PushingThread, value: number): number {
  return isFresh(view, thread) ? value : 0;
}

/** Peers with series of their own, sorted by id. */
export function exportedPeers({ state }: MetricsView): PeerView[] {
  return sortedPeers(state).filter((peer) => state.exported.has(peer.id));
}

/** The others; empty below the cap. */
export function otherPeers({ state }: MetricsView): PeerView[] {
  return state.exported.size === state.peers.size ? [] : [...state.peers.values()].filter((peer) => !state.exported.has(peer.id));
}

/** Label values of a peer: peer, peer_as, type. */
export function peerLabels(peer: PeerView): readonly string[] {
  return [peer.id, String(peer.remoteAs), peer.type];
}

/** Samples of a per-peer counter: exported peers, and one sum per session type for the others while there are or were any. */
export function* peerCounter(view: MetricsView, name: PeerCounter): Iterable<{ labels: readonly string[]; value: number }> {
  for (const peer of exportedPeers(view)) yield { labels: peerLabels(peer), value: peer[name] };
  if (otherPeers(view).length === 0 && !hasSums(view)) return;
  for (const type of SESSION_TYPES) yield { labels: [OTHER_PEERS, '', type], value: view.state.otherCounters[type][name] };
}

function hasSums({ state }: MetricsView): boolean {
  return SESSION_TYPES.some((type) => Object.values(state.otherCounters[type]).some((value) => value > 0));
}

/** Samples of a per-peer, per-family gauge; the others are summed per session type and family. */
export function* familyGauge(
  view: MetricsView,
  read: (family: PeerFamilyView) => number,
): Iterable<{ labels: readonly string[]; value: number }> {
  for (const peer of exportedPeers(view)) {
    for (const family of peer.families) yield { labels: [...peerLabels(peer), family.family], value: gauge(view, 'speaker', read(family)) };
  }
  const others = otherPeers(view);
  if (others.length === 0) return;
  for (const type of SESSION_TYPES) {
    for (const name of FAMILIES) {
      const families = others
        .filter((peer) => peer.type === type)
        .flatMap((peer) => peer.families.filter((family) => family.family === name));
      const sum = families.reduce((total, family) => total + read(family), 0);
      yield { labels: [OTHER_PEERS, '', type, name], value: gauge(view, 'speaker', sum) };
    }
  }
}
