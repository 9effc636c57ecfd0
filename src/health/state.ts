/**
 * What the health thread remembers of the last pushes. Pure: functions over one record, time as an argument (live
 * milliseconds, see clock.ts).
 */
import { driftIssues, driftOf } from './drift.ts';
import type { DriftView } from './engine-views.ts';
import { CONVERGENCE_BUCKETS, MAX_LABEL_VALUES, METRICS_PEER_CAP, STALL_MS, START_ALLOWANCE_MS } from './limits.ts';
import type {
  Beat,
  DaemonView,
  FamilyView,
  GroupView,
  HeldPeerView,
  IssueView,
  LoopView,
  MainPush,
  PeerClass,
  PeerView,
  PushingThread,
  SettingView,
  SpeakerPush,
  ThreadView,
  TimingView,
} from './status.ts';

/** Counters of a peer that metrics export. */
export type PeerCounter =
  | 'flaps'
  | 'messagesReceived'
  | 'messagesSent'
  | 'updatesReceived'
  | 'updatesSent'
  | 'notificationsReceived'
  | 'notificationsSent';

/** The names of PeerCounter, in the order of the metrics. */
const PEER_COUNTERS: readonly PeerCounter[] = [
  'flaps',
  'messagesReceived',
  'messagesSent',
  'updatesReceived',
  'updatesSent',
  'notificationsReceived',
  'notificationsSent',
];

/** Label value under which peers without series of their own are summed. */
export const OTHER_PEERS = 'other';

/** Cumulative histogram in the making: `counts[i]` observations at most CONVERGENCE_BUCKETS[i] and above the bucket before. */
export interface Histogram {
  readonly counts: number[];
  sum: number;
  count: number;
}

/** How many issues objects of one kind have at one severity. */
export interface IssueCount {
  readonly kind: string;
  readonly severity: IssueView['severity'];
  count: number;
}

/** Everything known. Mutated only by the functions of this file. */
export interface HealthState {
  readonly threads: readonly PushingThread[];
  readonly startedAt: number;
  /** Last push of each thread; none from one that was replaced and has not pushed yet. */
  readonly heardAt: Map<PushingThread, number>;
  /** Since when each thread owes a push, however often it was replaced: one that dies again and again is a stall in the end. */
  readonly owedSince: Map<PushingThread, number>;
  main: MainPush | undefined;
  issues: readonly IssueView[];
  held: readonly HeldPeerView[];
  settings: readonly SettingView[];
  /** Issues by object kind and severity; a pair once seen stays, at 0, so that its gauge goes back to zero. */
  readonly issueCounts: Map<string, IssueCount>;
  readonly timings: Map<TimingView['stage'], Histogram>;
  speaker: SpeakerPush | undefined;
  daemons: readonly DaemonView[];
  beat: Beat | undefined;
  readonly peers: Map<string, PeerView>;
  /** The speaker has pushed since main first said that a complete snapshot is applied: its peers are the wanted ones. */
  speakerKnowsSnapshot: boolean;
  readonly peerCap: number;
  /** Peers with series of their own, sorted; the counters of the others are summed below, per session type. */
  exported: ReadonlySet<string>;
  readonly otherCounters: { readonly ibgp: Record<PeerCounter, number>; readonly ebgp: Record<PeerCounter, number> };
  readonly encodes: { readonly last: Map<string, number>; readonly total: Record<FamilyView, number> };
}

const noCounters = (): Record<PeerCounter, number> => ({
  flaps: 0,
  messagesReceived: 0,
  messagesSent: 0,
  updatesReceived: 0,
  updatesSent: 0,
  notificationsReceived: 0,
  notificationsSent: 0,
});

/** A state that knows nothing. `now` is live milliseconds; `peerCap`: peers with metric series of their own, default 256. */
export function createState(now: number, threads: readonly PushingThread[] = ['main', 'speaker'], peerCap = METRICS_PEER_CAP): HealthState {
  return {
    threads,
    startedAt: now,
    heardAt: new Map(),
    owedSince: new Map(threads.map((name) => [name, now])),
    main: undefined,
    issues: [],
    held: [],
    settings: [],
    issueCounts: new Map(),
    timings: new Map(),
    speaker: undefined,
    daemons: [],
    beat: undefined,
    peers: new Map(),
    speakerKnowsSnapshot: false,
    peerCap,
    exported: new Set(),
    otherCounters: { ibgp: noCounters(), ebgp: noCounters() },
    encodes: { last: new Map(), total: { 'ipv4-unicast': 0, 'ipv6-unicast': 0 } },
  };
}

/** Takes main's push; lists absent in it stay as they were. */
export function takeMain(state: HealthState, push: MainPush, now: number): void {
  const firstApplied = (state.main?.firstAppliedAt ?? 0) === 0 && push.firstAppliedAt !== 0;
  if (firstApplied) state.speakerKnowsSnapshot = !state.threads.includes('speaker');
  hear(state, 'main', now);
  state.main = { ...push, loop: finiteLoop(push.loop) };
  state.issues = push.issues ?? state.issues;
  countIssues(state);
  state.held = push.held ?? state.held;
  state.settings = push.settings ?? state.settings;
  for (const timing of push.timings) observe(state, timing);
}

function hear(state: HealthState, thread: PushingThread, now: number): void {
  state.heardAt.set(thread, now);
  state.owedSince.set(thread, now);
}

/** A delay histogram without a sample has the mean NaN, which JSON cannot say. */
function finiteLoop({ meanMs, p99Ms, maxMs }: LoopView): LoopView {
  const finite = (value: number): number => (Number.isFinite(value) ? value : 0);
  return { meanMs: finite(meanMs), p99Ms: finite(p99Ms), maxMs: finite(maxMs) };
}

/** What self-audits put right since the start. */
export function driftView({ main, speaker }: HealthState): DriftView {
  return driftOf(main?.kernel, speaker?.work);
}

/** Main's issues, and what only this thread sees. */
export function knownIssues(state: HealthState): readonly IssueView[] {
  const drift = driftIssues(driftView(state));
  return drift.length === 0 ? state.issues : [...state.issues, ...drift];
}

function countIssues(state: HealthState): void {
  const { issueCounts } = state;
  for (const entry of issueCounts.values()) entry.count = 0;
  for (const { object, severity } of knownIssues(state)) {
    const known = issueCounts.has(`${severity} ${object.kind}`) || issueCounts.size < MAX_LABEL_VALUES;
    const kind = known ? object.kind : 'other';
    const entry = issueCounts.get(`${severity} ${kind}`) ?? { kind, severity, count: 0 };
    entry.count += 1;
    issueCounts.set(`${severity} ${kind}`, entry);
  }
}

function observe(state: HealthState, timing: TimingView): void {
  const seconds = timing.ms / 1000;
  const histogram = state.timings.get(timing.stage) ?? { counts: CONVERGENCE_BUCKETS.map(() => 0), sum: 0, count: 0 };
  const bucket = CONVERGENCE_BUCKETS.findIndex((bound) => seconds <= bound);
  if (bucket >= 0) histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1;
  histogram.sum += seconds;
  histogram.count += 1;
  state.timings.set(timing.stage, histogram);
}

/** Takes the speaker's push and merges its peers. */
export function takeSpeaker(state: HealthState, push: SpeakerPush, now: number): void {
  hear(state, 'speaker', now);
  state.speaker = { ...push, loop: finiteLoop(push.loop) };
  if ((state.main?.firstAppliedAt ?? 0) !== 0) state.speakerKnowsSnapshot = true;
  countIssues(state);
  mergePeers(state, push.peers);
  countEncodes(state, push.groups);
}

/** The speaker's thread was replaced: what the old one said is forgotten, sums are kept (counters never go back). */
export function forgetSpeaker(state: HealthState): void {
  state.heardAt.delete('speaker');
  state.speaker = undefined;
  state.daemons = [];
  state.beat = undefined;
  state.speakerKnowsSnapshot = false;
  state.peers.clear();
  state.exported = new Set();
  state.encodes.last.clear();
}

/** Who has own series is chosen between the merge and the sums: a new peer's counters go to one of the two, never both. */
function mergePeers(state: HealthState, change: SpeakerPush['peers']): void {
  const before = state.peers.size;
  const updates = change.upsert.map((peer) => ({ known: state.peers.get(peer.id), peer }));
  for (const peer of change.upsert) state.peers.set(peer.id, peer);
  if (change.complete && state.peers.size > change.upsert.length) {
    const wanted = new Set(change.upsert.map((peer) => peer.id));
    for (const id of state.peers.keys()) if (!wanted.has(id)) state.peers.delete(id);
  }
  for (const id of change.remove) state.peers.delete(id);
  const came = updates.some((update) => update.known === undefined);
  if (came || state.peers.size !== before) state.exported = chooseExported(state.peers.values(), state.peerCap);
  for (const { known, peer } of updates) if (!state.exported.has(peer.id)) sumOther(state, known, peer);
}

/** Only growth is added, so that a sum over changing peers is still a counter. A smaller value is a counter begun anew. */
function sumOther(state: HealthState, known: PeerView | undefined, peer: PeerView): void {
  const sums = state.otherCounters[peer.type];
  for (const name of PEER_COUNTERS) {
    const before = known?.[name] ?? 0;
    sums[name] += peer[name] >= before ? peer[name] - before : peer[name];
  }
}

function countEncodes(state: HealthState, groups: readonly GroupView[]): void {
  const { last, total } = state.encodes;
  for (const group of groups) {
    const before = last.get(group.id) ?? 0;
    total[group.family] += group.encodes >= before ? group.encodes - before : group.encodes;
  }
  last.clear();
  for (const group of groups) last.set(group.id, group.encodes);
}

/** Peers named one by one before peers of the node mesh, then by id: a top-of-rack router is never the one left out. */
function chooseExported(peers: Iterable<PeerView>, cap: number): ReadonlySet<string> {
  // A peer that is really called as the sum is would give the same series twice.
  const ranked = [...peers]
    .filter((peer) => peer.id !== OTHER_PEERS)
    .map((peer) => ({ id: peer.id, mesh: peerClass(peer.id) === 'mesh' ? 1 : 0 }));
  ranked.sort((a, b) => a.mesh - b.mesh || (a.id < b.id ? -1 : 1));
  const chosen = ranked.slice(0, cap).map((peer) => peer.id);
  return new Set(chosen.sort());
}

/** Class of a peer by its id, as Calico's probe reads protocol names (control-plane 8.2). */
export function peerClass(id: string): PeerClass {
  if (id.startsWith('Mesh_')) return 'mesh';
  if (id.startsWith('Node_')) return 'node';
  if (id.startsWith('Global_')) return 'global';
  if (id.startsWith('Local_Workload_')) return 'local-workload';
  return 'other';
}

/** Live milliseconds since the thread, or the one it replaced, last pushed; since the start where none ever did. */
export function owedFor(state: HealthState, name: PushingThread, now: number): number {
  return now - (state.owedSince.get(name) ?? state.startedAt);
}

/** How a pushing thread is doing; one that has not pushed since it began is judged from START_ALLOWANCE_MS on. */
export function threadView(state: HealthState, name: PushingThread, now: number): ThreadView {
  const heard = state.heardAt.get(name);
  const loop = (name === 'main' ? state.main : state.speaker)?.loop ?? null;
  if (heard === undefined) return { name, ageMs: null, stalled: owedFor(state, name, now) > START_ALLOWANCE_MS, loop };
  const age = now - heard;
  const stalled = age > STALL_MS;
  const doing = stalled && name === 'speaker' ? doingOf(state.beat, (state.speaker?.pushedAt ?? 0) + age) : undefined;
  return { name, ageMs: Math.max(0, Math.round(age)), stalled, loop, ...(doing === undefined ? {} : { doing }) };
}

/** What a thread shares of itself, read while it stands still. `now` is wall-clock ms. */
function doingOf(beat: Beat | undefined, now: number): string | undefined {
  if (beat === undefined) return undefined;
  const [since = 0, index = 0] = new Float64Array(beat.cells);
  const activity = beat.activities[index];
  return activity === undefined ? undefined : `busy with ${activity} for ${(Math.max(0, now - since) / 1000).toFixed(1)} s`;
}

/** Peers in the order of their ids. */
export function sortedPeers(state: HealthState): PeerView[] {
  return [...state.peers.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
