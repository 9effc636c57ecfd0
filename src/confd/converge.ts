/**
 * The convergence loop: changes from the source go into the store, the newest state is computed and given to the driver,
 * one apply at a time. While an apply is in flight changes pile up and become one; the newest state wins. Nothing is applied
 * before the source's first complete view, nor while it has lost its datastore: the last state stays (control-plane 1.1).
 * What a state is decides the caller: that of the BGP daemon where nothing else is said.
 */
import type { Clock } from './clock.ts';
import type { Desired } from './desired/types.ts';
import type { ApplyResult } from './driver.ts';
import type { Log } from './log.ts';
import type { Issue, Snapshot, SnapshotDelta } from './resources/types.ts';
import type { Change, Source } from './source/types.ts';

/** The store that changes are applied to. */
export interface ConvergeStore {
  apply(change: Change): SnapshotDelta;
  readonly snapshot: Snapshot;
}

/** What computing gave: undefined where there is nothing to apply. */
interface Computed<D> {
  readonly desired: D | undefined;
  readonly issues: readonly Issue[];
}

/** Computes the desired state; a delta names what changed since the previous call, undefined asks for everything. */
export type ComputeDesired<D = Desired> = (snapshot: Snapshot, delta: SnapshotDelta | undefined) => Computed<D>;

/** One pass from input to engine. Durations in ms; `total` runs from the write of the newest input, absent where it is unknown. */
export interface Timing {
  readonly at: number;
  readonly total: number | undefined;
  readonly desire: number;
  readonly apply: number;
}

/** What the loop knows, for health, metrics and logs. Counters only grow; times are wall-clock ms, 0 = never. */
export interface ConvergeState<D = Desired> {
  readonly inSync: boolean;
  readonly firstAppliedAt: number;
  readonly lastAppliedAt: number;
  readonly applied: { readonly changed: number; readonly unchanged: number; readonly failed: number };
  /** Changes received, and those that shared a pass with a later one. */
  readonly changes: number;
  readonly coalesced: number;
  /** What the engine was given last: explain is built from it. */
  readonly desired: D | undefined;
  /** Issues of parsing, of the desired state and of the engine, in this order. */
  readonly issues: readonly Issue[];
}

/** Before anything came. */
export const IDLE_STATE: ConvergeState<never> = {
  inSync: false,
  firstAppliedAt: 0,
  lastAppliedAt: 0,
  applied: { changed: 0, unchanged: 0, failed: 0 },
  changes: 0,
  coalesced: 0,
  desired: undefined,
  issues: [],
};

/** The narrow interfaces that the loop uses. */
export interface ConvergeDeps<D = Desired> {
  readonly source: Source;
  readonly store: ConvergeStore;
  readonly compute: ComputeDesired<D>;
  /** Brings a whole state about, again and again; applying the same one twice is free. */
  readonly driver: { apply(desired: D, signal: AbortSignal): Promise<ApplyResult> };
  readonly clock: Clock;
  readonly log: Log;
  /** Called after every pass and whenever `inSync` or the issues changed. */
  readonly report: (state: ConvergeState<D>, timing: Timing | undefined) => void;
}

/** Wait before a failed apply or a source that ended is tried again, ms: doubles from the first to the last. */
export const RETRY_MS = { first: 500, last: 30_000 } as const;

/** What piled up since the last pass. */
interface Pending {
  readonly changed: Map<string, SnapshotDelta['changed'][number]>;
  readonly issuesChanged: boolean;
  readonly writtenAt: number | undefined;
  readonly changes: number;
}

interface Loop<D> extends ConvergeDeps<D> {
  readonly signal: AbortSignal;
  /** The view is complete: it is in sync, or something stands in for it. */
  usable: boolean;
  state: ConvergeState<D>;
  pending: Pending | undefined;
  /** The next pass computes everything: the first one, and those after a failure inside `compute`. */
  full: boolean;
  engineIssues: readonly Issue[];
  desireIssues: readonly Issue[];
  wake: () => void;
}

/** Runs until the signal aborts. Rejects only for bugs of ours inside `store` or `compute`. */
export async function converge<D = Desired>(deps: ConvergeDeps<D>, signal: AbortSignal): Promise<void> {
  const inner = new AbortController();
  const both = AbortSignal.any([signal, inner.signal]);
  const loop: Loop<D> = {
    ...deps,
    signal: both,
    usable: false,
    state: IDLE_STATE,
    pending: undefined,
    full: true,
    engineIssues: [],
    desireIssues: [],
    wake: () => undefined,
  };
  both.addEventListener('abort', () => loop.wake(), { once: true });
  const tasks = [watch(loop), pass(loop)];
  try {
    await Promise.all(tasks);
  } finally {
    inner.abort();
    await Promise.allSettled(tasks);
  }
}

async function watch<D>(loop: Loop<D>): Promise<void> {
  for (let retry: number = RETRY_MS.first; !loop.signal.aborted; retry = Math.min(RETRY_MS.last, retry * 2)) {
    const failure = await follow(loop);
    if (loop.signal.aborted) return;
    loop.log.error({ because: failure, retryMs: retry }, 'source ended');
    await loop.clock.wait(retry, loop.signal);
  }
}

/** Follows the source until it ends; a Source never throws by contract, and one that does is watched anew. */
async function follow<D>(loop: Loop<D>): Promise<string> {
  const changes = loop.source.watch(loop.signal)[Symbol.asyncIterator]();
  for (;;) {
    const step = await changes.next().catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
    if (step instanceof Error) return step.message;
    if (step.done === true) return 'its stream of changes ended';
    receive(loop, step.value);
  }
}

function receive<D>(loop: Loop<D>, change: Change): void {
  const delta = loop.store.apply(change);
  const regained = change.inSync && !loop.state.inSync;
  const lost = !change.inSync && loop.state.inSync;
  loop.state = { ...loop.state, inSync: change.inSync, changes: loop.state.changes + 1 };
  loop.pending = pile(loop.pending, delta, change.writtenAt);
  if (lost || (delta.issuesChanged && !change.inSync)) report(loop, undefined);
  if (lost) loop.log.warn({}, 'source lost its datastore; the last state stays');
  if (regained) loop.log.info({}, 'source in sync');
  loop.usable = change.usable ?? change.inSync;
  if (loop.usable) loop.wake();
}

/** Objects are named once however often they changed, so what piles up is bounded by the cluster. */
function pile(before: Pending | undefined, delta: SnapshotDelta, writtenAt: number | undefined): Pending {
  const changed = before?.changed ?? new Map<string, SnapshotDelta['changed'][number]>();
  for (const entry of delta.changed) changed.set(`${entry.kind} ${entry.key}`, entry);
  return {
    changed,
    issuesChanged: delta.issuesChanged || before?.issuesChanged === true,
    writtenAt: later(before?.writtenAt, writtenAt),
    changes: (before?.changes ?? 0) + 1,
  };
}

function later(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.max(a, b);
}

/** Passes, one at a time; sleeps while there is nothing to do. */
async function pass<D>(loop: Loop<D>): Promise<void> {
  let retry: number = RETRY_MS.first;
  let failed = false;
  while (!loop.signal.aborted) {
    const pending = loop.usable ? loop.pending : undefined;
    if (pending === undefined && !failed) {
      await sleep(loop, undefined);
      continue;
    }
    loop.pending = pending === undefined ? loop.pending : undefined;
    failed = !(await step(loop, pending, failed));
    if (!failed) retry = RETRY_MS.first;
    else {
      await sleep(loop, retry);
      retry = Math.min(RETRY_MS.last, retry * 2);
    }
  }
}

/** Until something arrives, or for `ms`. */
async function sleep<D>(loop: Loop<D>, ms: number | undefined): Promise<void> {
  if (loop.usable && loop.pending !== undefined) return;
  const cut = new AbortController();
  const woken = new Promise<void>((resolve) => {
    loop.wake = resolve;
    if (loop.signal.aborted) resolve();
  });
  await (ms === undefined ? woken : Promise.race([woken, loop.clock.wait(ms, cut.signal)]));
  cut.abort();
  loop.wake = () => undefined;
}

/** One pass: compute, apply, record. False where the engine failed and the state must be given to it again. */
async function step<D>(loop: Loop<D>, pending: Pending | undefined, again: boolean): Promise<boolean> {
  const { clock, store } = loop;
  const started = clock.monotonic();
  const before = loop.state.desired;
  const delta =
    loop.full || pending === undefined ? undefined : { changed: [...pending.changed.values()], issuesChanged: pending.issuesChanged };
  // Issues count: what cannot be read holds back what depends on it.
  const idle = pending === undefined || (delta !== undefined && delta.changed.length === 0 && !delta.issuesChanged);
  if (idle && !again) {
    // A heartbeat, a label nobody selects: nothing that counts changed, and nothing is done (control-plane 11, confd#234).
    record(loop, pending, undefined, undefined);
    return true;
  }
  const result: Computed<D> =
    idle && before !== undefined ? { desired: before, issues: loop.desireIssues } : loop.compute(store.snapshot, delta);
  loop.full = false;
  const news = result.issues !== loop.desireIssues;
  loop.desireIssues = result.issues;
  // What is wrong with the resources must not wait for an engine that is slow to come up.
  if (news) report(loop, undefined);
  const computed = clock.monotonic();
  if (result.desired === undefined) {
    record(loop, pending, undefined, undefined);
    return true;
  }
  const applied = await apply(loop, result.desired);
  const timing = {
    at: clock.now(),
    total: pending?.writtenAt === undefined ? undefined : Math.max(0, clock.now() - pending.writtenAt),
    desire: computed - started,
    apply: clock.monotonic() - computed,
  };
  if (applied !== undefined) loop.engineIssues = applied.issues;
  record(loop, pending, applied === undefined ? 'failed' : applied, { desired: result.desired, timing });
  return applied !== undefined || loop.signal.aborted;
}

async function apply<D>(loop: Loop<D>, desired: D): Promise<ApplyResult | undefined> {
  try {
    return await loop.driver.apply(desired, loop.signal);
  } catch (error) {
    if (!loop.signal.aborted)
      loop.log.error({ because: error instanceof Error ? error.message : String(error) }, 'engine refused the state');
    return undefined;
  }
}

function record<D>(
  loop: Loop<D>,
  pending: Pending | undefined,
  outcome: ApplyResult | 'failed' | undefined,
  given: { desired: D; timing: Timing } | undefined,
): void {
  const { state } = loop;
  const touched =
    outcome === undefined || outcome === 'failed' ? 0 : outcome.touched.peers + outcome.touched.routes + outcome.touched.policies;
  const succeeded = outcome !== undefined && outcome !== 'failed';
  const now = loop.clock.now();
  loop.state = {
    ...state,
    firstAppliedAt: state.firstAppliedAt === 0 && succeeded ? now : state.firstAppliedAt,
    lastAppliedAt: succeeded ? now : state.lastAppliedAt,
    applied: {
      changed: state.applied.changed + (succeeded && touched > 0 ? 1 : 0),
      unchanged: state.applied.unchanged + (succeeded && touched === 0 ? 1 : 0),
      failed: state.applied.failed + (outcome === 'failed' ? 1 : 0),
    },
    coalesced: state.coalesced + Math.max(0, (pending?.changes ?? 0) - 1),
    desired: given?.desired ?? state.desired,
  };
  report(loop, given?.timing);
}

function report<D>(loop: Loop<D>, timing: Timing | undefined): void {
  const issues = [...loop.store.snapshot.issues, ...loop.desireIssues, ...loop.engineIssues];
  loop.state = { ...loop.state, issues };
  loop.report(loop.state, timing);
}
