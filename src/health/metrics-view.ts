/** What one scrape sees, and the readings that several metrics share. Pure. */
import type { MetricDefinition, Sample } from './metrics-text.ts';
import { type HealthState, OTHER_PEERS, type PeerCounter, threadView } from './state.ts';
import type { FamilyView, LoopView, PeerFamilyView, PeerView, PushingThread, SessionStateView } from './status.ts';

/** Figures of the whole process, read by the caller. */
export interface ProcessFigures {
  readonly residentOctets: number;
  readonly cpuSeconds: number;
  /** Wall-clock seconds. */
  readonly startedAt: number;
}

/** Input of a scrape. */
export interface ScrapeInput {
  readonly state: HealthState;
  /** Live milliseconds. */
  readonly now: number;
  readonly live: boolean;
  readonly ready: boolean;
  readonly process: ProcessFigures;
  /** Loop delay of the health thread itself. */
  readonly loop: LoopView;
}

/** What the rows read: the input, and what several of them would else work out again. */
export interface MetricsView extends ScrapeInput {
  /** True while what the thread said is recent: a gauge built on older news would lie. */
  readonly fresh: { readonly [thread in PushingThread]: boolean };
  /** Peers with series of their own, sorted by id. */
  readonly exported: readonly PeerView[];
  /** The others; empty below the cap. */
  readonly others: readonly PeerView[];
}

/** A metric and how its samples are read. */
export interface MetricRow extends MetricDefinition {
  readonly samples: (view: MetricsView) => Iterable<Sample>;
}

/** States in the order of bgpPeerState (RFC 4273): the number of a state is its index + 1; 0 is unknown. */
export const SESSION_STATES: readonly SessionStateView[] = ['idle', 'connect', 'active', 'open-sent', 'open-confirm', 'established'];

/** Families in the order of their samples. */
export const FAMILIES: readonly FamilyView[] = ['ipv4-unicast', 'ipv6-unicast'];

/** Session types in the order of their samples. */
export const SESSION_TYPES = ['ibgp', 'ebgp'] as const;

/** Sorts the peers once for the whole scrape. */
export function prepareView(input: ScrapeInput): MetricsView {
  const { state, now } = input;
  const fresh = (thread: PushingThread): boolean => state.heardAt.has(thread) && !threadView(state, thread, now).stalled;
  const exported = [...state.exported].flatMap((id) => state.peers.get(id) ?? []);
  const others = exported.length === state.peers.size ? [] : [...state.peers.values()].filter((peer) => !state.exported.has(peer.id));
  return { ...input, fresh: { main: fresh('main'), speaker: fresh('speaker') }, exported, others };
}

/** A gauge of a thread: 0 once its news are stale. */
export function gauge(view: MetricsView, thread: PushingThread, value: number): number {
  return view.fresh[thread] ? value : 0;
}

/** Label values of a peer: peer, peer_as, type. */
export function peerLabels(peer: PeerView): readonly string[] {
  return [peer.id, String(peer.remoteAs), peer.type];
}

/** Samples of a per-peer counter: exported peers, and one sum per session type for the others while there are or were any. */
export function* peerCounter(view: MetricsView, name: PeerCounter): Iterable<{ labels: readonly string[]; value: number }> {
  for (const peer of view.exported) yield { labels: peerLabels(peer), value: peer[name] };
  if (view.others.length === 0 && !hasSums(view)) return;
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
  for (const peer of view.exported) {
    for (const family of peer.families) yield { labels: [...peerLabels(peer), family.family], value: gauge(view, 'speaker', read(family)) };
  }
  if (view.others.length === 0) return;
  const sums = sumOthers(view.others, read);
  for (const [type, byFamily] of Object.entries(sums)) {
    for (const name of FAMILIES) yield { labels: [OTHER_PEERS, '', type, name], value: gauge(view, 'speaker', byFamily[name]) };
  }
}

function sumOthers(others: readonly PeerView[], read: (family: PeerFamilyView) => number) {
  const sums = { ibgp: { 'ipv4-unicast': 0, 'ipv6-unicast': 0 }, ebgp: { 'ipv4-unicast': 0, 'ipv6-unicast': 0 } };
  for (const peer of others) for (const family of peer.families) sums[peer.type][family.family] += read(family);
  return sums;
}
