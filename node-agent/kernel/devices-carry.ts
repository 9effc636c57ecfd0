/** Carrying out the steps of a plan, one by one, and what a refusal means. */
import type { DeviceStep } from '../encap/devices-types.ts';
import type { DeviceState } from './devices-state.ts';
import { operationOf } from './host-links.ts';

/** Errors by which the kernel says that it does not have a kind of device, or does not change what was asked. */
const UNSUPPORTED = new Set(['EOPNOTSUPP', 'ENOTSUP']);

/** What became of the steps. */
export interface Carried {
  readonly done: number;
  /** Something was learned of the kernel that makes another plan: look again at once. */
  readonly replan: boolean;
}

/**
 * Does the steps in order; a device of which one fails is left at that until the next try. `tried` holds those of this turn: the kernel
 * accepts some requests and does nothing.
 */
export function carryOut(state: DeviceState, steps: readonly DeviceStep[], tried: Set<string>): Carried {
  const made = new Map<string, number>();
  const given = new Set<string>();
  let done = 0;
  let replan = false;
  for (const step of steps) {
    if (given.has(step.device)) continue;
    const words = JSON.stringify(step);
    const verdict = tried.has(words) ? unheard(state, step) : doStep(state, step, made);
    if (verdict === 'done') {
      done += 1;
      tried.add(words);
    } else given.add(step.device);
    if (verdict === 'replan') replan = true;
  }
  return { done, replan };
}

function unheard(state: DeviceState, step: DeviceStep): 'failed' {
  state.failed.set(step.device, `${step.step} ${step.device} (${step.because}): the kernel accepts it, and nothing changes`);
  return 'failed';
}

function doStep(state: DeviceState, step: DeviceStep, made: Map<string, number>): 'done' | 'replan' | 'failed' {
  const { deps } = state;
  const index = 'index' in step && step.index !== 0 ? step.index : (made.get(step.device) ?? 0);
  if (step.step !== 'create' && index === 0) return 'failed';
  const { failures, lost } = deps.kernel.apply([operationOf(step, index)]);
  const failure = failures[0];
  if (failure === undefined) {
    deps.log.info({ device: step.device, step: step.step, because: step.because }, 'device changed');
    if (step.step === 'create') made.set(step.device, indexOf(state, step));
    if (step.step === 'create' || step.step === 'delete') state.remake.delete(step.device);
    return lost ? 'replan' : 'done';
  }
  return refused(state, step, failure.code, failure.text);
}

/** The index of what was just made. The other end of a stand-in of kind veth is set up, or the device would have no carrier. */
function indexOf({ deps }: DeviceState, step: DeviceStep & { readonly step: 'create' }): number {
  const link = deps.kernel.read().links.find((one) => one.name === step.device);
  if (link !== undefined && step.spec.kind === 'veth') {
    const peer = operationOf({ step: 'up', device: step.device, index: link.parent, because: step.because }, link.parent);
    deps.kernel.apply([peer]);
  }
  return link?.index ?? 0;
}

function refused(state: DeviceState, step: DeviceStep, code: string, text: string): 'replan' | 'failed' {
  if (step.step === 'create') {
    // The ipip module makes its own tunl0 while it is loaded for ours.
    if (code === 'EEXIST' && step.spec.kind === 'ipip') return 'replan';
    if (UNSUPPORTED.has(code) && !state.absentKinds.has(step.spec.kind)) {
      state.absentKinds.add(step.spec.kind);
      state.deps.log.warn({ device: step.device, code, text }, `kernel has no ${step.spec.kind}`);
      return 'replan';
    }
  }
  // Somebody was faster: the next look says whether it is as wanted.
  if (step.step === 'delete' && code === 'ENODEV') return 'replan';
  if (step.step === 'remove-address' && code === 'EADDRNOTAVAIL') return 'replan';
  if (step.step === 'change-vxlan' && (UNSUPPORTED.has(code) || code === 'EINVAL') && !state.remake.has(step.device)) {
    state.remake.add(step.device);
    return 'replan';
  }
  const said = `${step.step} ${step.device} (${step.because}): ${code}${text === '' ? '' : `: ${text}`}`;
  state.failed.set(step.device, said);
  return 'failed';
}
