/** What keeps the kernel in order is told and tells: its configuration, its figures, and the seam it works through. Types only. */
import type { Prefix } from 'bgp-ts/net';
import type { LearnedRoute, LearnOptions } from './learn.ts';
import type { KernelRules } from './rules.ts';
import type { Kernel } from './table.ts';
import type { StaticRoute } from './wanted.ts';

/** What the configuration says to the kernel's side. */
export interface KernelConfig {
  readonly statics: readonly StaticRoute[];
  readonly rules: KernelRules;
  readonly learn: LearnOptions;
}

/** What became known of this machine's own routes since last told. */
export interface LearnedChange {
  readonly set: readonly LearnedRoute[];
  readonly remove: readonly Prefix[];
}

/** Figures and faults for whoever watches. */
export interface KernelStatus {
  /** Routes of ours in the kernel. */
  readonly installed: number;
  /** Best routes of the speaker, installed or not. */
  readonly best: number;
  /** Wanted, but no next hop leads anywhere. */
  readonly unreachable: number;
  /** Another writer holds the prefix with our metric; it is left alone. */
  readonly taken: number;
  /** The kernel refused, with one example in words. */
  readonly failed: number;
  readonly failure: string;
  /** Routes put back, or taken away again, because somebody else had changed them; only grows. */
  readonly repaired: number;
  /** Of those, what only an audit of the whole table found: no notification had told of it. */
  readonly drifted: number;
  /** Readings of the whole table so far. */
  readonly readings: number;
  /** Losses of notifications so far. */
  readonly overruns: number;
  /** Batches given to the kernel so far, and what it took for all of them and for the longest, ms. */
  readonly batches: number;
  readonly batchMs: number;
  readonly slowestBatchMs: number;
  readonly nexthopObjects: boolean;
  /** Routes of a life before that are still kept. */
  readonly kept: number;
}

/** The seam of a synchroniser, whoever wants the routes. */
export interface RouteSyncDeps {
  /** Between two readings of the whole table without a cause, ms. Default AUDIT_MS. */
  readonly auditMs?: number;
  readonly kernel: Kernel;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Calls once after about so many ms, 0 = when other work had its turn; returns what cancels it. */
  readonly after: (ms: number, call: () => void) => () => void;
  readonly status: (status: KernelStatus) => void;
  /**
   * The kernel's notifications broke, a reading failed, or changes could not be given to the kernel. After the first two the connection is opened
   * anew in a moment, and later each time; after the last the table is read.
   */
  readonly failed: (error: Error) => void;
  /** The whole table was read again after that. */
  readonly recovered?: () => void;
  /** What goes, goes before what comes. Default false: no wanted destination is ever without a route. */
  readonly removalsFirst?: boolean;
}

/** The seam of the speaker's. */
export interface SyncDeps extends RouteSyncDeps {
  readonly learned: (change: LearnedChange) => void;
}
