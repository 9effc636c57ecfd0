/** What `npm run parity` was asked for. */
export interface ParityArguments {
  readonly help: boolean;
  readonly scenarios: string | undefined;
  /** Undefined: the default for the folder. */
  readonly engines: readonly string[] | undefined;
  readonly only: readonly string[];
  readonly jobs: number;
  readonly retries: number;
  readonly keep: string | undefined;
  readonly json: boolean;
  readonly build: boolean;
}

/** The engines. */
export const ENGINES: readonly string[];
/** What `--help` prints. */
export const USAGE: string;
/** Reads the arguments; throws an Error with what is wrong. */
export function readArguments(argv: readonly string[]): ParityArguments;
