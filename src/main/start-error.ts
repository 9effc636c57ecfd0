/** Why a daemon could not start: the environment's fault, to be told plainly and without a stack. */

/** Not retryable by the daemon; `code` is stable: DIRECTORY, LOCKED, DATASTORE, NODE, UNREACHABLE, ENGINE, KERNEL. */
export class StartError extends Error {
  readonly code: string;
  readonly retryable = false;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'StartError';
    this.code = code;
  }
}
