/** The connection to the kernel: what it tells by itself, opened anew with growing pauses where anything of it breaks (dataplane B19). Pure but for the seam. */
import { noticeEvents, readAll } from './observe.ts';
import type { SyncState } from './sync-state.ts';
import { REOPEN_MS } from './sync-state.ts';

/** Opens the connection; throws where that fails. */
export function openConnection(state: SyncState): void {
  state.kernel.watch({
    events: (events) => noticeEvents(state, events),
    lost: () => {
      state.overruns += 1;
      missed(state);
    },
    failed: (error) => broke(state, error),
  });
  state.openedAt = state.now();
}

/** Reads the whole table over the connection, which is opened anew later where that fails. */
export function readOver(state: SyncState): void {
  const error = readAll(state);
  if (error !== undefined) broke(state, error);
  // What is still to be opened anew tells nothing yet, though its other half may answer.
  else if (state.broken && state.cancelReopen === undefined) {
    state.broken = false;
    state.recovered?.();
  }
}

/** Changes went by unseen: what a reading finds then, nothing had told of. */
function missed(state: SyncState): void {
  state.auditing = true;
  state.wantReading();
}

function broke(state: SyncState, error: Error): void {
  state.broken = true;
  state.failed(error);
  if (state.stopped || state.cancelReopen !== undefined) return;
  if (state.now() - state.openedAt >= REOPEN_MS.quiet) state.reopenMs = REOPEN_MS.first;
  // Time without a connection is no time that it held.
  state.openedAt = Infinity;
  const pause = state.reopenMs;
  state.reopenMs = Math.min(REOPEN_MS.last, pause * 2);
  state.cancelReopen = state.after(pause, () => {
    state.cancelReopen = undefined;
    try {
      openConnection(state);
    } catch (cause) {
      broke(state, cause instanceof Error ? cause : new Error(String(cause)));
      return;
    }
    missed(state);
  });
}
