/** From what is wanted to what the kernel holds: plans are made, given to the kernel, and its answers kept. Pure but for the seam. */
import { plan, planHops, planIdle } from './plan.ts';
import type { SyncState } from './sync-state.ts';
import type { KernelStatus } from './sync-types.ts';
import type { ApplyResult, Operation, OperationFailure } from './table.ts';

/** Resolves every next hop again and moves the objects of those that lead elsewhere. */
export function resolveAll(state: SyncState): void {
  state.resolveDue = false;
  const { moved, keys } = state.wanted.resolveAgain();
  for (const key of keys) state.touched.add(key);
  // What the kernel refused may fit now.
  for (const key of state.failures.keys()) state.touched.add(key);
  const operations = planHops({ now: state.holdings, book: state.book }, moved);
  if (operations.length > 0) carryOut(state, operations);
  // Without objects every route carries its hops, and all of them have to be looked at.
  if (moved.length > 0 && !state.kernel.nexthopObjects) for (const key of state.wanted.keys()) state.touched.add(key);
}

/** Plans and carries out what is due. */
export function bringInOrder(state: SyncState, touched: readonly string[]): void {
  const operations = plan({
    now: state.holdings,
    book: state.book,
    touched,
    wanted: (key) => {
      const target = state.wanted.target(key);
      if (target === undefined && state.takenKeys.size > 0) state.takenKeys.delete(key);
      if (target === undefined && state.wanted.isUnreachable(key)) state.unreachable.add(key);
      else if (state.unreachable.size > 0) state.unreachable.delete(key);
      return target;
    },
    taken: (key, metric) => isTaken(state, key, metric),
    keep: (key) => state.kept.has(key),
    nexthopObjects: state.kernel.nexthopObjects,
    evict: (key) => state.wanted.evict(key),
    removalsFirst: state.removalsFirst === true,
  });
  const failed = operations.length === 0 ? NOTHING : carryOut(state, operations);
  if (state.failures.size > 0) for (const key of touched) if (!failed.has(key)) state.failures.delete(key);
}

const NOTHING: ReadonlySet<string> = new Set();

function isTaken(state: SyncState, key: string, metric: number): boolean {
  const here = state.wanted.aliens.at(key);
  const going = here.length === 0 ? here : state.wanted.evict(key);
  const taken = here.some((route) => route.metric === metric && !going.includes(route));
  if (taken) state.takenKeys.add(key);
  else if (state.takenKeys.size > 0) state.takenKeys.delete(key);
  return taken;
}

/** Removes objects that nothing uses. */
export function removeIdle(state: SyncState): void {
  // Groups go first; their members are idle only after that.
  for (let rounds = 0; rounds < 2 && state.holdings.idle.size > 0; rounds++)
    carryOut(state, planIdle({ now: state.holdings, book: state.book }));
}

/** Gives the operations to the kernel and keeps the holdings equal to what it did; returns the names of what failed. */
function carryOut(state: SyncState, operations: readonly Operation[]): ReadonlySet<string> {
  let result: ApplyResult;
  const began = state.now();
  try {
    result = state.kernel.apply(operations);
  } catch (error) {
    // The reading says whether that was all of it.
    state.broken = true;
    state.failed(error instanceof Error ? error : new Error(String(error)));
    state.wantReading();
    return NOTHING;
  }
  const took = state.now() - began;
  state.batches += 1;
  state.batchMs += took;
  state.slowestBatchMs = Math.max(state.slowestBatchMs, took);
  if (result.lost) state.wantReading();
  const failed = new Map(result.failures.map((failure) => [failure.operation, failure]));
  for (const operation of operations) {
    const failure = failed.size === 0 ? undefined : failed.get(operation);
    if (failure === undefined || isDone(failure)) succeed(state, operation);
    else fail(state, failure);
  }
  return result.failures.length === 0 ? NOTHING : new Set(result.failures.map((failure) => nameOf(failure.operation)));
}

/** What an operation is about: a prefix, or an object. */
function nameOf(operation: Operation): string {
  if ('key' in operation) return operation.key;
  return `nexthop ${'id' in operation ? operation.id : operation.nexthop.id}`;
}

/** What should go and is not there is as good as gone. */
function isDone({ operation, code }: OperationFailure): boolean {
  const removal = operation.kind === 'remove-route' || operation.kind === 'remove-nexthop' || operation.kind === 'remove-alien';
  return removal && (code === 'ESRCH' || code === 'ENOENT' || code === 'ENODEV');
}

function succeed(state: SyncState, operation: Operation): void {
  switch (operation.kind) {
    case 'set-nexthop':
      state.holdings.putNexthop(operation.nexthop);
      state.failures.delete(nameOf(operation));
      break;
    case 'add-route':
    case 'replace-route':
      state.holdings.put(operation.key, operation.route);
      break;
    case 'remove-route':
      state.holdings.remove(operation.key, operation.route);
      break;
    case 'remove-alien':
      state.wanted.aliens.remove(operation.route);
      state.wanted.aliensChanged(operation.key);
      break;
    case 'remove-nexthop':
      state.holdings.removeNexthop(operation.id);
      break;
    default: {
      const never: never = operation;
      return never;
    }
  }
}

/** A refused operation is tried again with the next cause or reading. Where the kernel is not what we thought, it is read. */
function fail(state: SyncState, failure: OperationFailure): void {
  const { operation, code } = failure;
  const name = nameOf(operation);
  const known = state.failures.get(name)?.code === code;
  state.failures.set(name, failure);
  const surprising = code === 'EEXIST' || code === 'ENOENT' || code === 'ESRCH';
  if (surprising && !known) state.wantReading();
}

/** The figures as they are now. */
export function statusOf(state: SyncState): KernelStatus {
  const [first] = state.failures.values();
  return {
    installed: state.holdings.count,
    best: state.wanted.count,
    unreachable: state.unreachable.size,
    taken: state.takenKeys.size,
    failed: state.failures.size,
    failure: first === undefined ? '' : describe(first),
    repaired: state.repaired,
    drifted: state.drifted,
    readings: state.readings,
    overruns: state.overruns,
    batches: state.batches,
    batchMs: Math.round(state.batchMs),
    slowestBatchMs: Math.round(state.slowestBatchMs),
    nexthopObjects: state.kernel.nexthopObjects,
    kept: state.kept.size,
  };
}

function describe({ operation, code, text }: OperationFailure): string {
  return `${operation.kind} ${nameOf(operation)}: ${code}${text === '' ? '' : `: ${text}`}`;
}

/** Told only where something in it changed. */
export function tellStatus(state: SyncState): void {
  const status = statusOf(state);
  const text = JSON.stringify(status);
  if (text === state.lastStatus) return;
  state.lastStatus = text;
  state.status(status);
}
