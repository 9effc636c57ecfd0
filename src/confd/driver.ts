/** The Driver seam: what every routing engine (native, BIRD) must do. The suite in test/contract holds each to it. */
import type { Desired } from './desired/types.ts';
import type { Issue } from './resources/types.ts';

/** What came of applying a state. */
export interface ApplyResult {
  /** What the engine could not do, per object; the rest was applied. */
  readonly issues: readonly Issue[];
  /** Sessions, routes and policies touched; all 0 when the state was already there. */
  readonly touched: { readonly peers: number; readonly routes: number; readonly policies: number };
}

/** How far a node is on its way out (RFC 8326): `draining`, its peers are told to prefer other paths; `left`, its sessions are ended. */
export type DrainPhase = 'off' | 'draining' | 'left';

/** A routing engine: given the whole wanted state, again and again. */
export interface Driver {
  /** Brings the engine up. Idempotent. */
  start(signal: AbortSignal): Promise<void>;
  /** The whole wanted state; the driver diffs. Applying the same state twice is free. */
  apply(desired: Desired, signal: AbortSignal): Promise<ApplyResult>;
  /** `planned` leaves peers' graceful restart helpers holding routes. Idempotent. */
  stop(planned: boolean): Promise<void>;
}
