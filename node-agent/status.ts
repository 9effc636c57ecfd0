/** What main tells the health thread: reports, figures, and the status document that `node-agent status` prints. */
import type { ConvergeState } from '../src/confd/converge.ts';
import { measureLoop } from '../src/confd/native/loop-delay.ts';
import { formatIssue } from '../src/confd/resources/issue.ts';
import type { Issue } from '../src/confd/resources/types.ts';
import { showAgentConfig } from './config/read.ts';
import type { AgentConfigResult } from './config/types.ts';
import type { AgentWanted, DataplaneStatus } from './dataplane-types.ts';
import { ROUTE_CLASSES } from './encap/types.ts';
import type { AgentFigures, AgentPush } from './health/figures.ts';
import type { Report } from './health/reporters.ts';

/** What stays the same for the life of the process. */
export interface ViewOptions {
  readonly result: AgentConfigResult;
  readonly node: string;
  readonly version: string;
  /** Wall-clock ms. */
  readonly startedAt: number;
}

/** The agent at one moment. */
export interface Moment {
  readonly state: ConvergeState<AgentWanted>;
  readonly dataplane: DataplaneStatus;
  /** Of the dataplane; those of the resources are in the state. */
  readonly issues: readonly Issue[];
  /** Of the surroundings. */
  readonly faults: readonly string[];
  readonly suppressed: number;
}

/** Makes the function that views a moment. The status is told only where it is another than before. */
export function createView(options: ViewOptions): (moment: Moment) => AgentPush {
  const loop = measureLoop();
  let told = '';
  return (moment) => {
    const status = JSON.stringify(statusDocument(options, moment));
    const isNew = status !== told;
    told = status;
    return { reports: reportsOf(moment), figures: figuresOf(options, moment, loop()), ...(isNew ? { status } : {}) };
  };
}

/** Without these nothing can be wanted, and nothing wanted is there easily. */
const UNKNOWN: ReadonlySet<string> = new Set(['NODE_MISSING', 'OWN_ADDRESS_MISSING']);

/** Ready once everything wanted was there, and while it is. The last state stays good when the datastore is lost. */
export function reportsOf({ state, dataplane, faults }: Pick<Moment, 'state' | 'dataplane' | 'faults'>): readonly Report[] {
  const applied = state.firstAppliedAt > 0;
  const wrong = dataplane.parts.filter(({ ready }) => !ready).map(({ part, detail }) => `${part}: ${detail}`);
  const unknown = state.desired?.wishes.issues.filter(({ code }) => UNKNOWN.has(code)).map(formatIssue) ?? [];
  const failed = [...wrong, ...unknown].join('; ');
  const datastore = state.inSync ? 'in sync' : applied ? 'lost: the last state stays' : 'no complete view yet';
  return [
    { name: 'main', live: true, ready: true, detail: faults.join('; ') },
    { name: 'datastore', live: true, ready: state.inSync || applied, detail: datastore },
    { name: 'dataplane', live: true, ready: applied && failed === '', detail: applied ? failed : 'nothing was applied yet' },
  ];
}

type Counts = { readonly [name: string]: number };

/** Of a state that is told every second and seldom changes, 100,000 routes are counted once. */
const counted = new WeakMap<AgentWanted, Counts>();

function countsOf(wanted: AgentWanted | undefined): Counts {
  const known = wanted === undefined ? undefined : counted.get(wanted);
  if (known !== undefined) return known;
  const counts: { [name: string]: number } = Object.fromEntries(ROUTE_CLASSES.map((name) => [name, 0]));
  for (const route of wanted?.wishes.routes ?? []) counts[route.class] = (counts[route.class] ?? 0) + 1;
  if (wanted !== undefined) counted.set(wanted, counts);
  return counts;
}

function severities(issues: readonly Issue[]): { readonly error: number; readonly warning: number } {
  const error = issues.filter(({ severity }) => severity === 'error').length;
  return { error, warning: issues.length - error };
}

function figuresOf({ version, node }: ViewOptions, moment: Moment, loop: AgentFigures['loop']): AgentFigures {
  const { state, dataplane, issues, suppressed } = moment;
  const vteps = state.desired?.wishes.vteps ?? [];
  const ipv4 = vteps.filter(({ family }) => family === 'ipv4').length;
  return {
    version,
    node,
    inSync: state.inSync,
    devices: dataplane.devices,
    podMtu: dataplane.podMtu,
    ...(dataplane.ipip === undefined ? {} : { ipip: dataplane.ipip }),
    vteps: { ipv4, ipv6: vteps.length - ipv4 },
    routes: countsOf(state.desired),
    serviceLoops: state.desired?.wishes.serviceLoops.length ?? 0,
    issues: severities([...state.issues, ...issues]),
    parts: Object.fromEntries(dataplane.parts.map(({ part, figures }) => [part, figures])),
    applies: { done: state.applied.changed + state.applied.unchanged, failed: state.applied.failed },
    losses: dataplane.losses,
    loop,
    suppressedLines: suppressed,
  };
}

const timeText = (at: number): string | null => (at === 0 ? null : new Date(at).toISOString());

/** The document. Sorted as its parts are; the same state gives the same octets. */
function statusDocument({ result, node, version, startedAt }: ViewOptions, moment: Moment): object {
  const { state, dataplane, issues, faults } = moment;
  const { desired } = state;
  return {
    schema: 'linnet.node-agent-status/v1',
    version,
    node,
    startedAt: timeText(startedAt),
    ready: reportsOf(moment).every(({ ready }) => ready),
    reports: reportsOf(moment),
    datastore: { kind: result.config.datastore, inSync: state.inSync, changes: state.changes, coalesced: state.coalesced },
    applied: { first: timeText(state.firstAppliedAt), last: timeText(state.lastAppliedAt), ...state.applied },
    wanted: {
      devices: desired?.wishes.devices.map(({ name }) => name) ?? [],
      tunnelEndpoints: desired?.wishes.vteps.length ?? 0,
      routes: countsOf(desired),
      serviceLoops: desired?.wishes.serviceLoops.length ?? 0,
    },
    devices: dataplane.devices,
    podMtu: dataplane.podMtu,
    parts: dataplane.parts,
    felix: showAgentConfig({ ...result, config: { ...result.config, ...desired?.felix } })
      .filter(({ key, value }) => value !== null && desired !== undefined && key in desired.felix)
      .map(({ key, value }) => ({ key, value })),
    faults,
    issues: [...state.issues, ...issues],
  };
}
