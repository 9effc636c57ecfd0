/** The state that the parts of the synchroniser share. Pure. */
import { Due } from './due.ts';
import { Holdings } from './holdings.ts';
import { NexthopBook } from './nexthop-book.ts';
import type { Machine, RouteProvider } from './provider.ts';
import type { RouteSyncDeps } from './sync-types.ts';
import type { KernelAddress, KernelLink, OperationFailure } from './table.ts';

/** Causes that come together are one piece of work, ms. */
export const GATHER_MS = 2;

/** Before the connection is opened anew, ms: doubled each time up to the last, and the first again once it held for the quiet time. */
export const REOPEN_MS = { first: 100, last: 10_000, quiet: 30_000 } as const;

/** Everything a synchroniser knows, shared by its parts. */
export interface SyncState extends RouteSyncDeps {
  /** A turn in so many ms, or earlier where one is due earlier. */
  readonly arm: (ms: number) => void;
  /** The whole table is read as soon as the spacing allows. */
  readonly wantReading: () => void;
  readonly holdings: Holdings;
  readonly book: NexthopBook;
  readonly wanted: RouteProvider;
  readonly touched: Due;
  readonly failures: Map<string, OperationFailure>;
  readonly takenKeys: Set<string>;
  readonly unreachable: Set<string>;
  /** Prefixes found at the start that nobody has spoken of yet. */
  readonly kept: Set<string>;
  links: Map<number, KernelLink>;
  addresses: Map<string, KernelAddress>;
  machineDue: boolean;
  resolveDue: boolean;
  readDue: boolean;
  lastRead: number;
  settled: boolean;
  repaired: number;
  drifted: number;
  /** The next reading has no cause that was told: whatever it finds was missed. */
  auditing: boolean;
  readings: number;
  overruns: number;
  batches: number;
  batchMs: number;
  slowestBatchMs: number;
  cancel: (() => void) | undefined;
  cancelAudit: (() => void) | undefined;
  /** Something failed, and nothing was read since. */
  broken: boolean;
  cancelReopen: (() => void) | undefined;
  openedAt: number;
  /** Pause before the connection is opened anew the next time, ms. */
  reopenMs: number;
  armedAt: number;
  stopped: boolean;
  lastStatus: string;
}

/** Nothing read, nothing wanted. */
export function createState(deps: RouteSyncDeps, wanted: RouteProvider, causes: Pick<SyncState, 'arm' | 'wantReading'>): SyncState {
  return {
    ...deps,
    ...causes,
    holdings: new Holdings(),
    book: new NexthopBook(deps.kernel.protocol),
    wanted,
    touched: new Due(),
    failures: new Map(),
    takenKeys: new Set(),
    unreachable: new Set(),
    kept: new Set(),
    links: new Map(),
    addresses: new Map(),
    machineDue: false,
    resolveDue: false,
    readDue: true,
    lastRead: -Infinity,
    settled: false,
    repaired: 0,
    drifted: 0,
    auditing: false,
    readings: 0,
    overruns: 0,
    batches: 0,
    batchMs: 0,
    slowestBatchMs: 0,
    cancel: undefined,
    cancelAudit: undefined,
    broken: false,
    cancelReopen: undefined,
    openedAt: -Infinity,
    reopenMs: REOPEN_MS.first,
    armedAt: Infinity,
    stopped: false,
    lastStatus: '',
  };
}

/** This machine as last known. */
export function machineOf({ links, addresses }: SyncState): Machine {
  return { links, addresses: [...addresses.values()] };
}
