/** What engines tell of themselves beside the speaker's sessions: BIRD, the kernel's thread, own routes, and what a thread does. Types only. */

/** One BIRD that this daemon drives, by a round trip on its control socket; `detail` is the failure in words, '' where it is well. */
export interface DaemonView {
  readonly name: 'BIRDv4' | 'BIRDv6' | 'BIRD';
  readonly ok: boolean;
  readonly detail: string;
}

/** The kernel's thread, as main heard of it last. Counters only grow. */
export interface KernelView {
  /** Milliseconds since its last sign of life when main pushed. */
  readonly ageMs: number;
  readonly installed: number;
  readonly wanted: number;
  readonly unreachable: number;
  readonly taken: number;
  readonly failed: number;
  readonly kept: number;
  readonly repaired: number;
  /** Of those, what only an audit of the whole table found. */
  readonly drifted: number;
  readonly readings: number;
  /** Times that notifications were lost (ENOBUFS) and the table was read anew. */
  readonly overruns: number;
  readonly batches: number;
  /** Milliseconds that the kernel took for all batches together, and for the longest. */
  readonly batchMs: number;
  readonly slowestBatchMs: number;
}

/** What self-audits found other than it should be and put right, since the start. */
export interface DriftView {
  /** What peers were told: prefixes per update group, and members of it. */
  readonly announcements: number;
  /** Own routes that the speaker had lost. */
  readonly ownRoutes: number;
  /** Routes in the kernel that were changed without a notification. */
  readonly kernelRoutes: number;
}

/** Own routes of one IP version by where they come from. */
export interface LocalCount {
  readonly static: number;
  readonly kernel: number;
  readonly device: number;
}

/** Own routes by IP version. */
export interface LocalCounts {
  readonly ipv4: LocalCount;
  readonly ipv6: LocalCount;
}

/** Memory that a thread shares, so that it can be read while the thread stands still: what it does, and since when. */
export interface Beat {
  /** Two doubles: wall-clock ms since when, and the index of the activity. */
  readonly cells: SharedArrayBuffer;
  /** Names of activities, worded to follow "busy with". */
  readonly activities: readonly string[];
}

/** A range of peers that are not named: how many are there, and how many may be. */
export interface RangeView {
  readonly id: string;
  readonly peers: number;
  readonly limit: number;
}
