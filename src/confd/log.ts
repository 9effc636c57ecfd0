/** The narrow logging interface of everything below main: one fact a call, fields first, the message a constant. */

/** Fields of one log line: plain data, never a secret. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where facts go. Implementations never throw; fields never hold secrets. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** A log that keeps nothing. */
export const SILENT_LOG: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
