/**
 * Keeps the kernel's routes equal to what is wanted: at once where something changed, slowly as a whole. Everything runs
 * when a turn comes round, so that a burst of causes is one piece of work; the seam gives the kernel and the clock.
 */
import { bringInOrder, removeIdle, resolveAll, statusOf, tellStatus } from './carry-out.ts';
import { openConnection, readOver } from './connection.ts';
import { noticeMachine } from './observe.ts';
import type { RouteProvider } from './provider.ts';
import type { SyncState } from './sync-state.ts';
import { createState, GATHER_MS } from './sync-state.ts';
import type { KernelStatus, RouteSyncDeps } from './sync-types.ts';

/** A kernel kept in order. */
export interface RouteSync {
  /** Reads the kernel, adopts what is ours in it, and begins. */
  start(): void;
  /** Something else is wanted for these prefixes now, or again: nobody waits for them any more. */
  touch(keys: Iterable<string>): void;
  /** Looks at everything wanted again. */
  touchAll(): void;
  /** Next hops may lead elsewhere. */
  resolve(): void;
  /** Routes of a life before that nobody spoke of go. */
  settled(): void;
  status(): KernelStatus;
  /** Keys of prefixes whose place another writer holds, as many as `taken` of the status says. */
  taken(): Iterable<string>;
  /** Does what is due now; for tests and benchmarks. */
  flush(): void;
  /** Ends; the routes stay (persist, control-plane 2.5). */
  stop(): void;
}

/** Time between two readings of the whole table without a cause, ms. */
export const AUDIT_MS = 60_000;

/** Least time between two readings with a cause, ms: an overrun in a storm must not become a loop of readings. */
export const READ_SPACING_MS = 1_000;

/** Prefixes planned in one turn. */
export const TURN_PREFIXES = 20_000;

/** Makes a synchroniser; nothing is read or written before `start`. */
export function createRouteSync(deps: RouteSyncDeps, provider: RouteProvider): RouteSync {
  const state = createState(deps, provider, {
    arm: (ms) => arm(state, ms),
    wantReading: () => wantReading(state),
  });
  return {
    start: () => start(state),
    touch: (keys) => {
      for (const key of keys) {
        if (state.kept.size > 0) state.kept.delete(key);
        state.touched.add(key);
      }
      arm(state, 0);
    },
    touchAll: () => {
      for (const key of state.wanted.keys()) state.touched.add(key);
      arm(state, 0);
    },
    resolve: () => {
      state.resolveDue = true;
      arm(state, 0);
    },
    settled: () => {
      state.settled = true;
      for (const key of state.kept) state.touched.add(key);
      state.kept.clear();
      arm(state, 0);
    },
    status: () => statusOf(state),
    taken: () => state.takenKeys.keys(),
    flush: () => {
      do turn(state);
      while (state.touched.size > 0 && !state.stopped);
    },
    stop: () => {
      state.stopped = true;
      state.cancel?.();
      state.cancelAudit?.();
      state.cancelReopen?.();
      state.kernel.close();
    },
  };
}

function start(state: SyncState): void {
  openConnection(state);
  turn(state);
  audit(state);
}

/** A turn in so many ms, or earlier where one is due earlier. */
function arm(state: SyncState, ms: number): void {
  const at = state.now() + ms;
  if (state.stopped || at >= state.armedAt) return;
  state.cancel?.();
  state.armedAt = at;
  state.cancel = state.after(ms, () => turn(state));
}

function audit(state: SyncState): void {
  state.cancelAudit = state.after(state.auditMs ?? AUDIT_MS, () => {
    state.auditing = true;
    wantReading(state);
    audit(state);
  });
}

function wantReading(state: SyncState): void {
  state.readDue = true;
  arm(state, Math.max(GATHER_MS, state.lastRead + READ_SPACING_MS - state.now()));
}

/** One turn: read if due, resolve, then bring a portion of the prefixes in order. */
function turn(state: SyncState): void {
  state.armedAt = Infinity;
  state.cancel = undefined;
  if (state.stopped) return;
  if (state.readDue && state.now() >= state.lastRead + READ_SPACING_MS) readOver(state);
  if (state.machineDue) noticeMachine(state);
  if (state.resolveDue) resolveAll(state);
  const touched = state.touched.take(TURN_PREFIXES);
  if (touched.length > 0) bringInOrder(state, touched);
  removeIdle(state);
  state.wanted.turned(state.touched.size === 0);
  tellStatus(state);
  if (state.touched.size > 0) arm(state, 0);
  if (state.readDue) wantReading(state);
}
