/**
 * The kernel's notifications for all reconcilers, over one socket that does not end: where notifications were lost or the socket broke
 * it is opened anew, later each time as long as that goes on, and then everybody reads everything again. Nothing is read between, so a
 * storm costs a few readings and no loop (dataplane B19).
 */
import type { Monitor, MonitorOptions } from 'netlink';
import { GROUP, openMonitor } from 'netlink';
import type { Log } from '../../src/confd/log.ts';
import type { KernelListener, KernelWatch } from './types.ts';

/** Groups that the reconcilers of devices, neighbours and rules need; routes are watched by those that write them. */
const WATCH_GROUPS: readonly number[] = [GROUP.link, GROUP.ipv4Address, GROUP.ipv6Address, GROUP.neighbour, GROUP.ipv4Rule, GROUP.ipv6Rule];

/** Before the socket is opened anew, ms: doubled each time up to the last, and the first again once it held for the quiet time. */
export const REOPEN_MS = { first: 100, last: 10_000, quiet: 30_000 } as const;

/** What a watch is made of. */
export interface WatchOptions {
  /** A namespace's file; absent: the thread's own. */
  readonly namespace?: string;
  /** Changes made through these sockets are not told. Forwarding entries are all told: the kernel does not say who wrote them. */
  readonly ignorePorts?: readonly number[];
  /** Octets of the kernel's queue. Default: that of the netlink workspace. */
  readonly receiveBuffer?: number;
  readonly listeners: readonly KernelListener[];
  readonly log: Log;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Calls once after about so many ms; returns what cancels it. */
  readonly after: (ms: number, call: () => void) => () => void;
  /** Opens the socket. Default: openMonitor. */
  readonly open?: (options: MonitorOptions) => Monitor;
}

/** What a watch did. */
export interface WatchFigures {
  /** Times that notifications were lost or the socket broke. */
  readonly losses: number;
  /** Times that the socket was opened anew. */
  readonly reopened: number;
}

interface WatchState {
  readonly options: WatchOptions;
  monitor: Monitor | undefined;
  cancel: (() => void) | undefined;
  openedAt: number;
  /** Wait before the next opening, ms. */
  wait: number;
  losses: number;
  reopened: number;
  closed: boolean;
}

/** Starts watching. Throws where the socket cannot be opened at all; later failures are tried again. */
export function watchKernel(options: WatchOptions): KernelWatch & { figures(): WatchFigures } {
  const state: WatchState = {
    options,
    monitor: undefined,
    cancel: undefined,
    openedAt: 0,
    wait: REOPEN_MS.first,
    losses: 0,
    reopened: 0,
    closed: false,
  };
  open(state);
  return {
    figures: () => ({ losses: state.losses, reopened: state.reopened }),
    close: () => {
      state.closed = true;
      state.cancel?.();
      state.monitor?.close();
    },
  };
}

function open(state: WatchState): void {
  const { namespace, receiveBuffer, ignorePorts = [], listeners, now, open: opener = openMonitor } = state.options;
  state.monitor = opener({
    ...(namespace === undefined ? {} : { namespace }),
    ...(receiveBuffer === undefined ? {} : { receiveBuffer }),
    groups: WATCH_GROUPS,
    ignorePorts,
    onEvents: (events) => {
      for (const listener of listeners) listener.events(events);
    },
    onLost: () => lose(state, 'notifications of the kernel were lost'),
    onError: (error) => lose(state, error.message),
  });
  state.openedAt = now();
}

/** Closes the socket and opens it anew when its time has come. */
function lose(state: WatchState, because: string): void {
  const { now, log } = state.options;
  if (state.closed || state.cancel !== undefined) return;
  state.monitor?.close();
  state.monitor = undefined;
  state.losses += 1;
  if (now() - state.openedAt >= REOPEN_MS.quiet) state.wait = REOPEN_MS.first;
  log.warn({ because, waitMs: state.wait, losses: state.losses }, 'notifications of the kernel: the socket is opened anew');
  reopenLater(state, because);
}

function reopenLater(state: WatchState, because: string): void {
  const { after, listeners, log } = state.options;
  const wait = state.wait;
  state.wait = Math.min(REOPEN_MS.last, wait * 2);
  state.cancel = after(wait, () => {
    state.cancel = undefined;
    try {
      open(state);
    } catch (error) {
      log.warn(
        { error: error instanceof Error ? error.message : String(error) },
        'notifications of the kernel: the socket cannot be opened',
      );
      reopenLater(state, because);
      return;
    }
    state.reopened += 1;
    for (const listener of listeners) listener.lost(because);
  });
}
