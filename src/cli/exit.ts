/** Exit codes of every command (contracts.md, Command line) and the errors that carry them. */

/** The codes by what they mean. */
export const EXIT = {
  /** Yes, clean. */
  ok: 0,
  /** Negative answer: issues found, unhealthy, not advertised, a step missed. */
  negative: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** The daemon or datastore does not answer. */
  unreachable: 3,
  /** Our fault. */
  fault: 4,
} as const;

/** One of them. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a code and a message on stderr. */
export class CommandError extends Error {
  readonly code: ExitCode;

  constructor(code: ExitCode, message: string) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
  }
}

/** The exit code of a number; anything unknown is our fault. */
export function exitCode(value: number): ExitCode {
  return Object.values(EXIT).find((code) => code === value) ?? EXIT.fault;
}
