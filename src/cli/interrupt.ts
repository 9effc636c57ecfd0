/** SIGINT and SIGTERM as an AbortSignal; a second one ends the process at once. */

/** Aborts on the first SIGINT or SIGTERM, with the signal's name as reason. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    controller.abort(name);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}
