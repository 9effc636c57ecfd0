/**
 * Keeps the kernel's routes equal to what is wanted: at once where something changed, slowly as a whole. Everything runs
 * when a turn comes round, so that a burst of causes is one piece of work; the seam gives the kernel and the clock.
 */
import type { Address, Prefix } from 'bgp-ts/net';
import { addressKey, prefixKey } from 'bgp-ts/net';
import { Holdings } from './holdings.ts';
import type { LearnedRoute, LearnOptions } from './learn.ts';
import { learnDevices, learnedEqual, learnKernel } from './learn.ts';
import { NexthopBook } from './nexthop-book.ts';
import { plan, planHops, planIdle } from './plan.ts';
import type { KernelRules } from './rules.ts';
import type { ApplyResult, Kernel, KernelAddress, KernelEvent, KernelLink, KernelTable, Operation, OperationFailure } from './table.ts';
import type { BestChange, StaticRoute } from './wanted.ts';
import { Wanted } from './wanted.ts';

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
  /** Readings of the whole table so far. */
  readonly readings: number;
  readonly nexthopObjects: boolean;
  /** Routes of a life before that are still kept. */
  readonly kept: number;
}

/** The seam. */
export interface SyncDeps {
  readonly kernel: Kernel;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Calls once after about so many ms, 0 = when other work had its turn; returns what cancels it. */
  readonly after: (ms: number, call: () => void) => () => void;
  readonly learned: (change: LearnedChange) => void;
  readonly status: (status: KernelStatus) => void;
  /** The kernel's notifications broke or a reading failed; it goes on with readings alone. */
  readonly failed: (error: Error) => void;
}

/** A kernel kept in order. */
export interface KernelSync {
  /** Reads the kernel, adopts what is ours in it, and begins. */
  start(): void;
  configure(config: KernelConfig): void;
  best(changes: readonly BestChange[]): void;
  /** The speaker begins anew: everything it said before is kept until `settled`. */
  beginEpoch(): void;
  /** The speaker has heard everybody it waits for: what it did not say goes. */
  settled(): void;
  status(): KernelStatus;
  /** Everything learned of this machine so far. */
  learned(): readonly LearnedRoute[];
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

/** Causes that come together are one piece of work, ms. */
const GATHER_MS = 2;

interface State extends SyncDeps {
  readonly holdings: Holdings;
  readonly book: NexthopBook;
  readonly wanted: Wanted;
  readonly touched: Set<string>;
  readonly failures: Map<string, OperationFailure>;
  readonly takenKeys: Set<string>;
  readonly unreachable: Set<string>;
  /** Prefixes found at the start that nobody has spoken of yet. */
  readonly kept: Set<string>;
  links: Map<number, KernelLink>;
  addresses: Map<string, KernelAddress>;
  learn: LearnOptions;
  devices: Map<string, LearnedRoute>;
  readonly told: Map<string, LearnedRoute>;
  readonly relearn: Set<string>;
  devicesDue: boolean;
  resolveDue: boolean;
  readDue: boolean;
  lastRead: number;
  settled: boolean;
  repaired: number;
  readings: number;
  cancel: (() => void) | undefined;
  cancelAudit: (() => void) | undefined;
  armedAt: number;
  stopped: boolean;
  lastStatus: string;
}

/** Makes a synchroniser; nothing is read or written before `start`. */
export function createKernelSync(deps: SyncDeps): KernelSync {
  const state: State = {
    ...deps,
    holdings: new Holdings(),
    book: new NexthopBook(),
    wanted: new Wanted(),
    touched: new Set(),
    failures: new Map(),
    takenKeys: new Set(),
    unreachable: new Set(),
    kept: new Set(),
    links: new Map(),
    addresses: new Map(),
    learn: { ignoredInterfaces: [] },
    devices: new Map(),
    told: new Map(),
    relearn: new Set(),
    devicesDue: false,
    resolveDue: false,
    readDue: true,
    lastRead: -Infinity,
    settled: false,
    repaired: 0,
    readings: 0,
    cancel: undefined,
    cancelAudit: undefined,
    armedAt: Infinity,
    stopped: false,
    lastStatus: '',
  };
  return {
    start: () => {
      state.kernel.watch({
        events: (events) => noticeEvents(state, events),
        lost: () => wantReading(state),
        failed: (error) => state.failed(error),
      });
      turn(state);
      audit(state);
    },
    configure: (config) => configure(state, config),
    best: (changes) => {
      for (const change of changes) {
        const key = state.wanted.change(change);
        state.kept.delete(key);
        state.touched.add(key);
      }
      arm(state, 0);
    },
    beginEpoch: () => state.wanted.beginEpoch(),
    settled: () => {
      for (const key of state.wanted.dropStale()) state.touched.add(key);
      state.settled = true;
      for (const key of state.kept) state.touched.add(key);
      state.kept.clear();
      arm(state, 0);
    },
    status: () => statusOf(state),
    learned: () => [...state.told.values()],
    flush: () => {
      do turn(state);
      while (state.touched.size > 0 && !state.stopped);
    },
    stop: () => {
      state.stopped = true;
      state.cancel?.();
      state.cancelAudit?.();
      state.kernel.close();
    },
  };
}

function configure(state: State, config: KernelConfig): void {
  const before = [...state.wanted.keys()];
  state.wanted.configure(config.statics, config.rules);
  state.learn = config.learn;
  state.devicesDue = true;
  state.resolveDue = true;
  for (const key of before) state.touched.add(key);
  for (const route of config.statics) state.kept.delete(prefixKey(route.prefix));
  for (const key of state.wanted.keys()) state.touched.add(key);
  arm(state, 0);
}

/** A turn in so many ms, or earlier where one is due earlier. */
function arm(state: State, ms: number): void {
  const at = state.now() + ms;
  if (state.stopped || at >= state.armedAt) return;
  state.cancel?.();
  state.armedAt = at;
  state.cancel = state.after(ms, () => turn(state));
}

function audit(state: State): void {
  state.cancelAudit = state.after(AUDIT_MS, () => {
    wantReading(state);
    audit(state);
  });
}

function wantReading(state: State): void {
  state.readDue = true;
  arm(state, Math.max(GATHER_MS, state.lastRead + READ_SPACING_MS - state.now()));
}

/** One turn: read if due, learn, resolve, then bring a portion of the prefixes in order. */
function turn(state: State): void {
  state.armedAt = Infinity;
  state.cancel = undefined;
  if (state.stopped) return;
  if (state.readDue && state.now() >= state.lastRead + READ_SPACING_MS) readAll(state);
  if (state.devicesDue) noticeDevices(state);
  if (state.resolveDue) resolveAll(state);
  const touched = portion(state.touched);
  if (touched.length > 0) bringInOrder(state, touched);
  removeIdle(state);
  tellLearned(state);
  tellStatus(state);
  if (state.touched.size > 0) arm(state, 0);
  if (state.readDue) wantReading(state);
}

function portion(touched: Set<string>): string[] {
  if (touched.size <= TURN_PREFIXES) {
    const all = [...touched];
    touched.clear();
    return all;
  }
  const some: string[] = [];
  for (const key of touched) {
    some.push(key);
    touched.delete(key);
    if (some.length === TURN_PREFIXES) break;
  }
  return some;
}

function readAll(state: State): void {
  state.readDue = false;
  state.lastRead = state.now();
  let table: KernelTable;
  try {
    table = state.kernel.read();
  } catch (error) {
    state.failed(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  const first = state.readings === 0;
  state.readings += 1;
  const before = state.holdings.count;
  state.holdings.replace(table.routes, table.nexthops);
  if (!first && state.holdings.count !== before) state.repaired += Math.abs(state.holdings.count - before);
  state.book.notice(table.nexthops, table.foreignIds);
  replaceAliens(state, table);
  state.links = new Map(table.links.map((link) => [link.index, link]));
  state.addresses = new Map(table.addresses.map((one) => [addressName(one), one]));
  state.devicesDue = true;
  state.resolveDue = true;
  if (first && !state.settled) for (const key of state.holdings.keys()) state.kept.add(key);
  state.wanted.prune();
  for (const key of state.wanted.keys()) state.touched.add(key);
  for (const key of state.holdings.keys()) state.touched.add(key);
}

function replaceAliens(state: State, table: KernelTable): void {
  const { aliens } = state.wanted;
  for (const key of aliens.keys()) state.relearn.add(key);
  aliens.clear();
  for (const route of table.aliens) aliens.put(route);
  for (const key of aliens.keys()) state.relearn.add(key);
}

const addressName = ({ interface: index, address }: KernelAddress): string => `${index} ${addressKey(address)}`;

function noticeEvents(state: State, events: readonly KernelEvent[]): void {
  for (const event of events) noticeEvent(state, event);
  arm(state, GATHER_MS);
}

function noticeEvent(state: State, event: KernelEvent): void {
  switch (event.kind) {
    case 'own-route':
      if (event.gone) state.holdings.remove(event.route);
      else state.holdings.put(event.route);
      state.repaired += 1;
      state.touched.add(prefixKey(event.route.prefix));
      break;
    case 'own-nexthop':
      // IPv4 routes over it vanish without a word.
      wantReading(state);
      break;
    case 'alien': {
      const { aliens } = state.wanted;
      if (event.gone) aliens.remove(event.route);
      else aliens.put(event.route);
      const key = prefixKey(event.route.prefix);
      state.relearn.add(key);
      state.touched.add(key);
      state.takenKeys.delete(key);
      state.resolveDue = true;
      break;
    }
    case 'link':
      noticeLink(state, event.link, event.gone);
      break;
    case 'address':
      if (event.gone) {
        state.addresses.delete(addressName(event.address));
        wantReading(state);
      } else state.addresses.set(addressName(event.address), event.address);
      state.devicesDue = true;
      state.resolveDue = true;
      break;
    default: {
      const never: never = event;
      return never;
    }
  }
}

/** Routes over an interface that goes down vanish without a word; notifications about anything else of it are passed over. */
function noticeLink(state: State, link: KernelLink, gone: boolean): void {
  const known = state.links.get(link.index);
  if (!gone && known?.up === link.up && known.name === link.name) return;
  if (gone) state.links.delete(link.index);
  else state.links.set(link.index, link);
  if (known !== undefined) wantReading(state);
  state.devicesDue = true;
  state.resolveDue = true;
}

function noticeDevices(state: State): void {
  state.devicesDue = false;
  state.wanted.setMachine(
    [...state.addresses.values()].map((one): Address => one.address),
    state.links.values(),
  );
  const devices = learnDevices(state.addresses.values(), state.links, state.learn);
  for (const key of [...state.devices.keys(), ...devices.keys()]) state.relearn.add(key);
  state.devices = devices;
}

function resolveAll(state: State): void {
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

function bringInOrder(state: State, touched: readonly string[]): void {
  const operations = plan({
    now: state.holdings,
    book: state.book,
    touched,
    wanted: (key) => {
      const target = state.wanted.target(key);
      if (target === undefined && state.wanted.isUnreachable(key)) state.unreachable.add(key);
      else state.unreachable.delete(key);
      return target;
    },
    taken: (key, metric) => isTaken(state, key, metric),
    keep: (key) => state.kept.has(key),
    nexthopObjects: state.kernel.nexthopObjects,
  });
  const failed = operations.length === 0 ? NOTHING : carryOut(state, operations);
  if (state.failures.size > 0) for (const key of touched) if (!failed.has(key)) state.failures.delete(key);
}

const NOTHING: ReadonlySet<string> = new Set();

function isTaken(state: State, key: string, metric: number): boolean {
  const taken = state.wanted.aliens.at(key).some((route) => route.metric === metric);
  if (taken) state.takenKeys.add(key);
  else state.takenKeys.delete(key);
  return taken;
}

function removeIdle(state: State): void {
  // Groups go first; their members are idle only after that.
  for (let rounds = 0; rounds < 2 && state.holdings.idle.size > 0; rounds++)
    carryOut(state, planIdle({ now: state.holdings, book: state.book }));
}

/** Gives the operations to the kernel and keeps the holdings equal to what it did; returns the names of what failed. */
function carryOut(state: State, operations: readonly Operation[]): ReadonlySet<string> {
  let result: ApplyResult;
  try {
    result = state.kernel.apply(operations);
  } catch (error) {
    state.failed(error instanceof Error ? error : new Error(String(error)));
    wantReading(state);
    return NOTHING;
  }
  if (result.lost) wantReading(state);
  const failed = new Map(result.failures.map((failure) => [failure.operation, failure]));
  for (const operation of operations) {
    const failure = failed.get(operation);
    if (failure === undefined || isDone(failure)) succeed(state, operation);
    else fail(state, failure);
  }
  return result.failures.length === 0 ? NOTHING : new Set(result.failures.map((failure) => nameOf(failure.operation)));
}

/** What an operation is about: a prefix, or an object. */
function nameOf(operation: Operation): string {
  if ('route' in operation) return prefixKey(operation.route.prefix);
  return `nexthop ${'id' in operation ? operation.id : operation.nexthop.id}`;
}

/** What should go and is not there is as good as gone. */
function isDone({ operation, code }: OperationFailure): boolean {
  const removal = operation.kind === 'remove-route' || operation.kind === 'remove-nexthop';
  return removal && (code === 'ESRCH' || code === 'ENOENT' || code === 'ENODEV');
}

function succeed(state: State, operation: Operation): void {
  switch (operation.kind) {
    case 'set-nexthop':
      state.holdings.putNexthop(operation.nexthop);
      state.failures.delete(nameOf(operation));
      break;
    case 'add-route':
    case 'replace-route':
      state.holdings.put(operation.route);
      break;
    case 'remove-route':
      state.holdings.remove(operation.route);
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
function fail(state: State, failure: OperationFailure): void {
  const { operation, code } = failure;
  const name = nameOf(operation);
  const known = state.failures.get(name)?.code === code;
  state.failures.set(name, failure);
  const surprising = code === 'EEXIST' || code === 'ENOENT' || code === 'ESRCH';
  if (surprising && !known) wantReading(state);
}

function tellLearned(state: State): void {
  if (state.relearn.size === 0) return;
  const set: LearnedRoute[] = [];
  const remove: Prefix[] = [];
  for (const key of state.relearn) {
    // The network of an interface is preferred to a route (BIRD's 240 against 10).
    const route = state.devices.get(key) ?? learnKernel(state.wanted.aliens.at(key), state.links);
    const before = state.told.get(key);
    if (learnedEqual(before, route)) continue;
    if (route === undefined) {
      if (before !== undefined) remove.push(before.prefix);
      state.told.delete(key);
    } else {
      set.push(route);
      state.told.set(key, route);
    }
  }
  state.relearn.clear();
  if (set.length > 0 || remove.length > 0) state.learned({ set, remove });
}

function statusOf(state: State): KernelStatus {
  const [first] = state.failures.values();
  return {
    installed: state.holdings.count,
    best: state.wanted.bestCount,
    unreachable: state.unreachable.size,
    taken: state.takenKeys.size,
    failed: state.failures.size,
    failure: first === undefined ? '' : describe(first),
    repaired: state.repaired,
    readings: state.readings,
    nexthopObjects: state.kernel.nexthopObjects,
    kept: state.kept.size,
  };
}

function describe({ operation, code, text }: OperationFailure): string {
  return `${operation.kind} ${nameOf(operation)}: ${code}${text === '' ? '' : `: ${text}`}`;
}

/** Told only where something in it changed. */
function tellStatus(state: State): void {
  const status = statusOf(state);
  const text = JSON.stringify(status);
  if (text === state.lastStatus) return;
  state.lastStatus = text;
  state.status(status);
}
