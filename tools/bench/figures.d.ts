/** What one run of rrbench left, as far as the bench reads it. */
export interface RunResult {
  readonly ok: boolean;
  readonly conformant: boolean;
  readonly sessions: number;
  readonly phases: readonly ({ readonly phase: string; readonly ok: boolean; readonly wall_s: number } & {
    readonly [field: string]: number | string | boolean;
  })[];
  readonly conformance: { readonly [counter: string]: number };
}

/** A run that counts, with its share of foreign CPU. */
export interface Run {
  readonly result: RunResult;
  readonly foreign: number;
}

/** Median, minimum, maximum and count; undefined of nothing. */
export function summary(values: readonly number[]): { median: number; min: number; max: number; count: number } | undefined;

/** Share of a core that other processes used during a run. */
export function foreignShare(result: RunResult): number;

/** True where the tester used more than 90 % of its core in the phase, or in any phase. */
export function isTesterBound(result: RunResult, phase: string | undefined): boolean;
