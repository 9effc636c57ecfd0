/** One difference; see compare.js. */
export interface Difference {
  readonly phase: string;
  readonly section: 'sessions' | 'rib' | 'kernel' | 'problems';
  readonly family: string;
  readonly peer: string;
  readonly prefix: string;
  readonly field: string;
  readonly recorded: string;
  readonly ours: string;
}

/** The same text for the same data. */
export function textOf(value: unknown): string;

/** All differences of two behaviour files. */
export function differences(recorded: object, ours: object): Difference[];
