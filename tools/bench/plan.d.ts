/** One run to make. */
export interface PlannedRun {
  readonly round: number;
  readonly scenario: string;
  readonly daemon: string;
  readonly bystander: boolean;
}

/** All runs, daemons interleaved. */
export function planOf(options: {
  scenarios: readonly string[];
  daemons: readonly string[];
  rounds: number;
  every?: boolean;
}): PlannedRun[];

/** Leaves out whole rounds from the last on until the rest fits, never below three. */
export function within(runs: readonly PlannedRun[], seconds: number, measured: ReadonlyMap<string, number>): PlannedRun[];

/** Seconds for the runs. */
export function estimate(runs: readonly PlannedRun[], measured: ReadonlyMap<string, number>): number;

/** Expands presets. */
export function scenariosOf(text: string): string[];
