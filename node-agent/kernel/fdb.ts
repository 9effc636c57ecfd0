/**
 * The component that keeps neighbours and forwarding entries of the VXLAN devices (dataplane A33): exactly two permanent entries for each
 * other tunnel endpoint. A notification that contradicts what is wanted leads to one reading of the device's tables and one batch of what
 * differs, as do a device that comes up, lost notifications and the audit. Everything is decided from what is read then.
 */
import type { NetlinkEvent } from 'netlink';
import { LINK_FLAG } from 'netlink';
import type { IpFamily } from '../encap/types.ts';
import type { FdbEntries } from './fdb-plan.ts';
import { addressKeyOf, contradicts, entriesEqual, planFdb, vtepIssue, wantedEntries } from './fdb-plan.ts';
import type { FamilyState, FdbConfig, FdbDeps, FdbStatus, FdbStep, FdbSync } from './fdb-types.ts';
import type { NeighbourOperation, Outcome } from './types.ts';

/** Between two readings without a cause, ms: Felix' refresh interval (dataplane 3.1). */
export const FDB_AUDIT_MS = 90_000;

/** Causes that come so close together are one, ms. */
const GATHER_MS = 10;

/** Between two turns: five lengths of the last within these bounds, ms, so that whoever keeps breaking entries takes a sixth of this thread. */
const SPACING = { turns: 5, least: 100, most: 500 } as const;

/** After a failure, ms; doubled by each further one, up to the last. */
const RETRY_MS = { first: 1_000, last: 30_000 } as const;

const FAMILIES: readonly IpFamily[] = ['ipv4', 'ipv6'];

interface FdbState {
  readonly deps: FdbDeps;
  config: FdbConfig | undefined;
  families: ReadonlyMap<IpFamily, FamilyState>;
  /** The turn that comes has no cause but the audit. */
  auditOnly: boolean;
  armedAt: number;
  lastTurn: number;
  turnMs: number;
  failures: number;
  readonly counts: { operations: number; repairs: number; drifted: number; readings: number; audits: number; losses: number };
  readMs: number;
  applyMs: number;
  told: string;
  cancel: (() => void) | undefined;
  cancelAudit: (() => void) | undefined;
  stopped: boolean;
}

/** Makes the component; nothing is read or written before `configure`. */
export function createFdbSync(deps: FdbDeps): FdbSync {
  const state = createState(deps);
  return {
    listener: {
      events: (events) => {
        let disturbed = false;
        for (const event of events) disturbed = disturbs(state, event) || disturbed;
        if (disturbed) cause(state, GATHER_MS);
      },
      lost: () => {
        state.counts.losses += 1;
        cause(state, GATHER_MS);
      },
    },
    configure: (config) => {
      if (state.config === undefined) audit(state);
      const before = state.families;
      state.families = familiesOf(before, config);
      state.config = config;
      // The same again is free: what others do to the entries is told by notifications.
      if ([...state.families].some(([family, now]) => before.get(family) !== now)) cause(state, 0);
      else tell(state);
    },
    status: () => statusOf(state),
    plan: () => stepsOf(state),
    flush: () => {
      if (state.armedAt !== Number.POSITIVE_INFINITY) turn(state);
    },
    stop: () => {
      state.stopped = true;
      state.cancel?.();
      state.cancelAudit?.();
    },
  };
}

function createState(deps: FdbDeps): FdbState {
  return {
    deps,
    config: undefined,
    families: new Map(),
    auditOnly: true,
    armedAt: Number.POSITIVE_INFINITY,
    lastTurn: Number.NEGATIVE_INFINITY,
    turnMs: 0,
    failures: 0,
    counts: { operations: 0, repairs: 0, drifted: 0, readings: 0, audits: 0, losses: 0 },
    readMs: 0,
    applyMs: 0,
    told: '',
    cancel: undefined,
    cancelAudit: undefined,
    stopped: false,
  };
}

/** What is wanted by family; a family of which the same is wanted as before stays as it is. */
function familiesOf(all: FdbState['families'], { vteps, devices }: FdbConfig): Map<IpFamily, FamilyState> {
  const families = new Map<IpFamily, FamilyState>();
  for (const family of FAMILIES) {
    const device = devices[family];
    if (device === undefined) continue;
    const entries = wantedEntries(vteps, family, device);
    const before = all.get(family);
    if (before !== undefined && entriesEqual(before.entries, entries)) families.set(family, before);
    else {
      const begun = before?.entries.device === device && before.begun;
      families.set(family, { entries, settled: false, begun, right: 0, foreign: 0, refused: [], failing: 0, broken: '', gone: false });
    }
  }
  return families;
}

/** True where an event says that an entry is not, or may not be, as it must be. Our own changes say what is wanted. */
function disturbs(state: FdbState, event: NetlinkEvent): boolean {
  if (event.kind !== 'link' && event.kind !== 'neighbour') return false;
  const index = event.kind === 'link' ? event.link.index : event.neighbour.interface;
  const family = [...state.families.values()].find(({ entries }) => entries.device === index);
  if (family === undefined) return false;
  if (event.kind === 'neighbour') return contradicts(family.entries, event.gone, event.neighbour);
  family.gone = event.gone;
  // A device that went down has lost its neighbours.
  return !event.gone && (event.link.flags & LINK_FLAG.up) !== 0;
}

/** A turn for a reason of its own, in so many ms or as soon as the spacing allows. */
function cause(state: FdbState, ms: number): void {
  state.auditOnly = false;
  arm(state, ms);
}

function arm(state: FdbState, ms: number): void {
  const { now, after } = state.deps;
  const spacing = Math.min(SPACING.most, Math.max(SPACING.least, SPACING.turns * state.turnMs));
  const at = Math.max(now() + ms, state.lastTurn + spacing);
  if (state.stopped || state.config === undefined || at >= state.armedAt) return;
  state.cancel?.();
  state.armedAt = at;
  state.cancel = after(Math.max(0, at - now()), () => turn(state));
}

function audit(state: FdbState): void {
  state.cancelAudit = state.deps.after(state.deps.auditMs ?? FDB_AUDIT_MS, () => {
    state.counts.audits += 1;
    arm(state, 0);
    audit(state);
  });
}

function turn(state: FdbState): void {
  state.cancel?.();
  state.cancel = undefined;
  state.armedAt = Number.POSITIVE_INFINITY;
  const { deps } = state;
  if (state.stopped || state.config === undefined) return;
  const began = deps.now();
  let fine = true;
  for (const family of state.families.values()) fine = tend(state, family) && fine;
  state.auditOnly = true;
  state.lastTurn = deps.now();
  state.turnMs = state.lastTurn - began;
  state.failures = fine ? 0 : state.failures + 1;
  if (!fine) arm(state, Math.min(RETRY_MS.first * 2 ** (state.failures - 1), RETRY_MS.last));
  tell(state);
}

/** A family that cannot be read keeps the other from nothing. */
function tend(state: FdbState, family: FamilyState): boolean {
  family.broken = '';
  if (family.gone) return true;
  try {
    return bringInOrder(state, family);
  } catch (error) {
    family.broken = error instanceof Error ? error.message : String(error);
    const fields = { family: family.entries.family, error: family.broken };
    state.deps.log.warn(fields, 'neighbours and forwarding entries cannot be brought in order');
    return false;
  }
}

/** One reading and one batch; false where something is left to do. */
function bringInOrder(state: FdbState, family: FamilyState): boolean {
  const { kernel, log, now } = state.deps;
  const { entries } = family;
  const began = now();
  const table = kernel.read(entries.device, entries.family);
  const plan = planFdb(table, entries);
  state.counts.readings += 1;
  state.readMs = now() - began;
  const outcome = plan.operations.length === 0 ? NOTHING : kernel.apply(plan.operations);
  if (plan.operations.length > 0) state.applyMs = now() - began - state.readMs;
  if (outcome.failures.some(({ code }) => code === 'ENODEV')) {
    family.gone = true;
    return true;
  }
  const done = plan.operations.length - outcome.failures.length;
  const settled = outcome.failures.length === 0 && !outcome.lost;
  state.counts.operations += done;
  // What was refused before and is taken now is nobody's damage.
  const repaired = family.settled ? Math.max(0, done - family.failing) : 0;
  if (repaired > 0) {
    state.counts.repairs += repaired;
    if (state.auditOnly) state.counts.drifted += repaired;
    log.warn({ family: entries.family, entries: repaired, audit: state.auditOnly }, 'neighbours and forwarding entries repaired');
  }
  const refusedSets = outcome.failures.filter(({ item }) => item.kind === 'set').length;
  // What the kernel goes on refusing makes no difference to whether others' changes are repairs.
  family.settled = family.settled || !outcome.lost;
  family.begun = family.begun || family.settled;
  family.right = plan.right + plan.operations.filter(({ kind }) => kind === 'set').length - refusedSets;
  family.foreign = plan.foreign;
  family.failing = outcome.failures.length;
  family.refused = refusals(entries, outcome);
  return settled;
}

const NOTHING: Outcome<NeighbourOperation> = { failures: [], lost: false };

/** Node whose entry an operation is about; '' where none has it. */
function nodeOf(entries: FdbEntries, { entry }: NeighbourOperation): string {
  if (entry.family === 'bridge') return entries.forwarding.get(entry.mac ?? '')?.node ?? '';
  return (entry.destination && entries.neighbours.get(addressKeyOf(entry.destination))?.node) ?? '';
}

/** One issue a node, in the kernel's words. */
function refusals(entries: FdbEntries, outcome: Outcome<NeighbourOperation>): FdbStatus['issues'] {
  const byNode = new Map<string, FdbStatus['issues'][number]>();
  for (const { item, code, text } of outcome.failures) {
    const node = nodeOf(entries, item);
    const table = item.entry.family === 'bridge' ? 'forwarding entry' : 'neighbour';
    const rule = `makes a ${table} that the kernel refuses: ${code}${text === '' ? '' : `, ${text}`}`;
    if (!byNode.has(node)) byNode.set(node, vtepIssue({ node, family: entries.family }, 'mac', item.entry.mac ?? '', rule));
  }
  return [...byNode.values()];
}

function stepsOf(state: FdbState): FdbStep[] {
  return [...state.families.values()].flatMap(({ entries }) => {
    const { operations } = planFdb(state.deps.kernel.read(entries.device, entries.family), entries);
    return operations.map((operation) => ({ family: entries.family, operation, node: nodeOf(entries, operation) }));
  });
}

/** Why not everything is in order, else ''. */
function detailOf(state: FdbState): string {
  if (state.config === undefined) return 'nothing is wanted yet';
  const waiting = FAMILIES.find((family) => !state.families.has(family) && state.config?.vteps.some((vtep) => vtep.family === family));
  if (waiting !== undefined) return `there is no ${waiting} VXLAN device yet`;
  const families = [...state.families.values()];
  const gone = families.find((family) => family.gone);
  if (gone !== undefined) return `the ${gone.entries.family} VXLAN device is gone`;
  const broken = families.find((family) => family.broken !== '');
  if (broken !== undefined) return broken.broken;
  return families.every(({ begun }) => begun) ? '' : 'entries are being written';
}

function statusOf(state: FdbState): FdbStatus {
  const families = [...state.families.values()];
  const sum = (of: (family: FamilyState) => number): number => families.reduce((total, family) => total + of(family), 0);
  const wanted = (family: IpFamily): number => state.families.get(family)?.entries.neighbours.size ?? 0;
  const detail = detailOf(state);
  return {
    ready: detail === '',
    detail,
    vteps: { ipv4: wanted('ipv4'), ipv6: wanted('ipv6') },
    entries: sum(({ right }) => right),
    foreign: sum(({ foreign }) => foreign),
    failing: sum(({ failing }) => failing),
    ...state.counts,
    readMs: state.readMs,
    applyMs: state.applyMs,
    issues: families.flatMap(({ entries, refused }) => [...entries.issues, ...refused]),
  };
}

/** Tells the status where anything but the time of the last reading is other than before. */
function tell(state: FdbState): void {
  const status = statusOf(state);
  const text = JSON.stringify({ ...status, readings: 0, audits: 0, readMs: 0 });
  if (text === state.told) return;
  state.told = text;
  state.deps.changed(status);
}
