/** Tests of one suite that build on one another. */
import { afterEach, beforeEach } from 'vitest';

/** What happened so far. */
export interface Steps {
  /** Whether a step failed, or none was reached: then its logs are worth keeping. */
  failed(): boolean;
}

/** Call in a `describe`: after a failed step the rest is skipped, visibly, as it would only wait for its deadlines. */
export function inOrder(): Steps {
  let failed = false;
  let ended = 0;
  beforeEach((context) => {
    if (failed) context.skip('an earlier step failed');
  });
  afterEach(({ task }) => {
    failed ||= task.result?.state === 'fail';
    ended++;
  });
  return { failed: () => failed || ended === 0 };
}
