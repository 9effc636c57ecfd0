/** One part of the dataplane as the process drives it: a reconciler with its own audits, behind one small interface. Types only. */
import type { Log } from '../../src/confd/log.ts';
import type { Issue } from '../../src/confd/resources/types.ts';
import type { AgentWanted, PartStatus, PlannedStep } from '../dataplane-types.ts';
import type { DeviceRole } from '../encap/types.ts';
import type { KernelListener } from '../kernel/types.ts';

/** Interfaces by role, as the devices are now. */
export type Roles = { readonly [role in DeviceRole]?: number };

/** What every part is made with. */
export interface PartDeps {
  readonly log: Log;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Calls once after about so many ms; returns what cancels it. Of a part that only plans it never calls. */
  readonly after: (ms: number, call: () => void) => () => void;
  /** Something about the part is other than before. */
  readonly changed: () => void;
  /** The process cannot go on. */
  readonly fail: (error: Error) => void;
  /** Nothing is to be changed: `plan` says what would be. */
  readonly dry: boolean;
}

/** A part. */
export interface Part {
  readonly listener?: KernelListener;
  /** Sockets of its own, whose changes are no news. */
  readonly ports: readonly number[];
  /** Takes what is wanted and brings it about as far as that goes at once; later it keeps it so by itself. */
  configure(wanted: AgentWanted, roles: Roles): void;
  /** As it stands; not ready before the first `configure`. */
  status(): PartStatus;
  /** What could not be honoured, by object. */
  issues(): readonly Issue[];
  /** What would be done now. */
  plan(): readonly PlannedStep[];
  /** Ends; what it made stays. */
  stop(): void;
}
