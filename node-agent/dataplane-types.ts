/** The dataplane as the process sees it: everything wanted goes in, what became of it comes out. Types only. */
import type { ApplyResult } from '../src/confd/driver.ts';
import type { FelixFields, Issue } from '../src/confd/resources/types.ts';
import type { IpipStatus } from './ebpf/types.ts';
import type { EncapWishes } from './encap/types.ts';
import type { DeviceKind, PartFigures, PartName } from './health/figures.ts';

/** Everything wanted of the dataplane. */
export interface AgentWanted {
  readonly wishes: EncapWishes;
  /** Felix' values in force: those said here above FelixConfiguration. */
  readonly felix: FelixFields;
}

/** One thing that would be done. */
export interface PlannedStep {
  readonly part: PartName;
  /** `create vxlan.calico`. */
  readonly step: string;
  /** Why, in words; '' where the step says it. */
  readonly because: string;
}

/** One part as it stands. */
export interface PartStatus {
  readonly part: PartName;
  readonly ready: boolean;
  /** Why it is not ready, else ''. */
  readonly detail: string;
  readonly figures: PartFigures;
  /** More about it, as JSON. */
  readonly more: unknown;
}

/** The whole dataplane as it stands. */
export interface DataplaneStatus {
  readonly parts: readonly PartStatus[];
  /** MTU by kind of device. */
  readonly devices: { readonly [kind in DeviceKind]?: number };
  readonly podMtu: number;
  /** Of the eBPF tunnel, where there is one. */
  readonly ipip?: IpipStatus['counters'];
  readonly losses: number;
}

/** The dataplane. */
export interface Dataplane {
  /** The whole wanted state; applying the same one twice is free. */
  apply(wanted: AgentWanted, signal: AbortSignal): Promise<ApplyResult>;
  status(): DataplaneStatus;
  /** What the parts could not do, per object. */
  issues(): readonly Issue[];
  /** Ends; everything in the kernel stays. */
  stop(): Promise<void>;
}
