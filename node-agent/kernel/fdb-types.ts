/** What keeps neighbours and forwarding entries needs, is told and tells. Types only. */
import type { Log } from '../../src/confd/log.ts';
import type { Issue } from '../../src/confd/resources/types.ts';
import type { IpFamily, Vtep } from '../encap/types.ts';
import type { FdbEntries } from './fdb-plan.ts';
import type { KernelListener, NeighbourKernel, NeighbourOperation } from './types.ts';

/** What the entries are to be. */
export interface FdbConfig {
  readonly vteps: readonly Vtep[];
  /** Indexes of the VXLAN devices that are there; a family without waits. */
  readonly devices: { readonly [family in IpFamily]?: number };
}

/** What is fixed for the life of the process, and the seams. */
export interface FdbDeps {
  readonly kernel: NeighbourKernel;
  readonly log: Log;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Calls once after about so many ms; returns what cancels it. */
  readonly after: (ms: number, call: () => void) => () => void;
  /** After every turn in which something is other than before. */
  readonly changed: (status: FdbStatus) => void;
  /** Between two readings without a cause, ms. Default FDB_AUDIT_MS. */
  readonly auditMs?: number;
}

/** Figures and faults. Counters only grow. */
export interface FdbStatus {
  /** Every family with endpoints has a device and its entries were brought in order. Single entries that cannot be are issues instead. */
  readonly ready: boolean;
  /** Why it is not ready, else ''. */
  readonly detail: string;
  /** Endpoints whose entries are wanted. */
  readonly vteps: { readonly [family in IpFamily]: number };
  /** Entries in the kernel that are as they must be: a neighbour and a forwarding entry for each endpoint. */
  readonly entries: number;
  /** Entries of others on our devices. */
  readonly foreign: number;
  /** Entries that the kernel refuses. */
  readonly failing: number;
  /** Changes that the kernel took. */
  readonly operations: number;
  /** Of those, what undid what others had done. */
  readonly repairs: number;
  /** Of the repairs, what only an audit found: no notification had told of it. */
  readonly drifted: number;
  readonly readings: number;
  readonly audits: number;
  /** Losses of notifications. */
  readonly losses: number;
  /** The last reading, and the last writing that had anything to write, ms. */
  readonly readMs: number;
  readonly applyMs: number;
  /** Endpoints that no entry can be made of, and entries that the kernel refuses, by node. */
  readonly issues: readonly Issue[];
}

/** What would be done for one family. */
export interface FdbStep {
  readonly family: IpFamily;
  readonly operation: NeighbourOperation;
  /** Node whose endpoint it is; '' where no node has it (any more). */
  readonly node: string;
}

/** Neighbours and forwarding entries kept in order. */
export interface FdbSync {
  /** Changes that others make; the watch calls it. */
  readonly listener: KernelListener;
  /** Sets what is wanted and begins, or goes on with it. */
  configure(config: FdbConfig): void;
  status(): FdbStatus;
  /** What would be done now; nothing is. Throws NetlinkError where the kernel cannot be read. */
  plan(): readonly FdbStep[];
  /** Does what is due now; for tests and benchmarks. */
  flush(): void;
  /** Ends; the entries stay, and packets go on. */
  stop(): void;
}

/** Everything known of one family. */
export interface FamilyState {
  readonly entries: FdbEntries;
  /** Since these entries are wanted the kernel once held them, but for those it refuses. */
  settled: boolean;
  /** Something was brought in order on this device since it is there. */
  begun: boolean;
  /** The device vanished: nothing is done until there is another. */
  gone: boolean;
  /** Why the last turn was not done, else ''. */
  broken: string;
  right: number;
  foreign: number;
  /** What the kernel refused in the last turn. */
  refused: readonly Issue[];
  failing: number;
}
