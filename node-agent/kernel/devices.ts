/**
 * Keeps vxlan.calico, vxlan-v6.calico and tunl0 as the cluster wants them and the MTU file true: at once where an interface or an
 * address changes, every ten seconds as a whole (dataplane 3.1). Everything is decided from one look at the machine, so that what
 * happened in between, and to whom, makes no difference.
 */
import { carryOut } from './devices-carry.ts';
import { concernOf, concerns } from './devices-events.ts';
import { tendIpip } from './devices-ipip.ts';
import type { DeviceState, View } from './devices-state.ts';
import { createState, look } from './devices-state.ts';
import { statusOf } from './devices-status.ts';
import type { DeviceConfig, DeviceDeps, DevicePreview, DeviceSync } from './devices-types.ts';

/** Between two looks without a cause, ms. */
export const DEVICE_AUDIT_MS = 10_000;

/** Events that come so close together are one cause, ms. */
const GATHER_MS = 10;

/** Least time between two turns, ms: a storm of events must not become a loop of readings. */
const SPACING_MS = 200;

/** After a failure, ms; doubled by each further one, to the time of the audit at most. */
const RETRY_MS = 1_000;

/** Turns with repairs in so many ms that mean another writer, who would go on for ever; then repairs come with the audit alone. */
const CONTEST = { turns: 30, withinMs: 60_000 } as const;

/** Looks of one turn: what the kernel refuses for good shows by the third. */
const LOOKS = 5;

/** Makes the upkeep; nothing is read or written before `configure`. */
export function createDeviceSync(deps: DeviceDeps): DeviceSync {
  const state = createState(deps);
  return {
    listener: {
      events: (events) => {
        const { concern } = state;
        if (concern === undefined || events.some((event) => concerns(concern, event))) arm(state, GATHER_MS);
      },
      lost: () => arm(state, GATHER_MS),
    },
    configure: (config) => {
      if (state.config === undefined) audit(state);
      state.config = config;
      state.settled = false;
      arm(state, 0);
    },
    status: () => state.status,
    plan: () => (state.config === undefined ? undefined : preview(state, state.config)),
    flush: () => turn(state),
    stop: () => {
      state.stopped = true;
      state.cancel?.();
      state.cancelAudit?.();
      state.backend?.close();
    },
  };
}

/** A look that changes nothing. */
function preview(state: DeviceState, config: DeviceConfig): DevicePreview {
  if (state.felixDue) state.felix = state.deps.felix();
  const { plan, mtu } = look(state, config);
  const { mtuFile } = state.deps;
  return { ...plan, ...(mtuFile === undefined || mtuFile.read() === mtu.pod ? {} : { mtuFile: mtu.pod }) };
}

/** A turn in so many ms, or earlier where one is due earlier. */
function arm(state: DeviceState, ms: number): void {
  const { now, after } = state.deps;
  const spacing = isContested(state) ? DEVICE_AUDIT_MS : SPACING_MS;
  const at = Math.max(now() + ms, ms === 0 ? 0 : state.lastTurn + spacing);
  if (state.stopped || state.config === undefined || at >= state.armedAt) return;
  state.cancel?.();
  state.armedAt = at;
  state.cancel = after(Math.max(0, at - now()), () => turn(state));
}

/** Somebody else keeps the devices as well, such as a Felix of another pid namespace: reported, not fought over. */
function isContested({ deps, repairedAt }: DeviceState): boolean {
  const first = repairedAt.at(-CONTEST.turns);
  return first !== undefined && deps.now() - first < CONTEST.withinMs;
}

function audit(state: DeviceState): void {
  state.cancelAudit = state.deps.after(DEVICE_AUDIT_MS, () => {
    state.felixDue = true;
    state.mtuFileDue = true;
    arm(state, GATHER_MS);
    audit(state);
  });
}

function turn(state: DeviceState): void {
  state.cancel?.();
  state.cancel = undefined;
  state.armedAt = Infinity;
  const { config, deps } = state;
  if (state.stopped || config === undefined) return;
  state.lastTurn = deps.now();
  if (state.felixDue) {
    state.felix = deps.felix();
    state.felixDue = false;
  }
  let fine: boolean;
  try {
    fine = bringAbout(state, config);
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    deps.log.warn({ error: because }, 'devices cannot be read');
    noticeUnread(state, `devices cannot be read: ${because}`);
    fine = false;
  }
  state.failures = fine ? 0 : state.failures + 1;
  if (!fine) arm(state, Math.min(RETRY_MS * 2 ** (state.failures - 1), DEVICE_AUDIT_MS));
}

/** What was known of the devices stays, and is not known to hold any more. */
function noticeUnread(state: DeviceState, fault: string): void {
  const { status } = state;
  if (status === undefined || status.faults[0] === fault) return;
  state.status = { ...status, ready: false, faults: [fault] };
  state.statusText = '';
  state.deps.changed(state.status);
}

/** Looks and acts until nothing is left to do; true where everything is as wanted or waits for others. */
function bringAbout(state: DeviceState, config: DeviceConfig): boolean {
  state.failed.clear();
  const tried = new Set<string>();
  let view = look(state, config);
  let done = 0;
  for (let looks = 1; looks < LOOKS && view.plan.steps.length > 0; looks++) {
    noticeStandIn(state, view);
    const carried = carryOut(state, view.plan.steps, tried);
    done += carried.done;
    view = look(state, config);
    if (carried.done === 0 && !carried.replan) break;
  }
  state.steps += done;
  if (state.settled && done > 0) noticeRepairs(state, done);
  const open = view.plan.steps.length > 0;
  if (!open) state.settled = true;
  for (const { name } of config.wishes.devices) {
    const inOrder = !view.plan.faults.some((fault) => fault.device === name) && !view.plan.steps.some((step) => step.device === name);
    if (inOrder) state.held.add(name);
  }
  state.concern = concernOf(config, view.links);
  const backendFault = tendIpip(state, config, view);
  tendMtuFile(state, view.mtu.pod);
  tell(state, config, view, backendFault);
  return !open && backendFault === '' && state.mtuFileFault === '';
}

function noticeRepairs(state: DeviceState, done: number): void {
  state.repairs += done;
  state.repairedAt.push(state.deps.now());
  if (state.repairedAt.length > CONTEST.turns) state.repairedAt.shift();
}

function noticeStandIn(state: DeviceState, view: View): void {
  for (const step of view.plan.steps) {
    const kind = view.links.find((link) => link.name === step.device)?.kind;
    if (step.step === 'delete' && (kind === 'ifb' || kind === 'veth')) state.standInGone = true;
  }
}

/** Writes the file where it does not say the MTU; looks into it when the audit comes round or the MTU is another. */
function tendMtuFile(state: DeviceState, mtu: number): void {
  const { mtuFile, fatal, log } = state.deps;
  if (mtuFile === undefined) return;
  if (!state.mtuFileDue && state.status?.mtu.pod === mtu && state.mtuFileFault === '') return;
  state.mtuFileDue = false;
  try {
    if (mtuFile.read() !== mtu) {
      mtuFile.write(mtu);
      log.info({ mtu }, 'MTU of pods written');
    }
    state.mtuFileFault = '';
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    state.mtuFileFault = `the MTU file cannot be written: ${reason}`;
    if (mtuFile.required) fatal(new Error(`${state.mtuFileFault}; it is required (requireMtuFile)`, { cause: error }));
  }
}

/** Says what is new; a sentence that was said is not repeated until it was untrue in between. */
function tell(state: DeviceState, config: DeviceConfig, view: View, backendFault: string): void {
  const contested = isContested(state) ? `devices were repaired ${CONTEST.turns} times in a minute: somebody else writes them too` : '';
  const status = statusOf(state, config, view, [backendFault, contested]);
  const sentences = new Set([...status.faults, ...view.mtu.warnings, ...view.features.warnings]);
  for (const sentence of sentences) if (!state.told.has(sentence)) state.deps.log.warn({ because: sentence }, 'devices');
  state.told.clear();
  for (const sentence of sentences) state.told.add(sentence);
  state.status = status;
  // The counters of packets change by themselves.
  const text = JSON.stringify({ ...status, ipip: undefined });
  if (text === state.statusText) return;
  state.statusText = text;
  state.deps.changed(status);
}
