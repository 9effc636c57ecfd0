/** Options of a soak. */
export interface SoakOptions {
  readonly minutes: number;
  readonly clients: number;
  readonly changes: number;
  readonly seed: number;
  readonly help?: true;
}

export const USAGE: string;
/** The options, or a sentence on what is wrong. */
export function readArguments(args: readonly string[], drawn: number): SoakOptions | string;
